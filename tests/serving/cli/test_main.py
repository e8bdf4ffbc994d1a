"""The commands on the demo company: what they print and what they write."""

from __future__ import annotations

import json
import math
import shutil
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.serving.calling import as_json, call, edit, on

pytestmark = pytest.mark.slow
END = "2026-01-01"


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
    assert [horizon["days"] for horizon in metrics["horizons"]] == list(settings.horizons_days)


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
    parts = [signal["contribution"] for group in body["reasons"]["dimensions"] for signal in group["signals"]]
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


def test_a_gate_that_refuses_leaves_the_champion(project: Path) -> None:
    before = as_json(project, "score")["model_version"]
    edit(project, evaluation={"ece_limit": 0.0})
    done = on(project, "promote")
    assert done.exit_code == 1
    assert "calibration_error" in done.stdout.splitlines()[-1]
    assert as_json(project, "score")["model_version"] == before
