"""The rule-based health score (0-100, higher is healthier) as a model: it scores, is calibrated, predicts and explains.

The arithmetic of the score is that of features.health. Scores are not comparable between stages, so the calibration has
an intercept a stage.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from configs.errors import DataError, Fault
from configs.framework import DIMENSIONS, Framework, Level
from configs.json_object import JsonObject
from configs.settings import Settings
from features.health import HEALTH, RuleScores, holds, rule_scores, score_columns
from training.hazard import (
    STAGE,
    Encoder,
    Explained,
    Explanation,
    HazardRows,
    Inputs,
    Intervals,
    LinearHazard,
    TrainingRows,
    attribute,
    fit_encoder,
    fit_linear,
    make_inputs,
    probability_frame,
)
from training.serialization import fields_of, read_json, write_json

SCORE_COLUMNS = (HEALTH, *(f"health_{name}" for name in DIMENSIONS))


@dataclass(frozen=True)
class HealthModel:
    """The rule-based health score as a model that scores, predicts and explains.

    Attributes
    ----------
    name : str
        "rules".
    horizons_days : tuple of int
        Of its probabilities.
    framework : Framework
        The rules.
    intervals, encoder : Intervals, Encoder
        Of the calibration.
    linear : LinearHazard
        The hazard from the health score and the stage; the renewal date is not used.
    log : JsonObject
        What it was fitted on.
    """

    name: str
    horizons_days: tuple[int, ...]
    framework: Framework
    intervals: Intervals
    encoder: Encoder
    linear: LinearHazard
    log: JsonObject

    def scores(self, frame: pd.DataFrame) -> pd.DataFrame:
        """health_score and one health_<dimension> each, 0-100, NaN without data; the frame's index."""
        return score_columns(frame, self.framework)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The score calibrated to p_churn_{h}d, never falling with h."""
        z = self.linear.log_odds(self.inputs(frame))
        return probability_frame(z, self.intervals, self.horizons_days, frame.index)

    def explain(self, frame: pd.DataFrame, horizon_days: int) -> Explanation:
        """Contributions of the mapped signals and of the stage; a signal's counts from training's mean health."""
        if horizon_days not in self.horizons_days:
            fault = Fault(
                "horizon", f"{horizon_days} days", f"one of {list(self.horizons_days)}", "choose one of these"
            )
            raise DataError(fault)
        base, parts = self.log_odds_parts(frame)
        count = self.intervals.upto(horizon_days)
        start, contributions = attribute(base[:count], parts[:, :, :count])
        own = self.explained
        return Explanation(start, contributions, own.signals, own.dimensions)

    @property
    def explained(self) -> Explained:
        """The names that contributions come under: the mapped signals, then the stage."""
        maps = self.framework.health_maps
        signals = (health_map.signal for health_map in maps)
        dimensions = (health_map.dimension for health_map in maps)
        return Explained((*signals, STAGE), (*dimensions, "account"))

    def log_odds_parts(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """(base (K,), contributions (n, maps + 1, K)) that add up to the hazard's log-odds, in order of `explained`."""
        scores = rule_scores(frame, self.framework)
        own = Explained((HEALTH, STAGE), ("account", "account"))
        inputs = make_inputs(_score_frame(frame, scores), self.encoder, self.intervals)
        base, parts = self.linear.contributions(inputs, self.encoder, own)
        maps = self.framework.health_maps
        # z is linear in health, and health a weighted mean of the parts: a part's effect is exact, not a share-out.
        mean = float(self.linear.scaling.mean[0] * self.linear.scaling.spread[0] + self.linear.scaling.center[0])
        per_point = float(self.linear.weights[0] / self.linear.scaling.sd[0] / self.linear.scaling.spread[0])
        out = np.zeros((len(frame), len(maps) + 1, parts.shape[2]))
        rest = parts[:, 0, :] + parts[:, 1, :]
        for index in range(len(maps)):
            known = np.where(np.isnan(scores.parts[:, index]), mean, scores.parts[:, index])
            effect = per_point * scores.weights[:, index] * (known - mean)
            out[:, index, :] = effect[:, None] * self.linear.effect_decay
            rest = rest - out[:, index, :]
        out[:, -1, :] = rest  # the stage, and the missing-data flag of rows without any score
        return base, out

    def triggers(self, frame: pd.DataFrame) -> list[list[str]]:
        """Names of the triggers that fire on each row; a missing signal fires none."""
        return fired_triggers(frame, self.framework)

    def escalations(self, frame: pd.DataFrame, risk_level: Iterable[str]) -> list[list[str]]:
        """Names of the escalations that each row calls for, given its risk level; a missing signal calls for none."""
        out: list[list[str]] = [[] for _ in range(len(frame))]
        levels = list(risk_level)
        for escalation in self.framework.escalations:
            calls = np.array([not escalation.levels or level in escalation.levels for level in levels], dtype=bool)
            for condition in escalation.conditions:
                calls &= holds(frame, condition)
            for row in np.flatnonzero(calls):
                out[row].append(escalation.name)
        return out

    def inputs(self, frame: pd.DataFrame) -> Inputs:
        """The health score and the stage, ready for `linear`."""
        return make_inputs(_score_frame(frame, rule_scores(frame, self.framework)), self.encoder, self.intervals)

    def save(self, folder: Path) -> None:
        """Writes health.json."""
        folder.mkdir(parents=True, exist_ok=True)
        body = {
            "name": self.name,
            "horizons_days": list(self.horizons_days),
            "framework": self.framework.model_dump(mode="json"),
            "edges": list(self.intervals.edges),
            "encoder": self.encoder.to_json(),
            "linear": self.linear.to_json(),
            "log": self.log,
        }
        write_json(folder / "health.json", body)

    @classmethod
    def load(cls, folder: Path) -> HealthModel:
        path = folder / "health.json"
        body = read_json(path)
        with fields_of(path):
            return cls(
                name=body["name"],
                horizons_days=tuple(body["horizons_days"]),
                framework=Framework(**body["framework"]),
                intervals=Intervals(tuple(body["edges"])),
                encoder=Encoder.from_json(body["encoder"]),
                linear=LinearHazard.from_json(body["linear"]),
                log=body["log"],
            )


def _score_frame(frame: pd.DataFrame, scores: RuleScores) -> pd.DataFrame:
    return frame[[STAGE, "days_to_renewal", "term_days"]].assign(**{HEALTH: scores.health})


def fit_health(
    frame: pd.DataFrame,
    rows: HazardRows,
    events: int,
    settings: Settings,
    intervals: Intervals,
    framework: Framework | None = None,
    offset: np.ndarray | None = None,
) -> HealthModel:
    """Calibrates the rules on the hazard rows of one cut: a slope on health, an intercept per stage (ridge-pooled).

    Parameters
    ----------
    frame : DataFrame, n rows
        Snapshots before the cut.
    rows : HazardRows
        Known by then.
    events : int
        Distinct churns among them.
    settings : Settings
        Of the project.
    intervals : Intervals
        K of them.
    framework : Framework, optional
        Rules other than the configured ones.
    offset : ndarray of float, shape (m,), optional
        Of the hazard rows: what they are calibrated beside (`TrainingRows`).

    Returns
    -------
    HealthModel
        Its score is that of the rules, its probabilities are fitted.
    """
    framework = framework or settings.framework
    scored = _score_frame(frame, rule_scores(frame, framework)).assign(account_id=frame["account_id"])
    encoder = fit_encoder(scored, [HEALTH], [STAGE], rows.snapshot, rows.churned)
    account, _ = pd.factorize(frame["account_id"])
    training = settings.training
    known = TrainingRows(make_inputs(scored, encoder, intervals), rows, encoder, events, training.seed, offset)
    linear = fit_linear(known, account, training.ridge_l2, plain=True, use_renewal=False)
    per_point = float(linear.weights[0] / linear.scaling.sd[0] / linear.scaling.spread[0])
    log = {"hazard_rows": len(rows), "churn_events": events, "log_odds_per_health_point": per_point}
    return HealthModel("rules", settings.horizons_days, framework, intervals, encoder, linear, log)


def fired_triggers(frame: pd.DataFrame, framework: Framework) -> list[list[str]]:
    """The triggers that fire on each snapshot; they are rules and need no model.

    Parameters
    ----------
    frame : DataFrame, (n,) rows
        Signals by name; one that is missing fires nothing.
    framework : Framework
        The configured triggers.

    Returns
    -------
    list of list of str, length n
        Names of triggers, in the framework's order.
    """
    fired: list[list[str]] = [[] for _ in range(len(frame))]
    for trigger in framework.triggers:
        for row in np.flatnonzero(holds(frame, trigger)):
            fired[row].append(trigger.name)
    return fired


def risk_levels(p: np.ndarray, base_rate: float, levels: Sequence[Level]) -> list[str]:
    """Level of each probability at the main horizon: the highest whose p_from times the base rate it reaches.

    Without a base rate there is nothing that a probability could be a multiple of, and every account is at the lowest.

    Parameters
    ----------
    p : ndarray of float, shape (n,)
        At the main horizon.
    base_rate : float
        Of churn within it; 0 where none is known.
    levels : sequence of Level
        As configured.

    Returns
    -------
    list of str, length n
        Names of levels.

    Examples
    --------
    >>> low = Level(name="low", health_from=50, p_from=0, asks_for="-")
    >>> high = Level(name="high", health_from=0, p_from=2, asks_for="-")
    >>> risk_levels(np.array([0.05, 0.10]), 0.05, [low, high])
    ['low', 'high']
    >>> risk_levels(np.array([0.05, 0.10]), 0.0, [low, high])
    ['low', 'low']
    """
    rising = sorted(levels, key=lambda level: level.p_from)
    if base_rate <= 0:
        return [rising[0].name] * len(p)
    out: list[str] = []
    for value in p:
        reached = [level.name for level in rising if value >= level.p_from * base_rate]
        out.append(reached[-1] if reached else rising[0].name)
    return out


def health_levels(health: np.ndarray, levels: Sequence[Level]) -> list[str | None]:
    """Level of each health score when the rules are judged by themselves; None where there is no score.

    Parameters
    ----------
    health : ndarray of float, shape (n,)
        0-100, NaN without a score.
    levels : sequence of Level
        As configured.

    Returns
    -------
    list of str or None, length n
        Names of levels.

    Examples
    --------
    >>> healthy = Level(name="healthy", health_above=85, p_from=0, asks_for="-")
    >>> low = Level(name="low", health_from=50, p_from=1, asks_for="-")
    >>> high = Level(name="high", health_from=0, p_from=2, asks_for="-")
    >>> health_levels(np.array([85.5, 85.0, 50.0, 49.0, np.nan]), [healthy, low, high])
    ['healthy', 'low', 'low', 'high', None]
    """
    rising = sorted(levels, key=lambda level: level.lowest_health)
    health = np.asarray(health, dtype=float)
    reached = np.searchsorted([level.lowest_health for level in rising], health, side="right")
    names = np.array([None, *(level.name for level in rising)], dtype=object)
    level_of: list[str | None] = names[np.where(np.isnan(health), 0, np.maximum(reached, 1))].tolist()
    return level_of
