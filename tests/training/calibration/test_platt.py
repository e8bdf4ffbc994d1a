from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import expit

from configs.errors import DataError
from training.calibration.platt import Calibrator, OutOfTime, choose_calibrator, fit_calibrator, identity
from training.hazard.discrete_time import churn_by

STAGES = np.array(["adoption", "renewal"])


def out_of_time(
    n: int = 40_000, shift: float = 0.0, slope: float = 1.0, by_stage: float = 0.0, seed: int = 0
) -> OutOfTime:
    """Rows whose true log-odds are -3 + shift + slope * (z + 3) (+ by_stage for renewal); one account a row."""
    rng = np.random.default_rng(seed)
    z = rng.normal(-3, 1, n)
    stage = STAGES[rng.integers(0, 2, n)]
    churned = (rng.random(n) < expit(-3 + shift + slope * (z + 3) + by_stage * (stage == "renewal"))).astype(float)
    account = np.array([f"a{one}" for one in range(n)])
    return OutOfTime(z, churned, stage, account, np.arange(n) * 4 // n * 91.0, np.where(churned > 0, account, ""))


def test_recovers_a_planted_shift_and_slope():
    found = choose_calibrator(out_of_time(shift=-0.7, slope=0.6), seed=1)
    assert found.method == "stage_platt"
    line = found.apply(np.array([-4.0, -3.0, -1.0]), np.array(["renewal"] * 3))
    assert line == pytest.approx([-4.3, -3.7, -2.5], abs=0.12)


def test_recovers_a_shift_of_one_stage():
    found = choose_calibrator(out_of_time(by_stage=0.8), seed=1)
    z = np.full(2, -3.0)
    own = found.apply(z, STAGES)
    assert own == pytest.approx([-3.0, -2.2], abs=0.12)
    other = found.apply(z[:1], np.array(["a stage never seen"]))
    assert own[0] < other[0] < own[1]


def test_the_gate_leaves_good_probabilities_alone():
    found = choose_calibrator(out_of_time(), seed=1)
    assert found.log["gate_z"] < 1
    assert found.method == "none"
    z = np.array([[-3.0, 2.0]])
    assert np.array_equal(found.apply(z, np.array(["renewal"])), z)


def test_a_shift_that_did_not_last_is_not_adopted():
    """Older origins are shifted, the newest is not: a calibrator fitted on them would do harm."""
    shifted, newest = out_of_time(shift=1.0), out_of_time(seed=5)
    keep = shifted.origin < 273
    parts = [shifted.take(keep), newest.take(newest.origin == 273)]
    joined = OutOfTime(
        *(np.concatenate([getattr(one, name) for one in parts]) for name in OutOfTime.__dataclass_fields__)
    )
    found = choose_calibrator(joined, seed=1)
    assert found.log["gate_z"] < 0
    assert found.method == "none"


def test_a_season_is_not_taken_for_an_error_of_the_level():
    rows = out_of_time(shift=0.7)
    short = OutOfTime(**{**vars(rows), "origin": rows.origin / 3})
    found = choose_calibrator(short, seed=1)
    assert found.method == "none"
    assert "origins span 91 days" in found.log["why"]


@pytest.mark.parametrize(("n", "method"), [(300, "none"), (1_500, "shrunken_platt"), (40_000, "stage_platt")])
def test_the_method_goes_by_the_number_of_churned_accounts(n, method):
    rows = out_of_time(n, shift=0.5)
    assert choose_calibrator(rows, seed=1).log["candidate"] == method


def test_shrinkage_pulls_towards_the_identity():
    few = out_of_time(1_500, shift=1.0)
    free, shrunk = fit_calibrator(few, "stage_platt", 1), fit_calibrator(few, "shrunken_platt", 1)
    assert 0 < shrunk.intercept < free.intercept


def test_one_class_is_refused():
    rows = out_of_time()
    with pytest.raises(DataError, match="0 churned of"):
        fit_calibrator(rows.take(rows.churned == 0), "shrunken_platt", 1)


@pytest.mark.parametrize("method", ["shrunken_platt", "stage_platt"])
def test_laws(method):
    """Stays in [0, 1], keeps the order within a stage, never lets a longer horizon fall, round-trips its JSON."""
    found = fit_calibrator(out_of_time(3_000, slope=-0.5), method, 1)  # adversarial: the order is upside down
    z = np.linspace(-30, 10, 500)
    for stage in [*STAGES, "never seen"]:
        line = found.apply(z, np.array([stage] * 500))
        assert (np.diff(line) > 0).all()
    p = churn_by(found.apply(np.tile(z[:, None], (1, 6)), np.array(["renewal"] * 500)), (1, 2, 3, 6))
    assert ((p >= 0) & (p <= 1)).all()
    assert (np.diff(p, axis=1) >= 0).all()
    again = Calibrator.from_json(json.loads(json.dumps(found.to_json())))
    assert np.array_equal(again.apply(z, np.array(["renewal"] * 500)), found.apply(z, np.array(["renewal"] * 500)))


def test_each_churn_counts_once():
    """Rows repeated as if seen from more snapshots change nothing."""
    rows = out_of_time(5_000, shift=0.5)
    twice = OutOfTime(*(np.concatenate([getattr(rows, name)] * 2) for name in OutOfTime.__dataclass_fields__))
    one, two = fit_calibrator(rows, "shrunken_platt", 1), fit_calibrator(twice, "shrunken_platt", 1)
    assert two.intercept == pytest.approx(one.intercept, rel=1e-6)


def test_the_identity_has_no_spread():
    assert not identity().spread(np.zeros((2, 3)), STAGES).any()
