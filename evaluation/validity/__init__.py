"""Coded checks of a backtest and of a ledger: what would make their figures untrue."""

from evaluation.validity.checks import Finding, check_champion, evidence_of, failing, run_checks

__all__ = ["Finding", "check_champion", "evidence_of", "failing", "run_checks"]
