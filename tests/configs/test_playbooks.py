from __future__ import annotations

import pytest

from configs.framework import Framework
from configs.playbooks import Playbook, Step, Tier
from configs.settings_file import DEFAULT_FILE, read_body

DEFAULT = Framework(**read_body(DEFAULT_FILE)["framework"])
STEPS = ({"do": "write", "by": "automation", "within_days": 1}, "call")
KINDS = {"onboarding", "adoption", "risk", "renewal", "expansion"}


@pytest.mark.parametrize(
    ("tier", "by"),
    [
        (Tier(name="smb", arr_from=0, engagement="tech_touch"), ["automation", "csm"]),
        (Tier(name="large", arr_from=9, engagement="high_touch"), ["csm", "csm"]),  # who pays for people gets people
        (Tier(name="large", arr_from=9, engagement="high_touch", automation=True), ["automation", "csm"]),
        (Tier(name="smb", arr_from=0, engagement="tech_touch", automation=False), ["csm", "csm"]),
        (None, ["automation", "csm"]),
    ],
)
def test_automation_is_reserved_by_tier(tier, by):
    playbook = Playbook.model_validate({"name": "x", "title": "x", "steps": STEPS})
    assert [step.by for step in playbook.in_tier(tier).steps] == by
    assert str(playbook.steps[0]) == "write (automation, within 1 day)"
    assert playbook.steps[1] == Step(do="call", by="csm", within_days=None)


@pytest.mark.parametrize(
    ("levels", "opportunity", "offered"),
    [
        ((), False, ["low", "medium", "high"]),
        ((), True, ["healthy", "low", "medium", "high"]),
        (("healthy", "low"), True, ["healthy", "low"]),
        (("healthy", "high"), False, ["high"]),
    ],
)
def test_a_healthy_account_is_offered_opportunities_alone(levels, opportunity, offered):
    playbook = Playbook(name="x", title="x", levels=levels, opportunity=opportunity, steps=(Step(do="call"),))
    assert [level for level in ("healthy", "low", "medium", "high") if playbook.is_for(level)] == offered


def test_the_defaults_cover_the_framework():
    assert {playbook.kind for playbook in DEFAULT.playbooks} == KINDS
    assert {tier.engagement for tier in DEFAULT.tiers} == {"high_touch", "pooled", "tech_touch"}
    assert [tier.name for tier in DEFAULT.tiers if not tier.is_automated] == ["enterprise"]
    for playbook in DEFAULT.playbooks:
        assert playbook.context, playbook.name
        assert playbook.resources, playbook.name
        assert playbook.success, playbook.name
        assert all(step.within_days is not None for step in playbook.steps), playbook.name
        assert playbook.escalate or playbook.opportunity, playbook.name


def test_tiers_go_by_arr():
    names = {arr: (tier := DEFAULT.tier_of(arr)) and tier.name for arr in (None, 0.0, 9_999.0, 10_000.0, 100_000.0)}
    assert names == {None: None, 0.0: "smb", 9_999.0: "smb", 10_000.0: "mid_market", 100_000.0: "enterprise"}
