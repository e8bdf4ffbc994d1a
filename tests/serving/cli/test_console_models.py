from __future__ import annotations

from typing import Any

import pytest

from serving.cli.console_models import train_lines
from serving.commands.train import Trained
from training.calibration import LevelShift, identity


@pytest.mark.parametrize(("shift", "shown"), [(LevelShift(0.4, 0.1, 20.0, "twice as many left"), True), (None, False)])
def test_a_training_prints_why_the_level_was_moved(shift: LevelShift | None, shown: bool) -> None:
    """The line is made from the log that a calibrator itself writes, under the key that it writes."""
    calibrator = identity() if shift is None else identity().with_level_shift(shift, seed=1)
    log: dict[str, Any] = {
        "snapshots": 100,
        "churned_accounts": 9,
        "labels_known_until": "2025-01-01",
        "chosen": "blend",
        "why": "many churns",
        "origins": [],
        "calibration": {"method": calibrator.method, **calibrator.log},
    }
    lines = train_lines(Trained("1", "run", has_signal=True, backtest_logged=False, tuning=None, log=log))
    assert ("  level: twice as many left" in lines) == shown
    assert any(line.startswith("  level:") for line in lines) == shown
