"""Who takes records: a CSV file, a table of PostgreSQL, or a webhook; each upserts by account_id."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import httpx
import psycopg
from psycopg import sql

from configs.alerts import environment_value
from configs.atomic_files import write_text
from configs.errors import Fault, UsageError
from serving.alerts import headers, retry_after, secret_bytes
from serving.exchange.records import Record

URL, TOKEN, SECRET = "FOREWARN_PUSH_URL", "FOREWARN_PUSH_TOKEN", "FOREWARN_PUSH_SECRET"
ATTEMPTS, TIMEOUT_SECONDS = 4, 30.0
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
MOST_WAIT_SECONDS = 900.0


@dataclass(frozen=True)
class Limits:
    """What a receiver bears.

    Attributes
    ----------
    records_a_call : int
    calls_a_minute : int
        Of a webhook; a file and a table take calls as they come.
    """

    records_a_call: int = 50
    calls_a_minute: int = 100


class Receiver(Protocol):
    """Takes one call of records; UsageError where it will not."""

    @property
    def name(self) -> str:
        """What tells it from others, without secrets."""

    def take(self, records: Sequence[Record]) -> None:
        """Upserts them by account_id."""


@contextmanager
def receiver_of(to: str, path: Path, table: str, limits: Limits) -> Iterator[Receiver]:
    """The receiver that a command names, open until its end; addresses and secrets are of the environment.

    Parameters
    ----------
    to : {"csv", "postgres", "webhook"}
    path : Path
        The file of a CSV.
    table : str
        The table of PostgreSQL, with its schema or without.
    limits : Limits

    Returns
    -------
    context manager of Receiver
    """
    if to == "csv":
        yield CsvReceiver(path)
    elif to == "postgres":
        yield PostgresReceiver(table)
    else:
        token, secret = os.environ.get(TOKEN, ""), os.environ.get(SECRET, "")
        with httpx.Client() as client:
            yield WebhookReceiver(client, limits, token=token, secret=secret)


@dataclass
class CsvReceiver:
    """A file that holds the newest record of each account."""

    path: Path

    @property
    def name(self) -> str:
        return f"csv {self.path.resolve()}"

    def take(self, records: Sequence[Record]) -> None:
        rows: dict[str, dict[str, object]] = {}
        if self.path.exists():
            with self.path.open(newline="", encoding="utf-8") as file:
                rows = {row["account_id"]: dict(row) for row in csv.DictReader(file)}
        rows |= {str(record["account_id"]): dict(record) for record in records}
        text = io.StringIO()
        writer = csv.DictWriter(text, list(records[0]), extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows.values())
        write_text(self.path, text.getvalue())


def _cell(value: object) -> object:
    """A value as a CSV has it; text that a spreadsheet would run as a formula is quoted by a sign before it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value


@dataclass
class PostgresReceiver:
    """A table with account_id as its key; made where there is none."""

    table: str
    url: str = field(default_factory=lambda: environment_value(URL, "push --to postgres"), repr=False)

    @property
    def name(self) -> str:
        return f"postgres {self.table} {_safe_hash(self.url)}"

    def take(self, records: Sequence[Record]) -> None:
        names = list(records[0])
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        table = sql.Identifier(*self.table.split("."))
        kinds = {"account_id": "text primary key", "in_play": "boolean", "as_of": "date"}
        numbers = ("p_churn", "health_score", "arr", "expected_arr_loss")
        made = sql.SQL(", ").join(
            sql.SQL("{} {}").format(
                sql.Identifier(name),
                sql.SQL(kinds.get(name, "double precision" if name.startswith(numbers) else "text")),
            )
            for name in names
        )
        updates = sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in names if name != "account_id"
        )
        upsert = sql.SQL("insert into {} ({}) values ({}) on conflict (account_id) do update set {}").format(
            table, columns, sql.SQL(", ").join([sql.Placeholder()] * len(names)), updates
        )
        try:
            with psycopg.connect(self.url, connect_timeout=10) as connection, connection.cursor() as cursor:
                cursor.execute(sql.SQL("create table if not exists {} ({})").format(table, made))
                cursor.executemany(upsert, [[record[name] for name in names] for record in records])
        except psycopg.Error as error:
            found = f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
            do = f"check {URL} and the rights of its user; what has arrived is not sent again"
            raise UsageError(Fault("push --to postgres", found, "a database that takes rows", do)) from None


@dataclass
class WebhookReceiver:
    """An address that takes JSON; signed as Standard Webhooks where FOREWARN_PUSH_SECRET is set."""

    client: httpx.Client
    limits: Limits
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    token: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    url: str = field(default_factory=lambda: environment_value(URL, "push --to webhook"), repr=False)
    _called: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"webhook {_safe_hash(self.url)}"

    def take(self, records: Sequence[Record]) -> None:
        body = json.dumps({"type": "scores.upsert", "accounts": list(records)}, allow_nan=False).encode()
        for attempt in range(ATTEMPTS):
            self._keep_pace()
            status, asked = self._posted(body)
            if status is not None and 200 <= status < 300:
                return
            if status is not None and status not in AGAIN:
                break
            pause = (asked - self.clock()).total_seconds() if asked is not None else 2.0**attempt
            if pause > MOST_WAIT_SECONDS or attempt == ATTEMPTS - 1:
                break
            self.wait(max(pause, 0.0))
        found = "no answer" if status is None else f"status {status}"
        do = "run push again: what has arrived is not sent again"
        raise UsageError(Fault("push --to webhook", found, "a receiver that takes the records", do))

    def _posted(self, body: bytes) -> tuple[int | None, datetime | None]:
        now = self.clock()
        sent = {"content-type": "application/json", "user-agent": "forewarn-push/1"}
        if self.token:
            sent["authorization"] = f"Bearer {self.token}"
        if self.secret:
            key = secret_bytes(self.secret, SECRET)
            sent |= headers(f"push_{_safe_hash(body.decode())}", int(now.timestamp()), body, [key])
        try:
            answer = self.client.post(self.url, content=body, headers=sent, timeout=TIMEOUT_SECONDS)
        except httpx.HTTPError:
            return None, None
        return answer.status_code, retry_after(answer.headers.get("retry-after"), now)

    def _keep_pace(self) -> None:
        """Waits until the call before as many as a minute bears is a minute old."""
        now = self.clock().timestamp()
        if len(self._called) >= self.limits.calls_a_minute:
            self.wait(max(0.0, self._called[-self.limits.calls_a_minute] + 60 - now))
        self._called = [*self._called, self.clock().timestamp()][-self.limits.calls_a_minute :]


def _safe_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
