from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from configs.settings import Settings
from evaluation.predictions.next_actions import Action, next_actions
from tests.training.conftest import project_settings
from training.hazard.attribution import Explanation


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return project_settings(Path(tmp_path_factory.mktemp("project")))


def explained(usage: float, engagement: float) -> Explanation:
    parts = np.array([[usage, engagement, 0.5]])
    return Explanation(np.array([0.05]), parts, ("a", "b", "c"), ("usage", "engagement", "account"))


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
    found = next_actions([fired], explained(usage, engagement), settings.framework)[0]
    assert [action.playbook for action in found] == names


def test_the_reason_is_said(settings):
    trigger, driver = next_actions([["unhappy"]], explained(0.104, 0.0), settings.framework)[0]
    assert trigger.why == "unhappy: satisfaction of 2 or less"
    assert driver.title == "Win back"
    assert driver.why.startswith("usage adds 10.4 points")


def test_every_escalation_is_said(settings):
    """In the framework's order, each by name, on the one playbook that they share."""
    first, *_ = next_actions([["strategic", "renewal at risk"]], explained(0.0, 0.0), settings.framework)[0]
    assert first == Action(
        playbook="executive",
        title="Bring in an executive",
        why="renewal at risk: much is up for renewal; strategic: whatever its score",
    )
