from __future__ import annotations

import numpy as np
import pytest

from training.hazard.attribution import Explanation, attribute, survival_probability


@pytest.mark.parametrize("scale", [0.1, 1.0, 4.0])
def test_contributions_add_up_to_the_probability(scale):
    rng = np.random.default_rng(0)
    base = rng.normal(-4, 0.5, 6)
    parts = rng.normal(0, scale, (200, 12, 6))
    start, result = attribute(base, parts)
    p = survival_probability(base + parts.sum(axis=1))
    assert np.abs(start + result.sum(axis=1) - p).max() < 1e-9


def test_axioms():
    """A signal without effect gets 0, two with the same effect the same, and one alone gets the whole difference."""
    base = np.array([-3.0, -2.5])
    parts = np.zeros((1, 3, 2))
    parts[0, 0] = parts[0, 1] = [0.4, 0.7]
    _, result = attribute(base, parts)
    assert result[0, 2] == 0
    assert result[0, 0] == result[0, 1] > 0
    alone = np.zeros((1, 1, 2))
    alone[0, 0] = [1.0, -0.2]
    start, only = attribute(base, alone)
    expected = survival_probability((base + alone[0, 0])[None, :])[0] - survival_probability(base[None, :])[0]
    assert only[0, 0] == pytest.approx(expected, abs=1e-12)
    assert start[0] == survival_probability(base[None, :])[0]


def test_against_a_fine_riemann_sum():
    base = np.array([-2.0, -1.0])
    parts = np.array([[[0.5, -0.3], [1.0, 0.8]]])
    _, result = attribute(base, parts)
    step = parts[0].sum(axis=0)
    total = np.zeros(2)
    for t in (np.arange(20_000) + 0.5) / 20_000:
        z = base + t * step
        s = 1 / (1 + np.exp(-z))
        gradient = s * np.prod(1 - s)
        total += (parts[0] * gradient).sum(axis=1) / 20_000
    assert result[0] == pytest.approx(total, abs=1e-9)


def test_by_dimension_sums_its_signals():
    explanation = Explanation(
        np.array([0.1]), np.array([[0.1, 0.2, -0.05]]), ("a", "b", "c"), ("usage", "account", "usage")
    )
    result = explanation.by_dimension()
    assert list(result) == ["usage", "account"]
    assert result["usage"] == pytest.approx([0.05])
