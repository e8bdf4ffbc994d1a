"""How the commands refuse: with exit code, every fault, and nothing half written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from serving.cli.session import DEFECT
from tests.serving.calling import call, edit, on

pytestmark = pytest.mark.slow
END = "2026-01-01"


@pytest.mark.parametrize(
    ("day", "says"),
    [
        ("2026-01-02", "in the future of the data"),
        ("2025-12-31", "before the end of training of version 2"),
        ("2010-01-01", "before the end of training of version 2"),
    ],
)
@pytest.mark.parametrize("command", [("score",), ("explain", "acc-0001")])
def test_a_day_that_cannot_be_scored(project: Path, command: tuple[str, ...], day: str, says: str) -> None:
    scores = sorted((project / ".forewarn" / "scores").iterdir())
    done = on(project, *command, "--as-of", day)
    assert done.exit_code == 2
    assert says in done.stderr
    assert sorted((project / ".forewarn" / "scores").iterdir()) == scores


@pytest.mark.parametrize(("day", "says"), [("2030-01-01", "in the future"), ("2010-01-01", "no account in play")])
def test_features_of_a_day_without_data(project: Path, day: str, says: str) -> None:
    done = on(project, "features", "--as-of", day, "--as-of", "2025-06-01", "--out", project / "f.parquet")
    assert (done.exit_code, says in done.stderr) == (2, True), done.stderr
    assert not (project / "f.parquet").exists()


def test_an_unknown_account(project: Path) -> None:
    known = pd.read_parquet(project / ".forewarn" / "scores" / f"{END}.parquet").account_id[0]
    done = on(project, "explain", known.replace("-", "_"))
    assert (done.exit_code, f"did you mean '{known}'" in done.stderr) == (2, True)


@pytest.mark.parametrize("command", ["promote", "score", "outcomes", "report"])
def test_nothing_before_its_time(project: Path, command: str) -> None:
    shutil.rmtree(project / ".forewarn")
    done = on(project, command)
    assert done.exit_code == 2
    assert "to do: run `forewarn" in done.stderr


def test_a_backtest_of_other_settings_is_no_evidence(project: Path) -> None:
    edit(project, training={"seed": 8})
    done = on(project, "promote")
    assert (done.exit_code, "one of other settings" in done.stderr) == (2, True)


def test_changed_horizons_are_refused(project: Path) -> None:
    edit(project, horizons_days=[45, 90])
    done = on(project, "score")
    assert (done.exit_code, "was trained for" in done.stderr) == (2, True)


def test_every_fault_at_once_and_nothing_half(project: Path) -> None:
    body = yaml.safe_load((project / "forewarn.yaml").read_text())
    body["tables"]["accounts"]["from"] = "acounts.parquet"
    body["tables"]["contracts"]["columns"] = {"starts_at": "start"}
    edit(project, tables=body["tables"])
    done = call("--config", project / "forewarn.yaml", "--json", "check")
    assert done.exit_code == 2
    faults = json.loads(done.stdout)["faults"]
    assert len(faults) >= 2
    assert all(fault["do"] for fault in faults)
    assert all(str(fault["where"]) in done.stderr for fault in faults)


def test_too_few_churns(project: Path) -> None:
    edit(project, training={"min_churns": 5000})
    done = call("--config", project / "forewarn.yaml", "--json", "train")
    assert done.exit_code == 0
    body = json.loads(done.stdout)
    assert body["chosen"] in {"rules", "base_rate"}
    assert "5000" in body["why"] or "5,000" in body["why"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["scor"],
        ["score", "--as-of", "yesterday"],
        ["keys", "create", "--role", "king"],
        ["features"],
        ["init", "nowhere"],
    ],
)
def test_a_command_put_wrongly(arguments: list[str]) -> None:
    assert call(*arguments).exit_code == 2


def test_a_missing_configuration(tmp_path: Path) -> None:
    done = call("--config", tmp_path / "no.yaml", "check")
    assert (done.exit_code, "forewarn init" in done.stderr) == (2, True)


def test_an_unforeseen_error_is_shown_whole_and_is_no_answer(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    from serving.commands import data

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a slip")

    monkeypatch.setattr(data, "check", broken)
    done = on(project, "check")
    assert done.exit_code == DEFECT
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError: a slip" in done.stderr
