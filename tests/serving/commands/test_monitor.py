"""`forewarn monitor` on the demo: what it reads, what it says, and with which exit code."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from configs.errors import UsageError
from configs.framework import Framework, Weights
from configs.settings import Settings
from configs.settings_file import load_settings
from evaluation.ledger.ledger import Ledger
from evaluation.monitoring.alarm import Alarm
from evaluation.monitoring.result import MonitoringSummary
from evaluation.monitoring.scored_history import taught_until
from evaluation.promotion.verdict import GateResult, Verdict
from features.synthetic.scenario import REWEIGHTED
from serving.cli.main import main
from serving.commands import monitor as monitor_command
from serving.commands import promote as promotion
from serving.commands.monitor import watch, watched_rows
from serving.project import Project
from serving.promotion.kept_backtest import BacktestAnswer, KeptBacktest, read_backtest
from training.tracking.registry import load_version

pytestmark = pytest.mark.slow
NOW = pd.Timestamp("2026-01-01")
ANSWER = BacktestAnswer(True, ("The model beats the rules.",))


def monitor(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(project / "forewarn.yaml"), *arguments])


@pytest.fixture(scope="module")
def summary(demo: Path) -> MonitoringSummary:
    with Project(load_settings(demo / "forewarn.yaml")) as opened:
        return watch(opened, NOW.to_pydatetime())


def test_a_month_is_watched_by_the_ledger_and_else_by_the_backtest(demo: Path) -> None:
    settings = load_settings(demo / "forewarn.yaml")
    with Project(settings) as opened:
        rows = watched_rows(opened, NOW)
    assert not rows.duplicated(["account_id", "as_of"]).any()
    source = rows.groupby("as_of")["source"].agg(["nunique", "first"])
    assert (source["nunique"] == 1).all()
    assert set(source.index[source["first"] == "ledger"]) == {pd.Timestamp("2025-07-01"), NOW}
    assert rows.as_of.min() == pd.Timestamp("2024-10-01")
    assert (rows.cut <= rows.as_of).all()
    past = rows[rows.as_of == pd.Timestamp("2025-07-01")]
    assert set(past.model_version) == {"1"}
    assert past.churned_90d.notna().mean() > 0.9
    cut = pd.Timestamp(load_version(settings, "1").churn.log["cut"])
    assert set(past.cut) == {cut}
    assert rows[rows.as_of == NOW].churned_90d.isna().all()


def test_what_the_service_answered_is_no_whole_scoring(demo: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(demo, project)
    settings = load_settings(project / "forewarn.yaml")
    scored = pd.read_parquet(settings.paths.scores(pd.Timestamp("2026-01-01"))).head(3)
    with Ledger.open(settings) as ledger:
        asked = scored.assign(as_of=pd.Timestamp("2025-10-17"), model_version="2")
        ledger.write(asked, kind="api", asked_by="score", at=pd.Timestamp("2025-10-17"), signals_hash=["x" * 64] * 3)
    with Project(settings) as opened:
        rows = watched_rows(opened, NOW)
    assert pd.Timestamp("2025-10-17") not in set(rows.as_of)
    assert set(rows.source[rows.as_of == pd.Timestamp("2025-10-01")]) == {"backtest"}


def test_without_a_prediction_it_says_what_to_run(demo: Path, tmp_path: Path) -> None:
    shutil.copy(demo / "forewarn.yaml", tmp_path)
    with (
        Project.open(tmp_path / "forewarn.yaml") as opened,
        pytest.raises(UsageError, match=r"no prediction yet(.|\n)*forewarn backtest"),
    ):
        watched_rows(opened, NOW)


def test_no_row_of_the_ledger_is_older_than_what_its_model_had_learnt(demo: Path) -> None:
    settings = load_settings(demo / "forewarn.yaml")
    with Project(settings) as opened:
        rows = taught_until(opened.ledger, settings)
    assert rows is not None
    assert (rows.cut <= rows.as_of).all()
    assert len(rows) > 500
    assert "FW102" not in {finding.code for finding in read_backtest(settings).findings}


def test_promoting_new_weights_and_another_level_marks_them(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The promotion alone: what it measures and where it keeps things is stood in for."""
    settings = make_settings(tables={"accounts": {"from": "a.csv"}, "contracts": {"from": "c.csv"}})
    stages = tuple(
        stage.model_copy(update={"weights": Weights(**REWEIGHTED.get(stage.name, stage.weights.as_dict()))})
        for stage in settings.framework.stages
    )
    after = settings.framework.model_copy(update={"stages": stages})

    def version(number: str, framework: Framework, step: dict[str, Any]) -> SimpleNamespace:
        health = SimpleNamespace(framework=framework)
        shift = SimpleNamespace(since=step.get("since"), times=step.get("times"))
        calibrator = SimpleNamespace(log={"level_shift": step}, recorded_shift=shift if step else None)
        churn = SimpleNamespace(log={}, chosen="blend", has_signal=True, calibrator=calibrator)
        return SimpleNamespace(
            version=number,
            run_id=number,
            health=health,
            churn=churn,
            record=SimpleNamespace(config_version=number, data_fingerprint="1"),
        )

    champion, candidate = (
        version("1", settings.framework, {}),
        version("2", after, {"since": "2025-02-01", "times": 2.0}),
    )
    judged = pd.DataFrame(columns=["account_id", "as_of", "p_churn_90d", "fold"])
    stand_ins: dict[str, Any] = {
        "read_backtest": lambda _: KeptBacktest(
            judged, judged, {"fingerprint": "1", "settings": "2"}, (), None, ANSWER
        ),
        "measure": lambda *_: None,
        "evaluate_gates": lambda *_: Verdict((GateResult("size", True, 1.0, "", ""),)),
        "keep_file": lambda *_: None,
        "move_champion": lambda *_: None,
    }
    for name, stand_in in stand_ins.items():
        monkeypatch.setattr(promotion, name, stand_in)
    monkeypatch.setattr(Project, "model", lambda *_: candidate)
    monkeypatch.setattr(Project, "champion", champion)
    dataset: Any = SimpleNamespace(fingerprint="1")
    with Project(settings, dataset=dataset) as opened:
        first, second = [promotion.promote(opened, None, NOW, "user:kim") for _ in range(2)]
    assert "adoption: usage 50 to 30" in (first.reweighting or "")
    assert "since 2025-02-01 2 times as many" in (first.level or "")
    assert second.reweighting is None is second.level  # asked for twice, marked once
    with Ledger.open(settings) as ledger:
        assert len(ledger.events("reweighting")) == len(ledger.events("level")) == 1


def test_the_command_answers_in_words_and_json(
    demo: Path, summary: MonitoringSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor_command, "watch", lambda *_: summary)
    done = monitor(demo, "monitor")
    assert done.exit_code == int(summary.has_active_alarm), done.output
    lines = done.stdout.splitlines()
    for title in ("active alarms:", "what is quiet:", "by feed:", "by stage, scorings of 2025Q3:", "the figures:"):
        assert title in lines
    assert any(line.startswith("  usage_events: ") for line in lines)
    assert any(line.startswith("  renewal: ") for line in lines)
    reported = json.loads((demo / ".forewarn" / "reports" / "report.json").read_text())["monitoring"]
    assert json.loads(monitor(demo, "--json", "monitor").stdout) == {**reported, "checks": None}


def test_an_active_alarm_is_a_no(demo: Path, summary: MonitoringSummary, monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = "More accounts leave than predicted"
    alarm = Alarm("more_churn", sentence, "", NOW, NOW, True, 1, 2.0, 0.02, "", "", sentence)
    alarmed = replace(summary, has_active_alarm=True, alarms=(alarm,))
    monkeypatch.setattr(monitor_command, "watch", lambda *_: alarmed)
    done = monitor(demo, "monitor")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[lines.index("active alarms:") + 1] == "  More accounts leave than predicted"
