"""The churn model: learners of the hazard, a calibrator, probabilities per horizon, reasons, an uncertainty interval.

Fitted by training/fit/fit.py; predicted, explained, saved and loaded here as one light object. Its files are JSON and
LightGBM's own text: loading them cannot run code.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import numpy as np
import pandas as pd
from scipy.special import logit

from configs.errors import DataError, Fault
from training.calibration import Calibrator, shift_of
from training.hazard import (
    SEASON,
    STAGE,
    Blend,
    Encoder,
    Explained,
    Explanation,
    Inputs,
    Intervals,
    LinearHazard,
    TreeHazard,
    attribute,
    churn_by,
    make_inputs,
    probability_frame,
    stages_of,
)
from training.health import HealthModel
from training.model.residual_heterogeneity import bounds
from training.serialization import read_json, write_json

Chosen = Literal["blend_rules", "blend", "trees", "logistic", "rules", "base_rate"]
COVERAGE = 0.9  # nominal, of p_low and p_high
CHUNK = 8_192
EDGE = 1e-12


class Model(Protocol):
    """What every judged model offers: the churn model, the rules, the baselines."""

    @property
    def name(self) -> str: ...
    @property
    def horizons_days(self) -> tuple[int, ...]: ...

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Columns p_churn_{h}d for each horizon, never falling with h; the frame's index."""

    def explain(self, frame: pd.DataFrame, horizon_days: int) -> Explanation:
        """Signed contributions that add up to the prediction at the horizon."""

    def save(self, folder: Path) -> None:
        """Plain files into `folder`."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote."""


@dataclass(frozen=True)
class ModelInputs:
    """A frame ready for the members that have a share: `own` for trees and linear learner, `rules` for the rules."""

    own: Inputs | None
    rules: Inputs | None

    def take(self, rows: np.ndarray) -> ModelInputs:
        return ModelInputs(*(None if one is None else one.take(rows) for one in (self.own, self.rules)))


@dataclass(frozen=True)
class ChurnModel:
    """A hazard model over a frame of signals; also what stands in for it: the same with fewer members.

    `blend`: what trees, linear learner and rules have of the log-odds.
    `rules`: the calibrated rules where they are the model, the rules weighed by outcomes where they are a member.
    `frailty_sd`: spread of the true log-odds among accounts with the same signals, and its `excess_kurtosis`
    (residual_heterogeneity.py). `sampling_scale`: by how much the linear learner's sampling error is stretched for
    what the model was not taught (training/fit/interval_width.py).
    `tree_means` (signals, K): the trees' mean contributions in training, from which contributions are counted.
    `season`: twelve shifts of the log-odds by the as_of's month (seasonal_level.py), all 0 unless asked for.
    `base_rate`: share churned within the main horizon among the training rows whose window had ended.
    """

    name: str
    horizons_days: tuple[int, ...]
    main_horizon_days: int
    intervals: Intervals
    encoder: Encoder
    explained: Explained
    linear: LinearHazard
    trees: TreeHazard | None
    blend: Blend
    tree_means: np.ndarray
    calibrator: Calibrator
    chosen: Chosen
    base_rate: float
    season: tuple[float, ...]
    log: dict[str, Any]
    frailty_sd: float = 0.0
    excess_kurtosis: float = 0.0
    sampling_scale: float = 1.0
    rules: HealthModel | None = None

    @property
    def has_signal(self) -> bool:
        """Whether the scores tell accounts of one stage apart; where not, every score is to be marked so."""
        return self.chosen != "base_rate"

    @property
    def columns(self) -> tuple[str, ...]:
        """The signals that a prediction reads, numbers before categories."""
        maps = () if self.rules is None else self.rules.framework.health_maps
        numbers, texts = [one.signal for one in maps], [STAGE]
        if self.blend.own:
            numbers = [*self.encoder.numbers, *numbers]
            texts = [*(one.name for one in self.encoder.categories), STAGE]
        return tuple(dict.fromkeys([*numbers, *texts]))

    def inputs(self, frame: pd.DataFrame) -> ModelInputs:
        """The frame ready for the members; DataError naming every signal that it lacks."""
        own = make_inputs(frame, self.encoder, self.intervals) if self.blend.own else None
        return ModelInputs(own, None if self.rules is None else self.rules.inputs(frame))

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Columns p_churn_{h}d in (0, 1); DataError naming every signal that the frame lacks."""
        z = self.calibrated(self.log_odds(self.inputs(frame)), frame)
        return probability_frame(z, self.intervals, self.horizons_days, frame.index)

    def calibrated(self, log_odds: np.ndarray, frame: pd.DataFrame) -> np.ndarray:
        """Hazard log-odds (n, K) after the calibrator and the shift of the as_of's month."""
        return self.calibrator.apply(log_odds, stages_of(frame)) + shift_of(self.season, frame)[:, None]

    def log_odds(self, inputs: ModelInputs) -> np.ndarray:
        """Uncalibrated hazard log-odds; (n, K)."""
        own, rules = inputs.own, inputs.rules
        return self.blend.of(
            self.trees.log_odds(own, self.encoder) if own is not None and self.trees is not None else None,
            self.linear.log_odds(own) if own is not None and self.blend.linear else None,
            self.rules.linear.log_odds(rules) if rules is not None and self.rules is not None else None,
        )

    def explain(self, frame: pd.DataFrame, horizon_days: int) -> Explanation:
        """Contributions per signal to p_churn_{horizon}d, from the base of a training row of average log-odds.

        Raises DataError when the horizon is none of the model's.
        """
        if horizon_days not in self.horizons_days:
            found = Fault(
                "horizon", f"{horizon_days} days", f"one of {list(self.horizons_days)}", "choose one of these"
            )
            raise DataError(found)
        count = self.intervals.upto(horizon_days)
        starts = range(0, max(len(frame), 1), CHUNK)
        base, contributions = zip(*(self._explain(frame.iloc[at : at + CHUNK], count) for at in starts), strict=True)
        own = self.explained
        return Explanation(np.concatenate(base), np.concatenate(contributions), own.signals, own.dimensions)

    def _explain(self, frame: pd.DataFrame, count: int) -> tuple[np.ndarray, np.ndarray]:
        """(base (n,), contributions (n, m)) of rows few enough for (n, m, count) numbers in memory."""
        base, parts = self.log_odds_parts(frame, count)
        pooled_level, pooled_slope = self.calibrator.pooled_line()
        level, slope = self.calibrator.lines(stages_of(frame))
        parts = parts * slope[:, None, None]
        own = (level - pooled_level)[:, None] + (slope - pooled_slope)[:, None] * base[None, :]
        parts[:, self.explained.place(STAGE), :] += own  # what the stage's own calibration adds is the stage's doing
        parts[:, self.explained.place(SEASON), :] += shift_of(self.season, frame)[:, None]
        return attribute(pooled_level + pooled_slope * base, parts)

    def log_odds_parts(self, frame: pd.DataFrame, count: int) -> tuple[np.ndarray, np.ndarray]:
        """(base (count,), contributions (n, m, count)) that add up to `log_odds` of the first `count` intervals."""
        own = self.inputs(frame).own
        start = np.full(count, self.blend.intercept)
        parts = np.zeros((len(self.explained.signals), count, len(frame))).transpose(2, 0, 1)
        if own is not None and self.trees is not None:
            expected, found = self.trees.contributions(own, self.encoder, self.explained, count)
            means = self.tree_means[:, :count]
            start += self.blend.trees * (expected + means.sum(axis=0))
            parts += self.blend.trees * (found - means[None, :, :])
        if own is not None and self.blend.linear:
            base, found = self.linear.contributions(own, self.encoder, self.explained)
            start += self.blend.linear * base[:count]
            parts += self.blend.linear * found[:, :, :count]
        if self.rules is not None:
            base, found = self.rules.log_odds_parts(frame)
            start += self.blend.rules * base[:count]
            for place, name in enumerate(self.rules.explained.signals):
                parts[:, self.explained.place(name), :] += self.blend.rules * found[:, place, :count]
        return start, parts

    def interval(self, frame: pd.DataFrame, coverage: float = COVERAGE) -> tuple[np.ndarray, np.ndarray]:
        """(low, high) of the account's true probability at the main horizon; each (n,), low <= p <= high.

        Covers, at the nominal `coverage` on average over accounts and samples: that other accounts of the same kind, or
        more of them, might have been drawn for training (halves of the accounts give the size, the account-clustered
        sandwich of the linear learner the shape; and the calibrator's own error), and what the signals do not show of
        this account (`frailty_sd`). Student's t on the log-odds with that `excess_kurtosis`, around the center at which
        the mean probability is the served one. Does not cover: a change of the churn rate or of what drives it after
        the cut, a mistake that all signals share, or whether this one account leaves. Without a usable signal nothing
        is known of how accounts of a stage differ: it then covers the stage's mean.
        """
        return bounds(*self.spread(frame), coverage, self.excess_kurtosis)

    def spread(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """(probability at the main horizon, standard deviation of the truth's log-odds around it); each (n,)."""
        p, sd = np.empty(len(frame)), np.empty(len(frame))
        inputs = self.inputs(frame)
        stage, season = stages_of(frame), shift_of(self.season, frame)
        for at in range(0, len(frame), CHUNK):
            rows = np.arange(at, min(at + CHUNK, len(frame)))
            p[rows], sd[rows] = self._spread(inputs.take(rows), stage[rows], season[rows])
        return p, sd

    def main_log_odds(self, frame: pd.DataFrame) -> np.ndarray:
        """Log-odds of the served probability at the main horizon; (n,)."""
        z = self.calibrated(self.log_odds(self.inputs(frame)), frame)
        p = churn_by(z, (self.intervals.upto(self.main_horizon_days),))[:, 0]
        return logit(np.clip(p, EDGE, 1 - EDGE))

    def _spread(self, inputs: ModelInputs, stage: np.ndarray, season: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        counts = (self.intervals.upto(self.main_horizon_days),)
        uncalibrated = self.log_odds(inputs)
        z = self.calibrator.apply(uncalibrated, stage) + season[:, None]
        _, slope = self.calibrator.lines(stage)
        carried = self.blend.stretch * self.sampling_scale
        errors = carried * slope[None, :, None] * self._sampled(inputs) + self.calibrator.spread(uncalibrated, stage)
        p = churn_by(z, counts)[:, 0]
        center = logit(np.clip(p, EDGE, 1 - EDGE))
        squares = np.zeros(len(p))
        for error in errors:
            drawn = churn_by(z + error, counts)[:, 0]
            squares = squares + (logit(np.clip(drawn, EDGE, 1 - EDGE)) - center) ** 2
        return p, np.sqrt(squares / len(errors) + (slope * self.frailty_sd) ** 2)

    def _sampled(self, inputs: ModelInputs) -> np.ndarray:
        """Draws of the sampling error of the log-odds, the linear learner's standing in for a blend; (DRAWS, n, K)."""
        if inputs.own is not None:
            return self.linear.spread(inputs.own)
        assert self.rules is not None  # one of the two is there
        assert inputs.rules is not None
        return self.rules.linear.spread(inputs.rules)

    def save(self, folder: Path) -> None:
        """Writes model.json; with trees, trees.txt; with rules, health.json."""
        folder.mkdir(parents=True, exist_ok=True)
        body = {
            "name": self.name,
            "horizons_days": list(self.horizons_days),
            "main_horizon_days": self.main_horizon_days,
            "edges": list(self.intervals.edges),
            "encoder": self.encoder.to_json(),
            "explained": {"signals": self.explained.signals, "dimensions": self.explained.dimensions},
            "linear": self.linear.to_json(),
            "blend": self.blend.to_json(),
            "tree_means": self.tree_means.tolist(),
            "tree_effect_decay": None if self.trees is None else self.trees.effect_decay.tolist(),
            "tree_intercepts": None if self.trees is None else self.trees.intercepts.tolist(),
            "calibrator": self.calibrator.to_json(),
            "chosen": self.chosen,
            "base_rate": self.base_rate,
            "season": list(self.season),
            "frailty_sd": self.frailty_sd,
            "excess_kurtosis": self.excess_kurtosis,
            "sampling_scale": self.sampling_scale,
            "log": self.log,
        }
        write_json(folder / "model.json", body)
        if self.trees is not None:
            (folder / "trees.txt").write_text(self.trees.booster_text, encoding="utf-8")
        if self.rules is not None:
            self.rules.save(folder)

    @classmethod
    def load(cls, folder: Path) -> ChurnModel:
        """DataError when the folder holds no model of this format."""
        body = read_json(folder / "model.json")
        intervals = Intervals(tuple(body["edges"]))
        trees = folder / "trees.txt"
        blend = Blend(**body["blend"])
        if blend.trees and not trees.is_file():
            raise DataError(Fault(str(trees), "no such file", "the trees of the model", "log the model again"))
        return cls(
            name=body["name"],
            horizons_days=tuple(body["horizons_days"]),
            main_horizon_days=body["main_horizon_days"],
            intervals=intervals,
            encoder=Encoder.from_json(body["encoder"]),
            explained=Explained(tuple(body["explained"]["signals"]), tuple(body["explained"]["dimensions"])),
            linear=LinearHazard.from_json(body["linear"]),
            trees=_trees(trees.read_text(encoding="utf-8"), intervals, body) if blend.trees else None,
            blend=blend,
            tree_means=np.array(body["tree_means"], float),
            calibrator=Calibrator.from_json(body["calibrator"]),
            chosen=body["chosen"],
            base_rate=body["base_rate"],
            season=tuple(body["season"]),
            log=body["log"],
            frailty_sd=body["frailty_sd"],
            excess_kurtosis=body["excess_kurtosis"],
            sampling_scale=body["sampling_scale"],
            rules=HealthModel.load(folder) if blend.rules else None,
        )


def _trees(text: str, intervals: Intervals, body: dict[str, Any]) -> TreeHazard:
    return TreeHazard.from_text(text, intervals, np.array(body["tree_effect_decay"]), np.array(body["tree_intercepts"]))
