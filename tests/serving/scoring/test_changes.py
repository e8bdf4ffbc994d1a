"""What changed since the last score, on the demo: each part alone, and what is said where none can be told apart."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from serving.project import Project
from serving.scoring import Scorer
from serving.scoring.changes import changes
from training.tracking import LoadedModel, load_version

pytestmark = pytest.mark.slow
NOW = datetime(2026, 1, 1, 9, tzinfo=UTC)
P = "p_churn_90d"


@pytest.fixture(scope="module")
def project(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("changes") / "project"
    shutil.copytree(demo, folder)
    with Project.open(folder / "forewarn.yaml", now=NOW) as opened:
        yield opened


@pytest.fixture(scope="module")
def scorer(project: Project) -> Scorer:
    return Scorer.open(project)


@pytest.fixture(scope="module")
def account(project: Project, scorer: Scorer) -> str:
    """One that was scored on an earlier day too."""
    rows = project.ledger.predictions(kinds=("batch", "api"), texts=False)
    earlier = rows[(rows.as_of < scorer.as_of) & rows.account_id.isin(scorer.frame.index)]
    return str(earlier.account_id.iloc[0])


@pytest.fixture(scope="module")
def old(project: Project, scorer: Scorer, account: str) -> LoadedModel:
    """The model of that earlier day."""
    before = changes(project, scorer, account).before
    assert before is not None
    return load_version(project.settings, before.model_version)


def test_the_data_are_what_the_earlier_model_says_of_both_days(
    project: Project, scorer: Scorer, account: str, old: LoadedModel
) -> None:
    told = changes(project, scorer, account)
    assert told.before is not None
    parts = {part.part: part.contribution for part in told.parts}
    today = scorer.frame.loc[[account]].reset_index(drop=True)
    of_today = float(old.churn.predict(today)[P].iloc[0])
    assert parts["data"] == pytest.approx(of_today - told.before.p_churn, abs=1e-12)
    shown = sum(signal.contribution for signal in told.signals)
    assert shown + told.of_no_signal == pytest.approx(parts["data"], abs=1e-12)
    assert abs(told.of_no_signal) < 1e-9
    assert told.difference == pytest.approx(sum(part for part in parts.values() if part is not None), abs=1e-12)


def test_another_calibration_is_told_from_another_model(project: Project, scorer: Scorer, account: str) -> None:
    """The champion over the day that it scored already, its level moved: that alone is the difference."""
    churn = scorer.model.churn
    moved = replace(churn.calibrator, level_shift=churn.calibrator.level_shift + 0.5)
    renewed = replace(scorer.model, churn=replace(churn, calibrator=moved), version="99")
    told = changes(project, replace(scorer, model=renewed), account)
    parts = {part.part: part.contribution for part in told.parts}
    assert [parts[name] for name in ("configuration", "data", "model")] == [0.0, 0.0, 0.0]
    assert parts["calibration"] == told.difference
    assert told.difference is not None
    assert told.difference > 0.001


def test_without_the_earlier_model_nothing_is_guessed(
    project: Project, scorer: Scorer, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.scoring.changes.load_version", lambda *_: load_version(project.settings, "77"))
    told = changes(project, scorer, account)
    assert [part.contribution for part in told.parts] == [None] * 4
    assert told.not_told_apart == told.difference
    assert told.signals == []
    assert "cannot be loaded any more" in told.notes[0]


def test_an_account_that_was_never_scored_has_nothing_to_compare(
    project: Project, scorer: Scorer, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project.ledger, "predictions", lambda **_: pd.DataFrame())
    told = changes(project, scorer, account)
    assert (told.before, told.difference, told.parts) == (None, None, [])
    assert "no earlier score" in told.notes[0]
