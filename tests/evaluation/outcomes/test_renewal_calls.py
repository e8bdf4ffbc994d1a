"""Who was right about renewals, counted by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from evaluation.outcomes import renewal_calls

day = pd.Timestamp
UNTIL = day("2025-12-31")
# account, scored, days to the renewal, level, override, left
ROWS = (
    ("a", "2025-01-01", 90, "high", None, "2025-04-02"),  # called, and left two days after its renewal
    ("b", "2025-01-01", 95, "high", None, None),  # called, and stayed
    ("c", "2025-01-01", 80, "low", "high", "2025-03-20"),  # only the CSM saw it
    ("d", "2025-01-01", 100, "high", "low", None),  # the CSM knew better
    ("e", "2025-01-01", 90, "low", None, "2025-08-01"),  # renewed, and left much later
    ("a", "2024-12-20", 102, "low", None, "2025-04-02"),  # farther from 90 days than the first: not looked at
    ("f", "2025-01-01", 60, "high", None, None),  # near to none of the days
    ("g", "2025-12-01", 90, "high", None, None),  # its renewal is to come
    ("h", "2025-01-01", None, "high", None, None),  # no contract that ends
)


def rows() -> pd.DataFrame:
    frame = pd.DataFrame(ROWS, columns=["account_id", "as_of", "days_to_renewal", "risk_level", "override_level", "at"])
    frame["as_of"], frame["churn_at"] = pd.to_datetime(frame["as_of"]), pd.to_datetime(frame["at"])
    return frame.astype({"days_to_renewal": float})


def test_each_call_is_counted_by_hand() -> None:
    by_days = {one.days_before: one for one in renewal_calls(rows(), "high", UNTIL)}
    at = by_days[90]
    assert (at.renewals, at.left) == (5, 2)
    assert (at.automated.right, at.automated.seen) == (2, 1)  # a and e; of a and c it saw a
    assert (at.csm.calls, at.csm.right, at.csm.seen) == (2, 2, 1)
    assert (at.automated_beside_csm.calls, at.automated_beside_csm.right) == (2, 0)
    assert (at.final.right, at.final.seen) == (4, 2)
    assert at.final.share is not None
    assert at.final.share.value == pytest.approx(0.8)
    assert at.final.share.low < 0.8 < at.final.share.high
    assert by_days[30].renewals == by_days[180].renewals == 0
    assert by_days[30].automated.share is None


def test_without_overrides_nobody_made_a_call() -> None:
    at = renewal_calls(rows().drop(columns="override_level"), "high", UNTIL, (90,))[0]
    assert at.csm.calls == 0
    assert at.final == at.automated


def test_a_renewal_counts_once_it_lies_back_far_enough() -> None:
    assert renewal_calls(rows(), "high", day("2025-04-22"), (90,))[0].renewals == 1  # c alone: 22 March and 30 days
    assert renewal_calls(rows(), "high", day("2025-04-01"), (90,))[0].renewals == 0
