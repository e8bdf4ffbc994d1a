"""The demo company with a story, scored month by month as the years went: alarms, marks and report tell it, no other.

A competitor's launch in month 20, an outage of the usage feed in month 24, new weights in month 26. Fits are smaller
than the product's, to be quick; `forewarn demo --story` is the whole of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from configs.settings import Settings
from configs.settings_file import load_settings
from evaluation.monitoring.result import MonitoringSummary
from evaluation.outcomes.company_facts import facts_of
from features.synthetic.calendar import Calendar
from features.synthetic.company import END, MONTHS, company_config, make_company
from features.synthetic.scenario import REWEIGHTED, Story
from serving.cli.console_outcomes import monitor_lines
from serving.commands.monitor import watch
from serving.commands.outcomes import outcomes
from serving.commands.report import SharedInputs, events_of, ledger_report, served_so_far
from serving.demo.story import live_through
from serving.project import Project

pytestmark = pytest.mark.minutes
STORY = Story()
LAUNCH, PUBLISHED = pd.Timestamp("2025-02-01"), pd.Timestamp("2025-08-01")
DAY = pd.Timedelta(days=1)
QUICK = {
    "training": {"calibration_origins": 2, "trees": {"n_estimators": 100}},
    "evaluation": {"bootstrap_draws": 50},
}


@dataclass(frozen=True)
class Told:
    """What the monitoring found, and what the report on the ledger says."""

    settings: Settings
    watched: MonitoringSummary
    found: dict[str, Any]
    page: str
    body: dict[str, Any]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("story")
    config = folder / "forewarn.yaml"
    make_company(folder, story=STORY)
    config.write_text(yaml.safe_dump(company_config() | QUICK))
    settings = load_settings(config)
    project = Project(settings)
    sources = project.sources
    at = STORY.reweighted_at(Calendar.of(END, MONTHS))
    told_last = live_through(config, project, at).project
    settings, today = told_last.settings, sources.data_end.to_pydatetime()
    outcomes(told_last, today)
    watched = watch(told_last, today)
    result = watched.to_json()
    facts = facts_of(sources, settings)
    served = served_so_far(told_last, facts, today)
    assert served is not None
    inputs = SharedInputs("today", facts, events_of(told_last), watched)
    written = ledger_report(told_last, folder / "report", served, inputs)
    project.close()
    page = Path(str(written))
    return Told(settings, watched, result, page.read_text(), json.loads(page.with_suffix(".json").read_text()))


def of_kind(told: Told, kind: str) -> list[dict[str, Any]]:
    return [alarm for alarm in told.found["alarms"] if alarm["kind"] == kind]


def test_the_launch_is_found_within_one_period(told: Told) -> None:
    """Scored as of the launch's day, the month after it is judged; a period later at the latest the alarm goes off."""
    (alarm,) = of_kind(told, "more_churn")
    assert LAUNCH <= pd.Timestamp(alarm["first"]) <= LAUNCH + 31 * DAY
    assert alarm["figure"] > 1.5
    assert "times as many" in alarm["message"]
    before = [one for one in told.found["figures"]["watched"]["more_churn"] if pd.Timestamp(one["as_of"]) < LAUNCH]
    assert len(before) == 4
    assert not any(one["tripped"] for one in before)


def test_the_outage_is_named_and_is_no_drift(told: Told) -> None:
    (alarm,) = of_kind(told, "outage")
    assert (alarm["scope"], alarm["first"], alarm["figure"]) == ("usage_events", "2025-06-09", 12)
    assert not alarm["is_active"]
    assert of_kind(told, "signals") == []
    moved = told.found["figures"]["explained"]
    assert {move["column"] for move, _ in moved} >= {"weeks_in_a_row", "usage_change_14d"}
    assert all(
        why == "usage_events brought next to nothing from 2025-06-09 to 2025-06-20 (12 days)" for _, why in moved
    )


def test_the_new_weights_are_marked_once_and_name_what_changed(told: Told) -> None:
    (event,) = [event for event in told.found["events"] if event["kind"] == "reweighting"]
    assert event["at"] == f"{PUBLISHED:%Y-%m-%d}"
    assert told.settings.version in event["sentence"]
    assert "adoption: usage 50 to 30, engagement 25 to 35, financial 10 to 20;" in event["sentence"]
    assert told.settings.framework.stage("adoption").weights.as_dict() == REWEIGHTED["adoption"]


def test_the_retrain_after_the_launch_serves_another_level_and_is_marked(told: Told) -> None:
    (event,) = [event for event in told.found["events"] if event["kind"] == "level"]
    assert event["at"] == "2025-04-01"
    assert "since 2025-02-01" in event["sentence"]
    matured = told.found["figures"]["matured"]
    assert matured["ece"]["value"] <= 0.03


def test_no_other_alarm(told: Told) -> None:
    """That the probabilities were off in the quarter of the launch is the same story at the main horizon."""
    kinds = [alarm["kind"] for alarm in told.found["alarms"]]
    assert sorted(kinds) == ["calibration", "more_churn", "outage"]
    (level,) = of_kind(told, "calibration")
    assert (level["scope"], level["first"]) == ("all stages", "2025-03-01")
    assert level["figure"] > 1.5
    assert told.found["has_active_alarm"] == any(alarm["is_active"] for alarm in told.found["alarms"])


def test_the_terminal_and_the_report_tell_it(told: Told) -> None:
    lines = monitor_lines(told.watched)
    at = [lines.index(title) for title in ("active alarms:", "what is quiet:", "what was left out:", "the figures:")]
    assert at == sorted(at)
    for alarm in told.found["alarms"]:
        assert f"  {alarm['sentence']}" in lines
        assert alarm["title"] in told.page
    assert told.body["monitoring"]["alarms"] == told.found["alarms"]
    specs = json.loads(told.page.split('id="specs">')[1].split("</script>")[0])
    for key in ("watch_level", "watch_far"):
        (label,) = [values for values in datasets(specs[key]) if any("label" in value for value in values)]
        assert {"at": "2025-08-01", "label": "new weights"} in label
    (label,) = [values for values in datasets(specs["retention"]) if any("label" in value for value in values)]
    assert label == [{"at": "2025 Q2", "label": "another level"}, {"at": "2025 Q3", "label": "new weights"}]


def datasets(spec: Any) -> list[list[dict[str, Any]]]:
    """Every list of values in a chart's specification."""
    if isinstance(spec, dict):
        own = [spec["values"]] if isinstance(spec.get("values"), list) else []
        return own + [dataset for value in spec.values() for dataset in datasets(value)]
    return [dataset for value in spec for dataset in datasets(value)] if isinstance(spec, list) else []


def test_without_a_story_a_year_has_one_alarm_at_most(demo: Path) -> None:
    """The same company, left alone: fifteen months of the backtest and of what the demo scored."""
    with Project(load_settings(demo / "forewarn.yaml")) as project:
        result = watch(project, pd.Timestamp(END).to_pydatetime()).to_json()
    assert {source["source"] for source in result["sources"]} == {"backtest", "ledger"}
    assert len(result["alarms"]) <= 1, result["sentences"]
    assert not result["has_active_alarm"]


def test_the_ledgers_report_says_what_each_trigger_is_worth(told: Told) -> None:
    triggers = {trigger["trigger"]: trigger for trigger in told.body["triggers"]}
    assert {trigger.name for trigger in told.settings.framework.triggers} == set(triggers) - {"any trigger"}
    worth = triggers["usage_decline"]
    assert worth["rows"] > worth["fired"] > 0
    assert (worth["precision"] is None) != (worth["refused"] is None)
    assert "What the triggers are worth" in told.page
