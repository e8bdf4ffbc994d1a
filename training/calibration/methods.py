"""Which calibrator a model gets: the method that its churns can carry, if it proves itself on the newest origin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from training.calibration.calibrator import Calibrator, identity
from training.calibration.platt import OutOfTime, fit_shrunken_platt, fit_stage_platt
from training.hazard import log_loss_rows
from training.serialization import JsonObject

GATE_Z = 1.0
MIN_SPAN_DAYS = 270  # of the origins: over less of a year a season would be taken for an error of the level
LEFT = ": probabilities left uncalibrated"


@dataclass(frozen=True)
class Method:
    """A way to fit a calibrator, and what it takes.

    Attributes
    ----------
    name : str
        As a model's `calibrator.method` and its log name it.
    min_churned_accounts : int
        Out of time, from which it is fitted.
    fit : callable
        Of the rows and a seed; refuses rows of one class with a DataError.
    """

    name: str
    min_churned_accounts: int
    fit: Callable[[OutOfTime, int], Calibrator]


# In rising order of churned accounts, as measured in docs/methods.md; with fewer than the first asks for, none.
METHODS: tuple[Method, ...] = (
    Method("shrunken_platt", 50, fit_shrunken_platt),
    Method("stage_platt", 200, fit_stage_platt),
)


def method_for(churned_accounts: int) -> Method | None:
    """The last of METHODS that so many churned accounts among the out-of-time rows can carry; None with too few.

    >>> [method.name if (method := method_for(n)) else None for n in (49, 50, 200)]
    [None, 'shrunken_platt', 'stage_platt']
    """
    fitting = [method for method in METHODS if churned_accounts >= method.min_churned_accounts]
    return fitting[-1] if fitting else None


def clustered_z(gain: np.ndarray, account: np.ndarray) -> float:
    """Mean gain over its account-clustered standard error; 0 when nothing varies.

    Parameters
    ----------
    gain : ndarray of float, shape (m,)
        Of each row.
    account : ndarray, shape (m,)
        By which rows hang together.

    Returns
    -------
    float
        Above 0 for a gain.

    References
    ----------
    K.-Y. Liang, S. L. Zeger (1986), "Longitudinal data analysis using generalized linear models".

    Examples
    --------
    >>> round(clustered_z(np.array([1.0, 1.0, 3.0]), np.array(["a", "a", "b"])), 3)
    2.652
    """
    _, of_account = np.unique(account, return_inverse=True)
    sums = np.bincount(of_account, weights=gain)
    sizes = np.bincount(of_account).astype(float)
    residual = sums - gain.mean() * sizes
    error = float(np.sqrt((residual**2).sum()))
    return float(gain.sum()) / error if error > 0 else 0.0


def choose_calibrator(rows: OutOfTime, seed: int) -> Calibrator:
    """The gate: adopted only if, fitted on the older origins, it betters the newest origin's log loss by z >= GATE_Z.

    Adopted or not, `log` names what was found. An adopted one is refitted on all the rows.

    Parameters
    ----------
    rows : OutOfTime
        Of several origins.
    seed : int
        Of the draws.

    Returns
    -------
    Calibrator
        Refitted on all rows where it passed the gate, else the identity; its log has the reason.
    """
    accounts = rows.churned_accounts
    method = method_for(accounts)
    log: JsonObject = {
        "rows": len(rows),
        "churned_accounts": accounts,
        "candidate": "none" if method is None else method.name,
        "origins": len(np.unique(rows.origin)),
    }
    if method is None:
        least = METHODS[0].min_churned_accounts
        return identity(**log, why=f"fewer than {least} churned accounts out of time{LEFT}")
    span_days = float(rows.origin.max() - rows.origin.min())
    log["span_days"] = span_days
    if span_days < MIN_SPAN_DAYS:
        return identity(**log, why=f"origins span {span_days:.0f} days, under {MIN_SPAN_DAYS}{LEFT}")
    newest = rows.origin == rows.origin.max()
    older, newer = rows.take(~newest), rows.take(newest)
    if len(older) == 0 or older.churned.sum() in (0, len(older)) or newer.churned.sum() == 0:
        return identity(**log, why=f"too few out-of-time origins to test a calibrator{LEFT}")
    trial = method.fit(older, seed)
    after = log_loss_rows(trial.apply(newer.log_odds, newer.stage), newer.churned)
    gain = log_loss_rows(newer.log_odds, newer.churned) - after
    z = clustered_z(gain, newer.account)
    log |= {"gate_z": z, "gate_gain": float(gain.mean())}
    if z < GATE_Z:
        return identity(**log, why=f"no better on the newest origin (z {z:.2f}){LEFT}")
    return replace(method.fit(rows, seed), log={**log, "why": f"better on the newest origin (z {z:.2f})"})
