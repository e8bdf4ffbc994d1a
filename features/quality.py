"""What `forewarn check` says of the sources: faults, freshness of every feed, outages, leakage, churns, coverage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from configs.errors import Fault, SourceError
from configs.framework import DIMENSIONS
from configs.settings import Settings
from configs.tables import table
from features.labels import contract_churns
from features.leakage import known_only_later, true_only_today
from features.lifecycle import lifecycle_stages
from features.snapshots import activity_rows, churn_rows, spans
from features.sources import Sources, open_sources

# The tables that speak to each dimension of health.
DIMENSION_TABLES: Mapping[str, tuple[str, ...]] = {
    "usage": ("usage_events",),
    "engagement": ("interactions", "tickets"),
    "financial": ("contracts", "invoices"),
    "relationship": ("contacts", "surveys"),
}
LEAK_AUC = 0.9
LEAK_MIN_ACCOUNTS = 10  # churned accounts, and kept ones, below which an AUC says nothing
OUTAGE_SHARE = 0.1  # a day with less than this share of its usual rows is missing
OUTAGE_MIN_ROWS = 5  # usual rows of a weekday from which a single missing day is telling
OUTAGE_EXPECTED_ROWS = 30  # rows that a run of missing days should have brought, below which it may be chance
OUTAGE_WEEKS = 13  # weeks around a day whose median is usual
MONTHLY_SHARE = 0.25  # a day of the month that is empty more often than this is the feed's habit, not an outage
MONTHLY_MAX_DAYS = 7
SPARSE_GAP_DAYS = 14
SPARSE_GAP_MEDIANS = 5
LATE_DAYS = 1
STALE_DAYS = 7


@dataclass(frozen=True)
class Outage:
    """Days (both inclusive) on which a feed brought next to nothing."""

    first_day: str
    last_day: str
    days: int


@dataclass(frozen=True)
class Feed:
    """One table: how much there is, from when to when, and what looks wrong with it.

    `late_share` is the share of rows recorded more than a day after they happened (null without recorded_at).
    """

    table: str
    rows: int
    accounts: int
    first_day: str
    last_day: str
    days_behind: int
    outages: tuple[Outage, ...]
    late_share: float | None
    rows_of_unknown_accounts: int
    rows_before_account: int
    rows_after_end: int


@dataclass(frozen=True)
class Suspect:
    """A column that may know the future, and why it is suspected."""

    column: str
    why: str


@dataclass(frozen=True)
class Churns:
    """Churn events of the configured definition; `by_stage` is the stage by tenure at the time."""

    accounts: int
    events: int
    churned_accounts: int
    by_year: Mapping[str, int]
    by_quarter: Mapping[str, int]
    by_stage: Mapping[str, int]


@dataclass(frozen=True)
class Coverage:
    """What to expect of one dimension: the tables that feed it, and the share of accounts with any row in them."""

    dimension: str
    tables: tuple[str, ...]
    missing: tuple[str, ...]
    accounts_share: float


@dataclass(frozen=True)
class CheckReport:
    """Everything `check` found. With faults, nothing else could be looked at."""

    name: str
    faults: tuple[Fault, ...]
    warnings: tuple[str, ...] = ()
    data_end: str | None = None
    feeds: tuple[Feed, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    churns: Churns | None = None
    coverage: tuple[Coverage, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.faults

    def to_json(self) -> dict[str, Any]:
        return {"ok": self.ok, **asdict(self)}

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def check(settings: Settings, sources: Sources | None = None) -> CheckReport:
    """Opens the sources unless they are given, and reports on them; faults of the sources stand in the report."""
    if sources is None:
        try:
            sources = open_sources(settings)
        except SourceError as error:
            return CheckReport(settings.name, error.faults)
    feeds = tuple(_feed(sources, name) for name in sources.tables)
    churned = churn_events(sources, settings)
    accounts = _accounts(sources)
    churns = _churns(accounts, churned, settings)
    suspects = (*_by_name(settings, sources), *_by_value(accounts, churned))
    coverage = tuple(_coverage(sources, dimension, len(accounts)) for dimension in DIMENSIONS)
    return CheckReport(
        name=settings.name,
        faults=(),
        warnings=tuple(_warnings(feeds, churns, settings, sources)),
        data_end=f"{sources.data_end:%Y-%m-%d}",
        feeds=feeds,
        suspects=suspects,
        churns=churns,
        coverage=coverage,
    )


def churn_events(sources: Sources, settings: Settings) -> pd.DataFrame:
    """Every churn known by the data's end: account_id, at (one row an event, an account may have several)."""
    rule = settings.churn
    if rule.kind == "outcome":
        return churn_rows(sources)[["account_id", "at"]]
    if rule.kind == "contract_end":
        contracts = spans(sources, "contracts", "ends_at")
        return contract_churns(contracts, rule.allowed_gap_days, sources.data_end)[["account_id", "at"]]
    rows = activity_rows(sources, settings).sort_values(["account_id", "at"], kind="stable")
    complete = rows["at"] + pd.Timedelta(days=rule.silence.days)
    following = rows.groupby("account_id")["at"].shift(-1).fillna(sources.data_end)
    return pd.DataFrame({"account_id": rows.account_id, "at": complete})[complete <= following].reset_index(drop=True)


def _accounts(sources: Sources) -> pd.DataFrame:
    rows = sources.tables["accounts"]
    further = [name for name in ("segment", "owner", "strategic") if name in rows.columns]
    names = list(dict.fromkeys(("account_id", "created_at", *further, *sources.attributes)))
    return rows.select(*names).to_pandas().sort_values("account_id", ignore_index=True)


def _feed(sources: Sources, name: str) -> Feed:
    rows, time = sources.tables[name], table(name).time
    at = rows[time]
    late = None
    if "recorded_at" in rows.columns:
        recorded = rows.recorded_at.epoch_seconds() - at.epoch_seconds()
        late = rows.count(where=recorded > LATE_DAYS * 86_400)
    totals = {"rows": rows.count(), "accounts": rows.account_id.nunique(), "first": at.min(), "last": at.max()}
    totals["after_end"] = rows.count(where=at >= sources.data_end)
    facts = rows.aggregate(**totals, **({} if late is None else {"late": late})).to_pandas().iloc[0]
    days = rows.group_by(day=at.truncate("D")).aggregate(rows=rows.count()).to_pandas()
    counts = days.dropna().set_index("day")["rows"].sort_index()
    unknown = before = 0
    if name != "accounts":
        known = sources.tables["accounts"].select(known_id="account_id", began_at="created_at")
        both = rows.left_join(known, rows.account_id == known.known_id)
        joined = both.aggregate(
            unknown=both.count(where=both.known_id.isnull()), before=both.count(where=both[time] < both.began_at)
        ).to_pandas()
        unknown, before = int(joined.unknown.iloc[0]), int(joined.before.iloc[0])
    last = pd.Timestamp(facts["last"])
    return Feed(
        table=name,
        rows=int(facts["rows"]),
        accounts=int(facts["accounts"]),
        first_day=f"{pd.Timestamp(facts['first']):%Y-%m-%d}",
        last_day=f"{last:%Y-%m-%d}",
        days_behind=max(0, (sources.data_end - last.floor("D")).days - 1),
        outages=outages(counts) if table(name).activity else (),
        late_share=None if late is None else round(float(facts["late"]) / float(facts["rows"]), 4),
        rows_of_unknown_accounts=unknown,
        rows_before_account=before,
        rows_after_end=int(facts["after_end"]),
    )


def outages(counts: pd.Series) -> tuple[Outage, ...]:
    """Gaps of a feed, from its rows per day (a series over days, days without rows may be left out).

    A day is missing when it has under a tenth of the median rows of its weekday in the thirteen weeks around it. Where
    that median is under five rows single days tell nothing: there, a gap has to be five times the median gap, and more
    than a fortnight. Days of the month on which a feed is empty as a habit (no invoices on the 31st) are no gap.
    """
    if counts.empty:
        return ()
    every_day = pd.date_range(counts.index.min(), counts.index.max(), freq="D")
    daily = counts.reindex(every_day, fill_value=0).astype("float64")
    usual = daily.groupby(every_day.day_of_week).transform(
        lambda weekday: weekday.rolling(OUTAGE_WEEKS, center=True, min_periods=4).median()
    )
    low = (usual >= OUTAGE_MIN_ROWS) & (daily < OUTAGE_SHARE * usual)
    missing = low & (
        usual.where(low, 0).groupby((low != low.shift()).cumsum()).transform("sum") >= OUTAGE_EXPECTED_ROWS
    )
    missing &= ~low.cummin()  # a feed that starts slowly has no outage
    short = missing.groupby((missing != missing.shift()).cumsum()).transform("size") <= MONTHLY_MAX_DAYS
    missing &= ~(short & (missing.groupby(every_day.day).transform("mean") > MONTHLY_SHARE))
    found_days = pd.DatetimeIndex(counts.index[counts > 0]).sort_values()
    gaps = np.diff(found_days.to_numpy()) / np.timedelta64(1, "D")
    if len(gaps):
        long_gap = max(SPARSE_GAP_DAYS, SPARSE_GAP_MEDIANS * float(np.median(gaps)))
        for before, gap in zip(found_days[:-1], gaps, strict=True):
            if gap > long_gap:
                missing.loc[before + pd.Timedelta(days=1) : before + pd.Timedelta(days=gap - 1)] = True
    run = (missing != missing.shift()).cumsum()[missing]
    spans_found = run.index.to_series().groupby(run).agg(["min", "max"])
    return tuple(
        Outage(f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}", (last - first).days + 1)
        for first, last in spans_found.itertuples(index=False)
    )


def _by_name(settings: Settings, sources: Sources) -> list[Suspect]:
    source = settings.tables["accounts"]
    named = {f"accounts.{name}": name for name in sources.attributes}
    named |= {f"accounts.{ours}": theirs for ours, theirs in source.columns.items() if ours in ("segment", "strategic")}
    later = "its name sounds like knowledge from after the fact"
    today = "its name sounds like the state of today, not of as_of"
    suspects = [Suspect(column, later) for column, name in named.items() if known_only_later(name)]
    suspects += [
        Suspect(column, today) for column, name in named.items() if true_only_today(name) and not known_only_later(name)
    ]
    return suspects + [
        Suspect(f"{one}.{name}", later)
        for one, names in sources.measures.items()
        for name in names
        if known_only_later(name)
    ]


def _by_value(accounts: pd.DataFrame, churned: pd.DataFrame) -> list[Suspect]:
    """Attributes that alone separate churned accounts from the others, out of fold, with an AUC of 0.9 and more."""
    left = accounts.account_id.isin(churned.account_id).to_numpy()
    if min(left.sum(), (~left).sum()) < LEAK_MIN_ACCOUNTS:
        return []
    suspects = []
    for name in accounts.columns.drop(["account_id", "created_at"]):
        found = separation(accounts[name], left)
        if found >= LEAK_AUC:
            why = f"alone it separates churned accounts from the others (AUC {found:.2f})"
            suspects.append(Suspect(f"accounts.{name}", why))
    return suspects


def separation(values: pd.Series, left: np.ndarray) -> float:
    """AUC (0.5-1, whichever direction) of one attribute, its being missing included, for accounts that left.

    Categories are scored by the share that left in the other half of the accounts: one account's label tells nothing.

    >>> round(separation(pd.Series([1.0, 2.0, None, None]), np.array([False, False, True, True])), 2)
    1.0
    """
    absent = values.isna().to_numpy()
    best = _auc(absent.astype("float64"), left)
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        given = ~absent
        return max(best, _auc(values.to_numpy("float64")[given], left[given]))
    half = np.arange(len(values)) % 2
    words, overall = values.astype("object").where(~absent, "").astype("str"), float(left.mean())
    score = np.empty(len(values))
    for fold in (0, 1):
        shares = pd.Series(left[half != fold], dtype="float64").groupby(words[half != fold].to_numpy()).mean()
        score[half == fold] = words[half == fold].map(shares).fillna(overall)
    return max(best, _auc(score, left))


def _auc(score: np.ndarray, left: np.ndarray) -> float:
    positives = int(left.sum())
    negatives = len(left) - positives
    if not positives or not negatives:
        return 0.5
    ranks = pd.Series(score).rank().to_numpy()
    auc = (ranks[left].sum() - positives * (positives + 1) / 2) / (positives * negatives)
    return float(max(auc, 1 - auc))


def _churns(accounts: pd.DataFrame, churned: pd.DataFrame, settings: Settings) -> Churns:
    events = churned.merge(accounts[["account_id", "created_at"]], on="account_id")
    tenure = pd.DataFrame({"tenure_days": (events["at"] - events.created_at).dt.total_seconds() / 86_400})
    stages = lifecycle_stages(tenure, settings.framework).lifecycle_stage
    quarters = events["at"].dt.year.astype("str") + "-Q" + events["at"].dt.quarter.astype("str")

    def counted(keys: pd.Series) -> dict[str, int]:
        return {str(key): int(count) for key, count in keys.value_counts().sort_index().items()}

    return Churns(
        accounts=len(accounts),
        events=len(events),
        churned_accounts=int(events.account_id.nunique()),
        by_year=counted(events["at"].dt.year),
        by_quarter=counted(quarters),
        by_stage={
            one.name: int((stages == one.name).sum()) for one in settings.framework.stages if (stages == one.name).any()
        },
    )


def _coverage(sources: Sources, dimension: str, accounts: int) -> Coverage:
    names = DIMENSION_TABLES[dimension]
    given = tuple(name for name in names if name in sources.tables)
    known = sources.tables["accounts"].select("account_id")
    reached = 0
    if given:
        ids = sources.tables[given[0]].select("account_id")
        for name in given[1:]:
            ids = ids.union(sources.tables[name].select("account_id"))
        reached = int(known.semi_join(ids, "account_id").account_id.nunique().execute())
    return Coverage(dimension, given, tuple(name for name in names if name not in given), round(reached / accounts, 4))


def _warnings(feeds: tuple[Feed, ...], churns: Churns, settings: Settings, sources: Sources) -> list[str]:
    said = []
    for feed in feeds:
        if feed.rows_of_unknown_accounts:
            said.append(
                f"{feed.table}: {feed.rows_of_unknown_accounts:,} rows of accounts that are not in accounts (not used)"
            )
        if feed.rows_before_account:
            said.append(f"{feed.table}: {feed.rows_before_account:,} rows from before their account's created_at")
        if feed.rows_after_end:
            said.append(
                f"{feed.table}: {feed.rows_after_end:,} rows at or after the data's end (not used before their time)"
            )
        if feed.days_behind > STALE_DAYS and table(feed.table).activity:
            said.append(
                f"{feed.table}: the last row lies {feed.days_behind} days before the data's end: has the feed stopped?"
            )
        if feed.outages:
            days = sum(one.days for one in feed.outages)
            said.append(
                f"{feed.table}: {days} days with next to no rows; an outage must not be read as silence of accounts"
            )
        if (feed.late_share or 0) > 0.2:
            said.append(f"{feed.table}: {feed.late_share:.0%} of the rows were recorded more than a day late")
    if churns.churned_accounts < settings.training.min_churns:
        said.append(
            f"churn: {churns.churned_accounts} churned accounts; training wants {settings.training.min_churns} and more"
        )
    return said


def _lines(report: CheckReport) -> list[str]:
    if report.faults:
        count = len(report.faults)
        return [
            f"{report.name}: {count} fault{'s' if count != 1 else ''}",
            *(f"  - {fault}" for fault in report.faults),
        ]
    lines = [f"{report.name}: sources are sound, data until {report.data_end} (exclusive)", "", "feeds"]
    lines.append(f"  {'table':<14}{'rows':>12}{'accounts':>10}  {'first day':<12}{'last day':<12}{'late':>6}  outages")
    for feed in report.feeds:
        late = "-" if feed.late_share is None else f"{feed.late_share:.0%}"
        shown = ", ".join(f"{one.first_day} to {one.last_day}" for one in feed.outages[:3]) or "none"
        more = f" and {len(feed.outages) - 3} more" if len(feed.outages) > 3 else ""
        lines.append(
            f"  {feed.table:<14}{feed.rows:>12,}{feed.accounts:>10,}  {feed.first_day:<12}{feed.last_day:<12}{late:>6}"
            f"  {shown + more if table(feed.table).activity else '-'}"
        )
    if report.churns:
        churns = report.churns
        lines += [
            "",
            f"churn: {churns.events:,} events of {churns.churned_accounts:,} among {churns.accounts:,} accounts",
        ]
        lines += [
            f"  by {what}: " + ", ".join(f"{key} {count:,}" for key, count in counts.items())
            for what, counts in (("year", churns.by_year), ("quarter", churns.by_quarter), ("stage", churns.by_stage))
            if counts
        ]
    lines += ["", "coverage to expect"]
    for one in report.coverage:
        source = " + ".join(one.tables) or "no table"
        without = f" (without {', '.join(one.missing)})" if one.missing else ""
        lines.append(f"  {one.dimension:<14}{one.accounts_share:>5.0%} of accounts, from {source}{without}")
    lines += ["", "columns that may know the future: " + ("none suspected" if not report.suspects else "")]
    lines += [f"  - {one.column}: {one.why}" for one in report.suspects]
    lines += ["", f"warnings: {len(report.warnings) or 'none'}", *(f"  - {warning}" for warning in report.warnings)]
    return [line.rstrip() for line in lines]
