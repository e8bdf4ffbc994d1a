"""The coded checks: what is known to make churn figures wrong, looked for in every backtest.

    fail    the figures cannot be trusted; the run is refused
    warn    they can be read, with what is said in mind
    note    worth knowing; nothing is wrong

Each code has a section in docs/checks.md: how it is detected, why it matters, how to reduce the risk.

One more check: a function in check_time, check_rows or check_scores, an entry in CHECKS, a section in docs/checks.md
and a planted fault in its test.
"""

from __future__ import annotations

import pandas as pd

from evaluation.validity import check_rows, check_scores, check_time
from evaluation.validity.evidence import Check, Detection, Evidence, Finding, evidence_of, require

__all__ = ["CHECKS", "Evidence", "Finding", "check_champion", "evidence_of", "failing", "run_checks"]

CHECKS: tuple[Check, ...] = (
    Check("FW101", "Overlap in time", "fail", check_time.overlap),
    Check("FW102", "Judged on rows that taught it", "fail", check_time.taught_on_judged),
    Check("FW103", "An observation date that depends on the label", "fail", check_time.date_depends_on_label),
    Check("FW104", "A signal that alone separates", "fail", check_time.signal_separates),
    Check("FW105", "Immature labels counted", "fail", check_time.immature),
    Check("FW106", "A history of survivors", "warn", check_time.survivors_only),
    Check("FW201", "Rows that stand twice", "fail", check_rows.doubled),
    Check("FW202", "One account under several ids", "warn", check_rows.spelt_twice),
    Check("FW203", "The same accounts in training and test", "note", check_rows.in_both),
    Check("FW204", "Too few churns", "warn", check_rows.few_churns),
    Check("FW205", "Folds of one class", "warn", check_rows.one_class),
    Check("FW301", "Too good to be true", "fail", check_scores.too_good),
    Check("FW302", "Worse than the base rate", "fail", check_scores.worse_than_base_rate),
    Check("FW303", "Calibration drifts", "warn", check_scores.level_drifts),
    Check("FW304", "Predictions that are no probabilities", "fail", check_scores.no_probability),
    Check("FW305", "Probabilities that fall with the horizon", "fail", check_scores.falls_with_horizon),
    Check("FW306", "What a random split would promise", "note", check_scores.random_split),
)


def run_checks(evidence: Evidence) -> tuple[Finding, ...]:
    """Looks for everything that is known to make churn figures wrong.

    Parameters
    ----------
    evidence : Evidence
        What a backtest left.

    Returns
    -------
    tuple of Finding
        In the order of CHECKS.

    Raises
    ------
    DataError
        When the evidence lacks a column that the checks read.
    """
    require(evidence)
    detections = ((check, check.look(evidence)) for check in CHECKS)
    return tuple(_finding(check, detection) for check, detection in detections if detection is not None)


def _finding(check: Check, detection: Detection) -> Finding:
    return Finding(check.code, check.title, check.severity, float(detection.figure), detection.message)


def check_champion(rows: pd.DataFrame) -> tuple[Finding, ...]:
    """Checks whether a champion had learnt from the rows on which a candidate is judged beside it (FW102).

    Parameters
    ----------
    rows : pd.DataFrame
        The champion's: account_id, as_of, cut (NaT: not recorded).

    Returns
    -------
    tuple of Finding
        Empty when it had not.
    """
    own_training_rows = next(check for check in CHECKS if check.look is check_time.taught_on_judged)
    detection = check_time.learnt_from(rows)
    return () if detection is None else (_finding(own_training_rows, detection),)


def failing(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings for which a run is refused.

    Parameters
    ----------
    findings : tuple of Finding
        Of any severity.

    Returns
    -------
    tuple of Finding
        Those of severity "fail".
    """
    return tuple(finding for finding in findings if finding.severity == "fail")
