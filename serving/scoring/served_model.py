"""What is said of the model that serves: its card, its calibration, and the gates that let it pass."""

from __future__ import annotations

import math

from evaluation.ledger import Ledger
from evaluation.promotion import FORCED, PROMOTION
from serving.messages import CalibrationRecord, GateAnswer, PromotionRecord, ServedModel
from serving.scoring.scorer import Scorer
from training.tracking import model_card


def served_model(scorer: Scorer, ledger: Ledger) -> ServedModel:
    """The model that serves, and how it became the champion as the ledger marks it."""
    model, calibrator = scorer.model, scorer.model.churn.calibrator
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
        card=model_card(model.churn, scorer.settings, model.record.data_fingerprint, model.record.metrics),
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
