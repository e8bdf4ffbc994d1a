from __future__ import annotations

from tests.training.calibration.planted import out_of_time
from training.calibration.platt import fit_shrunken_platt, fit_stage_platt


def test_shrinkage_pulls_towards_the_identity():
    few = out_of_time(1_500, shift=1.0)
    free, shrunk = fit_stage_platt(few, 1), fit_shrunken_platt(few, 1)
    assert 0 < shrunk.intercept < free.intercept
