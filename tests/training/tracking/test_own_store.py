"""A project folder that is copied or moved: the copy has everything, and neither reads nor writes the original."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from configs.errors import UsageError
from training.tracking import registry, run_content, run_files, runs
from training.tracking.own_store import folder_at

pytestmark = pytest.mark.slow


def content(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def original(settings, fitted, dataset, tmp_path_factory):
    """A project in a folder whose name must be quoted in a URI, with a champion."""
    project = settings.model_copy(update={"folder": tmp_path_factory.mktemp("first home")})
    runs.log_training(project, fitted, dataset, {"auc_90d": 0.8})
    registry.promote(project)
    return project


@pytest.fixture
def copy(original, tmp_path):
    shutil.copytree(original.folder, tmp_path / "second home")
    return original.model_copy(update={"folder": tmp_path / "second home"})


def test_a_copy_scores_with_its_own_files(original, copy, fitted, later, tmp_path):
    before = content(copy.folder)
    assert registry.folder_of(copy, "champion")[0].is_relative_to(copy.folder)
    gone = original.folder.rename(tmp_path / "gone")
    try:
        champion = registry.load_champion(copy)
    finally:
        gone.rename(original.folder)
    assert np.array_equal(champion.churn.predict(later).to_numpy(), fitted.churn.predict(later).to_numpy())
    assert content(copy.folder) == before  # a folder that may only be read scores too


def test_what_a_copy_logs_stays_in_the_copy(original, copy, dataset):
    before, files = content(original.folder), content(copy.folder)
    folds = [run_content.Nested("fold a", {"fold": "a"}, {"auc": 0.7}, {"kind": "fold"})]
    run = runs.log_backtest(copy, dataset.fingerprint, {"90d/auc/value": 0.7}, {"plots/a.png": b"png"}, folds)
    run_files.keep_file(copy, run, "kept/a.txt", b"kept")
    assert run_files.kept_file(copy, run, "kept/a.txt") == b"kept"
    assert content(original.folder) == before
    assert any(name.endswith("kept/a.txt") for name in set(content(copy.folder)) - set(files))
    with sqlite3.connect(copy.paths.tracking) as store:
        text = "\n".join(store.iterdump())
    store.close()
    assert str(original.folder) not in text
    assert original.folder.as_uri() not in text


def test_mlflow_loads_the_copys_model(copy):
    with registry.connected(copy):
        import mlflow

        uri = f"models:/{copy.name}@champion"
        assert mlflow.artifacts.download_artifacts(artifact_uri=uri).startswith(str(copy.folder))


def test_files_that_are_not_there_are_told_in_words(copy):
    shutil.rmtree(copy.paths.artifacts)
    with pytest.raises(UsageError, match=r"version 1: found no folder .*second home.*expected its files"):
        registry.load_champion(copy)


def test_a_store_that_does_not_answer_is_told_in_words(copy, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    serving = copy.serving.model_copy(update={"tracking": "http://127.0.0.1:9"})
    with pytest.raises(UsageError, match=r"MLflow: found .*serving\.tracking"):
        registry.load_champion(copy.model_copy(update={"serving": serving}))


@pytest.mark.parametrize(
    ("location", "artifacts", "expected"),
    [
        ("file:///a%20b/artifacts/m/1", Path("/c"), Path("/c/m/1")),
        ("file:///elsewhere/m/1", Path("/c"), Path("/elsewhere/m/1")),
        ("file:///a%20b/artifacts/m/1", None, Path("/a b/artifacts/m/1")),
        ("s3://bucket/artifacts/m", Path("/c"), None),
        (None, Path("/c"), None),
    ],
)
def test_where_a_location_leads(location, artifacts, expected):
    assert folder_at(location, ["file:///a%20b/artifacts"], artifacts) == expected
