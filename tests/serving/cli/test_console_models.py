from __future__ import annotations

from typing import Any

import pytest

from serving.cli.console_models import train_lines
from serving.commands.train import Trained
from serving.promotion.kept_backtest import BacktestAnswer
from training.calibration import LevelShift, identity

LOG: dict[str, Any] = {
    "cut": "2025-01-01",
    "calibrator_cut": "2025-01-01",
    "labels_known_until": "2025-01-01",
    "snapshots": 100,
    "hazard_rows": 300,
    "churned_accounts": 9,
    "chosen": "blend",
    "why": "many churns",
    "purged_log_loss": {"blend": 0.2},
    "beats_base_rate_z": None,
    "origins": [],
    "events_by": {},
    "trees": {},
    "monotone": True,
    "seed": 1,
    "calibration": {"method": "none", "version": "1"},
}


@pytest.mark.parametrize(
    ("has_signal", "judged", "first"),
    [
        (True, None, "version 1 is the candidate (run run)"),
        (True, BacktestAnswer(False, ("No usable signal: on 9 of 9 scorings", "more")), "No usable signal: on 9 of 9"),
        (True, BacktestAnswer(True, ("The rules do as well as the model: AUC", "more")), "The rules do as well as the"),
        (False, BacktestAnswer(True, ("The model beats the rules", "more")), "No usable signal: the model is the base"),
    ],
)
def test_a_training_leads_with_the_answer(has_signal: bool, judged: BacktestAnswer | None, first: str) -> None:
    trained = Trained("1", "run", has_signal=has_signal, backtest_logged=True, tuning=None, log=LOG, judged=judged)
    assert train_lines(trained)[0].startswith(first)
    body = trained.to_json()
    assert list(body)[:3] == ["has_signal", "backtest_has_signal", "headlines"]
    assert body["backtest_has_signal"] is (None if judged is None else judged.has_signal)


@pytest.mark.parametrize(("shift", "shown"), [(LevelShift(0.4, 0.1, 20.0, "twice as many left"), True), (None, False)])
def test_a_training_prints_why_the_level_was_moved(shift: LevelShift | None, shown: bool) -> None:
    """The line is made from the log that a calibrator itself writes, under the key that it writes."""
    calibrator = identity() if shift is None else identity().with_level_shift(shift, seed=1)
    log = LOG | {"calibration": {"method": calibrator.method, "version": calibrator.version, **calibrator.log}}
    lines = train_lines(Trained("1", "run", has_signal=True, backtest_logged=False, tuning=None, log=log))
    assert ("  level: twice as many left" in lines) == shown
    assert any(line.startswith("  level:") for line in lines) == shown
