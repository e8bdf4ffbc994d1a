from __future__ import annotations

import numpy as np
import pytest

from tests.training.calibration.planted import STAGES, out_of_time
from training.calibration import LevelShift, identity
from training.calibration.platt import fit_stage_platt


def test_the_identity_has_no_spread():
    assert not identity().spread(np.zeros((2, 3)), STAGES).any()


def test_a_stage_never_seen_gets_the_pooled_line():
    calibrator = fit_stage_platt(out_of_time(by_stage=0.8), 1)
    (level,), (slope,) = calibrator.lines(np.array(["never seen"]))
    assert (level, slope) == pytest.approx(calibrator.pooled_line(), rel=1e-12)
    assert level != pytest.approx(calibrator.lines(np.array(["renewal"]))[0][0], abs=0.1)


def test_a_level_shift_moves_every_stage_alike_and_widens_the_draws():
    before = fit_stage_platt(out_of_time(by_stage=0.8), 1)
    after = before.with_level_shift(LevelShift(0.5, 0.3, 20.0, "competitor"), seed=1)
    z = np.full(2, -2.0)
    assert after.apply(z, STAGES) - before.apply(z, STAGES) == pytest.approx([0.5, 0.5])
    wider = after.spread(z[:, None], STAGES).std(axis=0) / before.spread(z[:, None], STAGES).std(axis=0)
    assert (wider > 1.5).all()
    assert after.version != before.version
    assert after.log["level_shift"] == {"ratio": 20.0, "why": "competitor"}


def test_without_a_level_shift_only_the_log_changes():
    before = identity()
    after = before.with_level_shift(LevelShift(0.0, 0.0, 1.0, "quiet"), seed=1)
    assert (after.version, after.log["level_shift"]["why"]) == (before.version, "quiet")
