"""One company written in three ways: ends overwritten on leaving are suspected, and `terminated_at` gives them back.

Fits are smaller here than the product's, to be quick; `python tests/benchmarks/overwritten_ends.py` has those.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.settings_file import load_settings
from features.checks import Suspect, find_suspects
from features.sources import open_sources
from tests.benchmarks.overwritten_ends import company, judge, write


def suspects(folder: Path, way: str) -> tuple[Suspect, ...]:
    settings = load_settings(write(folder, way, company()))
    sources = open_sources(settings)
    try:
        return find_suspects(settings, sources)
    finally:
        sources.close()


def test_overwritten_ends_are_suspected_with_a_figure_accounts_and_what_to_map(tmp_path: Path) -> None:
    (suspect,) = suspects(tmp_path, "overwritten")
    assert suspect.column == "contracts.ends_at"
    assert "terminated_at" in suspect.instead
    assert 1 <= len(suspect.examples) <= 5
    (figure,) = suspect.figures
    assert figure.measure == "share"
    assert figure.against is not None
    assert figure.value > 3 * figure.against
    assert figure.p_value is not None
    assert figure.p_value < 1e-4


@pytest.mark.parametrize("way", ["agreed", "terminated"])
def test_agreed_ends_are_not(way: str, tmp_path: Path) -> None:
    assert suspects(tmp_path, way) == ()


@pytest.mark.slow
@pytest.mark.minutes
def test_terminated_at_ranks_as_the_agreed_ends_do() -> None:
    tables, quick = company(), {"calibration_origins": 2, "trees": {"n_estimators": 100}}
    overwritten, agreed, terminated = (judge(way, tables, quick).auc for way in ("overwritten", "agreed", "terminated"))
    assert abs(terminated - agreed) <= 0.02
    assert overwritten > agreed + 0.05
