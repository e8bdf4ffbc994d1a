from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from configs.framework import Framework, Playbook, Tier
from configs.settings import Settings
from configs.settings_file import DEFAULT_FILE, read_body
from evaluation.predictions.next_actions import Action, Situation, next_actions
from tests.training.conftest import project_settings
from training.hazard.attribution import Explanation


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return project_settings(Path(tmp_path_factory.mktemp("project")))


def explained(usage: float, engagement: float) -> Explanation:
    parts = np.array([[usage, engagement, 0.5]])
    return Explanation(np.array([0.05]), parts, ("a", "b", "c"), ("usage", "engagement", "account"))


def situation(*fired: str, stage: str = "adoption", arr: float | None = None, level: str = "high") -> Situation:
    return Situation(fired, stage, arr, level)


@pytest.mark.parametrize(
    ("fired", "usage", "engagement", "names"),
    [
        ([], 0.10, 0.02, ["winback"]),
        ([], 0.01, 0.02, ["support"]),
        ([], 0.004, -0.2, []),  # nothing drives the risk
        (["unhappy"], 0.10, 0.0, ["support", "winback"]),  # triggers first
        (["gone quiet"], 0.10, 0.0, ["winback"]),  # named twice, offered once
        (["strategic", "unhappy"], 0.10, 0.0, ["executive", "support", "winback"]),  # escalations before triggers
    ],
)
def test_playbooks_come_from_triggers_and_the_driving_dimension(settings, fired, usage, engagement, names):
    result = next_actions([situation(*fired)], explained(usage, engagement), settings.framework)[0]
    assert [action.playbook for action in result] == names


def test_the_reason_is_said(settings):
    trigger, driver = next_actions([situation("unhappy")], explained(0.104, 0.0), settings.framework)[0]
    assert trigger.why == "unhappy: satisfaction of 2 or less"
    assert driver.title == "Win back"
    assert driver.why.startswith("usage adds 10.4 points")


def test_every_escalation_is_said(settings):
    """In the framework's order, each by name, on the one playbook that they share."""
    first, *_ = next_actions([situation("strategic", "renewal at risk")], explained(0.0, 0.0), settings.framework)[0]
    assert first == Action(
        playbook="executive",
        title="Bring in an executive",
        why="renewal at risk: much is up for renewal; strategic: whatever its score",
        within_hours=24,
    )


QUIET = ["re_engagement", "risk_mitigation"]


@pytest.mark.parametrize(
    ("level", "fired", "names", "hours"),
    [
        ("high", ["usage_decline"], ["risk_mitigation"], [24]),
        ("medium", ["usage_decline"], ["risk_mitigation"], [120]),
        ("healthy", ["usage_decline"], [], []),  # a healthy account is left in peace
        ("healthy", ["engagement_spike"], ["expansion"], [None]),  # unless it is an opportunity
        ("high", ["engagement_spike"], ["risk_mitigation"], [24]),  # nobody sells to an account about to leave
        ("healthy", ["strategic_account"], ["executive_escalation"], [24]),  # whatever its score
        ("low", ["score_fell", "gone_quiet"], ["executive_escalation", *QUIET], [24, 168, 168]),
    ],
)
def test_the_level_chooses_among_the_default_playbooks(level, fired, names, hours):
    framework = Framework(**read_body(DEFAULT_FILE)["framework"])
    asked = situation(*fired, stage="value_realization", arr=50_000.0, level=level)
    result = next_actions([asked], explained(0.1, 0.0), framework)[0]
    assert [(action.playbook, action.within_hours) for action in result] == list(zip(names, hours, strict=True))


TIERS = (Tier(name="smb", arr_from=0), Tier(name="enterprise", arr_from=1000))


def playbook(name: str, stages: tuple[str, ...] = (), tiers: tuple[str, ...] = ()) -> Playbook:
    return Playbook(name=name, title=name, for_dimension="usage", stages=stages, tiers=tiers, steps=("do",))


PLAYBOOKS = (
    playbook("for all"),
    playbook("for the tier", tiers=("enterprise",)),
    playbook("for the stage", stages=("onboarding", "adoption")),
    playbook("for both", stages=("onboarding",), tiers=("enterprise",)),
)


@pytest.mark.parametrize(
    ("stage", "arr", "name", "why"),
    [
        ("renewal", 999.0, "for all", "more than any other"),
        ("renewal", None, "for all", "more than any other"),
        ("renewal", 1000.0, "for the tier", "more than any other; for tier enterprise"),
        ("adoption", 5000.0, "for the stage", "more than any other; for stage adoption"),
        ("onboarding", 10.0, "for the stage", "more than any other; for stage onboarding"),
        ("onboarding", 5000.0, "for both", "more than any other; for stage onboarding and tier enterprise"),
    ],
)
def test_stage_and_tier_choose_among_the_playbooks_of_the_driver(settings, stage, arr, name, why):
    framework = settings.framework.model_copy(update={"tiers": TIERS, "playbooks": PLAYBOOKS, "triggers": ()})
    framework = framework.model_copy(update={"escalations": ()})
    (action,) = next_actions([situation(stage=stage, arr=arr)], explained(0.1, 0.0), framework)[0]
    assert action.playbook == name
    assert action.why.endswith(why)


def test_the_default_has_a_playbook_for_every_driver_stage_and_tier() -> None:
    framework = Framework(**read_body(DEFAULT_FILE)["framework"])
    asked = {
        (stage.name, arr): next_actions([situation(stage=stage.name, arr=arr)], explained(0.1, 0.0), framework)[0]
        for stage in framework.stages
        for arr in (None, 5_000.0, 50_000.0, 500_000.0)
    }
    assert {len(actions) for actions in asked.values()} == {1}
    names = {key: actions[0].playbook for key, actions in asked.items()}
    assert names["onboarding", 5_000.0] == "onboarding_self_service"
    assert names["onboarding", 500_000.0] == "onboarding"
    assert names["value_realization", 5_000.0] == "self_service"
    assert names["value_realization", 50_000.0] == "risk_mitigation"


@pytest.mark.parametrize(
    ("of_playbook", "says"),
    [
        ({"stages": ["asleep"]}, "playbook x names the stages asleep; stages: adoption, "),
        ({"tiers": ["giant"]}, "playbook x names the tiers giant; tiers: enterprise, mid_market, smb"),
        ({"stages": ["adoption"], "for_dimension": None}, "choose among those of a for_dimension"),
    ],
)
def test_a_playbook_names_what_there_is(of_playbook, says):
    body = read_body(DEFAULT_FILE)["framework"]
    extra = {"name": "x", "title": "x", "for_dimension": "usage", "steps": ["do"], **of_playbook}
    with pytest.raises(ValueError, match=says):
        Framework(**(body | {"playbooks": [*body["playbooks"], extra]}))
