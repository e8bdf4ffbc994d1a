"""A model that is fitted once a year, and a quarter in which the level moved: dated to it, by monitor and backtest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.monitoring.drift import ALL
from evaluation.monitoring.monitor import monitor
from evaluation.validity.checks import run_checks
from evaluation.validity.evidence import Evidence
from tests.evaluation.simulated import settings

pytestmark = pytest.mark.slow
SINCE, MOVED = pd.Timestamp("2025-01-01"), 2  # which quarter
PREDICTED, HAPPENED = 0.796, 0.902


def year(accounts: int = 600) -> pd.DataFrame:
    """Four quarters of monthly as_ofs, the accounts of each new; the third loses more than its model says."""
    random = np.random.default_rng(5)
    parts = []
    for quarter in range(4):
        p = np.clip(random.normal(PREDICTED, 0.05, accounts), 0.6, 0.95)
        leaves = random.random(accounts) < p + (HAPPENED - PREDICTED) * (quarter == MOVED)
        when = random.random(accounts)
        for month in range(3):
            as_of = SINCE + pd.DateOffset(months=3 * quarter + month)
            rows = pd.DataFrame({"account_id": [f"q{quarter}-{one}" for one in range(accounts)], "as_of": as_of})
            for days, share in ((30, 0.3), (60, 0.6), (90, 1.0), (180, 1.0)):
                rows[f"p_churn_{days}d"], rows[f"churned_{days}d"] = share * p, (leaves & (when < share)).astype(float)
            parts.append(rows)
    frame = pd.concat(parts, ignore_index=True).astype({"as_of": "datetime64[us]"})
    return frame.assign(lifecycle_stage="adoption", model_version="1", cut=SINCE, fold="2025-01-01")


def test_a_quarter_that_lost_more_than_predicted_is_dated_to_itself() -> None:
    alarms = [alarm for alarm in monitor(year(), settings(), SINCE).alarms if alarm.kind == "calibration"]
    assert [(alarm.scope, alarm.first.to_period("Q").quarter) for alarm in alarms] == [(ALL, MOVED + 1)]


@pytest.mark.parametrize("known_quarters", [MOVED + 1, 4])
def test_the_backtest_names_the_same_quarter_as_soon_as_it_is_known(known_quarters: int) -> None:
    frame = year()
    frame.loc[frame["as_of"] >= SINCE + pd.DateOffset(months=3 * known_quarters), "churned_90d"] = np.nan
    labels = frame[["account_id", "as_of"]].assign(churn_at=pd.NaT, observed_until=pd.Timestamp("2026-06-01"))
    empty = frame[["account_id", "as_of"]].assign(model="base_rate", p_churn_90d=PREDICTED)
    evidence = Evidence(
        settings(), frame[["account_id", "as_of", "lifecycle_stage"]], labels, (), pd.Timestamp("2026-06-01"),
        frame, empty, (),
    )  # fmt: skip
    (found,) = (finding for finding in run_checks(evidence) if finding.code == "FW303")
    assert "2025Q3" in found.message
    assert "in 1 of" in found.message
