"""Members of a blend weighed by rows out of time: what knows nothing gets no weight, what is too sure is shrunk."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from training.calibration import OutOfTime
from training.fit.model_selection import SHRUNK_Z, TELLS_Z, bold_z
from training.fit.stacking import Members, stack, weighed
from training.hazard import Blend

EQUAL = Blend(0.5, 0.5, 0.0)


def out_of_time(
    slope_trees: float, slope_linear: float, seed: int = 1, n: int = 12_000
) -> tuple[Members, OutOfTime, np.ndarray]:
    """Four origins; what is true is a log-odds t about -3, of which each member says its slope times as much, and
    noise of its own besides."""
    rng = np.random.default_rng(seed)
    true = rng.normal(size=n)
    z = -3.0 + true
    trees, linear = (-3.0 + slope * true + rng.normal(size=n) for slope in (slope_trees, slope_linear))
    churned = (rng.random(n) < expit(z)).astype(float)
    account = np.array([f"a{one}" for one in range(n)], dtype=object)
    origin = np.repeat(np.arange(4.0) * 91, n // 4)
    rows = OutOfTime(trees, churned, np.full(n, "value", dtype=object), account, origin, account.astype(str))
    return Members(trees, linear, None, np.zeros(n)), rows, z


def test_a_member_that_knows_nothing_gets_next_to_no_weight() -> None:
    members, rows, _ = out_of_time(0.0, 1.0)
    made, log = stack(EQUAL, members, rows)
    assert "newest origin: z" in log["why"]
    assert made.trees < 0.05
    assert made.linear == pytest.approx(0.5, abs=0.1)  # half of its variance is noise
    assert min(made.trees, made.linear) >= 0


def test_a_member_that_points_the_wrong_way_is_left_out() -> None:
    members, rows, _ = out_of_time(-1.0, 1.0)
    assert weighed(EQUAL, members, rows).trees == 0.0


def test_equal_shares_stay_where_nothing_better_is_borne_out() -> None:
    members, rows, _ = out_of_time(1.0, 1.0, n=4_000)
    some = np.arange(len(rows)) % 8 == 0
    made, log = stack(EQUAL, members.take(some), rows.take(some))
    assert made is EQUAL
    assert log["why"]


def test_what_is_too_sure_is_shrunk() -> None:
    """Each member is three times too bold."""
    members, rows, z = out_of_time(1.0, 1.0)
    bold = Members(3 * z + 6.0, 3 * z + 6.0, None, members.beside)
    made = weighed(EQUAL, bold, rows)
    assert made.stretch == pytest.approx(1 / 3, abs=0.08)


def test_a_quarter_with_a_level_of_its_own_moves_neither_level_nor_shares() -> None:
    """In the newest origin half of those that leave stay after all: a matter for the level, and for no member."""
    members, rows, _ = out_of_time(1.0, 1.0)
    spared = (rows.origin == rows.origin.max()) & (np.arange(len(rows)) % 2 == 0)
    fewer = replace(rows, churned=np.where(spared, 0.0, rows.churned))
    made, there = weighed(EQUAL, members, fewer), weighed(EQUAL, members, rows)
    assert (made.trees, made.linear) == pytest.approx((there.trees, there.linear), abs=0.05)
    assert expit(members.of(made)).sum() == pytest.approx(expit(members.of(EQUAL)).sum(), rel=1e-6)


def base_of(rows: OutOfTime, z: float = -3.0) -> Any:
    return OutOfTime(np.full(len(rows), z), rows.churned, rows.stage, rows.account, rows.origin, rows.churn_id)


def test_a_bold_model_tells_who_leaves_and_a_shuffled_one_does_not() -> None:
    members, rows, _ = out_of_time(1.0, 1.0)
    assert min(bold_z(base_of(rows), 4 * members.trees)) > 5
    rng = np.random.default_rng(3)
    chance = np.array([bold_z(base_of(rows), 4 * rng.permutation(members.trees)) for _ in range(100)])
    assert np.std(chance[:, 0]) == pytest.approx(1.0, abs=0.25)
    assert ((chance[:, 0] >= TELLS_Z) & (chance[:, 1] >= SHRUNK_Z)).mean() <= 0.05
