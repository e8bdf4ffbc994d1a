"""What the service says of itself."""

from __future__ import annotations

from pydantic import BaseModel, Field

from serving.messages.problems import ProblemFault
from serving.messages.scores import DataAge


class Refusal(BaseModel):
    """What could not be loaded, while what was loaded before serves on: a model, data, the settings, the keys."""

    at: str
    title: str
    faults: list[ProblemFault]


class Status(BaseModel):
    """What serves, since when, of which day, and what was refused since."""

    ready: bool
    started_at: str
    as_of: str | None = None
    scored_at: str | None = None
    loaded_at: str | None = None
    model_version: str | None = None
    model_digest: str | None = None
    config_version: str | None = None
    accounts: int = 0
    coverage: float | None = Field(default=None, description="Mean share of the health score that has data.")
    data: DataAge | None = None
    ledger: bool = Field(description="Whether the ledger could be written to when it was last tried.")
    waiting: int = Field(default=0, description="Requests that wait for the ledger now.")
    refused: list[Refusal] = Field(default_factory=list)


class FeedStatus(BaseModel):
    """A source table as a feed: how much of it there is, how late it is, and the days on which it brought nothing."""

    table: str
    rows: int
    accounts: int
    last_day: str
    days_behind: int
    has_stopped: bool
    late_share: float | None
    outages: list[str]


class FeedsAnswer(BaseModel):
    """Every source table as a feed."""

    data_end: str
    feeds: list[FeedStatus]


class Readiness(BaseModel):
    """Whether a score can be given and written down now, and if not, why not."""

    ready: bool
    why: str | None = None
