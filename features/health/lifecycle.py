"""The lifecycle stage of each snapshot, worked out afresh at each as_of, and the criterion that decided it.

The walk begins at the first stage and goes through those after it in their order. The next stage is entered from the
one before it when enough of its criteria are met among those that the account's data can answer (`share`), by tenure
where none can be answered. A stage is skipped to, over one that was not entered, only on full evidence: every criterion
of it answered and met. Nothing is remembered, so an account falls back as soon as what held no longer does. Renewal
takes precedence over all of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from configs.framework import MILESTONE, Criterion, Framework

RENEWAL = "renewal"
DIGITS = 3  # of a value in the text of a criterion
ROUNDING = 1e-9  # so that a share of 2/3 of three criteria asks for two


def lifecycle_stages(frame: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    """The lifecycle stage of each row, and the criterion that decided it.

    Parameters
    ----------
    frame : DataFrame
        tenure_days and, where the data have them, the signals that `framework.criteria` names, and days_to_renewal:
        float64, NaN where missing; (n,) rows.
    framework : Framework
        Stages in their order, and their criteria.

    Returns
    -------
    DataFrame, (n,) rows
        lifecycle_stage and stage_criterion, text, never missing, with the frame's index. stage_criterion has what
        decided, e.g. "2 of 2: features in use 4 >= 3; team trained yes"; of an account in the first stage, why it
        is not further.
    """
    first, *later = (stage for stage in framework.stages if stage.name != RENEWAL)
    rows = len(frame)
    stage_number = np.zeros(rows, dtype="int64")  # of the stage in [first, *later]
    reason = np.full(rows, "the first stage", dtype=object)
    tenure = frame.tenure_days.to_numpy(dtype="float64")
    for number, stage in enumerate(later, 1):
        evidence = _evidence(frame, framework.criteria.entry.get(stage.name, ()), framework.criteria.share)
        by_tenure = ~evidence.answered & (stage.from_tenure_days is not None)
        before = stage_number == number - 1
        long_enough = by_tenure & (tenure >= (stage.from_tenure_days or 0))
        entered = (before & (evidence.met | long_enough)) | evidence.full
        # What keeps an account in the first stage is what decides for it: there is no criterion for being new.
        decided = entered | (before & (number == 1) & (evidence.answered | by_tenure))
        stage_number[entered] = number
        answered = np.flatnonzero(decided & evidence.answered)
        reason[answered] = evidence.sentences(answered)
        reason[decided & by_tenure & entered] = f"tenure of {stage.from_tenure_days} days and more"
        reason[decided & by_tenure & ~entered] = f"tenure under {stage.from_tenure_days} days"
    names = np.array([stage.name for stage in (first, *later)], dtype=object)[stage_number]
    if RENEWAL in {stage.name for stage in framework.stages} and "days_to_renewal" in frame:
        criteria = framework.criteria
        near = frame.days_to_renewal.between(criteria.renewal_to_days, criteria.renewal_from_days).to_numpy()
        names[near] = RENEWAL
        reason[near] = f"{criteria.renewal_from_days}-{criteria.renewal_to_days} days before the contract's end"
    columns = {"lifecycle_stage": names, "stage_criterion": reason}
    return pd.DataFrame({name: pd.Series(values, frame.index, dtype="str") for name, values in columns.items()})


@dataclass(frozen=True)
class _Evidence:
    """Which criteria of one stage each row meets; the arrays are (rows,), those in lists one a criterion."""

    criteria: tuple[Criterion, ...]
    values: list[np.ndarray]
    known: list[np.ndarray]
    holds: list[np.ndarray]
    count: np.ndarray  # criteria that can be answered
    held: np.ndarray
    needed: np.ndarray

    @property
    def answered(self) -> np.ndarray:
        """Whether any criterion can be answered."""
        return self.count > 0

    @property
    def met(self) -> np.ndarray:
        """Whether enough of them hold."""
        return self.answered & (self.held >= self.needed)

    @property
    def full(self) -> np.ndarray:
        """Whether all of them hold."""
        return self.answered & (self.held == len(self.criteria))

    def sentences(self, rows: np.ndarray) -> np.ndarray:
        """A sentence for each of the rows (positions), made once for each distinct set of rounded values."""
        counts = np.stack([self.count[rows], self.held[rows], self.needed[rows]])
        code = np.zeros(len(rows), dtype="int64")
        parts: list[tuple[list[str], np.ndarray]] = []
        for criterion, values, known in zip(self.criteria, self.values, self.known, strict=True):
            index, shown = pd.factorize(np.where(known[rows], _rounded(values[rows], criterion.threshold), np.nan))
            parts.append(([*(_clause(criterion, float(value)) for value in shown), ""], index))  # -1: not answered
            code = pd.factorize(code * (len(shown) + 1) + index + 1)[0]
        code, _ = pd.factorize(code)
        first = np.full(code.max(initial=-1) + 1, -1)
        first[code[::-1]] = np.arange(len(rows))[::-1]
        made = np.empty(len(first), dtype=object)
        for number, row in enumerate(first.tolist()):
            count, held, needed = counts[:, row].tolist()
            asked = f" ({needed} needed)" if needed < count else ""
            clauses = [texts[index[row]] for texts, index in parts if index[row] >= 0]
            made[number] = f"{held} of {count}{asked}: {'; '.join(clauses)}"
        return made[code]


def _evidence(frame: pd.DataFrame, criteria: tuple[Criterion, ...], share: float) -> _Evidence:
    values, known, holds = [], [], []
    for criterion in criteria:
        signal = criterion.signal
        value = frame[signal].to_numpy("float64") if signal in frame else np.full(len(frame), np.nan)
        met = value >= criterion.threshold if criterion.when == "at_least" else value <= criterion.threshold
        values.append(value)
        holds.append(met)
        known.append(met if criterion.unmet == "unknown" else ~np.isnan(value))
    count = np.sum([np.zeros(len(frame), dtype=bool), *known], axis=0, dtype="int64")
    held = np.sum([np.zeros(len(frame), dtype=bool), *holds], axis=0, dtype="int64")
    needed = np.maximum(np.ceil(share * count - ROUNDING), 1).astype("int64")
    return _Evidence(criteria, values, known, holds, count, held, needed)


def _rounded(values: np.ndarray, threshold: float) -> np.ndarray:
    """To DIGITS significant digits, except where that would move a value across the threshold."""
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = np.floor(np.log10(np.abs(values)))
    scale = 10.0 ** (DIGITS - 1 - np.where(np.isfinite(exponent), exponent, 0))
    short = np.round(values * scale) / scale
    crossed = ((short >= threshold) != (values >= threshold)) | ((short <= threshold) != (values <= threshold))
    return np.where(crossed, values, short)


def _clause(criterion: Criterion, value: float) -> str:
    met = value >= criterion.threshold if criterion.when == "at_least" else value <= criterion.threshold
    if criterion.signal.startswith(MILESTONE):
        return f"{criterion.label} {'yes' if met else 'no'}"
    sign = {("at_least", True): ">=", ("at_least", False): "<", ("at_most", True): "<=", ("at_most", False): ">"}
    return f"{criterion.label} {value:.12g} {sign[criterion.when, met]} {criterion.threshold:g}"


def stage_months(stage_now: pd.Series, stage_1mo_ago: pd.Series, stage_3mo_ago: pd.Series) -> pd.Series:
    """Full months that the stage has lasted, as far as looked back.

    A stage left and taken up again between the looks counts as kept.

    Parameters
    ----------
    stage_now, stage_1mo_ago, stage_3mo_ago : Series
        Text, missing where the account did not exist; the same index.

    Returns
    -------
    Series
        0.0, 1.0 or 3.0 (three and more); NaN where the account did not exist a month ago.

    Examples
    --------
    >>> stages = [pd.Series(values) for values in (["a", "a", "a", "a"], ["a", "a", "b", None], ["a", "b", "a", None])]
    >>> stage_months(*stages).tolist()
    [3.0, 1.0, 0.0, nan]
    """
    a_month = (stage_now == stage_1mo_ago).fillna(False).to_numpy(dtype=bool)
    three = a_month & (stage_now == stage_3mo_ago).fillna(False).to_numpy(dtype=bool)
    months = np.where(three, 3.0, np.where(a_month, 1.0, 0.0))
    return pd.Series(np.where(stage_1mo_ago.isna(), np.nan, months), index=stage_now.index)


def weighted_coverage(frame: pd.DataFrame, framework: Framework) -> pd.Series:
    """How much of the health score rests on data.

    Parameters
    ----------
    frame : DataFrame
        lifecycle_stage and coverage_<dimension>, (n,) rows.
    framework : Framework
        Weights by stage.

    Returns
    -------
    Series, (n,)
        Coverage by dimension weighted by the stage, 0-1.
    """
    total = np.zeros(len(frame))
    for stage in framework.stages:
        rows = (frame.lifecycle_stage == stage.name).to_numpy()
        for dimension, weight in stage.weights.as_dict().items():
            total[rows] += frame[f"coverage_{dimension}"].to_numpy()[rows] * weight / 100
    return pd.Series(np.round(total, 10), index=frame.index)
