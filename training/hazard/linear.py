"""The ridge logistic regression of the hazard: its design, what it predicts, contributes and may err by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.hazard.discrete_time import RENEWAL, Explained, Inputs
from training.hazard.encoding import Encoder
from training.serialization import JsonObject

AHEAD_UNIT_DAYS = 30.0
ARRAYS = ("weights", "renewal_weights", "interval_weights", "effect_decay", "row_means", "renewal_means", "draws")


@dataclass(frozen=True)
class Scaling:
    """Learned in training: asinh of the robustly scaled value, clipped to training's middle 99 %, then mean 0 and sd 1.

    A plain one is neither shaped nor clipped.
    """

    center: np.ndarray
    spread: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    sd: np.ndarray

    def apply(self, values: np.ndarray, index: int, plain: bool) -> np.ndarray:
        """One standardised column, NaN kept; (n,)."""
        column = np.ascontiguousarray(values[:, index])
        shaped = (column - self.center[index]) / self.spread[index]
        if not plain:
            # Contiguous on purpose: NumPy's vectorised and scalar arcsinh may differ in the last bit.
            shaped = np.arcsinh(shaped)
        return (np.clip(shaped, self.low[index], self.high[index]) - self.mean[index]) / self.sd[index]


def fit_scaling(values: np.ndarray, plain: bool) -> Scaling:
    """From the training snapshots (n, m). A column that is all missing or constant gets spread 1 and so stays at 0."""
    m = values.shape[1]
    parts = np.zeros((6, m))
    parts[1] = parts[5] = 1.0
    for index in range(m):
        known = values[np.isfinite(values[:, index]), index]
        if len(known) == 0:
            continue
        center = float(np.median(known))
        spread = float(np.quantile(known, 0.75) - np.quantile(known, 0.25)) / 1.349
        spread = spread or float(known.std()) or 1.0
        shaped = (known - center) / spread if plain else np.arcsinh((known - center) / spread)
        low, high = (shaped.min(), shaped.max()) if plain else np.quantile(shaped, [0.005, 0.995])
        clipped = np.clip(shaped, low, high)
        parts[:, index] = (center, spread, low, high, clipped.mean(), float(clipped.std()) or 1.0)
    if plain:
        parts[2], parts[3] = -np.inf, np.inf
    return Scaling(*parts)


@dataclass(frozen=True)
class Layout:
    """The columns of the design: what each is made of, and the contribution it counts towards.

    `flags`: numbers with a missing-flag; `levels`: (category, level) pairs; then the three renewal columns.
    """

    numbers: int
    flags: tuple[int, ...]
    levels: tuple[tuple[int, int], ...]

    @property
    def of_row(self) -> int:
        return self.numbers + len(self.flags) + len(self.levels)


@dataclass(frozen=True)
class LinearHazard:
    """The ridge logistic regression of the hazard, fitted.

    log-odds (n, K) = intercept + effect_decay * (row columns less their training means) . weights + renewal columns .
    renewal_weights + interval_weights.

    Attributes
    ----------
    layout, scaling : Layout, Scaling
        What the columns are, and how values become them.
    plain, use_renewal : bool
        Whether values are left unshaped; whether renewals enter.
    intercept : float
        Log-odds where all columns are at their means.
    weights, row_means : ndarray of float, shape (columns,)
        Of the columns of a snapshot.
    renewal_weights : ndarray of float, shape (3,)
        Of what is known in advance of renewals.
    interval_weights, effect_decay : ndarray of float, shape (K,)
        Shift of each interval; what is left of a snapshot's effects in it.
    renewal_means : ndarray of float, shape (3, K)
        From which renewals' contributions are counted.
    draws : ndarray of float, shape (draws, coefficients)
        Of the coefficients' sampling error.
    """

    layout: Layout
    scaling: Scaling
    plain: bool
    use_renewal: bool
    intercept: float
    weights: np.ndarray
    renewal_weights: np.ndarray
    interval_weights: np.ndarray
    effect_decay: np.ndarray
    row_means: np.ndarray
    renewal_means: np.ndarray
    draws: np.ndarray

    def row_columns(self, inputs: Inputs) -> list[np.ndarray]:
        """The design's columns of a snapshot, each (n,)."""
        layout = self.layout
        scaled = [self.scaling.apply(inputs.values, index, self.plain) for index in range(layout.numbers)]
        columns = [np.where(np.isnan(column), 0.0, column) for column in scaled]
        columns += [np.isnan(inputs.values[:, index]).astype(float) for index in layout.flags]
        columns += [(inputs.codes[:, category] == level).astype(float) for category, level in layout.levels]
        return columns

    def log_odds(self, inputs: Inputs) -> np.ndarray:
        """(n, K)."""
        row = np.zeros(len(inputs))
        for weight, mean, column in zip(self.weights, self.row_means, self.row_columns(inputs), strict=True):
            row = row + weight * (column - mean)
        out = row[:, None] * self.effect_decay[None, :] + (self.intercept + self.interval_weights)[None, :]
        if self.use_renewal:
            for weight, ahead in zip(self.renewal_weights, renewal_columns(inputs), strict=True):
                out = out + weight * ahead
        return out

    def contributions(self, inputs: Inputs, encoder: Encoder, explained: Explained) -> tuple[np.ndarray, np.ndarray]:
        """(base (K,), each signal's log-odds less its training mean (n, m, K)); they add up to log_odds.

        In memory the accounts lie innermost, as in the trees' contributions.
        """
        names = column_signals(self.layout, encoder)
        index_of = {name: index for index, name in enumerate(explained.signals)}
        out = np.zeros((len(explained.signals), len(self.interval_weights), len(inputs)))
        base = self.intercept + self.interval_weights
        for name, weight, mean, column in zip(
            names, self.weights, self.row_means, self.row_columns(inputs), strict=True
        ):
            out[index_of[name]] += self.effect_decay[:, None] * (weight * (column - mean))[None, :]
        if self.use_renewal:
            for weight, means, ahead in zip(
                self.renewal_weights, self.renewal_means, renewal_columns(inputs), strict=True
            ):
                out[index_of[RENEWAL]] += (weight * (ahead - means)).T
                base = base + weight * means
        return base, out.transpose(2, 0, 1)

    def spread(self, inputs: Inputs) -> np.ndarray:
        """Draws of the sampling error of log_odds; (DRAWS, n, K)."""
        rows = self.row_columns(inputs)
        count = len(self.interval_weights)
        row_part = np.zeros((len(self.draws), len(inputs)))
        for index, (mean, column) in enumerate(zip(self.row_means, rows, strict=True)):
            row_part = row_part + self.draws[:, 1 + index : 2 + index] * (column - mean)[None, :]
        at = 1 + len(rows)
        of_time = self.draws[:, 0:1] + self.draws[:, at + 3 : at + 3 + count]
        out = row_part[:, :, None] * self.effect_decay + of_time[:, None, :]
        if self.use_renewal:
            for index, ahead in enumerate(renewal_columns(inputs)):
                out = out + self.draws[:, at + index, None, None] * ahead[None, :, :]
        return out

    def to_json(self) -> JsonObject:
        scaling = {name: [_spelt(number) for number in value.tolist()] for name, value in vars(self.scaling).items()}
        return {
            "layout": {"numbers": self.layout.numbers, "flags": self.layout.flags, "levels": self.layout.levels},
            "scaling": scaling,
            "plain": self.plain,
            "use_renewal": self.use_renewal,
            "intercept": self.intercept,
            **{name: getattr(self, name).tolist() for name in ARRAYS},
        }

    @classmethod
    def from_json(cls, body: JsonObject) -> LinearHazard:
        layout = body["layout"]
        return cls(
            layout=Layout(layout["numbers"], tuple(layout["flags"]), tuple((a, b) for a, b in layout["levels"])),
            scaling=Scaling(
                **{name: np.array([float(number) for number in value]) for name, value in body["scaling"].items()}
            ),
            plain=body["plain"],
            use_renewal=body["use_renewal"],
            intercept=body["intercept"],
            **{name: np.array(body[name], float) for name in ARRAYS},
        )


def _spelt(number: float) -> float | str:
    """JSON has no infinity: it is written as text."""
    return number if np.isfinite(number) else str(number)


def column_signals(layout: Layout, encoder: Encoder) -> list[str]:
    """The signal that each row column belongs to."""
    names = list(encoder.numbers)
    names += [encoder.numbers[index] for index in layout.flags]
    return names + [encoder.categories[category].name for category, _ in layout.levels]


def renewal_columns(inputs: Inputs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A renewal falls in the interval, how far ahead it lies (asinh of months), no renewal known; each (n, K)."""
    unknown = np.isnan(inputs.ahead)
    ahead = np.arcsinh(np.ascontiguousarray(inputs.ahead) / AHEAD_UNIT_DAYS)
    return np.where(unknown, 0.0, inputs.falls), np.where(unknown, 0.0, ahead), unknown.astype(float)
