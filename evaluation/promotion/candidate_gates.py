"""The gates that judge the candidate itself, where the others judge a backtest of other fits like it.

Nothing has happened yet after the day on which a candidate is trained. So its newest scores are held against the newest
level that has matured; its own predictions since the last day that taught learners or calibrator are held against what
came of them, where there are any; else its learners with a calibrator of an earlier day, and its probabilities against
those of the backtest's newest fold.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluation.metrics import ece_debiased, share_interval
from evaluation.promotion.verdict import GateInputs, GateResult

YEAR = pd.Timedelta(days=365)


def newest_level(inputs: GateInputs) -> GateResult | None:
    """Refuses where the mean of the candidate's newest scores is far from the newest level of churn that has matured.

    That level is the share that left after the as_ofs of the last main horizon that has matured (of the last year,
    where too few left), with its 95 % interval over accounts; that of the same season a year before is as good, so that
    a company whose contracts end in one month is not refused for it. Far is beyond both by a factor of the odds.
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
    """On the candidate's own predictions since the last day that taught it.

    Where too few have matured, as is so for a candidate of today: its learners, calibrated on an earlier day by the
    same recipe, on what came after that day (where the calibration was renewed; the backtest is that for a candidate
    trained anew), and how far its probabilities have moved from those of the backtest's newest fold.
    """
    own, evaluation = inputs.measured.own, inputs.settings.evaluation
    if own is None:
        return None
    factor, needed = evaluation.newest_level_factor, evaluation.min_churned_accounts
    limit = f"at most {evaluation.ece_limit:g}, and the odds of the mean within {factor:g} times of what happened"
    if _churned(own) >= needed:
        whose = f"the candidate's own {len(own)} predictions that have matured since it had learnt"
        return _calibrated(inputs, own, whose, limit)
    earlier = inputs.measured.earlier
    if earlier is not None and earlier.moved is not None:
        beyond = min(abs(earlier.moved), abs(earlier.moved - earlier.level_shift))
        if np.exp(beyond) > factor:
            limit = f"the odds within {factor:g} times of those of the backtest's newest fold"
            message = (
                f"the log-odds of the candidate's mean lie {earlier.moved:+.2f} from those that the same recipe gave"
            )
            message += " the same accounts in the backtest's newest fold"
            return GateResult("own_calibration", False, float(np.exp(beyond)), limit, message)
    if earlier is not None and earlier.rows is not None:
        whose = f"the candidate's learners, calibrated by the same recipe on {earlier.cut:%Y-%m-%d}, on the"
        return _calibrated(inputs, earlier.rows, f"{whose} {len(earlier.rows)} rows that have matured since", limit)
    message = f"{_churned(own)} churned accounts among the {len(own)} rows that have matured since the candidate"
    message += f" had learnt, {needed} needed"
    if earlier is None or earlier.moved is None:
        return GateResult("own_calibration", True, None, limit, message, left_out=True)
    limit = f"the odds within {factor:g} times of those of the backtest's newest fold"
    message += f"; the log-odds of its mean lie {earlier.moved:+.2f} from those of the backtest's newest fold"
    return GateResult("own_calibration", True, float(np.exp(abs(earlier.moved))), limit, message)


def _calibrated(inputs: GateInputs, rows: pd.DataFrame, whose: str, limit: str) -> GateResult:
    """Refuses rows whose calibration error is too large, or whose mean is far from what happened; of few churned
    accounts the error is mostly chance, and the mean alone counts."""
    evaluation = inputs.settings.evaluation
    y, p = rows.y.to_numpy(), rows.p.to_numpy()
    error = ece_debiased(y, p, evaluation.calibration_bins)
    low, high = share_interval(y, rows.account_id.to_numpy(dtype=str))
    is_near = _times_off(float(p.mean()), low, high) <= evaluation.newest_level_factor
    is_chance = _churned(rows) < inputs.settings.training.min_churns
    message = f"calibration error of {whose}; mean prediction {p.mean():.4f}, happened {y.mean():.4f}"
    message += f" ({low:.4f} to {high:.4f})"
    return GateResult(
        "own_calibration", is_near and (is_chance or error <= evaluation.ece_limit), error, limit, message
    )
