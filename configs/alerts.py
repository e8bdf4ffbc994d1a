"""What may leave as an alert, how many for a CSM and week, and to whom it goes."""

from __future__ import annotations

import hashlib
import os
from datetime import time
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import Field, field_validator, model_validator

from configs.base import LevelName, Share, Strict
from configs.errors import Fault, UsageError, nearest

AlertKindName = Literal["escalation", "level_change", "trigger", "call_due", "outage"]
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
Seconds = Annotated[int, Field(gt=0)]


def known_zone(zone: str) -> str:
    """The name of a time zone; ValueError when there is none of that name."""
    if zone not in available_timezones():
        raise ValueError(f"unknown time zone {zone!r}; {nearest(zone, sorted(available_timezones()))[:80]}")
    return zone


class QuietHours(Strict):
    """When a receiver gets nothing: daily from `from` to `to`, local time, and on weekends if told so."""

    from_: time = Field(alias="from")
    to: time
    timezone: str = "UTC"
    weekends: bool = False

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        return known_zone(zone)

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.from_ == self.to:
            raise ValueError("from and to are the same time; leave quiet_hours out where there are none")
        return self


class Receiver(Strict):
    """Someone who gets alerts; secrets are named by their environment variables and never stand in a file.

    Of `secrets` the first is the newest: a webhook is signed with each, so that one can be replaced without a gap.
    """

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9_.-]+$")
    kind: Literal["webhook", "slack", "email"]
    url: str | None = None
    secrets: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    owners: dict[str, str] = Field(default_factory=dict)
    sender: str = "forewarn@localhost"
    smtp_host: str = "localhost"
    smtp_port: int = Field(default=25, ge=1, le=65535)
    smtp_tls: Literal["none", "starttls", "tls"] = "none"
    smtp_user: str | None = None
    smtp_password: str | None = None
    only: tuple[AlertKindName, ...] = ()
    over_budget: bool = False
    digest: bool = True
    quiet_hours: QuietHours | None = None
    records_per_call: int = Field(default=50, ge=1)
    calls_per_minute: int = Field(default=100, ge=1)
    timeout_seconds: float = Field(default=10, gt=0)

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.kind == "email":
            if not self.to and not self.owners:
                raise ValueError(f"receiver {self.name} needs `to`, or `owners`: an address for each owner")
            return self
        parts = urlsplit(self.url or "")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"receiver {self.name} needs a url that begins with https://")
        if parts.scheme == "http" and parts.hostname not in LOCAL:
            raise ValueError(f"receiver {self.name}: http:// only on this machine, else https://")
        if self.kind == "webhook" and not self.secrets:
            raise ValueError(f"receiver {self.name} needs `secrets`: names of environment variables with whsec_ values")
        return self

    @property
    def target_digest(self) -> str:
        """Twelve hex digits of where it is reached; a receiver that is gone stays off until this changes."""
        where = self.url or [self.smtp_host, self.smtp_port, self.to, sorted(self.owners.items())]
        return hashlib.sha256(str(where).encode()).hexdigest()[:12]


class Retries(Strict):
    """When a delivery is tried again: after each of `delays_seconds`, plus or minus a share of `jitter`; then it is a
    dead letter. The jitter follows from `seed`, message and attempt."""

    delays_seconds: tuple[Seconds, ...] = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
    jitter: Share = 0.2
    seed: int = 7


class Alerts(Strict):
    """Which changes are alerts, and how many leave one by one for a CSM and week; the rest goes into a digest."""

    from_level: LevelName = "medium"
    quiet_days: int = Field(default=30, ge=0)
    per_owner_a_week: int = Field(default=3, ge=0)
    timezone: str | None = None
    retries: Retries = Retries()
    receivers: tuple[Receiver, ...] = ()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        return zone if zone is None else known_zone(zone)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [receiver.name for receiver in self.receivers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"several receivers are named {', '.join(twice)}")
        return self


def environment_value(name: str, where: str) -> str:
    """A secret by the name of its environment variable; UsageError when it is unset or empty."""
    value = os.environ.get(name, "")
    if not value:
        raise UsageError(Fault(where, f"{name} unset", "an environment variable with the secret", f"export {name}=..."))
    return value
