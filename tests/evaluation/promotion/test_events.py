"""Promotions leave a mark that says in words what changed when, and a report shows it."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import asdict
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from configs.framework import Stage, Weights
from evaluation.ledger.ledger import Ledger
from evaluation.promotion.events import (
    FORCED,
    PROMOTION,
    WeightChange,
    ledger_events,
    mark_level,
    mark_promotion,
    mark_reweighting,
    weight_changes,
)
from evaluation.promotion.verdict import GateResult, Verdict
from evaluation.report.report import write_report
from evaluation.report.sections import ReportInputs
from evaluation.report.summary import summarise
from training.calibration.level_shift import RecordedShift
from training.tracking.registry import LoadedModel

NOW = pd.Timestamp("2026-03-31 09:30")
GOOD = Verdict((GateResult("size", True, 1.0, "at most 50 MB", "small"),))
BAD = Verdict(
    (*GOOD.gates, GateResult("auc_alarm", False, 0.99, "below", "too good"), GateResult("latency", False, 99, "x", "y"))
)


@pytest.fixture
def ledger(tmp_path: Path):
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        yield opened


def test_a_promotion_is_marked_in_the_chain(ledger: Ledger) -> None:
    said = mark_promotion(ledger, "3", None, GOOD, None, "user:kim", NOW)
    assert said == "2026-03-31: Version 3 became the champion; every gate let it pass. (user:kim)"
    (row,) = ledger.events().to_dict("records")
    gate = {
        "name": "size",
        "passed": True,
        "figure": 1.0,
        "limit": "at most 50 MB",
        "message": "small",
        "left_out": False,
    }
    body = {"version": "3", "before": None, "gates": [gate]}
    assert (row["kind"], row["body"], row["asked_by"]) == (PROMOTION, body, "user:kim")
    assert ledger.verify().ok


def test_a_forced_one_names_the_gates_the_reason_and_who(ledger: Ledger) -> None:
    mark_promotion(ledger, "3", None, GOOD, None, "user:kim", NOW)
    said = mark_promotion(ledger, "4", "3", BAD, "the feed is fixed by Friday", "user:lou", NOW)
    assert said == (
        "2026-03-31: Version 4 was made the champion after version 3 by force, although the gates refused it"
        " (auc alarm, latency). The reason given: the feed is fixed by Friday (user:lou)"
    )
    row = ledger.events(FORCED).to_dict("records")[0]
    assert row["body"]["refused"] == ["auc_alarm", "latency"]
    assert [(event.sentence == said, event.against_refusal) for event in ledger_events(ledger)] == [
        (False, False),
        (True, True),
    ]


def model(version: str, config: str, **usage: float) -> LoadedModel:
    """A stand-in for a registered version: its framework with other weights of usage and engagement in some stages."""
    framework = simulated().settings().framework
    stages = tuple(
        stage.model_copy(update={"weights": Weights(**weights)})
        for stage in framework.stages
        for weights in (stage.weights.as_dict() | moved(stage, usage.get(stage.name)),)
    )
    health = SimpleNamespace(framework=framework.model_copy(update={"stages": stages}))
    record = SimpleNamespace(config_version=config)
    return cast(LoadedModel, SimpleNamespace(version=version, health=health, record=record))


def at_level(version: str, **step: Any) -> LoadedModel:
    """A stand-in for a registered version whose calibrator found this of the level."""
    calibrator = SimpleNamespace(recorded_shift=RecordedShift(**{"why": "the level is moved"} | step) if step else None)
    return cast(LoadedModel, SimpleNamespace(version=version, churn=SimpleNamespace(calibrator=calibrator)))


def moved(stage: Stage, usage: float | None) -> dict[str, float]:
    own = stage.weights
    return {} if usage is None else {"usage": usage, "engagement": own.engagement + own.usage - usage}


def test_a_level_that_moved_is_marked_once_by_its_day(ledger: Ledger) -> None:
    seasonal, quiet = at_level("1"), at_level("2", why="no step in the level", ratio=1.0)
    launch, later = (at_level(number, since="2025-02-01", times=times) for number, times in (("3", 2.158), ("4", 1.78)))
    assert mark_level(ledger, quiet, seasonal, "user:kim", NOW) is None
    said = mark_level(ledger, launch, quiet, "user:kim", NOW)
    assert said == (
        "2026-03-31: Version 3 serves another level of churn: since 2025-02-01 2.16 times as many left as expected,"
        " and not so a year before. (user:kim)"
    )
    assert mark_level(ledger, later, launch, "user:kim", NOW) is None  # the same step, seen again
    assert mark_level(ledger, later, None, "user:kim", NOW) is None  # and where nothing was champion before
    assert mark_level(ledger, at_level("5", since="2025-09-01", times=0.6), later, "user:kim", NOW) is not None
    assert [(event.kind, event.label) for event in ledger_events(ledger)] == [("level", "another level")] * 2
    assert mark_level(ledger, launch, None, "user:kim", NOW) is not None  # the first model of all has one as well


def test_new_weights_are_marked_once_with_what_changed(ledger: Ledger) -> None:
    first, same, other = model("1", "aaa"), model("2", "bbb"), model("3", "ccc", adoption=30, renewal=20)
    assert mark_reweighting(ledger, first, None, "user:kim", NOW) is None  # nothing went before it
    assert mark_reweighting(ledger, same, first, "user:kim", NOW) is None  # another configuration, the same weights
    said = mark_reweighting(ledger, other, same, "user:kim", NOW)
    assert said == (
        "2026-03-31: The health score goes by new weights (configuration ccc after bbb, with version 3): adoption:"
        " usage 50 to 30, engagement 25 to 45; renewal: usage 25 to 20, engagement 20 to 25. (user:kim)"
    )
    assert mark_reweighting(ledger, other, same, "user:kim", NOW) is None
    assert len(ledger.events("reweighting")) == 1
    assert mark_reweighting(ledger, same, other, "user:kim", NOW) is not None  # and back
    assert [(event.at, event.label) for event in ledger_events(ledger)] == [("2026-03-31", "new weights")] * 2


def test_weights_of_signals_and_stages_that_come_and_go(ledger: Ledger) -> None:
    framework = simulated().settings().framework
    maps = framework.health_maps
    heavier = maps[1].model_copy(update={"weight": maps[1].weight + 1})
    after = framework.model_copy(update={"health_maps": (heavier, *maps[2:])})
    assert weight_changes(framework, after) == [
        WeightChange("signals", maps[0].signal, maps[0].weight, None),
        WeightChange("signals", maps[1].signal, maps[1].weight, maps[1].weight + 1),
    ]


def test_a_mark_that_nobody_wrote_a_sentence_for_is_still_told(ledger: Ledger) -> None:
    ledger.record_event("audit", {"rows": 3}, at=NOW, asked_by="user:kim")
    assert [event.sentence for event in ledger_events(ledger)] == ["2026-03-31: audit (rows 3), by user:kim."]


def simulated() -> ModuleType:
    spec = importlib.util.spec_from_file_location("simulated_for_marks", Path(__file__).parents[1] / "simulated.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_report_shows_marks_in_words_and_escaped(ledger: Ledger, tmp_path: Path) -> None:
    made = simulated()
    mark_promotion(ledger, "4", "3", BAD, "<script>alert(1)</script>", "user:kim", NOW)
    judged, baselines = made.company(accounts=200)
    judged["has_signal"] = [row % 4 > 0 for row in range(len(judged))]
    events = ledger_events(ledger)
    files = write_report(
        ReportInputs(judged, baselines, events=events), made.settings(tmp_path), tmp_path / "with", {"title": "t"}
    )
    page, body = files.html.read_text(), json.loads(files.json.read_text())
    assert "by force, although the gates refused it (auc alarm, latency)" in page
    assert "<script>alert" not in page
    data = page.index('<section id="data"')
    assert data < page.index("Events: what changed when") < page.index("</section>", data)
    assert body["events"] == [asdict(event) for event in events]
    without = int((~judged.has_signal[judged.churned_90d.notna()]).sum())
    assert any(
        warning.startswith(f"{without:,} of ") and "without a usable signal" in warning for warning in body["warnings"]
    )
    plain = summarise(ReportInputs(judged.drop(columns="has_signal"), baselines), made.settings(tmp_path))
    assert not any("without a usable signal" in warning for warning in plain["warnings"])
