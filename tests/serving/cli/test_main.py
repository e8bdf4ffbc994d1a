"""The commands on the demo company: what they say, what they write, and how they refuse."""

from __future__ import annotations

import json
import math
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner, Result

from serving.cli.main import main
from serving.cli.session import DEFECT

pytestmark = pytest.mark.slow
END = "2026-01-01"
Run = Callable[..., Result]


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


def on(project: Path, *arguments: str | Path) -> Result:
    return call("--config", project / "forewarn.yaml", *arguments)


def as_json(project: Path, *arguments: str | Path) -> dict:
    done = call("--config", project / "forewarn.yaml", "--json", *arguments)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def edit(project: Path, **changes: object) -> None:
    path = project / "forewarn.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))


# -- the demo ------------------------------------------------------------------------------------------------------


def test_the_demo_ends_with_ten_lines(demo_run: subprocess.CompletedProcess[str], demo: Path) -> None:
    lines = demo_run.stdout.splitlines()
    assert len(lines) == 10
    assert Path(lines[-2].removeprefix("report: ")).read_text().startswith("<!doctype html>")
    assert lines[-1] == f"serve it: forewarn --config {demo / 'forewarn.yaml'} serve"
    assert any("is the champion" in line for line in lines)


def test_the_demo_scored_the_past_with_what_was_known_then(demo: Path) -> None:
    """The rows of half a year ago come from a model that was trained up to that day, never from today's champion."""
    with sqlite3.connect(demo / ".forewarn" / "ledger.db") as connection:
        found = connection.execute(
            "select distinct as_of, model_version, requested_at from predictions join batches using (batch_id)"
        ).fetchall()
    assert sorted(found) == [
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


# -- the steps -----------------------------------------------------------------------------------------------------


def test_init_proposes_and_never_overwrites(demo: Path, tmp_path: Path) -> None:
    for path in demo.glob("*.parquet"):
        shutil.copy(path, tmp_path)
    done = call("init", tmp_path)
    assert done.exit_code == 0, done.output
    proposed = yaml.safe_load((tmp_path / "forewarn.yaml").read_text())
    assert {"accounts", "contracts", "usage_events", "outcomes"} <= set(proposed["tables"])
    again = call("init", tmp_path)
    assert (again.exit_code, "never overwrites" in again.stderr) == (2, True)


def test_check_passes_and_says_what_there_is(demo: Path) -> None:
    body = as_json(demo, "check")
    assert (body["passed"], body["data_end"]) == (True, END)
    assert len(body["feeds"]) == 11
    assert "sources are sound" in on(demo, "check").stdout


def test_check_says_no_to_a_column_that_knows_the_future(project: Path) -> None:
    accounts = pd.read_parquet(project / "accounts.parquet")
    left = pd.read_parquet(project / "outcomes.parquet").query("kind == 'churn'").account_id
    accounts["mood"] = accounts.account_id.isin(left).map({True: "blue", False: "sunny"})
    accounts.to_parquet(project / "accounts.parquet")
    tables = yaml.safe_load((project / "forewarn.yaml").read_text())["tables"]
    tables["accounts"]["attributes"] = ["industry", "mood"]
    edit(project, tables=tables)
    done = on(project, "check")
    assert done.exit_code == 1
    assert "accounts.mood" in done.stdout
    edit(project, allow_leaking=["accounts.mood"])
    assert on(project, "check").exit_code == 0


def test_features_of_given_days(project: Path) -> None:
    out = project / "f.parquet"
    body = as_json(project, "features", "--as-of", "2025-06-01", "--as-of", "2025-03-15", "--out", out)
    frame = pd.read_parquet(out)
    assert sorted(frame.as_of.dt.strftime("%Y-%m-%d").unique()) == ["2025-03-15", "2025-06-01"]
    assert len(frame) == body["rows"] == len(frame.drop_duplicates(["account_id", "as_of"]))
    assert {"lifecycle_stage", "coverage", "logins_30d"} - set(frame) <= {"logins_30d"}
    assert body["signals"] > 50


def test_backtest_files_have_the_columns_that_are_promised(demo: Path) -> None:
    from configs.settings_file import load_settings
    from evaluation.predictions.predictions import prediction_columns

    settings = load_settings(demo / "forewarn.yaml")
    rows = pd.read_parquet(demo / ".forewarn" / "backtest" / "predictions.parquet")
    others = pd.read_parquet(demo / ".forewarn" / "backtest" / "baselines.parquet")
    assert list(rows)[: len(prediction_columns(settings))] == prediction_columns(settings)
    assert {"fold", *(f"churned_{days}d" for days in settings.horizons_days)} <= set(rows)
    assert {"rules", "logistic", "days_to_renewal"} <= set(others.model)
    assert (rows.fold <= rows.as_of.dt.strftime("%Y-%m-%d")).all()
    metrics = json.loads((demo / ".forewarn" / "backtest" / "metrics.json").read_text())
    assert [one["days"] for one in metrics["horizons"]] == list(settings.horizons_days)


def test_score_writes_the_ledger_once_and_the_file_each_time(project: Path) -> None:
    out = project / "s.parquet"
    before = as_json(project, "ledger", "verify")["batches"]
    body = as_json(project, "score", "--out", out)
    assert body["repeated"] is True  # the demo has scored this day with this model
    assert as_json(project, "ledger", "verify")["batches"] == before
    kept = pd.read_parquet(project / ".forewarn" / "scores" / f"{END}.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(out), kept)
    exported = project / "ledger.parquet"
    as_json(project, "ledger", "export", "--out", exported)
    rows = pd.read_parquet(exported)
    rows = rows[rows.as_of == END].set_index("account_id").loc[kept.account_id]
    assert rows.p_churn_90d.tolist() == kept.p_churn_90d.tolist()
    assert sum(body["levels"].values()) == body["accounts"] == len(kept)


def test_signals_are_rebuilt_when_the_data_change(project: Path) -> None:
    """What is kept under signals/ goes by content, not by its name."""
    first = as_json(project, "score")
    usage = pd.read_parquet(project / "usage_events.parquet")
    usage[usage.occurred_at < "2025-12-01"].to_parquet(project / "usage_events.parquet")
    second = as_json(project, "score")
    assert second["repeated"] is False
    assert second["mean_p"] != first["mean_p"]


def test_explain_adds_up_in_words_and_figures(project: Path) -> None:
    scores = pd.read_parquet(project / ".forewarn" / "scores" / f"{END}.parquet").set_index("account_id")
    account = scores.p_churn_90d.idxmax()
    body = as_json(project, "explain", account)
    parts = [one["contribution"] for group in body["reasons"]["dimensions"] for one in group["signals"]]
    assert body["p_churn_90d"] == scores.p_churn_90d[account]
    assert abs(body["reasons"]["base"] + math.fsum(parts) - body["p_churn_90d"]) < 1e-9
    words = on(project, "explain", account).stdout
    assert words.startswith(f"{account} as of {END}: {body['p_churn_90d'] * 100:.1f} % likely to leave within 90 days")


def test_outcomes_are_judged_once(project: Path) -> None:
    body = as_json(project, "outcomes")
    assert (body["new"], body["changed"]) == (0, 0)  # the demo has judged them
    (day,) = body["days"]
    assert (day["as_of"], day["model_version"]) == ("2025-07-01", "1")
    truth = pd.read_parquet(project / "outcomes.parquet")
    scored = pd.read_parquet(project / ".forewarn" / "scores" / "2025-07-01.parquet").account_id
    left = truth[(truth.kind == "churn") & truth.account_id.isin(scored)]
    in_window = left[(left.occurred_at >= "2025-07-01") & (left.occurred_at < "2025-09-29")]
    assert day["churned"] == in_window.account_id.nunique() > 0
    assert day["accounts"] == len(scored)


def test_report_is_written_where_it_is_asked_for(project: Path) -> None:
    body = as_json(project, "report", "--out", project / "out")
    assert sorted(path.name for path in (project / "out").iterdir()) == ["ledger", "report.html", "report.json"]
    assert Path(body["ledger_html"]).exists()
    figures = json.loads((project / "out" / "report.json").read_text())
    assert figures["meta"]["source"] == "backtest"


def test_a_pdf_needs_chromium_and_nothing_is_written_without_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project))
    done = on(project, "report", "--out", project / "out", "--pdf")
    assert done.exit_code == 2
    assert "apt-get install chromium" in done.output
    assert not (project / "out").exists()


def test_a_ledger_that_was_changed_is_not_intact(project: Path) -> None:
    with sqlite3.connect(project / ".forewarn" / "ledger.db") as connection:
        for (trigger,) in connection.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            connection.execute(f"drop trigger {trigger}")
        connection.execute("update predictions set p_churn = 0.01 where rowid = 3")
    done = on(project, "ledger", "verify")
    assert done.exit_code == 1
    assert "NOT intact" in done.stdout


def test_keys_are_shown_once(project: Path) -> None:
    made = as_json(project, "keys", "create", "--role", "csm")["key"]
    listed = on(project, "keys", "list").stdout
    assert made[3:11] in listed
    assert made[12:] not in listed
    assert on(project, "keys", "revoke", made[3:11]).exit_code == 0
    assert "revoked" in on(project, "keys", "list").stdout
    assert on(project, "keys", "revoke", made[3:11]).exit_code == 2


def test_doctor(project: Path, tmp_path: Path) -> None:
    assert as_json(project, "doctor")["ready"] is True
    assert "forewarn init" in call("--config", tmp_path / "none.yaml", "doctor").stdout


# -- refusals ------------------------------------------------------------------------------------------------------


def test_a_gate_that_refuses_leaves_the_champion(project: Path) -> None:
    before = as_json(project, "score")["model_version"]
    edit(project, evaluation={"ece_limit": 0.0})
    done = on(project, "promote")
    assert done.exit_code == 1
    assert "calibration_error" in done.stdout.splitlines()[-1]
    assert as_json(project, "score")["model_version"] == before


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
    told = json.loads(done.stdout)
    assert told["chosen"] in {"rules", "base_rate"}
    assert "5000" in told["why"] or "5,000" in told["why"]


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
