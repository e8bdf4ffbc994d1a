"""How the members' log-odds become one: their weighted mean, stretched to the spread that it has lost.

A mean of several calibrated predictions is too timid: where they differ, each knows something that the others don't,
and the mean has a part of each only (Ranjan and Gneiting 2010). With members of slope 1, Cov(truth, z_m) = Var(z_m), so
that the slope of the truth on the mean z = sum w_m z_m is

    stretch = sum w_m Var(z_m) / Var(z)  >= 1,

which no outcome is needed for. The level is moved so that the mean hazard stays the mean of the members'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import reduce

import numpy as np
from scipy.special import expit

from training.serialization import JsonObject

FAR = 40.0  # log-odds of a hazard that is 0 or 1 in floats
LEARNERS = ("blend_rules", "blend", "trees", "logistic", "rules", "base_rate")


@dataclass(frozen=True)
class Blend:
    """What members make of one prediction: intercept + the sum of share times log-odds.

    Attributes
    ----------
    trees, linear, rules : float
        Share of each member; 0 for one that takes no part.
    intercept : float
        By which the log-odds are moved.
    """

    trees: float
    linear: float
    rules: float
    intercept: float = 0.0

    @property
    def reads_signals(self) -> bool:
        """Whether a member has a share that reads the encoded signals."""
        return self.trees > 0 or self.linear > 0

    @property
    def stretch(self) -> float:
        """By how much an error that all members share is carried on."""
        return self.trees + self.linear + self.rules

    def of(self, trees: np.ndarray | None, linear: np.ndarray | None, rules: np.ndarray | None) -> np.ndarray:
        """The blended log-odds, of the members' shape; a member without a share may be None. Members are added in one
        order, whatever rows there are."""
        parts = ((self.trees, trees), (self.linear, linear), (self.rules, rules))
        return reduce(np.add, [share * z for share, z in parts if share and z is not None]) + self.intercept

    def to_json(self) -> JsonObject:
        return asdict(self)


ALONE: dict[str, Blend] = {
    "trees": Blend(1.0, 0.0, 0.0),
    "logistic": Blend(0.0, 1.0, 0.0),
    "rules": Blend(0.0, 0.0, 1.0),
    "base_rate": Blend(0.0, 1.0, 0.0),
}


def blends(trees: np.ndarray, linear: np.ndarray, rules: np.ndarray | None) -> dict[str, Blend]:
    """The blend of each learner, from its members' log-odds.

    Parameters
    ----------
    trees, linear : ndarray of float, shape (m,)
        Log-odds of the members on the same training rows.
    rules : ndarray of float, shape (m,), optional
        Likewise; without, there is no "blend_rules".

    Returns
    -------
    dict of str to Blend
        By learner.

    References
    ----------
    R. Ranjan, T. Gneiting (2010), "Combining probability forecasts".
    """
    learners = ALONE | {"blend": _stretched((trees, linear))}
    return learners if rules is None else learners | {"blend_rules": _stretched((trees, linear, rules))}


def _stretched(members: Sequence[np.ndarray]) -> Blend:
    """Equal shares of the members, stretched."""
    from scipy.optimize import brentq  # half a second to import, which predicting can do without

    mean = sum(members) / len(members)
    spread = float(np.var(mean))
    stretch = float(np.mean([np.var(log_odds) for log_odds in members])) / spread if spread > 0 else 1.0
    mean_hazard = float(np.mean([expit(log_odds).mean() for log_odds in members]))
    blended = stretch * mean
    reach = float(np.abs(blended).max()) + FAR  # there, every hazard is 0 or 1
    intercept = float(brentq(lambda shift: expit(blended + shift).mean() - mean_hazard, -reach, reach))
    share = stretch / len(members)
    return Blend(share, share, share if len(members) > 2 else 0.0, intercept)
