"""Precision and lift of triggers against counts by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.outcomes.trigger_value import ANY, trigger_values


def rows() -> pd.DataFrame:
    """40 accounts on two days; the first ten churn."""
    accounts = np.tile(np.arange(40), 2)
    days = np.repeat(pd.to_datetime(["2025-01-01", "2025-02-01"]), 40)
    return pd.DataFrame({"account_id": accounts, "as_of": days, "y": (accounts < 10).astype(float)})


def test_precision_and_lift_are_what_counting_gives() -> None:
    table = rows()
    fired = {"good": (table.account_id < 20).to_numpy(), "rare": (table.account_id == 0).to_numpy()}
    good, rare, either = trigger_values(fired, table, min_churned=5)
    assert (good.fired, good.rows, good.least, good.most, good.base_rate) == (40, 80, 0.5, 0.5, 0.25)
    assert (good.precision, good.lift) == (0.5, 2.0)
    assert good.precision_low < 0.5 < good.precision_high
    assert good.lift_low == pytest.approx(good.precision_low / 0.25)
    assert (rare.precision, rare.refused) == (None, "1 churned accounts among them, 5 needed")
    assert (either.trigger, either.fired) == (ANY, 40)
    assert trigger_values(fired, table.iloc[:0], 5) == ()
