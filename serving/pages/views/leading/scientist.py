"""The scientist's page: the model that serves, its calibration, gates, drift, alarms, versions on the same rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evaluation.formatting import decimal, figure_text, percent
from serving.api import Answer, Call, ProblemRaised, Route
from serving.api.routes import asked_of_worker, snapshot_of
from serving.keys import Role
from serving.messages import ServedModel, VersionsAnswer
from serving.pages.charts import CalibrationPoint, Chart, calibration_chart
from serving.pages.newest_report import created, newest_report
from serving.pages.rendering import render

if TYPE_CHECKING:
    from evaluation.report import Summary

Row = tuple[str, ...]
SCIENTISTS: tuple[Role, ...] = ("scientist", "admin")
FIGURES: tuple[tuple[str, str, int], ...] = (
    ("auc", "Ranking (AUC)", 2),
    ("average_precision", "Average precision", 2),
    ("log_loss", "Log loss", 3),
    ("brier", "Brier score", 3),
    ("calibration_slope", "Calibration slope", 2),
    ("calibration_intercept", "Calibration intercept", 2),
)


@dataclass(frozen=True)
class GateLine:
    """One gate's verdict in words."""

    name: str
    verdict: str
    limit: str
    message: str


@dataclass(frozen=True)
class ModelPart:
    """The model that serves."""

    facts: tuple[Row, ...]
    card: tuple[str, ...]
    calibration: tuple[Row, ...]
    promoted: str
    gates: tuple[GateLine, ...]
    run: str
    run_link: str | None


@dataclass(frozen=True)
class ReportPart:
    """What the newest report says of the predictions."""

    made: str
    reliability: Chart | None
    horizons: tuple[str, ...]
    figures: tuple[Row, ...]
    yardsticks: tuple[Row, ...]


@dataclass(frozen=True)
class WatchPart:
    """What the monitoring found when the newest report was made."""

    active: tuple[str, ...]
    past: tuple[str, ...]
    quiet: str
    facts: tuple[str, ...]
    feeds: tuple[Row, ...]
    stages: tuple[Row, ...]
    checks: tuple[str, ...]


@dataclass(frozen=True)
class ScientistView:
    """What the page shows; a part is None where its source has nothing to say."""

    title: str
    away: str | None
    model: ModelPart | None
    report: ReportPart | None
    watch: WatchPart | None
    versions: tuple[Row, ...]
    versions_note: str


def view(
    model: ServedModel | None, versions: VersionsAnswer | None, report: Summary | None, away: str | None
) -> ScientistView:
    """What the page shows."""
    monitoring: Any = None if report is None else report.get("monitoring")
    return ScientistView(
        title="Model",
        away=away,
        model=None if model is None else _model(model, "" if versions is None else versions.tracking),
        report=None if report is None else _report(report),
        watch=None if monitoring is None else _watch(monitoring),
        versions=() if versions is None else tuple(_version_rows(versions)),
        versions_note="" if versions is None else _versions_note(versions),
    )


def _model(model: ServedModel, tracking: str) -> ModelPart:
    line = model.calibration
    promotion = model.promotion
    gates = () if promotion is None else promotion.gates
    promoted = "The ledger holds no promotion of this version."
    if promotion is not None:
        forced = f", against a refusal: {promotion.reason}" if promotion.forced else ""
        promoted = f"Promoted {promotion.at[:10]} by {promotion.by}{forced}."
    return ModelPart(
        facts=(
            ("Version", model.version),
            ("Learner", model.learner),
            ("Signals", f"{model.signals:,}"),
            ("Learnt from data up to", model.data_end),
            ("Usable signal", "yes" if model.has_signal else "no: it gives the base rate of the stage"),
            ("Configuration", model.config_version),
            ("Digest", model.digest),
        ),
        card=tuple(model.card.splitlines()),
        calibration=(
            ("Method", line.method),
            ("Slope beyond 1", decimal(line.slope)),
            ("Intercept", decimal(line.intercept)),
            ("Level shift", decimal(line.level_shift)),
            ("Learnt up to", line.last_day or "unknown"),
            ("Stages with a line of their own", ", ".join(line.stages).replace("_", " ") or "none"),
        ),
        promoted=promoted,
        gates=tuple(
            GateLine(
                gate.name.replace("_", " "),
                "left out" if gate.left_out else "passed" if gate.passed else "refused",
                gate.limit,
                gate.message,
            )
            for gate in gates
        ),
        run=model.run_id,
        run_link=f"{tracking.rstrip('/')}/#/runs/{model.run_id}" if tracking else None,
    )


def _report(report: Summary) -> ReportPart:
    main = next(one for one in report["horizons"] if one["days"] == report["main_horizon_days"])
    bins: Any = main["reliability"]
    points = [] if "refused" in bins else [
        CalibrationPoint(one["mean_p"], one["happened"], one["low"], one["high"], one["rows"]) for one in bins
    ]  # fmt: skip
    horizons: list[Mapping[str, Any]] = list(report["horizons"])
    rows = [(title, *(_figure(one[name], places) for one in horizons)) for name, title, places in FIGURES]
    error = ("Calibration error", *(_error(one["ece"]) for one in horizons))
    compared: list[Any] = [one for one in report["comparisons"] if one["days"] == report["main_horizon_days"]]
    return ReportPart(
        made=created(report),
        reliability=calibration_chart(points, f"Predicted and happened within {main['days']} days", percent),
        horizons=tuple(f"{one['days']} days" for one in horizons),
        figures=(*rows, error),
        yardsticks=tuple(
            (one["title"], f"{one['rows']:,}", *_compared(one))
            for one in compared
        ),
    )  # fmt: skip


def _figure(found: Any, places: int) -> str:
    return figure_text(found, _to(places)) if isinstance(found, dict) else decimal(found, places)


def _to(places: int) -> Callable[[float], str]:
    return lambda value: decimal(value, places)


def _error(found: Any) -> str:
    if "refused" in found:
        return f"refused: {found['refused']}"
    return f"{decimal(found['value'], 3)}; beyond noise {decimal(found['low'], 3)} to {decimal(found['high'], 3)}"


def _compared(one: Any) -> Row:
    if "auc" not in one:
        return ("-", "-", "-", f"refused: {one.get('refused', '')}")
    words = {"beats": "better", "level": "no different beyond chance", "worse": "worse"}
    auc = one["auc"]
    return (
        decimal(auc["model"]["value"]),
        decimal(auc["baseline"]["value"]),
        figure_text(auc["better_by"], _to(3)),
        words.get(one["verdict"], one["verdict"]),
    )


def _watch(monitoring: Any) -> WatchPart:
    figures = monitoring["figures"]
    ratios = figures["observed_expected"]
    newest = ratios[-1]["quarter"] if ratios else None
    words = [(f"{one['title']}: {one['message']}", one["is_active"]) for one in monitoring["alarms"]]
    return WatchPart(
        active=tuple(text for text, is_active in words if is_active),
        past=tuple(text for text, is_active in words if not is_active),
        quiet="; ".join(monitoring["quiet"]),
        facts=tuple(monitoring["facts"]),
        feeds=tuple(
            (
                one["feed"].replace("_", " "),
                f"{one['signals']:,}",
                f"{one['moved']:,}",
                f"{one['explained']:,}",
                f"{one['far']:,}",
                f"{one['farthest']} ({decimal(one['distance'])})" if one["farthest"] else "-",
            )
            for one in figures["feeds"]
        ),
        stages=tuple(
            (
                one["quarter"],
                one["stage"].replace("_", " "),
                f"{one['ratio']['rows']:,}",
                f"{one['ratio']['observed']:,}",
                f"{one['ratio']['expected']:.1f}",
                figure_text({**one["ratio"], "value": one["ratio"]["ratio"]}),
            )
            for one in ratios
            if one["quarter"] == newest
        ),
        checks=tuple(
            f"{one['code']} {one['title']} ({one['severity']}): {one['message']}." for one in monitoring["checks"] or ()
        ),
    )  # fmt: skip


def _version_rows(answer: VersionsAnswer) -> list[Row]:
    rows: list[Row] = []
    for one in answer.versions:
        auc = better = loss = "-"
        if one.auc is not None:
            auc = figure_text({"value": one.auc, "low": one.auc_low, "high": one.auc_high})
            loss = "-" if one.log_loss is None else decimal(one.log_loss, 3)
        if one.better_by is not None:
            better = figure_text({"value": one.better_by, "low": one.better_low, "high": one.better_high}, _to(3))
        called = ", ".join([*one.aliases, *(["serves"] if one.is_serving else [])]) or "-"
        rows.append((one.version, called, auc, better, loss, one.run_id))
    return rows


def _versions_note(answer: VersionsAnswer) -> str:
    counted = f" {answer.rows:,} scorings, {answer.churned:,} of them before a churn." if answer.rows else ""
    return answer.note + counted


async def scientist(call: Call) -> Answer:
    """The scientist's page; without the worker the report's parts are shown alone."""
    snapshot = snapshot_of(call)
    report = await asyncio.to_thread(newest_report, call.live.settings.paths.reports)
    model = versions = away = None
    try:
        model = ServedModel.model_validate_json(await asked_of_worker(call, snapshot, "model", "", {}))
        versions = VersionsAnswer.model_validate_json(await asked_of_worker(call, snapshot, "versions", "", {}))
    except ProblemRaised as error:
        away = f"The model cannot be asked now: {error.body.detail}."
    return await render(call, "scientist.html", await asyncio.to_thread(view, model, versions, report, away))


ROUTES: tuple[Route, ...] = (
    Route("GET", "/scientist", SCIENTISTS, scientist, "The model that serves.", page=True, of_all=True),
)
