"""A model's calibrator: a line for the hazard's log-odds, one for each lifecycle stage where there are many churns.

Every interval's log-odds z become z + a + c (z - m), with m the mean of z (Platt 1999, centred). Working on the hazard
keeps the horizons coherent: whatever a and c are, survival still falls from one interval to the next. Being a line, it
keeps the reasons of a prediction exact, and its slope is held above 0, so that it keeps the order within a stage.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

import numpy as np

from training.calibration.level_shift import LevelShift, RecordedShift
from training.serialization import JsonObject

MIN_SLOPE = 0.05
DRAWS = 32


@dataclass(frozen=True)
class Calibrator:
    """Moves log-odds z to z + a + c (z - center), with (a, c) = (intercept, slope) + the stage's own.

    Attributes
    ----------
    method : str
        How it was fitted: "none", or the name of one of METHODS (methods.py).
    center : float
        Mean log-odds of the rows that fitted it.
    intercept, slope : float
        a and c of all stages.
    stages : tuple of str
        With a part of their own.
    stage_intercepts, stage_slopes : ndarray of float, shape (stages,)
        Those parts.
    draws : ndarray of float, shape (DRAWS, 2 + 2 stages)
        Of the parameters' sampling error.
    log : JsonObject
        How it was chosen.
    level_shift : float
        What the level has moved by since these outcomes (level_shift.py).

    References
    ----------
    J. C. Platt (1999), "Probabilistic outputs for support vector machines".
    """

    method: str
    center: float
    intercept: float
    slope: float
    stages: tuple[str, ...]
    stage_intercepts: np.ndarray
    stage_slopes: np.ndarray
    draws: np.ndarray
    log: JsonObject

    @property
    def recorded_shift(self) -> RecordedShift | None:
        """What was found when a level shift was looked for; None where none was."""
        return RecordedShift(**self.log["level_shift"]) if "level_shift" in self.log else None

    level_shift: float = 0.0

    @property
    def version(self) -> str:
        """Twelve hex digits of what moves a probability: a renewed calibration has another one."""
        body = {key: value for key, value in self.to_json().items() if key != "log"}
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:12]

    def lines(self, stage: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(intercept, slope) of each row, so that calibrated = intercept + slope * z; slopes are above 0; each (n,).

        A stage not seen in fitting gets the pooled line.
        """
        number = self._stage_numbers(stage)
        a = self.intercept + np.append(self.stage_intercepts, 0.0)[number]
        c = self.slope + np.append(self.stage_slopes, 0.0)[number]
        slope = np.maximum(1.0 + c, MIN_SLOPE)
        return a - (slope - 1.0) * self.center + self.level_shift, slope

    def pooled_line(self) -> tuple[float, float]:
        """The line without any stage's own part: that of the base of an explanation."""
        slope = max(1.0 + self.slope, MIN_SLOPE)
        return self.intercept - (slope - 1.0) * self.center + self.level_shift, slope

    def with_level_shift(self, level_shift: LevelShift, seed: int) -> Calibrator:
        """The same, with the level moved by a shift, whose own sampling error joins the draws."""
        log = {**self.log, "level_shift": level_shift.to_json()}
        if not level_shift.shift:
            return replace(self, log=log)
        draws = self.draws.copy()
        draws[:, 0] += level_shift.error * np.random.default_rng(seed + 2).standard_normal(DRAWS)
        return replace(self, level_shift=level_shift.shift, draws=draws, log=log)

    def apply(self, log_odds: np.ndarray, stage: np.ndarray) -> np.ndarray:
        """Calibrated hazard log-odds; (n, K) or (n,) like `log_odds`. The order within a stage is kept."""
        intercept, slope = self.lines(stage)
        if log_odds.ndim == 1:
            return intercept + slope * log_odds
        return intercept[:, None] + slope[:, None] * log_odds

    def spread(self, log_odds: np.ndarray, stage: np.ndarray) -> np.ndarray:
        """Draws of the sampling error of `apply`; (DRAWS, n, K). Zero where nothing was fitted."""
        if not self.draws.any():
            return np.zeros((DRAWS, *log_odds.shape))
        number = self._stage_numbers(stage)
        s = len(self.stages)
        stage_intercepts = np.concatenate([self.draws[:, 2 : 2 + s], np.zeros((DRAWS, 1))], axis=1)[:, number]
        stage_slopes = np.concatenate([self.draws[:, 2 + s :], np.zeros((DRAWS, 1))], axis=1)[:, number]
        intercept, slope = self.draws[:, 0:1] + stage_intercepts, self.draws[:, 1:2] + stage_slopes
        return intercept[:, :, None] + slope[:, :, None] * (log_odds - self.center)[None, :, :]

    def _stage_numbers(self, stage: np.ndarray) -> np.ndarray:
        """Index of each row's stage in `stages`; their number for one not seen in fitting."""
        known = {name: number for number, name in enumerate(self.stages)}
        return np.array([known.get(str(name), len(self.stages)) for name in stage], dtype=np.int64)

    def to_json(self) -> JsonObject:
        """As a stored model keeps it; `from_json` reads it."""
        body = {name: getattr(self, name) for name in ("method", "center", "intercept", "slope", "level_shift", "log")}
        arrays = {name: getattr(self, name).tolist() for name in ("stage_intercepts", "stage_slopes", "draws")}
        return {**body, "stages": list(self.stages), **arrays}

    @classmethod
    def from_json(cls, body: JsonObject) -> Calibrator:
        """What `to_json` wrote."""
        arrays = {name: np.array(body[name], float) for name in ("stage_intercepts", "stage_slopes", "draws")}
        return cls(**{**body, **arrays, "stages": tuple(body["stages"])})


def identity(**log: object) -> Calibrator:
    """The calibrator that changes nothing.

    Returns
    -------
    Calibrator
        Of method "none"; the keywords become its log.
    """
    none = np.zeros(0)
    return Calibrator("none", 0.0, 0.0, 0.0, (), none, none, np.zeros((DRAWS, 2)), log)
