from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from configs.errors import DataError
from training.hazard.discrete_time import make_inputs
from training.hazard.encoding import MISSING, Encoder, fit_encoder
from training.hazard.intervals import Intervals


def frame() -> pd.DataFrame:
    """100 accounts on plan good (2 % churn), 100 on bad (20 %), 5 on rare, 25 without a plan; one row each."""
    plan = ["good"] * 100 + ["bad"] * 100 + ["rare"] * 5 + [None] * 25
    return pd.DataFrame({"account_id": [f"a{n}" for n in range(230)], "plan": plan, "x": 1.0})


def churned() -> np.ndarray:
    out = np.zeros(230)
    out[:2] = 1
    out[100:120] = 1
    return out


def fitted() -> Encoder:
    return fit_encoder(frame(), ["x"], ["plan"], np.arange(230), churned())


def test_levels_are_smoothed_towards_the_prior():
    plan = fitted().categories[0]
    assert plan.levels == (MISSING, "bad", "good")
    effect = dict(zip(plan.levels, plan.effects, strict=True))
    prior = 22 / 230
    rate = (20 + 30 * prior) / 130
    assert effect["bad"] == pytest.approx(np.log(rate / (1 - rate)) - np.log(prior / (1 - prior)))
    assert effect["good"] < effect[MISSING] < 0 < effect["bad"]


def test_rare_and_unseen_levels_get_the_prior():
    encoder = fitted()
    rows = pd.DataFrame({"plan": ["rare", "never seen", "bad", None], "x": 0.0})
    codes = encoder.codes(rows)
    assert codes[:, 0].tolist() == [-1, -1, 1, 0]
    assert encoder.effects(codes)[:2, 0].tolist() == [0.0, 0.0]


def test_round_trip():
    encoder = fitted()
    assert Encoder.from_json(json.loads(json.dumps(encoder.to_json()))) == encoder


def test_an_account_with_many_rows_weighs_no_more():
    once = fitted()
    snapshot = np.concatenate([np.arange(230), np.repeat(100, 50)])  # one churner of plan bad repeated
    many = fit_encoder(frame(), ["x"], ["plan"], snapshot, churned()[snapshot])
    assert many.categories[0].effects == pytest.approx(once.categories[0].effects)


def test_every_missing_signal_is_named_at_once():
    with pytest.raises(DataError, match=r"2 faults") as caught:
        fitted().values(pd.DataFrame({"plam": ["good"]}))
    assert "signal x" in str(caught.value)
    assert "did you mean 'plam'" in str(caught.value)


def test_what_renewals_are_known_from_is_named_beside_the_signals():
    with pytest.raises(DataError, match=r"3 faults") as caught:
        make_inputs(pd.DataFrame({"plan": ["good"]}), fitted(), Intervals((0, 30)))
    assert all(name in str(caught.value) for name in ("signal x", "days_to_renewal", "term_days"))


def test_tenure_of_accounts_that_were_there_when_the_data_began_is_missing():
    rows = pd.DataFrame({"as_of": pd.Timestamp("1970-02-10"), "tenure_days": [40.0, 39.0, 10.0]})
    assert Encoder(("tenure_days",), ()).values(rows)[:, 0].tolist() == [40.0, 39.0, 10.0]
    values = Encoder(("tenure_days",), (), entry_day=0.0).values(rows)[:, 0]
    assert np.isnan(values[:2]).tolist() == [True, True]  # within a day and a half of it
    assert values[2] == 10.0
    assert Encoder.from_json(json.loads(json.dumps(Encoder((), (), 3.0).to_json()))).entry_day == 3.0
