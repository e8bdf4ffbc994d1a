"""Journey: stages as they are configured, who stands where and for how long, who is stuck, what goes with staying."""

from __future__ import annotations

import asyncio
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from configs.framework import Criterion, Framework
from evaluation.formatting import money, percent
from serving.api import Answer, Call, Route, Snapshot
from serving.api.routes import snapshot_of, written
from serving.pages.charts import Bar, Chart, IntervalLine, bar_chart, interval_chart
from serving.pages.navigation import PEOPLE
from serving.pages.rendering import render
from serving.pages.selection import address, final_level, visible
from serving.pages.views.search import account_path
from serving.pages.wording import days, many, points
from serving.pages.words import name_words
from serving.prepared import MilestoneRetention, RetentionShare, Summary

MOST_STUCK = 25
RENEWAL = "renewal"


@dataclass(frozen=True)
class StageRow:
    """A stage with who stands in it."""

    name: str
    path: str
    begins: tuple[str, ...]
    accounts: str
    share: str
    arr: str
    at_high_risk: str
    median_days: str
    longest_days: str


@dataclass(frozen=True)
class StuckRow:
    """An account that is behind."""

    path: str
    name: str
    account_id: str
    milestone: str
    late: str
    level: str
    arr: str
    owner: str


@dataclass(frozen=True)
class Shown:
    """A figure with its interval."""

    value: str
    interval: str = ""


@dataclass(frozen=True)
class MilestoneRow:
    """A milestone: who is stuck at it, and who stayed of those that reached it in time and of the others."""

    name: str
    due: str
    stuck: str
    stuck_path: str | None
    reached: Shown
    missed: Shown
    difference: Shown
    verdict: str


@dataclass(frozen=True)
class JourneyView:
    """The page."""

    title: str
    intro: str
    stages: tuple[StageRow, ...]
    in_stage: Chart | None
    milestones: tuple[MilestoneRow, ...]
    retention: Chart | None
    retention_words: str
    stuck: tuple[StuckRow, ...]
    stuck_words: str


def view(snapshot: Snapshot, owner: str | None, framework: Framework) -> JourneyView:
    """What the page shows of the accounts that a key sees; who stayed is told of all accounts, to keys that see all."""
    mine = visible(snapshot, owner)
    stuck = sorted((one for one in mine if one.stuck_at), key=lambda one: (-(one.arr or 0.0), one.account_id))
    counts = Counter(one.stuck_at for one in stuck)
    retention = {one.milestone: one for one in snapshot.day.lists.milestones} if owner is None else {}
    stages = tuple(_stage(snapshot, mine, name, framework) for name in _stage_names(snapshot, mine, framework))
    bars = [Bar(name_words(name), float(count)) for name, count in _in_stages(snapshot, mine, framework)]
    differences = [
        IntervalLine(name_words(one.milestone), one.reached.share - one.missed.share, one.low, one.high)
        for one in retention.values()
        if one.reached and one.missed and one.low is not None and one.high is not None
    ]
    return JourneyView(
        title="Journey",
        intro=f"{many(len(mine), 'account')} by the stage in which each stands, worked out afresh every day.",
        stages=stages,
        in_stage=bar_chart(bars, "Accounts by stage", "Accounts", lambda value: f"{value:,.0f}"),
        milestones=tuple(_milestone(one.name, one.due_days, counts, retention) for one in framework.milestones),
        retention=interval_chart(
            differences, "Share that stayed: reached in time minus not", "Difference", lambda value: points(value)
        ),
        retention_words=_retention_words(owner, retention),
        stuck=tuple(_stuck(snapshot, one) for one in stuck[:MOST_STUCK]),
        stuck_words=_stuck_words(snapshot, stuck),
    )


def _stage_names(snapshot: Snapshot, accounts: Sequence[Summary], framework: Framework) -> list[str]:
    known = [stage.name for stage in framework.stages]
    return known + sorted({one.lifecycle_stage for one in accounts} - set(known))


def _in_stages(snapshot: Snapshot, accounts: Sequence[Summary], framework: Framework) -> list[tuple[str, int]]:
    counts = Counter(one.lifecycle_stage for one in accounts)
    return [(name, counts[name]) for name in _stage_names(snapshot, accounts, framework)]


def _stage(snapshot: Snapshot, accounts: Sequence[Summary], name: str, framework: Framework) -> StageRow:
    there = [one for one in accounts if one.lifecycle_stage == name]
    known = sorted(one.stage_days for one in there if one.stage_days is not None)
    highest = snapshot.day.header.levels[-1]
    return StageRow(
        name=name_words(name),
        path=address("/portfolio", [("stage", name)]),
        begins=begins(framework, name),
        accounts=f"{len(there):,}",
        share=percent(len(there) / len(accounts)) if accounts else "-",
        arr=money(sum(one.arr or 0.0 for one in there), snapshot.day.header.currency),
        at_high_risk=f"{sum(final_level(snapshot, one) == highest for one in there):,}",
        median_days=_stay(int(statistics.median(known))) if known else "-",
        longest_days=_stay(known[-1]) if known else "-",
    )


def _stay(count: int) -> str:
    """How long, as far as snapshots tell; 0: the last one before the day was of another stage."""
    return days(count) if count else "new"


def begins(framework: Framework, name: str) -> tuple[str, ...]:
    """What brings an account into a stage, as it is configured, in words."""
    stage = next((one for one in framework.stages if one.name == name), None)
    if stage is None:
        return ("no longer configured",)
    if name == RENEWAL:
        of = framework.criteria
        return (f"{of.renewal_from_days} to {of.renewal_to_days} days before the contract ends, whatever else holds",)
    criteria = framework.criteria.entry.get(name, ())
    said = [_criterion(one) for one in criteria]
    if criteria:
        said.insert(0, f"{percent(framework.criteria.share)} of what can be answered:")
    if stage.from_tenure_days is not None:
        where = "where nothing can be answered, " if criteria else ""
        said.append(f"{where}from day {stage.from_tenure_days} on")
    return tuple(said)


def _criterion(one: Criterion) -> str:
    if one.signal.startswith("milestone_"):
        return one.label
    return f"{one.label} {'at least' if one.when == 'at_least' else 'at most'} {one.threshold:g}"


def _milestone(
    name: str, due_days: int, counts: Counter[str | None], retention: dict[str, MilestoneRetention]
) -> MilestoneRow:
    one, stuck = retention.get(name), counts[name]
    return MilestoneRow(
        name=name_words(name),
        due=f"day {due_days}",
        stuck=f"{stuck:,}",
        stuck_path=address("/portfolio", [("stuck", name)]) if stuck else None,
        reached=_share(one.reached) if one else Shown("-"),
        missed=_share(one.missed) if one else Shown("-"),
        difference=_difference(one) if one else Shown("-"),
        verdict="" if one is None else _verdict(one),
    )


def _share(one: RetentionShare | None) -> Shown:
    if one is None:
        return Shown("fewer than 10 accounts")
    return Shown(f"{percent(one.share)} of {one.accounts:,}", f"{percent(one.low)} to {percent(one.high)}")


def _difference(one: MilestoneRetention) -> Shown:
    if one.reached is None or one.missed is None:
        return Shown("-")
    return Shown(points(one.reached.share - one.missed.share), f"{points(one.low)} to {points(one.high)}")


def _verdict(one: MilestoneRetention) -> str:
    if one.low is None or one.high is None:
        return "too few to say"
    return "goes with staying" if one.low > 0 else "goes with leaving" if one.high < 0 else "no clear difference"


def _retention_words(owner: str | None, retention: dict[str, MilestoneRetention]) -> str:
    if owner is not None:
        return "Who stayed is told of all accounts together, to keys that see all of them."
    if not retention:
        return "No milestones are mapped, so nothing can be said of them."
    within = next(iter(retention.values())).within_days
    return (
        f"Of accounts that were customers on the day a milestone was due: the share that was still there {within} days"
        " later, with its 95 % interval. This is no cause: accounts that reach a milestone differ from those that"
        " do not in much else, and only a draw by chance would tell what bringing one to it does."
    )


def _stuck(snapshot: Snapshot, one: Summary) -> StuckRow:
    return StuckRow(
        path=account_path(one.account_id),
        name=one.name or one.account_id,
        account_id=one.account_id,
        milestone=name_words(one.stuck_at or ""),
        late=f"{days(one.stuck_days)} late",
        level=final_level(snapshot, one),
        arr="-" if one.arr is None else money(one.arr, snapshot.day.header.currency),
        owner=one.owner or "nobody",
    )


def _stuck_words(snapshot: Snapshot, stuck: Sequence[Summary]) -> str:
    if not snapshot.day.lists.milestones:
        return "No milestones are mapped, so nobody is known to be stuck."
    if not stuck:
        return "Nobody in the early stages is past the day of a milestone."
    rest = f"; the {MOST_STUCK} with most ARR are shown" if len(stuck) > MOST_STUCK else ""
    return f"{many(len(stuck), 'account')} in the early stages past the day of a milestone{rest}."


async def journey(call: Call) -> Answer:
    """The journey of the accounts that the key may see."""
    snapshot = snapshot_of(call)
    made = await asyncio.to_thread(view, snapshot, call.key.owner, call.live.settings.framework)
    await written(call, "journey", [row.account_id for row in made.stuck], snapshot)
    return await render(call, "journey.html", made)


ROUTES: tuple[Route, ...] = (Route("GET", "/journey", PEOPLE, journey, "Stages and milestones.", page=True),)
