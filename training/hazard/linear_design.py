"""The columns of hazard rows for the linear fit, and their sums by snapshot.

Rows of one snapshot share its columns: whatever is summed over rows is summed within snapshots first, and the large
products run over snapshots, of which there are a few times fewer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CHUNK = 65_536
AHEAD = 3  # columns of what is known in advance about an interval (training.hazard.linear)


@dataclass(frozen=True)
class Design:
    """n hazard rows of m snapshots, of which K intervals follow.

    `own`: (m, width) columns of the snapshots, less their mean over rows. `ahead`: (n, AHEAD) columns of the row's
    interval. `snapshot`, `interval`: (n,) which of the m snapshots and which interval a row is of. `effect_decay`: (K,)
    what is left of `own` in each interval. `offset`: (n,) log-odds that the columns come beside. Coefficients are in
    this order: the intercept, width of `own`, AHEAD, K intervals.
    """

    own: np.ndarray
    ahead: np.ndarray
    snapshot: np.ndarray
    interval: np.ndarray
    effect_decay: np.ndarray
    offset: np.ndarray

    @property
    def head(self) -> int:
        """The first coefficient after those of the snapshots' columns."""
        return 1 + self.own.shape[1]

    @property
    def middle(self) -> int:
        """The first of the intervals' coefficients."""
        return self.head + AHEAD

    @property
    def size(self) -> int:
        return self.middle + len(self.effect_decay)

    def undecayed(self, beta: np.ndarray) -> np.ndarray:
        """(n,) what the snapshots' columns add to the log-odds where nothing of it has decayed."""
        return np.asarray((self.own @ beta[1 : self.head])[self.snapshot])

    def log_odds(self, beta: np.ndarray) -> np.ndarray:
        """(n,) of the hazard in each row."""
        row = self.undecayed(beta) * self.effect_decay[self.interval]
        return np.asarray(
            self.offset
            + beta[0]
            + row
            + self.ahead @ beta[self.head : self.middle]
            + beta[self.middle :][self.interval]
        )

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums by snapshot of all columns times `values` (n,); (m, size)."""
        decayed = self._by_snapshot(values * self.effect_decay[self.interval])
        return np.concatenate(
            [self._by_snapshot(values)[:, None], self.own * decayed[:, None], self._timing(values)], axis=1
        )

    def curvature(self, w: np.ndarray) -> np.ndarray:
        """X' diag(w) X for w (n,); (size, size)."""
        head, middle, interval = self.head, self.middle, self.interval
        out = np.zeros((self.size, self.size))
        decayed_weight, twice_decayed_weight = w * self.effect_decay[interval], w * self.effect_decay[interval] ** 2
        of_time = self._timing(decayed_weight)
        weight, cross_weight = self._by_snapshot(twice_decayed_weight), self._by_snapshot(decayed_weight)
        for at in range(0, len(self.own), CHUNK):
            part = slice(at, at + CHUNK)
            own = self.own[part]
            out[1:head, 1:head] += own.T @ (own * weight[part, None])
            out[1:head, head:] += own.T @ of_time[part]
            out[0, 1:head] += cross_weight[part] @ own
        out[0, 0] = w.sum()
        out[0, head:] = self._timing(w).sum(axis=0)
        out[1:head, 0] = out[0, 1:head]
        out[head:, :head] = out[:head, head:].T
        weighted = self.ahead * w[:, None]
        out[head:middle, head:middle] = self.ahead.T @ weighted
        for number in range(AHEAD):
            cross = np.bincount(interval, weights=weighted[:, number], minlength=len(self.effect_decay))
            out[head + number, middle:] = out[middle:, head + number] = cross
        out[middle:, middle:] = np.diag(np.bincount(interval, weights=w, minlength=len(self.effect_decay)))
        return out

    def means_ahead(self) -> np.ndarray:
        """(AHEAD, K) the mean of `ahead` in each interval; 0 in one without rows."""
        out = np.zeros((AHEAD, len(self.effect_decay)))
        for number in range(len(self.effect_decay)):
            in_it = self.interval == number
            if in_it.any():
                out[:, number] = self.ahead[in_it].mean(axis=0)
        return out

    def _by_snapshot(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self.snapshot, weights=values, minlength=len(self.own))

    def _timing(self, values: np.ndarray) -> np.ndarray:
        """Sums by snapshot of the columns after `own`; (m, AHEAD + K)."""
        out = np.zeros((len(self.own), AHEAD + len(self.effect_decay)))
        for number in range(AHEAD):
            out[:, number] = self._by_snapshot(self.ahead[:, number] * values)
        out[self.snapshot, AHEAD + self.interval] = values
        return out
