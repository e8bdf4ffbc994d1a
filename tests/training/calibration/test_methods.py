"""Which calibrator is adopted, and what every method of the registry keeps to."""

from __future__ import annotations

import json

import numpy as np
import pytest

from configs.errors import DataError
from tests.training.calibration.planted import STAGES, out_of_time
from training.calibration.calibrator import Calibrator
from training.calibration.methods import METHODS, choose_calibrator
from training.calibration.platt import OutOfTime
from training.hazard import churn_by

METHOD = pytest.mark.parametrize("method", METHODS, ids=[method.name for method in METHODS])


def test_methods_rise_with_the_churned_accounts_that_they_take():
    least = [method.min_churned_accounts for method in METHODS]
    assert least == sorted(set(least))
    assert len({method.name for method in METHODS}) == len(METHODS)


@METHOD
def test_a_method_names_itself(method):
    """The name that a stored model carries is that of the registry."""
    assert method.fit(out_of_time(3_000), 1).method == method.name


@METHOD
def test_a_method_recovers_a_planted_shift(method):
    calibrator = method.fit(out_of_time(shift=-0.7), 1)
    assert calibrator.apply(np.full(2, -3.0), STAGES) == pytest.approx([-3.7, -3.7], abs=0.15)
    spread = calibrator.spread(np.full((2, 1), -3.0), STAGES).std(axis=0)
    assert ((spread > 0.005) & (spread < 0.15)).all()


@METHOD
def test_a_method_refuses_one_class(method):
    rows = out_of_time()
    with pytest.raises(DataError, match="0 churned of"):
        method.fit(rows.take(rows.churned == 0), 1)


@METHOD
def test_a_method_keeps_the_order_and_the_horizons(method):
    """Stays in [0, 1], keeps the order within a stage, never lets a longer horizon fall."""
    calibrator = method.fit(out_of_time(3_000, slope=-0.5), 1)  # adversarial: the order is upside down
    z = np.linspace(-30, 10, 500)
    for stage in [*STAGES, "never seen"]:
        assert (np.diff(calibrator.apply(z, np.array([stage] * 500))) > 0).all()
    p = churn_by(calibrator.apply(np.tile(z[:, None], (1, 6)), np.array(["renewal"] * 500)), (1, 2, 3, 6))
    assert ((p >= 0) & (p <= 1)).all()
    assert (np.diff(p, axis=1) >= 0).all()


@METHOD
def test_a_method_round_trips_through_json(method):
    calibrator = method.fit(out_of_time(3_000, shift=0.5), 1)
    again = Calibrator.from_json(json.loads(json.dumps(calibrator.to_json())))
    z, stage = np.linspace(-30, 10, 500), np.array(["renewal"] * 500)
    assert np.array_equal(again.apply(z, stage), calibrator.apply(z, stage))
    assert again.version == calibrator.version


@METHOD
def test_each_churn_counts_once(method):
    """Rows repeated as if seen from more snapshots change nothing."""
    rows = out_of_time(5_000, shift=0.5)
    repeated = OutOfTime(*(np.concatenate([getattr(rows, name)] * 2) for name in OutOfTime.__dataclass_fields__))
    assert method.fit(repeated, 1).intercept == pytest.approx(method.fit(rows, 1).intercept, rel=1e-5)


def test_recovers_a_planted_shift_and_slope():
    calibrator = choose_calibrator(out_of_time(shift=-0.7, slope=0.6), seed=1)
    assert calibrator.method == "stage_platt"
    line = calibrator.apply(np.array([-4.0, -3.0, -1.0]), np.array(["renewal"] * 3))
    assert line == pytest.approx([-4.3, -3.7, -2.5], abs=0.12)


def test_recovers_a_shift_of_one_stage():
    calibrator = choose_calibrator(out_of_time(by_stage=0.8), seed=1)
    z = np.full(2, -3.0)
    own = calibrator.apply(z, STAGES)
    assert own == pytest.approx([-3.0, -2.2], abs=0.12)
    other = calibrator.apply(z[:1], np.array(["a stage never seen"]))
    assert own[0] < other[0] < own[1]


def test_the_gate_leaves_good_probabilities_alone():
    calibrator = choose_calibrator(out_of_time(), seed=1)
    assert calibrator.log["gate_z"] < 1
    assert calibrator.method == "none"
    z = np.array([[-3.0, 2.0]])
    assert np.array_equal(calibrator.apply(z, np.array(["renewal"])), z)


def test_a_shift_that_did_not_last_is_not_adopted():
    """Older origins are shifted, the newest is not: a calibrator fitted on them would do harm."""
    shifted, newest = out_of_time(shift=1.0), out_of_time(seed=5)
    keep = shifted.origin < 273
    parts = [shifted.take(keep), newest.take(newest.origin == 273)]
    joined = OutOfTime(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in OutOfTime.__dataclass_fields__)
    )
    calibrator = choose_calibrator(joined, seed=1)
    assert calibrator.log["gate_z"] < 0
    assert calibrator.method == "none"


def test_a_season_is_not_taken_for_an_error_of_the_level():
    rows = out_of_time(shift=0.7)
    short = OutOfTime(**{**vars(rows), "origin": rows.origin / 3})
    calibrator = choose_calibrator(short, seed=1)
    assert calibrator.method == "none"
    assert "origins span 91 days" in calibrator.log["why"]


@pytest.mark.parametrize(("n", "method"), [(300, "none"), (1_500, "shrunken_platt"), (40_000, "stage_platt")])
def test_the_method_goes_by_the_number_of_churned_accounts(n, method):
    rows = out_of_time(n, shift=0.5)
    assert choose_calibrator(rows, seed=1).log["candidate"] == method
