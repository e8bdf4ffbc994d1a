"""The demo: what it ends with, what it knew when, and where it may be made."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.serving.calling import call

pytestmark = pytest.mark.slow
END = "2026-01-01"


def test_the_demo_ends_with_eleven_lines(demo_run: subprocess.CompletedProcess[str], demo: Path) -> None:
    lines = demo_run.stdout.splitlines()
    assert len(lines) == 11
    assert Path(lines[-2].removeprefix("report: ")).read_text().startswith("<!doctype html>")
    assert lines[-1] == f"serve it: forewarn --config {demo / 'forewarn.yaml'} serve"
    assert any("is the champion" in line for line in lines)


def test_the_demo_scored_the_past_with_what_was_known_then(demo: Path) -> None:
    """The rows of half a year ago come from a model that was trained up to that day, never from today's champion."""
    with sqlite3.connect(demo / ".forewarn" / "ledger.db") as connection:
        result = connection.execute(
            "select distinct as_of, model_version, requested_at from predictions join batches using (batch_id)"
        ).fetchall()
    assert sorted(result) == [
        ("2025-07-01", "1", "2025-07-01T00:00:00.000000"),
        (END, "2", "2026-01-01T00:00:00.000000"),
    ]
    cuts = {}
    for path in (demo / ".forewarn").rglob("churn/model.json"):
        log = json.loads(path.read_text())["log"]
        cuts[log["cut"]] = log["labels_known_until"]
    assert set(cuts) == {"2025-07-01", END}
    assert all(until <= cut for cut, until in cuts.items())


def test_the_pipeline_cannot_see_the_truth(demo: Path) -> None:
    body = yaml.safe_load((demo / "forewarn.yaml").read_text())
    assert (demo / "truth").is_dir()
    assert "truth" not in json.dumps(body)


def test_a_demo_is_made_anew_in_its_own_folder_and_in_no_other(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = call("demo", "--dir", tmp_path, "--accounts", "300")
    assert done.exit_code == 2
    assert "which holds other files" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_demo_company_can_be_too_small(tmp_path: Path) -> None:
    done = call("demo", "--dir", tmp_path / "demo", "--accounts", "5")
    assert done.exit_code == 2
    assert "20 or more" in done.stderr
