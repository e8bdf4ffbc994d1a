"""What the champion had learnt by the days that it is judged on."""

from __future__ import annotations

import pandas as pd

from evaluation.validity.checks import check_champion


def test_a_champion_is_not_judged_on_what_taught_it() -> None:
    """By hand: two of three rows lie before their cut, one by a month; a cut that nobody recorded is no fault."""
    days = pd.to_datetime(["2025-01-01", "2025-02-01", "2025-03-01"])
    rows = pd.DataFrame({"account_id": ["a", "b", "c"], "as_of": days, "cut": days})
    assert check_champion(rows) == ()
    assert check_champion(rows.assign(cut=pd.NaT)) == ()
    (said,) = check_champion(rows.assign(cut=pd.Timestamp("2025-02-15")))
    assert (said.code, said.severity, said.figure) == ("FW102", "fail", 2.0)
    assert "a as of 2025-01-01, learnt up to 2025-02-15" in said.message
