"""Which learner is chosen, from purged log losses that are planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.calibration import clustered_z
from training.fit.model_selection import NO_SIGNAL, choose_learner
from training.hazard import log_loss_rows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def blocks(rolling, cut):
    return rolling.out_of_time(cut)


@pytest.fixture(scope="module")
def learners(rolling, cut):
    return rolling.learners(cut)


def of(learners, accounts: int, slope: float = -0.05):
    """As if fitted on so many churned accounts, with that slope of the rules."""
    return replace(
        learners,
        accounts=accounts,
        events=accounts,
        rules=replace(learners.rules, log=learners.rules.log | points(slope)),
    )


def points(slope: float) -> dict[str, float]:
    return {"log_odds_per_health_point": slope}


def spoil(blocks, *names: str):
    """Those learners' log-odds with noise: worse than the base rate beyond chance."""
    noise = np.random.default_rng(0).normal(0, 3, len(blocks["blend"]))
    return {
        name: replace(block, log_odds=block.log_odds + noise) if name in names else block
        for name, block in blocks.items()
    }


BLENDS = ("blend", "blend_rules")
FITTED = (*BLENDS, "trees", "logistic")


@pytest.mark.parametrize(
    ("accounts", "spoilt", "slope", "chosen"),
    [
        (120, (), -0.05, "blend_rules"),  # a little worse here, by less than a standard error
        (120, ("blend_rules",), -0.05, "blend"),
        (120, ("blend",), -0.05, "blend_rules"),
        (40, BLENDS, -0.05, "logistic"),
        (40, FITTED, -0.05, "rules"),
        (40, FITTED, 0.05, "base_rate"),  # healthier accounts can't leave more
        (40, (*FITTED, "rules"), -0.05, "base_rate"),
        (120, FITTED, -0.05, "rules"),
        (120, (*FITTED, "rules"), -0.05, "blend_rules"),  # too bold, but it tells who leaves
        (29, (), -0.05, "rules"),  # under min_churns no learner above the rules is looked at
        (29, ("rules",), -0.05, "base_rate"),
    ],
)
def test_the_highest_step_that_holds(learners, blocks, accounts, spoilt, slope, chosen):
    result = choose_learner(of(learners, accounts, slope), spoil(blocks, *spoilt), 30)
    assert result.chosen == chosen
    assert result.why.startswith(NO_SIGNAL) == (chosen == "base_rate")
    assert str(accounts) in result.why
    assert set(result.losses) == {*FITTED, "rules", "base_rate"}


@pytest.mark.parametrize("accounts", [120, 5_000])
def test_learners_that_know_nothing_are_no_usable_signal(learners, blocks, accounts):
    base, random = blocks["base_rate"].log_odds, np.random.default_rng(0)
    lost = {name: replace(block, log_odds=base + random.normal(0, 3, len(base))) for name, block in blocks.items()}
    found = choose_learner(of(learners, accounts), lost | {"base_rate": blocks["base_rate"]}, 30)
    assert (found.chosen, found.too_bold) == ("base_rate", False)
    assert found.why.startswith(NO_SIGNAL)


def test_a_blend_that_tells_too_boldly_is_to_be_shrunk(learners, blocks):
    found = choose_learner(of(learners, 120), spoil(blocks, *FITTED, "rules"), 30)
    assert (found.chosen, found.too_bold) == ("blend_rules", True)
    assert found.beats_base_z["blend_rules"] < 0
    assert "is shrunk" in found.why


def test_one_member_that_is_better_than_the_blend_serves_alone(learners, blocks):
    own = blocks["logistic"].log_odds
    noise = np.random.default_rng(0).normal(0, 0.6, len(own))
    worse = {name: replace(blocks[name], log_odds=own + noise) for name in (*BLENDS, "trees")}
    found = choose_learner(of(learners, 120), blocks | worse, 30)
    assert found.chosen == "logistic"
    assert "logistic alone is better" in found.why


def test_a_step_must_beat_the_one_below(learners, blocks):
    """Equal predictions are no better: the logistic is not taken above rules that say the same."""
    same = blocks | {name: replace(blocks[name], log_odds=blocks["rules"].log_odds) for name in FITTED}
    assert choose_learner(of(learners, 40), same, 30).chosen == "rules"


def test_without_an_origin_few_churns_are_the_base_rate_and_many_the_blend(learners):
    assert choose_learner(of(learners, 49), {}, 30).chosen == "base_rate"
    result = choose_learner(of(learners, 50), {}, 30)
    assert (result.chosen, result.losses) == ("blend", {})
    assert "no origin" in result.why


@pytest.mark.parametrize(("events", "chosen"), [(149, "blend_rules"), (2_000, "blend_rules"), (2_001, "trees")])
def test_the_learner_goes_by_the_number_of_churns(learners, blocks, events, chosen):
    worse = replace(blocks["trees"], log_odds=blocks["trees"].log_odds + 0.3)
    good = blocks | {"trees": blocks["blend"], "blend_rules": blocks["blend"]}  # nothing speaks against the rules
    assert choose_learner(
        of(learners, events), good | {"blend": worse if events > 2_000 else good["blend"]}, 30
    ).chosen == (chosen)
    few = {name: block for name, block in blocks.items() if name != "blend_rules"}
    assert choose_learner(of(learners, events), few | {"trees": worse}, 30).chosen == "blend"


def test_above_many_churns_the_blend_must_be_better_by_more_than_an_error(learners, blocks):
    """A lower loss alone is no reason for a second member; a standard error is."""
    own, many = blocks["blend"], of(learners, 2_001)
    within = 0
    for seed in range(10):
        noise = 1e-3 * np.random.default_rng(seed).normal(size=len(own))
        hair = replace(own, log_odds=own.log_odds + noise)
        gain = log_loss_rows(hair.log_odds, own.churned) - log_loss_rows(own.log_odds, own.churned)
        z = clustered_z(gain, own.account)
        within += 0 < z < 1
        chosen = choose_learner(many, blocks | {"trees": hair, "blend": own}, 30).chosen
        assert chosen == ("blend" if z > 1 else "trees")
    assert within > 0
    worse = spoil({"trees": own, "blend": own}, "trees")
    assert choose_learner(many, blocks | worse, 30).chosen == "blend"


def test_labels_without_a_signal_pass_no_step(rolling, cut, learners, blocks):
    """Outcomes drawn from the base rate itself: whatever was fitted to other labels can only be worse."""
    rng = np.random.default_rng(1)
    chosen = []
    for _ in range(20):
        base = blocks["base_rate"].log_odds
        churned = (rng.random(len(base)) < 1 / (1 + np.exp(-base))).astype(float)
        drawn = {name: replace(block, churned=churned) for name, block in blocks.items()}
        chosen.append(choose_learner(of(learners, 120), drawn, 30).chosen)
    assert chosen.count("base_rate") >= 19


def test_rules_that_were_not_taught_at_the_cut_are_no_step(learners, blocks):
    """Origins with few churns taught them, the cut with many did not: no step may need what is not there."""
    many = replace(of(learners, 2_001), learned_rules=None)
    for spoilt in ((), ("trees", "blend"), ("trees", "blend", "logistic")):
        result = choose_learner(many, spoil(blocks, *spoilt), 30)
        assert result.chosen != "blend_rules"
        assert "blend_rules" not in result.losses
