"""The gates that judge the candidate itself, where the others judge a backtest of other fits like it.

Nothing has happened yet after the day on which a candidate is trained. So its newest scores are held against the newest
level that has matured; and where an older version is promoted, its own predictions since the last day that taught
learners or calibrator are held against what came of them.
"""

from __future__ import annotations

import pandas as pd

from evaluation.metrics import ece_debiased, share_interval
from evaluation.promotion.verdict import GateInputs, GateResult

YEAR = pd.Timedelta(days=365)


def newest_level(inputs: GateInputs) -> GateResult | None:
    """Refuses where the mean of the candidate's newest scores is far from the newest level of churn that has matured.

    That level is the share that left after the as_ofs of the last main horizon that has matured (of the last year,
    where too few left), with its 95 % interval over accounts; that of the same season a year before is as good, so that
    a company whose contracts end in one month is not refused for it. Far is beyond either by a factor of the odds.
    """
    newest, evaluation = inputs.measured.newest, inputs.settings.evaluation
    if newest is None:
        return None
    factor, needed = evaluation.newest_level_factor, evaluation.min_churned_accounts
    limit = f"the odds within {factor:g} times of the newest level that has matured, or of that a year before"
    levels = _levels(inputs.rows, newest.as_of.max(), inputs.settings.main_horizon_days, needed)
    if newest.empty or not levels:
        message = f"no {needed} churned accounts among the matured rows: nothing to compare with"
        return GateResult("newest_level", True, None, limit, message, left_out=True)
    predicted = float(newest.p.mean())
    off = min(_times_off(predicted, low, high) for _, _, low, high in levels)
    seen = " and ".join(f"{share:.3f} {when} ({low:.3f} to {high:.3f})" for when, share, low, high in levels)
    message = f"the candidate's {len(newest)} newest scores are {predicted:.3f} on average; {seen} happened"
    return GateResult("newest_level", off <= factor, off, limit, message)


def _levels(
    rows: pd.DataFrame, newest: pd.Timestamp, horizon_days: int, needed: int
) -> list[tuple[str, float, float, float]]:
    """What share left, with its interval, in the newest matured time and in that of `newest` a year before."""
    horizon, last = pd.Timedelta(days=horizon_days), rows.as_of.max()
    if rows.empty:
        return []
    own = _enough(rows[rows.as_of > last - horizon], needed)
    if own is None:
        own = _enough(rows[rows.as_of > last - YEAR], needed)
    near = (rows.as_of - (newest - YEAR)).abs() <= horizon / 2
    before = _enough(rows[near], needed)
    parts = {f"after the days up to {last:%Y-%m-%d}": own, "around this day a year before": before}
    return [
        (when, float(part.y.mean()), *share_interval(part.y.to_numpy(), part.account_id.to_numpy(dtype=str)))
        for when, part in parts.items()
        if part is not None
    ]


def _enough(rows: pd.DataFrame, needed: int) -> pd.DataFrame | None:
    return rows if _churned(rows) >= needed else None


def _churned(rows: pd.DataFrame) -> int:
    return int(rows.loc[rows.y == 1, "account_id"].nunique())


def _times_off(predicted: float, low: float, high: float) -> float:
    """By how many times the odds of a probability lie beyond an interval, 1 within it.

    >>> _times_off(0.5, 0.2, 0.3333333333333333), _times_off(0.25, 0.2, 0.3)
    (2.0, 1.0)
    """
    odds, least, most = (p / max(1 - p, 1e-9) for p in (predicted, low, high))
    return round(max(odds / max(most, 1e-9), least / max(odds, 1e-9), 1.0), 9)


def own_calibration(inputs: GateInputs) -> GateResult | None:
    """On the candidate's own predictions since the last day that taught it; left out while too few have matured."""
    own, evaluation = inputs.measured.own, inputs.settings.evaluation
    if own is None:
        return None
    factor, needed = evaluation.newest_level_factor, evaluation.min_churned_accounts
    limit = f"at most {evaluation.ece_limit:g}, and the odds of the mean within {factor:g} times of what happened"
    if _churned(own) < needed:
        message = f"{_churned(own)} churned accounts among the {len(own)} rows that have matured since the candidate"
        message += f" had learnt, {needed} needed"
        return GateResult("own_calibration", True, None, limit, message, left_out=True)
    y, p = own.y.to_numpy(), own.p.to_numpy()
    error = ece_debiased(y, p, evaluation.calibration_bins)
    low, high = share_interval(y, own.account_id.to_numpy(dtype=str))
    passed = error <= evaluation.ece_limit and _times_off(float(p.mean()), low, high) <= factor
    message = f"calibration error of the candidate's own {len(own)} predictions that have matured since it had learnt;"
    message += f" mean prediction {p.mean():.4f}, happened {y.mean():.4f} ({low:.4f} to {high:.4f})"
    return GateResult("own_calibration", passed, error, limit, message)
