"""The leaders' page: the newest report and older ones, what was said then and what happened, renewals, playbooks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from evaluation.formatting import money, percent
from serving.api import Answer, Call, ProblemRaised, Route
from serving.api.routes import READERS, asked_of_worker, report_answer, report_files, snapshot_of
from serving.messages import CallsJudged, LeadersAnswer
from serving.pages.charts import Chart, LineStyle, Mark, Point, line_chart
from serving.pages.newest_report import created, newest_report
from serving.pages.rendering import render

if TYPE_CHECKING:
    from evaluation.report import Summary

Row = tuple[str, ...]
PAGE, NEWEST = ".html", "report.html"
OLDER = "older"


@dataclass(frozen=True)
class ReportLink:
    """A report that can be opened."""

    label: str
    path: str


@dataclass(frozen=True)
class LeadersView:
    """What the leaders' page shows; None where the report or the worker has nothing to say, with the reason beside."""

    title: str
    first: str | None
    sentences: tuple[str, ...]
    warnings: tuple[str, ...]
    made: str | None
    reports: tuple[ReportLink, ...]
    lost: Chart | None
    windows: tuple[Row, ...]
    away: str | None
    coming: tuple[Row, ...]
    calls: tuple[Row, ...]
    calls_from: str
    playbooks: tuple[Row, ...]
    tasks: str
    effect: str
    riskiest: str
    horizon_days: int


def view(
    report: Summary | None,
    reports: tuple[ReportLink, ...],
    answer: LeadersAnswer | None,
    away: str | None,
    currency: str,
) -> LeadersView:
    """What the page shows."""
    windows = [] if report is None else [one for one in report["arr"].get("windows", ()) if "expected" in one]
    points = [Point(one["as_of"], one["realised"], one["low"], one["high"]) for one in windows]
    events = [] if report is None else report["events"]
    marks = [Mark(one["at"], str(place), one["sentence"]) for place, one in enumerate(events, 1) if one["label"]]
    caption = f"ARR lost, and the range that was expected, in {currency}"
    style = LineStyle(caption, "Lost", lambda amount: money(amount, currency).removeprefix(f"{currency} "))
    headlines = () if report is None else tuple(report["headlines"])
    return LeadersView(
        title="Leaders",
        first=headlines[0] if headlines else None,
        sentences=headlines[1:],
        warnings=() if report is None else tuple(report["warnings"]),
        made=None if report is None else created(report),
        reports=reports,
        lost=line_chart(points, marks, style),
        windows=tuple(
            (
                one["as_of"],
                one["until"],
                money(one["expected"], currency),
                f"{money(one['low'], currency)} to {money(one['high'], currency)}",
                money(one["realised"], currency),
                "within" if one["low"] <= one["realised"] <= one["high"] else "outside",
                f"{one['expected_churns']:.1f}",
                f"{one['churns']:,}",
            )
            for one in windows
        ),
        away=away,
        coming=() if answer is None else tuple(_coming(answer, currency)),
        calls=() if answer is None else tuple(_calls(answer)),
        calls_from=_calls_from(answer),
        playbooks=() if answer is None else tuple(_playbooks(answer)),
        tasks=_tasks(answer),
        effect="" if answer is None else answer.effect,
        riskiest="high" if answer is None else answer.riskiest,
        horizon_days=90 if answer is None else answer.horizon_days,
    )


def _coming(answer: LeadersAnswer, currency: str) -> list[Row]:
    return [
        (
            f"within {one.within_days} days",
            f"{one.renewals:,}",
            money(one.arr, currency),
            money(one.expected_loss, currency),
            f"{one.automated:,}",
            f"{one.csm:,} of {one.csm_calls:,}" if one.csm_calls else "no call",
            f"{one.final:,}",
            money(one.final_arr, currency),
        )
        for one in answer.coming
    ]


def _right(judged: CallsJudged) -> str:
    if judged.share is None or judged.low is None or judged.high is None:
        return "no call"
    return f"{percent(judged.share)} ({percent(judged.low)} to {percent(judged.high)}) of {judged.calls:,}"


def _calls(answer: LeadersAnswer) -> list[Row]:
    return [
        (
            f"{one.days_before} days before",
            f"{one.renewals:,}",
            f"{one.left:,}",
            _right(one.automated),
            _right(one.csm),
            _right(one.automated_beside_csm),
            _right(one.final),
            f"{one.automated.seen:,}, {one.final.seen:,}",
            _who(one.csm, one.automated_beside_csm),
        )
        for one in answer.calls
        if one.renewals
    ]


def _who(csm: CallsJudged, automated: CallsJudged) -> str:
    """Who was right more often on the same renewals; equal counts are a tie, and few are said to be few."""
    if not csm.calls:
        return "-"
    few = ", of few" if csm.calls < 10 else ""
    if csm.right == automated.right:
        return f"both alike{few}"
    return f"{'the CSM' if csm.right > automated.right else 'the model'}{few}"


def _calls_from(answer: LeadersAnswer | None) -> str:
    if answer is None or answer.first_as_of is None:
        return "Nothing has been predicted yet."
    return f"From {answer.scorings:,} scorings since {answer.first_as_of}, none of which its model had learnt from."


def _playbooks(answer: LeadersAnswer) -> list[Row]:
    rows: list[Row] = []
    for one in answer.playbooks:
        left = "too few to say"
        if one.left is not None and one.low is not None and one.high is not None:
            left = f"{percent(one.left)} ({percent(one.low)} to {percent(one.high)})"
        beside = "-" if one.comparable is None else percent(one.comparable)
        rows.append((one.kind.replace("_", " "), f"{one.used:,}", f"{one.accounts:,}", f"{one.judged:,}", left, beside))
    return rows


def _tasks(answer: LeadersAnswer | None) -> str:
    if answer is None or not answer.tasks_done:
        return "No task has been ticked off yet."
    most = sorted(answer.tasks_done.items(), key=lambda pair: (-pair[1], pair[0]))
    named = ", ".join(f"{name} {count:,}" for name, count in most)
    return f"Tasks ticked off: {named.replace('_', ' ')}."


def links(folder: Path, kept: Path) -> tuple[ReportLink, ...]:
    """The newest reports (of the backtest, of what was served), then older ones, the newest first."""
    found = []
    named = {NEWEST: "The newest report", f"ledger/{NEWEST}": "What was served, and what happened"}
    for name in report_files(folder):
        if name in named:
            found.append(ReportLink(named[name], f"/leaders/reports/{quote(name, safe='')}"))
    for name in sorted(report_files(kept), reverse=True):
        if name.endswith(PAGE):
            day = name.removesuffix(PAGE).removeprefix("report-")
            found.append(ReportLink(f"Report of {day}", f"/leaders/{OLDER}/{quote(name)}"))
    return tuple(found)


async def leaders(call: Call) -> Answer:
    """The leaders' page."""
    snapshot, paths = snapshot_of(call), call.live.settings.paths
    report = await asyncio.to_thread(newest_report, paths.reports)
    reports = await asyncio.to_thread(links, paths.reports, paths.kept_reports)
    answer, away = None, None
    try:
        answer = LeadersAnswer.model_validate_json(await asked_of_worker(call, snapshot, "leaders", "", {}))
    except ProblemRaised as error:
        away = f"Renewals and playbooks cannot be shown now: {error.body.detail}."
    shown = await asyncio.to_thread(view, report, reports, answer, away, snapshot.day.header.currency)
    return await render(call, "leaders.html", shown)


async def newest(call: Call) -> Answer:
    """A file of the newest report."""
    return await report_answer(call.live.settings.paths.reports, call.path["name"])


async def older(call: Call) -> Answer:
    """An older report."""
    return await report_answer(call.live.settings.paths.kept_reports, call.path["name"])


ROUTES: tuple[Route, ...] = (
    Route("GET", "/leaders", READERS, leaders, "The leaders' page.", page=True, of_all=True),
    Route("GET", "/leaders/reports/{name}", READERS, newest, "The newest report.", page=True, of_all=True),
    Route("GET", "/leaders/older/{name}", READERS, older, "An older report.", page=True, of_all=True),
)
