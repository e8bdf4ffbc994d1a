"""Who is stuck at which milestone, and who stayed: hand-counted, and nothing of what was known later."""

from __future__ import annotations

import pandas as pd

from configs.framework import Milestone
from serving.scoring.milestones import milestone_retention, stuck_at

DAY = pd.Timestamp("2024-01-01")
EXPECTED = [Milestone(name="kickoff", due_days=10), Milestone(name="trained", due_days=60)]


def rows_of(*rows: tuple[str, str, int, int]) -> pd.DataFrame:
    """(account, milestone, day reached, day known)."""
    made = pd.DataFrame(rows, columns=["account_id", "milestone", "at", "visible"])
    for name in ("at", "visible"):
        made[name] = DAY + pd.to_timedelta(made[name], unit="D")
    return made


def test_the_first_milestone_past_its_day_is_where_one_is_stuck() -> None:
    rows = rows_of(("a", "kickoff", 5, 5), ("b", "trained", 5, 5), ("c", "kickoff", 5, 90), ("d", "kickoff", 5, 5))
    signed_up = {"a": DAY, "b": DAY, "c": DAY, "d": DAY + pd.Timedelta(days=30), "e": DAY, "f": pd.NaT}
    at = DAY + pd.Timedelta(days=80)
    # c's kickoff is not known yet, so nobody may be keeping track of it; d is not due with its training.
    assert stuck_at(rows, signed_up, at, EXPECTED) == {"a": ("trained", 20), "b": ("kickoff", 70)}
    later = stuck_at(rows, signed_up, DAY + pd.Timedelta(days=90), EXPECTED)
    assert later["c"] == ("trained", 30)


def test_retention_is_of_customers_on_the_day_and_known_then() -> None:
    names = [f"a{number:02d}" for number in range(45)]
    accounts = pd.DataFrame({"account_id": names, "created_at": DAY})
    left = dict.fromkeys(names[:5], 5) | dict.fromkeys(names[5:15], 50) | dict.fromkeys(names[25:28], 200)
    accounts["left_at"] = [DAY + pd.Timedelta(days=left[name]) if name in left else pd.NaT for name in names]
    reached = [(name, "kickoff", 3, 3) for name in names[20:]]
    late = [(name, "kickoff", 10, 10) for name in names[15:18]] + [(names[18], "kickoff", 3, 40)]
    until = DAY + pd.Timedelta(days=110)
    (kickoff, trained) = milestone_retention(rows_of(*reached, *late), accounts, until, EXPECTED, 100)
    assert kickoff.reached is not None
    assert kickoff.missed is not None
    # Five had left before the day; reached on or after it, or known later, is not reached by then.
    assert (kickoff.reached.accounts, kickoff.reached.stayed) == (25, 25)
    assert (kickoff.missed.accounts, kickoff.missed.stayed) == (15, 5)
    assert kickoff.low is not None
    assert kickoff.low > 0.3
    assert (trained.reached, trained.missed, trained.low) == (None, None, None)  # its window has not passed
