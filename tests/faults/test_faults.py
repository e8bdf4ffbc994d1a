"""A few of the faults that `make faults` causes by the hundred."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.scenarios import SCENARIOS, Bench, Counts

TIMES = {"killed_scoring": 2, "damaged_model": 20, "killed_answering": 3, "killed_migrating": 2}


@pytest.mark.parametrize("scenario", [scenario for scenario, _ in SCENARIOS], ids=lambda scenario: scenario.__name__)
def test_a_fault_is_survived(
    scenario: Callable[[Bench, int], Counts],
    demo: Path,
    request: pytest.FixtureRequest,
) -> None:
    if scenario.__name__.startswith("postgresql"):
        request.getfixturevalue("postgres_url")  # skips where there is no server
    with tempfile.TemporaryDirectory() as temporary:  # pytest's own folder is closed to the user that may not write
        folder = Path(temporary)
        folder.chmod(0o755)
        shutil.copytree(demo, folder / "project")
        (folder / "work").mkdir()
        bench = Bench(folder / "project" / "forewarn.yaml", folder / "work", random.Random(1))
        assert sum(scenario(bench, TIMES.get(scenario.__name__, 1)).values()) >= 1
