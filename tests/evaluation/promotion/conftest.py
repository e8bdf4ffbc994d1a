"""The clean candidate beside the rules."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.promotion.candidates import ACCOUNTS, DAYS, Clean, logistic


@pytest.fixture
def clean() -> Clean:
    """A calibrated candidate that knows two things, beside calibrated rules that know one; a tenth has not matured."""
    random = np.random.default_rng(11)
    first, second = random.normal(size=(2, ACCOUNTS * DAYS))
    p = logistic(-2.2 + 0.7 * first + 1.2 * second)
    judged = pd.DataFrame(
        {
            "account_id": np.tile([f"{number:03d}" for number in range(ACCOUNTS)], DAYS),
            "as_of": np.repeat(pd.date_range("2024-01-01", periods=DAYS, freq="MS").as_unit("us"), ACCOUNTS),
            "p_churn_90d": p,
            "churned_90d": (random.random(p.size) < p).astype(float),
            "segment": np.tile(np.repeat(["smb", "enterprise"], ACCOUNTS // 2), DAYS),
        }
    )
    judged.loc[judged.index[-200:], "churned_90d"] = np.nan
    rules = judged[["account_id", "as_of"]].assign(model="rules", p_churn_90d=logistic(-1.85 + 0.6 * first))
    other = rules.assign(model="days_to_renewal", p_churn_90d=0.5)
    return judged, pd.concat([rules, other], ignore_index=True)
