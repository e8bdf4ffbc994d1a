"""What `promote` does: asks the gates, moves the champion alias, and marks it in the ledger.

The ledger is marked before the alias is moved, so that no champion serves without one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from configs.errors import Fault, UsageError
from configs.json_object import JsonObject
from evaluation.jsonable import to_jsonable
from evaluation.promotion import KEPT, Verdict, evaluate_gates, mark_level, mark_promotion, mark_reweighting
from serving.commands.train import NO_USABLE_SIGNAL
from serving.project import Project
from serving.promotion.gate_measures import KEY, measure, parquet_bytes
from serving.promotion.kept_backtest import BacktestAnswer, read_backtest
from training.serialization import OtherFormat
from training.tracking import CANDIDATE, LoadedModel, keep_file
from training.tracking import promote as move_champion


@dataclass(frozen=True)
class PromotionAnswer:
    """What the gates said of a version, and what followed; `forced` where a refusal was overruled.

    `has_signal`: of the version; `judged`: what the backtest says first.
    `mark`, `reweighting` and `level` are the sentences that now stand in the ledger, None where there was nothing to
    mark.
    """

    version: str
    has_signal: bool
    judged: BacktestAnswer
    verdict: Verdict
    forced: bool
    mark: str | None
    reweighting: str | None
    level: str | None

    @property
    def promoted(self) -> bool:
        return self.mark is not None

    @property
    def headlines(self) -> tuple[str, ...]:
        """The answer first: that there is no usable signal, then what the backtest says first of the method."""
        own = () if self.has_signal else (NO_USABLE_SIGNAL,)
        return (*own, self.judged.first)

    @property
    def refused(self) -> list[str]:
        """Names of the gates that refused."""
        return [gate.name for gate in self.verdict.refused]

    def to_json(self) -> JsonObject:
        answer = {"has_signal": self.has_signal, "backtest_has_signal": self.judged.has_signal}
        head = {
            **answer,
            "headlines": self.headlines,
            "promoted": self.promoted,
            "forced": self.forced,
            "version": self.version,
        }
        gates = {"gates": to_jsonable(self.verdict.gates), "refused": self.refused, "summary": str(self.verdict)}
        return {**head, **gates, "mark": self.mark, "reweighting": self.reweighting, "level": self.level}


def promote(project: Project, version: str | None, now: datetime, by: str, force: str | None = None) -> PromotionAnswer:
    """Asks every gate; the champion changes only when none refuses, or when `force` gives the reason to overrule them.

    UsageError when there is no such candidate, or no backtest of the data and settings that it was trained on. A
    champion that another version of forewarn saved in another format is not compared with, and the gate says so.
    """
    settings = project.settings
    model = project.model(version or CANDIDATE)
    kept = read_backtest(settings)
    backtested = {"data_fingerprint": kept.mark["fingerprint"], "config_version": kept.mark["settings"]}
    _require_same(model, backtested, "those of the backtest", "run `forewarn train` and `forewarn backtest` again")
    today = {"data_fingerprint": project.dataset.fingerprint}
    _require_same(model, today, "today's", "give the data that it was trained on")
    before = project.champion_version
    try:
        champion, unread = project.champion, None
    except OtherFormat as error:
        champion, unread = None, f"the champion, version {before}, is saved in another form ({error.faults[0].found})"
    measured = measure(project, model, champion, kept, unread)
    verdict = evaluate_gates(kept.predictions, kept.baselines, settings, measured, model.churn.chosen)
    mark = reweighting = level = None
    if verdict.passed or force is not None:
        at, ledger = pd.Timestamp(now), project.ledger
        mark = mark_promotion(ledger, model.version, before, verdict, force, by, at)
        reweighting = mark_reweighting(ledger, model, champion, by, at)
        level = mark_level(ledger, model, champion, by, at)
        rows = kept.predictions[[*KEY, f"p_churn_{settings.main_horizon_days}d", "fold"]]
        keep_file(settings, model.run_id, KEPT, parquet_bytes(rows))
        move_champion(settings, model.version)
    forced = force is not None and not verdict.passed
    return PromotionAnswer(
        version=str(model.version),
        has_signal=model.churn.has_signal,
        judged=kept.answer,
        verdict=verdict,
        forced=forced,
        mark=mark,
        reweighting=reweighting,
        level=level,
    )


def _require_same(model: LoadedModel, required: dict[str, str], whose: str, do: str) -> None:
    """UsageError where the model was trained on other data or settings than these."""
    labels = {"data_fingerprint": "data", "config_version": "settings"}
    faults = [
        Fault(
            f"version {model.version}", f"trained on other {labels[name]} than {whose}", f"the same {labels[name]}", do
        )
        for name, value in required.items()
        if getattr(model.record, name) != value
    ]
    if faults:
        raise UsageError(faults)
