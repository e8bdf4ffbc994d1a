"""What `report` does: the page on the backtest, and the one on what was served beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from configs.atomic_files import write_text
from configs.framework import DIMENSIONS
from configs.state_paths import StatePaths
from serving.commands.monitor import watch
from serving.project import Project
from serving.promotion.kept_backtest import read_backtest

if TYPE_CHECKING:
    from evaluation.monitoring import MonitoringSummary
    from evaluation.outcomes import Facts
    from evaluation.promotion import LedgerEvent


@dataclass(frozen=True)
class Reported:
    """The files that were written, and what the report answers in a few sentences.

    `has_signal`: whether most scorings that are judged had a usable one; None where that is not known.
    `ledger_html` is None while nothing that was served has been judged; `against`: promotions that overruled a gate.
    """

    has_signal: bool | None
    headlines: list[str]
    html: str
    json: str
    ledger_html: str | None
    pdf: tuple[str, ...]
    against: tuple[str, ...]


@dataclass(frozen=True)
class SharedInputs:
    """What both pages show beside their own predictions."""

    created: str
    facts: Facts
    events: tuple[LedgerEvent, ...]
    monitoring: MonitoringSummary | None


def report(project: Project, out: Path | None, now: datetime, pdf: bool = False) -> Reported:
    """The report on the backtest, and one on the ledger in ledger/ beside it once a window of it has been judged; with
    `pdf` each as PDF too. UsageError, before anything is written, without Chromium to print it."""
    from evaluation.outcomes import facts_of, interventions_known
    from evaluation.report import ReportInputs, print_pdf, require_chromium, write_report

    if pdf:
        require_chromium()
    settings, folder = project.settings, out or project.paths.reports
    kept = read_backtest(settings)
    project.tell("reading the sources and the ledger")
    facts = facts_of(project.sources, settings)
    known = interventions_known(project.sources, project.ledger_or_none, pd.Timestamp(now))
    facts = replace(facts, interventions=known)
    events = events_of(project)
    served = served_so_far(project, facts, now)
    facts = _with_drawn(project, facts)
    judged = _with_overrides(project, kept.predictions, now)
    monitoring = replace(watch(project, now, served=served), checks=kept.findings)
    project.tell("writing the report")
    shared = SharedInputs(f"{now:%Y-%m-%d %H:%M} UTC", facts, events, monitoring)
    title = f"{settings.name}: predictions against outcomes"
    meta = {"title": title, "created": shared.created, "source": "backtest", **kept.mark}
    inputs = ReportInputs(
        judged, kept.baselines, company_facts=facts, newest=served, random_split=kept.random_split, events=events,
        outages=_outages(project), monitoring=monitoring,
    )  # fmt: skip
    files = write_report(inputs, settings, folder, meta)
    if out is None:  # a folder that somebody names is theirs
        keep_dated(files.html, now)
    ledger_html = None if served is None else ledger_report(project, folder / "ledger", served, shared)
    printed: tuple[str, ...] = ()
    if pdf:
        project.tell("printing")
        pages = [page for page in (str(files.html), ledger_html) if page is not None]
        printed = tuple(str(print_pdf(Path(page))) for page in pages)
    written = json.loads(files.json.read_text(encoding="utf-8"))
    return Reported(
        has_signal=written["has_signal"],
        headlines=written["headlines"],
        html=str(files.html),
        json=str(files.json),
        ledger_html=ledger_html,
        pdf=printed,
        against=tuple(event.sentence for event in events if event.against_refusal),
    )


def keep_dated(page: Path, now: datetime) -> Path:
    """A copy of a report under its day in `kept/` beside it, so that an older one can be read again; of several reports
    of one day the newest stays."""
    copy = page.parent / StatePaths.KEPT / f"{page.stem}-{now:%Y-%m-%d}{page.suffix}"
    write_text(copy, page.read_text(encoding="utf-8"))
    return copy


def _outages(project: Project) -> list[str]:
    """A sentence for each outage of a feed, the newest first."""
    from evaluation.monitoring import describe_outage

    sentences = [
        (outage.first_day, describe_outage(feed, outage)) for feed, every in project.outages.items() for outage in every
    ]
    return [sentence for _, sentence in sorted(sentences, reverse=True)]


def events_of(project: Project) -> tuple[LedgerEvent, ...]:
    """Every event that the ledger marks, in order; none without a ledger."""
    from evaluation.promotion import ledger_events

    return () if project.ledger_or_none is None else ledger_events(project.ledger)


def ledger_report(project: Project, folder: Path, served: pd.DataFrame, shared: SharedInputs) -> str | None:
    """The report on what was served (`served_so_far`); None while no main window of it has been judged."""
    from evaluation.outcomes import drawn_effect, with_drawn
    from evaluation.report import ReportInputs, write_report

    settings, ledger = project.settings, project.ledger
    in_hindsight, served = int(served.in_hindsight.sum()), served[~served.in_hindsight].reset_index(drop=True)
    outcome = served[f"churned_{settings.main_horizon_days}d"]
    if not outcome.notna().any():
        return None
    title = f"{settings.name}: what was served, and what happened"
    meta = {"title": title, "created": shared.created, "source": "ledger"}

    def reasons_of(rows: pd.DataFrame) -> pd.Series:
        # Reasons are nine tenths of a ledger's bytes, and the page shows those of a few rows.
        reasons: pd.Series = ledger.texts(rows).reasons
        return reasons

    known = with_drawn(shared.facts.interventions, ledger, served.account_id.unique().tolist())
    judged = served.loc[outcome.notna(), ["account_id", "as_of", "requested_at"]].assign(y=outcome)
    inputs = ReportInputs(
        served, reasons=reasons_of, company_facts=replace(shared.facts, interventions=known),
        effect=drawn_effect(judged, ledger, settings), events=shared.events, monitoring=shared.monitoring,
        in_hindsight=in_hindsight,
    )  # fmt: skip
    files = write_report(inputs, settings, folder, meta)
    return str(files.html)


def served_so_far(project: Project, facts: Facts, now: datetime) -> pd.DataFrame | None:
    """The ledger's predictions beside what is judged of them, one an account and day, with their triggers and no other
    text, and the segment and owner of their day, as far as the sources know; None while there is none."""
    from evaluation.ledger import BELONGING
    from evaluation.outcomes import FORECASTS, judged_so_far

    settings, ledger = project.settings, project.ledger_or_none
    if ledger is None or not ledger.count(FORECASTS, pd.Timestamp(now)):
        return None
    main = f"{settings.main_horizon_days}d"
    columns = ["batch_id", "row", "lifecycle_stage", "risk_level", "health_score", "arr", "has_signal", "model_version"]
    columns += ["config_version", *(f"p_churn_{days}d" for days in settings.horizons_days), f"p_health_{main}"]
    columns += ["triggers", "coverage", *BELONGING, *(f"health_{name}" for name in DIMENSIONS)]
    frame = judged_so_far(ledger, settings, pd.Timestamp(now), columns=columns)
    frame = frame.drop_duplicates(["account_id", "as_of"], keep="first", ignore_index=True)
    return facts.with_belonging(_with_overrides(project, frame, now))


def _with_drawn(project: Project, facts: Facts) -> Facts:
    """The facts, with the accounts that were held out by draw among the interventions."""
    from evaluation.outcomes import with_drawn

    if project.ledger_or_none is None:
        return facts
    accounts = facts.accounts.account_id.tolist()
    return replace(facts, interventions=with_drawn(facts.interventions, project.ledger, accounts))


def _with_overrides(project: Project, rows: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """Scorings with the CSMs' overrides that held on their day; as they are while nobody has made any."""
    from evaluation.outcomes import with_overrides

    if project.ledger_or_none is None:
        return rows
    overrides = project.ledger.overrides(pd.Timestamp(now))
    return rows if overrides.empty else with_overrides(rows, overrides)
