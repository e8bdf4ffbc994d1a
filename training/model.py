"""The churn model: learners of the hazard, a calibrator, probabilities per horizon, reasons, an uncertainty interval.

Fitted by training/fit.py; predicted, explained, saved and loaded here as one light object. Its files are JSON and
LightGBM's own text: loading them cannot run code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from configs.errors import DataError, Fault
from training.calibration import Calibrator
from training.encode import Encoder
from training.hazard import SEASON, STAGE, Explained, Inputs, churn_by, make_inputs, stages_of
from training.intervals import Intervals
from training.linear import LinearHazard
from training.reasons import Explanation, attribute
from training.season import shift_of
from training.trees import TreeHazard

Chosen = Literal["blend", "trees", "logistic", "base_rate"]
FORMAT = 1
Z_90 = 1.6448536269514722  # standard normal quantile of .95
CHUNK = 8_192


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


def probability_frame(
    log_odds: np.ndarray, intervals: Intervals, horizons: tuple[int, ...], index: pd.Index
) -> pd.DataFrame:
    """p_churn_{h}d per horizon from calibrated hazard log-odds (n, K)."""
    p = churn_by(log_odds, tuple(intervals.upto(one) for one in horizons))
    return pd.DataFrame({f"p_churn_{one}d": p[:, place] for place, one in enumerate(horizons)}, index=index)


@dataclass(frozen=True)
class ChurnModel:
    """A hazard model over a frame of signals; also the baselines, which are the same with fewer parts.

    `tree_share`: weight of the trees' log-odds in the blend, the rest being the linear learner's (0 without trees).
    `tree_means` (signals, K): the trees' mean contributions in training, from which contributions are counted.
    `season`: twelve shifts of the log-odds by the as_of's month (training/season.py), all 0 unless asked for.
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
    tree_share: float
    tree_means: np.ndarray
    calibrator: Calibrator
    chosen: Chosen
    base_rate: float
    season: tuple[float, ...]
    log: dict[str, Any]

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Columns p_churn_{h}d in (0, 1); DataError naming every signal that the frame lacks."""
        inputs = make_inputs(frame, self.encoder, self.intervals)
        z = self.calibrated(self.log_odds(inputs), frame)
        return probability_frame(z, self.intervals, self.horizons_days, frame.index)

    def calibrated(self, raw: np.ndarray, frame: pd.DataFrame) -> np.ndarray:
        """Hazard log-odds (n, K) after the calibrator and the shift of the as_of's month."""
        return self.calibrator.apply(raw, stages_of(frame)) + shift_of(self.season, frame)[:, None]

    def log_odds(self, inputs: Inputs) -> np.ndarray:
        """Raw (uncalibrated) hazard log-odds; (n, K)."""
        if self.trees is None:
            return self.linear.log_odds(inputs)
        of_trees = self.trees.log_odds(inputs, self.encoder)
        if self.tree_share == 1.0:
            return of_trees
        return self.tree_share * of_trees + (1.0 - self.tree_share) * self.linear.log_odds(inputs)

    def explain(self, frame: pd.DataFrame, horizon_days: int) -> Explanation:
        """Contributions per signal to p_churn_{horizon}d, from the base of a training row of average log-odds.

        Raises DataError when the horizon is none of the model's.
        """
        if horizon_days not in self.horizons_days:
            found = Fault(
                "horizon", f"{horizon_days} days", f"one of {list(self.horizons_days)}", "choose one of these"
            )
            raise DataError(found)
        inputs = make_inputs(frame, self.encoder, self.intervals)
        base, parts = self.log_odds_parts(inputs, self.intervals.upto(horizon_days))
        pooled_level, pooled_slope = self.calibrator.pooled_line()
        level, slope = self.calibrator.lines(stages_of(frame))
        parts = parts * slope[:, None, None]
        own = (level - pooled_level)[:, None] + (slope - pooled_slope)[:, None] * base[None, :]
        parts[:, self.explained.place(STAGE), :] += own  # what the stage's own calibration adds is the stage's doing
        parts[:, self.explained.place(SEASON), :] += shift_of(self.season, frame)[:, None]
        start, contributions = attribute(pooled_level + pooled_slope * base, parts)
        return Explanation(start, contributions, self.explained.signals, self.explained.dimensions)

    def log_odds_parts(self, inputs: Inputs, count: int) -> tuple[np.ndarray, np.ndarray]:
        """(base (count,), contributions (n, m, count)) that add up to `log_odds` of the first `count` intervals."""
        base, parts = self.linear.contributions(inputs, self.encoder, self.explained)
        base, parts = base[:count], parts[:, :, :count]
        if self.trees is None:
            return base, parts
        expected, of_trees = self.trees.contributions(inputs, self.encoder, self.explained, count)
        means = self.tree_means[:, :count]
        tree_base = expected + means.sum(axis=0)
        of_trees = of_trees - means[None, :, :]
        share = self.tree_share
        return share * tree_base + (1 - share) * base, share * of_trees + (1 - share) * parts

    def interval(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """(low, high), 90 % nominal, of the probability at the main horizon; each (n,), low <= p <= high.

        Covers: what the probability would have been had other accounts of the same kind been drawn for training
        (account-clustered sandwich of the linear learner, standing in for the blend, and of the calibrator), on the
        logit scale. Does not cover: what the model cannot express, a shift of the churn rate after the cut, or whether
        this one account leaves.
        """
        low, high = np.empty(len(frame)), np.empty(len(frame))
        inputs = make_inputs(frame, self.encoder, self.intervals)
        stage, season = stages_of(frame), shift_of(self.season, frame)
        for at in range(0, len(frame), CHUNK):
            rows = np.arange(at, min(at + CHUNK, len(frame)))
            low[rows], high[rows] = self._interval(inputs.take(rows), stage[rows], season[rows])
        return low, high

    def _interval(self, inputs: Inputs, stage: np.ndarray, season: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        counts = (self.intervals.upto(self.main_horizon_days),)
        raw = self.log_odds(inputs)
        z = self.calibrator.apply(raw, stage) + season[:, None]
        _, slope = self.calibrator.lines(stage)
        errors = slope[None, :, None] * self.linear.spread(inputs) + self.calibrator.spread(raw, stage)
        p = churn_by(z, counts)[:, 0]
        center = logit(np.clip(p, 1e-12, 1 - 1e-12))
        squares = np.zeros(len(p))
        for error in errors:
            drawn = churn_by(z + error, counts)[:, 0]
            squares = squares + (logit(np.clip(drawn, 1e-12, 1 - 1e-12)) - center) ** 2
        reach = Z_90 * np.sqrt(squares / len(errors))
        return np.minimum(expit(center - reach), p), np.maximum(expit(center + reach), p)

    def save(self, folder: Path) -> None:
        """Writes model.json and, with trees, trees.txt."""
        folder.mkdir(parents=True, exist_ok=True)
        body = {
            "format": FORMAT,
            "name": self.name,
            "horizons_days": list(self.horizons_days),
            "main_horizon_days": self.main_horizon_days,
            "edges": list(self.intervals.edges),
            "encoder": self.encoder.to_json(),
            "explained": {"signals": self.explained.signals, "dimensions": self.explained.dimensions},
            "linear": self.linear.to_json(),
            "tree_share": self.tree_share,
            "tree_means": self.tree_means.tolist(),
            "calibrator": self.calibrator.to_json(),
            "chosen": self.chosen,
            "base_rate": self.base_rate,
            "season": list(self.season),
            "log": self.log,
        }
        (folder / "model.json").write_text(json.dumps(body, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        if self.trees is not None:
            (folder / "trees.txt").write_text(self.trees.booster_text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> ChurnModel:
        """DataError when the folder holds no model of this format."""
        body = read_json(folder / "model.json")
        intervals = Intervals(tuple(body["edges"]))
        trees = folder / "trees.txt"
        has_trees = body["tree_share"] > 0
        if has_trees and not trees.is_file():
            raise DataError(Fault(str(trees), "no such file", "the trees of the model", "log the model again"))
        return cls(
            name=body["name"],
            horizons_days=tuple(body["horizons_days"]),
            main_horizon_days=body["main_horizon_days"],
            intervals=intervals,
            encoder=Encoder.from_json(body["encoder"]),
            explained=Explained(tuple(body["explained"]["signals"]), tuple(body["explained"]["dimensions"])),
            linear=LinearHazard.from_json(body["linear"]),
            trees=TreeHazard.from_text(trees.read_text(encoding="utf-8"), intervals) if has_trees else None,
            tree_share=body["tree_share"],
            tree_means=np.array(body["tree_means"], float),
            calibrator=Calibrator.from_json(body["calibrator"]),
            chosen=body["chosen"],
            base_rate=body["base_rate"],
            season=tuple(body["season"]),
            log=body["log"],
        )


def read_json(path: Path) -> dict[str, Any]:
    """A model's JSON file; DataError when it is missing, no JSON, or of another format."""
    if not path.is_file():
        raise DataError(Fault(str(path), "no such file", "a saved model", "train and log a model first"))
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise DataError(Fault(str(path), str(error), "the JSON of a saved model", "log the model again")) from None
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        found = body.get("format") if isinstance(body, dict) else type(body).__name__
        raise DataError(Fault(str(path), f"format {found}", f"format {FORMAT}", "train again with this version"))
    return body
