"""The mean of learners, stretched: exact where members are independent parts of the truth, nothing where they agree."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from training.hazard.ensemble import ALONE, Blend, blends


@pytest.fixture(scope="module")
def parts():
    """Three independent parts of an account's log-odds; each alone is a prediction of slope 1 of their sum."""
    return np.random.default_rng(1).normal(0, [[0.8], [0.5], [0.3]], (3, 200_000)) - 1.0


def test_members_that_know_different_things_are_added_up(parts):
    """The slope of a + b + c on their mean is 3 whatever their spreads."""
    result = blends(*parts)["blend_rules"]
    assert result.stretch == pytest.approx(3.0, rel=0.01)
    assert result.trees == result.linear == result.rules
    truth = parts.sum(axis=0)
    blended = result.of(*parts)
    assert np.cov(truth, blended)[0, 1] / np.var(blended) == pytest.approx(1.0, abs=0.01)
    timid = parts.mean(axis=0)
    assert np.cov(truth, timid)[0, 1] / np.var(timid) > 2.9


def test_members_that_agree_are_left_as_they_are(parts):
    result = blends(parts[0], parts[0], None)
    assert "blend_rules" not in result
    blend = result["blend"]
    assert (blend.trees, blend.linear, blend.rules) == pytest.approx((0.5, 0.5, 0.0))
    assert blend.intercept == pytest.approx(0.0, abs=1e-9)
    assert blend.of(parts[0], parts[0], None) == pytest.approx(parts[0])


def test_the_mean_hazard_is_that_of_the_members(parts):
    for members in ((parts[0], parts[1], None), tuple(parts)):
        name = "blend" if members[2] is None else "blend_rules"
        given = [member for member in members if member is not None]
        wanted = np.mean([expit(one).mean() for one in given])
        assert expit(blends(*members)[name].of(*members)).mean() == pytest.approx(wanted, rel=1e-9)
        assert expit(np.mean(given, axis=0)).mean() < wanted  # what the mean alone would say


def test_members_without_any_spread():
    flat = np.full(10, -2.0)
    assert blends(flat, flat, None)["blend"].of(flat, flat, None) == pytest.approx(flat)


def test_a_member_alone_is_itself(parts):
    trees, linear, rules = parts
    assert (ALONE["trees"].of(trees, None, None) == trees).all()
    assert (ALONE["logistic"].of(None, linear, None) == linear).all()
    assert (ALONE["rules"].of(None, None, rules) == rules).all()
    assert [blend.reads_signals for blend in ALONE.values()] == [True, True, False, True]
    assert all(blend.stretch == 1.0 for blend in ALONE.values())


def test_stored_as_it_is():
    blend = Blend(0.4, 0.5, 0.3, -0.02)
    assert Blend(**blend.to_json()) == blend


def test_members_of_wild_spread_have_a_level_too():
    """Few churns and unpenalised tails: log-odds of thousands, of which Newton's steps would never come back."""
    wild = np.random.default_rng(2).normal(-3.0, 300.0, 1_000)
    result = blends(wild, -0.9 * wild, None)["blend"]
    wanted = np.mean([expit(wild).mean(), expit(-0.9 * wild).mean()])
    assert expit(result.of(wild, -0.9 * wild, None)).mean() == pytest.approx(wanted, abs=1e-6)
