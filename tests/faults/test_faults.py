"""A few of the faults that `make faults` causes by the hundred."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.scenarios import SCENARIOS, Bench, Counts

TIMES = {"killed_scoring": 4, "damaged_model": 20, "killed_answering": 3, "killed_migrating": 3, "disk_full": 2}


@pytest.mark.parametrize("scenario", [scenario for scenario, _ in SCENARIOS], ids=lambda scenario: scenario.__name__)
def test_a_fault_is_survived(
    scenario: Callable[[Bench, int], Counts],
    demo: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    if scenario.__name__.startswith("postgresql"):
        request.getfixturevalue("postgres_url")  # skips where there is no server
    shutil.copytree(demo, tmp_path / "project")
    (tmp_path / "work").mkdir()
    bench = Bench(tmp_path / "project" / "forewarn.yaml", tmp_path / "work", random.Random(1))
    assert sum(scenario(bench, TIMES.get(scenario.__name__, 1)).values()) >= 1
