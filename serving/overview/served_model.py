"""What is said of the model that serves: its card, its calibration, the gates that let it pass, and the other versions
beside it on the same rows."""

from __future__ import annotations

import io
import math

import pandas as pd

from configs.atomic_files import read_marked
from configs.settings import Settings
from evaluation.ledger import Ledger
from evaluation.metrics import MetricRefused, bootstrap, bootstrap_statistics, churned_accounts, metric_named
from evaluation.promotion import FORCED, KEPT, PROMOTION
from serving.messages import (
    CalibrationRecord,
    GateAnswer,
    PromotionRecord,
    ServedModel,
    VersionCompared,
    VersionsAnswer,
)
from training.tracking import LoadedModel, Version, kept_file, model_card, versions

KEY = ["account_id", "as_of"]
MOST_COMPARED = 4  # the newest; with more there are few rows that all of them predicted


def served_model(model: LoadedModel, settings: Settings, ledger: Ledger) -> ServedModel:
    """The model that serves, and how it became the champion as the ledger marks it.

    Parameters
    ----------
    model : LoadedModel
    settings : Settings
        Of the project.
    ledger : Ledger

    Returns
    -------
    ServedModel
    """
    calibrator = model.churn.calibrator
    metrics = {name: value for name, value in model.record.metrics.items() if math.isfinite(value)}
    return ServedModel(
        version=str(model.version),
        digest=model.digest,
        run_id=model.run_id,
        learner=model.churn.chosen,
        has_signal=model.churn.has_signal,
        config_version=model.record.config_version,
        data_end=model.record.data_end,
        signals=len(model.schema.signals),
        card=model_card(model.churn, settings, model.record.data_fingerprint, model.record.metrics),
        metrics=metrics,
        calibration=CalibrationRecord(
            method=calibrator.method,
            version=calibrator.version,
            center=calibrator.center,
            intercept=calibrator.intercept,
            slope=calibrator.slope,
            level_shift=calibrator.level_shift,
            stages=list(calibrator.stages),
            last_day=f"{model.churn.cuts.calibrator:%Y-%m-%d}",
        ),
        promotion=_promotion(ledger, str(model.version)),
    )


def _promotion(ledger: Ledger, version: str) -> PromotionRecord | None:
    events = ledger.events()
    of_version = [
        event
        for event in events.to_dict("records")
        if event["kind"] in (PROMOTION, FORCED) and event["body"].get("version") == version
    ]
    if not of_version:
        return None
    newest = of_version[-1]
    return PromotionRecord(
        at=newest["at"].isoformat(),
        by=newest["asked_by"],
        forced=newest["kind"] == FORCED,
        reason=newest["body"].get("reason"),
        gates=[GateAnswer(**gate) for gate in newest["body"].get("gates", ())],
    )


def versions_compared(settings: Settings, serving: str) -> VersionsAnswer:
    """Every version, and those that were promoted side by side: on the rows that all of them predicted out of time.

    Parameters
    ----------
    settings : Settings
        Of the project.
    serving : str
        The number of the version that serves.

    Returns
    -------
    VersionsAnswer
        The newest first.
    """
    known = versions(settings)[::-1]
    rows, compared = _same_rows(settings, known, serving)
    figures, note = _figures(settings, rows, compared, serving)
    return VersionsAnswer(
        rows=len(rows),
        churned=int(rows["y"].sum()) if len(rows) else 0,
        tracking=settings.tracking_url if settings.tracking_url.startswith("http") else "",
        note=note,
        versions=[
            VersionCompared(
                version=one.number,
                run_id=one.run_id,
                aliases=list(one.aliases),
                is_serving=one.number == serving,
                **figures.get(one.number, {}),
            )
            for one in known
        ],
    )


def _same_rows(settings: Settings, known: tuple[Version, ...], serving: str) -> tuple[pd.DataFrame, list[str]]:
    """account_id, as_of, y and a column of probabilities for each version that kept what its backtest predicted."""
    outcome, p = f"churned_{settings.main_horizon_days}d", f"p_churn_{settings.main_horizon_days}d"
    backtest = read_marked(settings.paths.backtest_predictions, {"settings": settings.version})
    empty = pd.DataFrame(columns=[*KEY, "y"])
    if backtest is None:
        return empty, []
    rows = backtest[0][[*KEY, outcome]].rename(columns={outcome: "y"})
    rows = rows[rows["y"].notna()].astype({"y": float}).reset_index(drop=True)
    compared: list[str] = []
    for one in sorted(known, key=lambda one: one.number != serving):
        kept = kept_file(settings, one.run_id, KEPT) if len(compared) < MOST_COMPARED else None
        frame = None if kept is None else pd.read_parquet(io.BytesIO(kept))
        if frame is not None and p in frame:
            rows = rows.merge(frame[[*KEY, p]].rename(columns={p: one.number}), on=KEY, how="inner")
            compared.append(one.number)
    return (rows, compared) if serving in compared else (empty, [])


def _figures(
    settings: Settings, rows: pd.DataFrame, compared: list[str], serving: str
) -> tuple[dict[str, dict[str, float]], str]:
    """AUC with its interval, by how much it is better than the serving version's (paired), and log loss."""
    needed = settings.evaluation.min_churned_accounts
    if not compared:
        return {}, "No version that serves has kept what it predicted out of time under today's settings."
    if churned_accounts(rows) < needed:
        return {}, f"The versions have fewer than {needed} churned accounts in common: they are not compared."
    try:
        draws = settings.evaluation.bootstrap_draws
        asked = {number: bootstrap_statistics.auc(number) for number in compared}
        drawn = bootstrap.draw(rows, asked, draws, settings.training.seed)
    except MetricRefused as refusal:
        return {}, f"The versions are not compared: {refusal.why}."
    figures: dict[str, dict[str, float]] = {}
    log_loss, bins = metric_named("log_loss"), settings.evaluation.calibration_bins
    for number in compared:
        auc = bootstrap.interval_of(drawn[number], "auc")
        y, p = rows["y"].to_numpy(), rows[number].to_numpy(dtype=float)
        of = {"auc": auc.value, "auc_low": auc.low, "auc_high": auc.high, "log_loss": float(log_loss.value(y, p, bins))}
        if number != serving:
            gap = bootstrap.interval_of(drawn[number] - drawn[serving], "auc")
            of |= {"better_by": gap.value, "better_low": gap.low, "better_high": gap.high}
        figures[number] = of
    many = "1 version has" if len(compared) == 1 else f"{len(compared)} versions have"
    return figures, f"{many} kept what their backtest predicted; figures are of the rows that all of these predicted."
