"""What `forewarn check` reports of the sources: faults, freshness of every feed, outages, leakage, churns, coverage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd

from configs.errors import Fault, SourceError
from configs.framework import DIMENSIONS
from configs.json_object import JsonObject
from configs.settings import Settings
from configs.tables import table
from features.checks.contradictions import churns_without_labels, events_alike, outcomes_against_the_rest
from features.checks.feeds import Feed, all_account_facts, feed_of
from features.checks.leakage import find_suspects
from features.checks.own_signals import OwnSignals, check_own_signals
from features.checks.suspicions import Suspect
from features.labels import Churns, churn_events, count_churns
from features.signals import DIMENSION_TABLES, framework_faults, require_framework_signals
from features.sources import Sources, open_sources

LATE_SHARE = 0.2  # of a feed's rows, from which their being late is worth a warning
SHOWN_OUTAGES = 12


@dataclass(frozen=True)
class Coverage:
    """What to expect of one dimension of the framework.

    Attributes
    ----------
    dimension : str
        One of `configs.framework.DIMENSIONS`.
    tables, missing : tuple of str
        The tables that feed it: those that are mapped, and those that are not.
    accounts_share : float
        Share (0 to 1) of accounts with any row in `tables`.
    """

    dimension: str
    tables: tuple[str, ...]
    missing: tuple[str, ...]
    accounts_share: float


@dataclass(frozen=True)
class CheckReport:
    """Everything that `check` reports. With faults, nothing else could be looked at.

    Attributes
    ----------
    name : str
        The project, as its settings name it.
    faults : tuple of Fault
        What makes the sources unusable.
    warnings : tuple of str
        What does not, but is worth a look: late or stopped feeds, rows that are not used, too few churns.
    data_end : str or None
        The first day not covered by the data, YYYY-MM-DD; None with faults, as `churns` is.
    feeds : tuple of Feed
        Size, extent and outages of each mapped table.
    suspects : tuple of Suspect
        Columns that may know the future, the allowed ones included.
    churns : Churns or None
        Churn events of the configured definition, counted.
    coverage : tuple of Coverage
        What to expect of each dimension: its tables, and the share of accounts (0 to 1) with any row in them.
    own_signals : OwnSignals
        The project's own signals, and which of them read what came later.
    """

    name: str
    faults: tuple[Fault, ...]
    warnings: tuple[str, ...] = ()
    data_end: str | None = None
    feeds: tuple[Feed, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    churns: Churns | None = None
    coverage: tuple[Coverage, ...] = ()
    own_signals: OwnSignals = field(default_factory=OwnSignals)

    @property
    def ok(self) -> bool:
        """Whether the sources have no fault."""
        return not self.faults

    def to_json(self) -> JsonObject:
        """The report as `forewarn check --json` prints it."""
        return {"ok": self.ok, **asdict(self)}

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def check(settings: Settings, sources: Sources | None = None) -> CheckReport:
    """Examines the source tables before anything is trained on them.

    Parameters
    ----------
    settings : Settings
        The project.
    sources : Sources or None
        Its tables; opened when None, and then their faults stand in the report instead of being raised.

    Returns
    -------
    CheckReport

    Raises
    ------
    SourceError
        When most accounts that left, as outcomes say, are under contract, and churn is what outcomes say.
    ConfigError
        When the file of the project's own signals, or a value of one, has a fault, or a rule of the framework names a
        signal that does not exist.
    """
    if sources is None:
        try:
            sources = open_sources(settings)
        except SourceError as error:
            return CheckReport(settings.name, (*framework_faults(settings), *error.faults))
    require_framework_signals(settings, sources)
    facts = all_account_facts(sources)
    created_at = facts["accounts"]["first"].rename("created_at")
    accounts = created_at.reset_index()
    feeds = tuple(feed_of(sources, name, by_account, created_at) for name, by_account in facts.items())
    churned = churn_events(sources, settings)
    churns = count_churns(accounts, churned, settings)
    contradictions, faults = outcomes_against_the_rest(sources, settings, facts)
    if faults:
        raise SourceError(faults)
    beside = [*contradictions, *churns_without_labels(sources, settings, churned), *events_alike(sources)]
    return CheckReport(
        name=settings.name,
        faults=(),
        warnings=(*sources.warnings, *_warnings(feeds, churns, settings), *beside),
        data_end=f"{sources.data_end:%Y-%m-%d}",
        feeds=feeds,
        suspects=find_suspects(settings, sources, facts, churned),
        churns=churns,
        coverage=tuple(_coverage(facts, dimension) for dimension in DIMENSIONS),
        own_signals=check_own_signals(settings, sources),
    )


def _coverage(facts: Mapping[str, pd.DataFrame], dimension: str) -> Coverage:
    names = DIMENSION_TABLES[dimension]
    known = facts["accounts"].index
    given = tuple(name for name in names if name in facts)
    reached = np.zeros(len(known), dtype=bool)
    for name in given:
        reached |= known.isin(facts[name].index)
    without = tuple(name for name in names if name not in given)
    return Coverage(dimension, given, without, round(float(reached.mean()), 4))


def _warnings(feeds: tuple[Feed, ...], churns: Churns, settings: Settings) -> list[str]:
    warnings = []
    for feed in feeds:
        if feed.rows_of_unknown_accounts:
            warnings.append(
                f"{feed.table}: {feed.rows_of_unknown_accounts:,} rows of accounts that are not in accounts (not used)"
            )
        if feed.rows_before_account:
            warnings.append(f"{feed.table}: {feed.rows_before_account:,} rows from before their account's created_at")
        if feed.rows_after_end:
            warnings.append(
                f"{feed.table}: {feed.rows_after_end:,} rows at or after the data's end (not used before their time)"
            )
        if feed.has_stopped:
            warnings.append(
                f"{feed.table}: the last row lies {feed.days_behind} days before the data's end: has the feed stopped?"
            )
        if feed.outages:
            days = sum(outage.days for outage in feed.outages)
            warnings.append(
                f"{feed.table}: {days} days with next to no rows; an outage must not be read as silence of accounts"
            )
        if (feed.late_share or 0) > LATE_SHARE:
            warnings.append(f"{feed.table}: {feed.late_share:.0%} of the rows were recorded more than a day late")
    if churns.churned_accounts < settings.training.min_churns:
        warnings.append(
            f"churn: {churns.churned_accounts} churned accounts; training wants {settings.training.min_churns} and more"
        )
    return warnings


def _lines(report: CheckReport) -> list[str]:
    if report.faults:
        count = len(report.faults)
        return [
            f"{report.name}: {count} fault{'s' if count != 1 else ''}",
            *(f"  - {fault}" for fault in report.faults),
        ]
    lines = [f"{report.name}: sources are sound, data until {report.data_end} (exclusive)", "", "feeds"]
    lines.append(f"  {'table':<14}{'rows':>12}{'accounts':>10}  {'first day':<12}{'last day':<12}{'late':>6}  days out")
    for feed in report.feeds:
        late = "-" if feed.late_share is None else f"{feed.late_share:.0%}"
        out = str(sum(outage.days for outage in feed.outages)) if table(feed.table).activity else "-"
        lines.append(
            f"  {feed.table:<14}{feed.rows:>12,}{feed.accounts:>10,}  {feed.first_day:<12}{feed.last_day:<12}{late:>6}"
            f"  {out:>8}"
        )
    lines += ["", "outages (days on which a feed brought next to nothing)", *_outage_lines(report.feeds)]
    if report.churns:
        churns = report.churns
        lines += [
            "",
            f"churn: {churns.events:,} events of {churns.churned_accounts:,} among {churns.accounts:,} accounts",
        ]
        lines += [
            f"  by {period}: " + ", ".join(f"{key} {count:,}" for key, count in counts.items())
            for period, counts in (("year", churns.by_year), ("quarter", churns.by_quarter), ("stage", churns.by_stage))
            if counts
        ]
    lines += ["", "coverage to expect"]
    for coverage in report.coverage:
        source = " + ".join(coverage.tables) or "no table"
        without = f" (without {', '.join(coverage.missing)})" if coverage.missing else ""
        lines.append(f"  {coverage.dimension:<14}{coverage.accounts_share:>5.0%} of accounts, from {source}{without}")
    lines += ["", "columns that may know the future: " + ("none suspected" if not report.suspects else "")]
    for suspect in report.suspects:
        do = "in allow_leaking, so it is used" if suspect.allowed else f"to do: {suspect.do}"
        lines.append(f"  - {suspect.column}: {suspect.why}")
        if suspect.examples:
            lines.append(f"    accounts: {', '.join(suspect.examples)}")
        lines.append(f"    {do}")
    lines += _own_lines(report.own_signals)
    lines += ["", f"warnings: {len(report.warnings) or 'none'}", *(f"  - {warning}" for warning in report.warnings)]
    return [line.rstrip() for line in lines]


def _own_lines(own: OwnSignals) -> list[str]:
    if not own.names:
        return []
    unfed = [name for name in own.names if name not in own.built]
    without = f" (no table or column for {', '.join(unfed)})" if unfed else ""
    lines = ["", f"signals of your own: {len(own.built)} of {len(own.names)} built{without}"]
    for leak in own.leaking:
        lines += [f"  - {leak.name}: {leak}", "    to do: use only what the frame holds of the row's own as_of"]
    return lines if own.leaking else [*lines, "  none depends on what came later"]


def _outage_lines(feeds: tuple[Feed, ...]) -> list[str]:
    lines = []
    for feed in feeds:
        spans = [
            f"{outage.first_day} to {outage.last_day} ({outage.days} days)" if outage.days > 1 else outage.first_day
            for outage in feed.outages[-SHOWN_OUTAGES:]
        ]
        if feed.outages and feed.has_stopped and feed.days_behind == feed.outages[-1].days:
            spans[-1] = f"since {feed.outages[-1].first_day} ({feed.outages[-1].days} days): has the feed stopped?"
        more = len(feed.outages) - len(spans)
        if spans:
            lines.append(f"  {feed.table}: " + (f"{more} earlier ones, " if more else "") + ", ".join(spans))
    return lines or ["  none"]
