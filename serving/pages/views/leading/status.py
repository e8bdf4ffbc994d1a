"""The admin's page: feeds with their freshness and outages, what is scored, what is late, keys, alerts sent."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

from evaluation.formatting import percent
from evaluation.ledger import Ledger, Outbox
from serving.api import Answer, Call, ProblemRaised, Route
from serving.api.routes import asked_of_worker
from serving.keys import Key, KeyStore
from serving.messages import FeedsAnswer, Status
from serving.pages.rendering import render

Row = tuple[str, ...]
SHOWN = 20
WELL, LATE = "All is well.", "It serves, and something is late or was refused."


@dataclass(frozen=True)
class Tile:
    """A figure with its name."""

    label: str
    value: str
    note: str


@dataclass(frozen=True)
class FeedOutages:
    """What did not arrive, of one feed."""

    table: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class AlertsSummary:
    """What went out: a line a receiver, the newest alerts, and how many letters are dead."""

    receivers: tuple[Row, ...]
    newest: tuple[Row, ...]
    dead: int
    raised: int


@dataclass(frozen=True)
class StatusView:
    """What the status page shows."""

    title: str
    verdict: str
    is_well: bool
    tiles: tuple[Tile, ...]
    late: tuple[str, ...]
    refused: tuple[str, ...]
    feeds: tuple[Row, ...]
    outages: tuple[FeedOutages, ...]
    away: str | None
    keys: tuple[Row, ...]
    alerts: AlertsSummary | None
    alerts_away: str | None


def view(
    status: Status,
    feeds: FeedsAnswer | None,
    away: str | None,
    keys: list[Key],
    alerts: AlertsSummary | None,
    alerts_away: str | None,
) -> StatusView:
    """What the page shows."""
    late = _late(status, feeds)
    refused = tuple(_refusal(one.at, one.title, [fault.found for fault in one.faults]) for one in status.refused)
    is_well = status.ready and not late and not refused
    return StatusView(
        title="Status",
        verdict=WELL if is_well else LATE if status.ready else "It cannot serve.",
        is_well=is_well,
        tiles=_tiles(status),
        late=late,
        refused=refused,
        feeds=() if feeds is None else tuple(_feed_rows(feeds)),
        outages=_outages(feeds),
        away=away,
        keys=tuple(_key_row(key) for key in sorted(keys, key=lambda key: (key.revoked_at or "", key.created_at))),
        alerts=alerts,
        alerts_away=alerts_away,
    )  # fmt: skip


def _outages(feeds: FeedsAnswer | None) -> tuple[FeedOutages, ...]:
    known = () if feeds is None else feeds.feeds
    return tuple(FeedOutages(one.table, tuple(one.outages)) for one in known if one.outages)


def _refusal(at: str, title: str, found: list[str]) -> str:
    return f"{at[:16].replace('T', ' ')}: {title}{': ' if found else ''}{'; '.join(found)}"


def _late(status: Status, feeds: FeedsAnswer | None) -> tuple[str, ...]:
    late = []
    if status.as_of is None:
        late.append("No day is scored yet: the first is being prepared, or what was refused is below.")
    if status.data is not None and status.data.stale:
        late.append(
            f"The data end on {status.data.last_day}, {status.data.age_days} days ago: answers say they are stale."
        )
    if not status.ledger:
        late.append("The ledger could not be written to: nothing is answered that cannot be written down.")
    for one in () if feeds is None else feeds.feeds:
        if one.has_stopped:
            late.append(f"{one.table} has stopped: its last row is of {one.last_day}, {one.days_behind} days behind.")
    return tuple(late)


def _tiles(status: Status) -> tuple[Tile, ...]:
    as_of = "nothing yet" if status.as_of is None else f"as of {status.as_of}"
    coverage = "none" if status.coverage is None else percent(status.coverage)
    model = "no model" if status.model_version is None else f"version {status.model_version}"
    return (
        Tile("Scored", f"{status.accounts:,} accounts", as_of),
        Tile("Worked out", _moment(status.scored_at), f"served since {_moment(status.loaded_at)}"),
        Tile("Model", model, f"configuration {status.config_version or 'none'}"),
        Tile("Coverage", coverage, "of the score's weight has data"),
        Tile("Ledger", "answers" if status.ledger else "away", f"{status.waiting:,} requests wait for it"),
        Tile("Running", _moment(status.started_at), "since"),
    )  # fmt: skip


def _moment(text: str | None) -> str:
    return "not yet" if text is None else text[:16].replace("T", " ")


def _feed_rows(feeds: FeedsAnswer) -> list[Row]:
    return [
        (
            one.table,
            f"{one.rows:,}",
            f"{one.accounts:,}",
            one.last_day,
            "on time" if one.days_behind == 0 else "1 day" if one.days_behind == 1 else f"{one.days_behind} days",
            "stopped" if one.has_stopped else "arrives",
            "-" if one.late_share is None else percent(one.late_share),
            f"{len(one.outages)}",
        )
        for one in feeds.feeds
    ]


def _key_row(key: Key) -> Row:
    state = "open" if key.revoked_at is None else f"revoked {_moment(key.revoked_at)}"
    return (key.key_id, key.role, key.owner or "all accounts", _moment(key.created_at), state)


def alerts_summary(ledger: Ledger) -> AlertsSummary:
    """What was raised and what became of it, by receiver."""
    outbox = Outbox(ledger)
    messages, raised = outbox.messages(), outbox.alerts()
    states: dict[str, Counter[str]] = {}
    newest: dict[str, str] = {}
    for message in messages:
        states.setdefault(message.receiver, Counter())[message.state or "waiting"] += 1
        newest[message.receiver] = message.created_at
    receivers = tuple(
        (
            name,
            outbox.receiver_state(name)[0] or "enabled",
            f"{sum(found.values()):,}",
            f"{found['delivered']:,}",
            f"{found['dead']:,}",
            f"{sum(count for state, count in found.items() if state not in ('delivered', 'dead')):,}",
            _moment(newest[name]),
        )
        for name, found in sorted(states.items())
    )
    rows = tuple(
        (one.as_of, one.kind.replace("_", " "), one.account_id or "-", one.owner or "nobody", one.route)
        for one in reversed(raised[-SHOWN:])
    )
    return AlertsSummary(receivers, rows, sum(found["dead"] for found in states.values()), len(raised))


async def status(call: Call) -> Answer:
    """The status page; what cannot be asked is said to be away, and the rest is shown."""
    live = call.live
    feeds = away = alerts = alerts_away = None
    if live.snapshot is None:
        away = "Feeds are shown once a day is scored."
    else:
        try:
            feeds = FeedsAnswer.model_validate_json(await asked_of_worker(call, live.snapshot, "feeds", "", {}))
        except ProblemRaised as error:
            away = f"Feeds cannot be shown now: {error.body.detail}."
    try:
        alerts = await live.ledger.ask(alerts_summary)
    except Exception as error:  # the page is for when something does not work
        alerts_away = f"Alerts cannot be read: {type(error).__name__}."
    keys = await asyncio.to_thread(KeyStore(live.settings.paths.keys).list)
    return await render(call, "status.html", view(live.status(), feeds, away, keys, alerts, alerts_away))


ROUTES: tuple[Route, ...] = (Route("GET", "/status", ("admin",), status, "Status.", page=True, of_all=True),)
