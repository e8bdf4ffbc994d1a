"""Playbooks as they were used, beside comparable accounts, counted by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from evaluation.outcomes import playbook_use

day = pd.Timestamp


def frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Twelve high accounts are called ten days after their scoring, three of them leave; of eight that nobody called
    four leave. Two low ones that stayed are nobody's comparison."""
    called = [(f"c{n}", day("2025-01-01"), "high", float(n < 3)) for n in range(12)]
    alone = [(f"u{n}", day("2025-01-01"), "high", float(n < 4)) for n in range(8)]
    low = [(f"l{n}", day("2025-01-01"), "low", 0.0) for n in range(2)]
    rows = pd.DataFrame([*called, *alone, *low], columns=["account_id", "as_of", "risk_level", "y"])
    calls = [(account, day("2025-01-11"), "discovery_call", None) for account, *_ in called]
    held = [("u0", day("2025-01-05"), "discovery_call", "holdout")]
    late = [("u1", day("2025-06-01"), "success_plan", None)]
    interventions = pd.DataFrame([*calls, *held, *late], columns=["account_id", "started_at", "kind", "arm"])
    return rows, interventions


def test_what_followed_stands_beside_accounts_of_the_same_day_and_level() -> None:
    first, second = playbook_use(*frames())
    assert (first.kind, first.used, first.accounts, first.judged) == ("discovery_call", 12, 12, 12)
    assert first.left is not None
    assert first.left.value == pytest.approx(3 / 12)
    assert first.left.low < 0.25 < first.left.high
    assert first.comparable == pytest.approx(4 / 8)  # the one that was held out counts as left alone
    assert (second.kind, second.used, second.judged, second.left) == ("success_plan", 1, 0, None)  # months after


def test_a_few_approaches_have_no_share() -> None:
    rows, interventions = frames()
    few = interventions[~interventions["account_id"].isin([f"c{n}" for n in range(9, 12)])]
    found = playbook_use(rows, few)[0]
    assert (found.used, found.judged, found.left, found.comparable) == (9, 9, None, None)
