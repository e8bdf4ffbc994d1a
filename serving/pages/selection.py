"""Which accounts of a day a list shows, in which order, and what they come to: the portfolio without its words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import parse_qs, urlencode

from serving.api import Snapshot
from serving.prepared import EarlierAccount, Summary

RENEWAL_DAYS = 90
MOST_QUERY, MOST_DAYS = 200, 3650


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to; empty: nothing. `q` is looked for in names and ids, `renewal` is in days."""

    q: str = ""
    level: tuple[str, ...] = ()
    stage: str = ""
    segment: str = ""
    owner: str = ""
    renewal: int | None = None
    trigger: str = ""
    stuck: str = ""

    @classmethod
    def of(cls, query_string: bytes) -> Filters:
        """From a query; what is no filter is left to others, what cannot be read counts as not asked for."""
        asked = query_values(query_string)
        texts = {name: asked.get(name, [""])[-1].strip()[:MOST_QUERY] for name in ("q", *_SAME, "trigger", "stuck")}
        text = asked.get("renewal", [""])[-1].strip()
        renewal = min(int(text), MOST_DAYS) if text.isascii() and text.isdigit() and len(text) < 9 else None
        return cls(**texts, level=tuple(one for one in asked.get("level", []) if one), renewal=renewal)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """As they stand in a query."""
        made: list[tuple[str, str]] = []
        for one in fields(self):
            value: Any = getattr(self, one.name)
            many = value if isinstance(value, tuple) else () if value in ("", None) else (value,)
            made += [(one.name, str(part)) for part in many]
        return made

    @property
    def knows_earlier(self) -> bool:
        """Whether accounts of an earlier day can be narrowed to the same."""
        return not (self.q or self.trigger or self.stuck)


_SAME = ("stage", "segment", "owner")


def query_values(query_string: bytes) -> dict[str, list[str]]:
    """Every value of each name of a query."""
    return parse_qs(query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=200)


def address(path: str, pairs: Iterable[tuple[str, str]]) -> str:
    """A path with a query.

    >>> address("/portfolio", [("level", "high"), ("q", "a b")]), address("/portfolio", [])
    ('/portfolio?level=high&q=a+b', '/portfolio')
    """
    query = urlencode(list(pairs))
    return f"{path}?{query}" if query else path


def final_level(snapshot: Snapshot, one: Summary) -> str:
    """The level that counts: the CSM's where one holds, else the model's."""
    held = snapshot.levels.get(one.account_id)
    return one.risk_level if held is None else str(held["final"])


def visible(snapshot: Snapshot, owner: str | None) -> list[Summary]:
    """The accounts that a key sees: those of its owner, or all."""
    everyone = snapshot.day.summaries.values()
    return [one for one in everyone if owner is None or one.owner == owner]


def chosen(snapshot: Snapshot, accounts: Iterable[Summary], filters: Filters) -> list[Summary]:
    """Those of the accounts that the filters let pass."""
    tests: list[Callable[[Summary], bool]] = []
    if filters.q:
        words = filters.q.casefold().split()
        tests.append(lambda one: _fits(words, one))
    for value, name in zip((filters.stage, filters.segment, filters.owner), _FIELDS, strict=True):
        if value:
            tests.append(lambda one, value=value, name=name: getattr(one, name) == value)  # type: ignore[misc]
    if filters.level:
        tests.append(lambda one: final_level(snapshot, one) in filters.level)
    if filters.renewal is not None:
        within = filters.renewal
        tests.append(lambda one: renews_within(one, within))
    if filters.trigger:
        tests.append(lambda one: filters.trigger in one.triggers)
    if filters.stuck:
        tests.append(lambda one: one.stuck_at == filters.stuck)
    return [one for one in accounts if all(test(one) for test in tests)]


_FIELDS = ("lifecycle_stage", "segment", "owner")


def _fits(words: Sequence[str], one: Summary) -> bool:
    text = f"{one.name or ''} {one.account_id}".casefold()
    return all(word in text for word in words)


def renews_within(one: Summary | EarlierAccount, days: int) -> bool:
    """Whether the contract ends within so many days."""
    return one.days_to_renewal is not None and 0 <= one.days_to_renewal <= days


def sorted_by(accounts: list[Summary], value: Callable[[Summary], Any], descending: bool) -> list[Summary]:
    """In the order of a value; those without one last, ties by id."""
    known = [(value(one), one.account_id, one) for one in accounts]
    there = sorted((row for row in known if row[0] is not None), key=lambda row: row[1])
    there.sort(key=lambda row: row[0], reverse=descending)
    missing = sorted((row for row in known if row[0] is None), key=lambda row: row[1])
    return [one for _, _, one in (*there, *missing)]


@dataclass(frozen=True)
class Total:
    """How many accounts, and their ARR as far as it is known."""

    accounts: int
    arr: float


@dataclass(frozen=True)
class Totals:
    """All, those at risk, those up for renewal, and those that are both."""

    everything: Total
    at_risk: Total
    up_for_renewal: Total
    both: Total

    @property
    def parts(self) -> tuple[Total, ...]:
        """In that order."""
        return self.everything, self.at_risk, self.up_for_renewal, self.both


def totals(rows: Iterable[tuple[float | None, bool, bool]]) -> Totals:
    """Of (ARR, whether at risk, whether up for renewal), one an account.

    >>> totals([(10.0, True, True), (None, True, False), (5.0, False, True)]).both
    Total(accounts=1, arr=10.0)
    """
    counts, sums = [0] * 4, [0.0] * 4
    for arr, at_risk, renews in rows:
        for place, holds in enumerate((True, at_risk, renews, at_risk and renews)):
            if holds:
                counts[place] += 1
                sums[place] += arr or 0.0
    return Totals(*(Total(count, arr) for count, arr in zip(counts, sums, strict=True)))


def totals_now(
    snapshot: Snapshot, accounts: Iterable[Summary], risky: set[str], within: int, by_model: bool = False
) -> Totals:
    """Of accounts of the day; `by_model`: by the model's levels, whatever CSMs say."""
    return totals(
        (
            one.arr,
            (one.risk_level if by_model else final_level(snapshot, one)) in risky,
            renews_within(one, within),
        )
        for one in accounts
    )


def totals_then(
    accounts: Iterable[EarlierAccount], filters: Filters, owner: str | None, risky: set[str], within: int
) -> Totals:
    """The same of the earlier day's accounts, narrowed to the same as far as that day knows."""
    rows = []
    for one in accounts:
        if owner is not None and one.owner != owner:
            continue
        same = zip((filters.stage, filters.segment, filters.owner), _FIELDS, strict=True)
        if any(value and getattr(one, name) != value for value, name in same):
            continue
        if filters.level and one.risk_level not in filters.level:
            continue
        if filters.renewal is not None and not renews_within(one, filters.renewal):
            continue
        rows.append((one.arr, one.risk_level in risky, renews_within(one, within)))
    return totals(rows)


def by_level_and_stage(snapshot: Snapshot, accounts: Iterable[Summary]) -> Counter[tuple[str, str]]:
    """How many accounts there are of each level and stage."""
    return Counter((final_level(snapshot, one), one.lifecycle_stage) for one in accounts)
