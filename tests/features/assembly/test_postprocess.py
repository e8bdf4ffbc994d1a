"""The last digits of a signal are the same whatever the order in which its rows were added up."""

from __future__ import annotations

import numpy as np
import pytest

from features.assembly.postprocess import significant


def test_a_mean_that_ends_in_a_five_rounds_alike_whatever_its_last_bits():
    """1.988828125 days, found on real rows: summed in another order it came out a bit lower, and rounded down."""
    exact = np.array([1.988828125, -0.03125000155, 4096.000005, 123.4567895])
    for near in (np.nextafter(exact, -np.inf), np.nextafter(exact, np.inf), exact * (1 + 1e-15), exact * (1 - 1e-15)):
        assert np.array_equal(significant(near), significant(exact))
    assert significant(exact) == pytest.approx(exact, rel=5.1e-9)
    assert np.array_equal(significant(significant(exact)), significant(exact))
