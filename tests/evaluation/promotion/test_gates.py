"""Each gate: a planted fault that fires it, and none that it should not; a clean candidate that passes them all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from configs.errors import DataError, Refused
from evaluation.promotion.gates import GATES
from evaluation.validity.checks import Finding
from tests.evaluation.promotion.candidates import Clean, figure, logistic, refused, verdict

NAMES = [gate.name for gate in GATES]


def test_a_clean_candidate_passes_every_gate(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    result = verdict(*clean)
    assert result.passed, str(result)
    assert result.faults() == []
    assert [gate.name for gate in result.gates] == NAMES
    assert figure(result, "against_rules") < 0
    text = str(result)
    assert text.splitlines()[-1] == "passed"
    assert all(name in text for name in NAMES)
    assert "better (difference -0." in text


def test_order_of_rows_does_not_matter(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    judged, baselines = clean
    shuffled = verdict(judged.sample(frac=1, random_state=1), baselines.sample(frac=1, random_state=2))
    for one, other in zip(verdict(judged, baselines).gates, shuffled.gates, strict=True):
        assert one.name == other.name
        assert one.figure == pytest.approx(other.figure)


def test_unmatured_rows_are_not_looked_at(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    judged, baselines = clean
    spoilt = judged.copy()
    spoilt.loc[spoilt.churned_90d.isna(), "p_churn_90d"] = 0.999
    assert verdict(spoilt, baselines) == verdict(judged, baselines)


def test_worse_than_the_rules(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    judged, baselines = clean
    swapped = judged.assign(p_churn_90d=baselines.p_churn_90d[: len(judged)].to_numpy())
    rules = baselines.copy()
    rules.loc[: len(judged) - 1, "p_churn_90d"] = judged.p_churn_90d
    result = verdict(swapped, rules)
    assert refused(result) == {"against_rules", "segments"}  # in each segment, too
    assert figure(result, "against_rules") == pytest.approx(-figure(verdict(judged, baselines), "against_rules"))
    assert "worse (difference +0." in str(result)
    assert verdict(swapped, rules, worse_than_rules_margin=0.1).passed


def test_no_different_from_the_rules_passes(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """The rules again, with a little noise: a worse figure, within its interval."""
    judged, baselines = clean
    rules = baselines.p_churn_90d[: len(judged)].to_numpy()
    noisy = logistic(np.log(rules / (1 - rules)) + np.random.default_rng(3).normal(0, 0.02, rules.size))
    result = verdict(judged.assign(p_churn_90d=noisy), baselines)
    assert "against_rules" not in refused(result)
    assert "no different beyond chance" in str(result)


def test_a_ranking_by_lot_is_refused_though_a_blend_was_chosen(clean: Clean) -> None:
    judged, baselines = clean
    lot = judged.assign(p_churn_90d=judged.p_churn_90d.sample(frac=1, random_state=3).to_numpy())
    result = verdict(lot, baselines, chosen="blend")
    assert "auc_above_chance" in refused(result)
    assert abs(figure(result, "auc_above_chance") - 0.5) < 0.06
    assert "auc_above_chance" not in refused(verdict(judged, baselines))


def test_a_leak_is_an_alarm_not_a_success(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    judged, baselines = clean
    z = np.where(judged.churned_90d == 1, 2.2, -3.0) + np.random.default_rng(4).normal(0, 1.2, len(judged))
    result = verdict(judged.assign(p_churn_90d=logistic(z)), baselines)
    assert "auc_alarm" in refused(result)
    assert figure(result, "auc_alarm") > 0.97
    assert "too good to be true" in str(result)


def test_perfect_separation_refuses_and_does_not_break(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    judged, baselines = clean
    result = verdict(judged.assign(p_churn_90d=judged.churned_90d.fillna(0) * 0.8 + 0.1), baselines)
    assert {"auc_alarm", "calibration_slope"} <= refused(result)
    assert figure(result, "auc_alarm") == 1.0


def test_a_level_that_is_off(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    judged, baselines = clean
    raised = logistic(np.log(judged.p_churn_90d / (1 - judged.p_churn_90d)) + 0.8)
    result = verdict(judged.assign(p_churn_90d=raised), baselines)
    assert "calibration_error" in refused(result)
    assert "calibration_slope" not in refused(result)
    assert figure(result, "calibration_error") > 0.05
    assert "calibration_error" not in refused(verdict(judged.assign(p_churn_90d=raised), baselines, ece_limit=0.3))


@pytest.mark.parametrize(("stretch", "says"), [(1.9, "too extreme"), (0.5, "too timid")])
def test_too_extreme_and_too_timid(clean: tuple[pd.DataFrame, pd.DataFrame], stretch: float, says: str) -> None:
    judged, baselines = clean
    z = np.log(judged.p_churn_90d / (1 - judged.p_churn_90d))
    result = verdict(judged.assign(p_churn_90d=logistic(stretch * z)), baselines, ece_limit=0.9)
    assert "calibration_slope" in refused(result)
    assert figure(result, "calibration_slope") == pytest.approx(
        figure(verdict(*clean), "calibration_slope") / stretch, rel=0.01
    )
    assert says in str(result)


@pytest.mark.parametrize(
    ("stretch", "says"), [(1.35, "too extreme"), (0.8, "too timid"), (1.0, "as far as the data show")]
)
def test_a_slope_that_passes_is_told_by_its_interval(
    clean: tuple[pd.DataFrame, pd.DataFrame], stretch: float, says: str
) -> None:
    judged, baselines = clean
    z = np.log(judged.p_churn_90d / (1 - judged.p_churn_90d))
    result = verdict(judged.assign(p_churn_90d=logistic(stretch * z)), baselines, ece_limit=0.9)
    assert "calibration_slope" not in refused(result)
    assert says in next(str(gate) for gate in result.gates if gate.name == "calibration_slope")


def test_too_few_churns(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    judged, baselines = clean
    churned = judged[judged.churned_90d == 1].drop_duplicates("account_id").index[29:]
    repeated = judged[(judged.churned_90d == 1) & ~judged.index.isin(churned)]
    few = judged[
        (judged.churned_90d != 1) | judged.account_id.isin(repeated.drop_duplicates("account_id").account_id[:29])
    ]
    result = verdict(few, baselines)
    assert "enough_churns" in refused(result)
    assert figure(result, "enough_churns") == 29  # accounts, however often each is among the rows


@pytest.mark.parametrize("only", [0.0, 1.0])
def test_one_class(clean: tuple[pd.DataFrame, pd.DataFrame], only: float) -> None:
    judged, baselines = clean
    result = verdict(judged[judged.churned_90d == only], baselines)
    assert {"both_classes", "against_rules", "auc_alarm", "calibration_error", "calibration_slope"} <= refused(result)
    assert "not measured (auc: 0 rows that" in str(result)


def test_nothing_matured(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    judged, baselines = clean
    result = verdict(judged.assign(churned_90d=np.nan), baselines)
    about_the_artifact = {"chosen_model", "served_equals_batch", "reseeded", "suspects", "checks", "size", "latency"}
    about_the_artifact |= {"own_calibration"}
    nothing_to_compare = {"against_champion", "segments", "newest_level"}
    assert refused(result) == set(NAMES) - about_the_artifact - nothing_to_compare
    assert {gate.name for gate in result.gates if gate.left_out} == nothing_to_compare


def test_rows_without_a_partner(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    judged, baselines = clean
    for spoilt, count in (
        (baselines.drop(index=[3, 5]), 2),
        (pd.concat([baselines, baselines.head(1)]), 1),
        (baselines[baselines.model != "rules"], len(judged) - 200),
    ):
        result = verdict(judged, spoilt)
        assert "same_rows" in refused(result)
        assert figure(result, "same_rows") >= count


def test_the_base_rate_never_promotes_itself(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    assert refused(verdict(*clean, chosen="base_rate")) == {"chosen_model"}
    assert refused(verdict(*clean, chosen=None)) == {"chosen_model"}


def test_serving_differently(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    assert refused(verdict(*clean, served=False)) == {"served_equals_batch"}
    assert "served_equals_batch" not in str(verdict(*clean, served=None))


@pytest.mark.parametrize(
    ("gate", "measured", "shown"),
    [
        ("reseeded", {"seeds_agree": 0.94}, 0.94),
        ("size", {"size_mb": 50.1}, 50.1),
        ("latency", {"latency": (5.1, 0.1)}, 51.0),
        ("suspects", {"suspects": ("accounts.mood", "contracts.plan")}, 2.0),
        ("checks", {"checks": (Finding("FW201", "Rows that stand twice", "fail", 2, "2 rows"),)}, 1.0),
    ],
)
def test_what_the_rows_cannot_tell(
    clean: tuple[pd.DataFrame, pd.DataFrame], gate: str, measured: dict[str, Any], shown: float
) -> None:
    result = verdict(*clean, measured=measured)
    assert refused(result) == {gate}
    assert figure(result, gate) == pytest.approx(shown)
    assert gate not in {gate.name for gate in verdict(*clean, measured=dict.fromkeys(measured)).gates}


def test_the_bounds_are_settings(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    bad = {"seeds_agree": 0.5, "size_mb": 70.0, "latency": (9.0, 0.1)}
    assert refused(verdict(*clean, measured=bad)) == {"reseeded", "size", "latency"}
    assert verdict(*clean, measured=bad, reseed_rank_limit=0.5, size_limit_mb=70, latency_limit=91).passed


def test_what_the_caller_raises(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    result = verdict(*clean, served=False, chosen="base_rate")
    assert len(result.faults()) == 2
    assert "gate chosen_model: found the fit chose base_rate" in str(Refused(result.faults()))
    assert str(result).splitlines()[-1] == "refused by chosen_model, served_equals_batch"
    assert [gate.passed for gate in result.gates].count(False) == 2


def test_missing_columns_are_bad_input(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    judged, baselines = clean
    with pytest.raises(DataError) as caught:
        verdict(judged.drop(columns="churned_90d"), baselines.drop(columns="model"))
    assert [fault.where for fault in caught.value.faults] == ["predictions.churned_90d", "baselines.model"]


LIMITS: dict[str, tuple[str, dict[str, float], bool]] = {
    "reached": ("auc", {"at_least": 0.6}, True),
    "missed": ("auc", {"at_least": 0.95}, False),
    "within both": ("brier", {"at_least": 0.01, "at_most": 0.3}, True),
    "above": ("brier", {"at_most": 0.01}, False),
}


@pytest.mark.parametrize(("name", "limit", "passes"), LIMITS.values(), ids=LIMITS)
def test_any_metric_may_be_held_to_a_limit(clean: Clean, name: str, limit: dict[str, float], passes: bool) -> None:
    answers = {gate.name: gate for gate in verdict(*clean, metric_limits={name: limit}).gates}
    assert answers[name].passed is passes


def test_a_limit_of_no_metric_is_a_fault_that_names_the_nearest(clean: Clean) -> None:
    with pytest.raises(DataError, match=r"metric_limits\.brie.*no such metric.*brier"):
        verdict(*clean, metric_limits={"brie": {"at_most": 0.1}})


def test_the_page_of_checks_has_a_line_for_every_gate() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "checks.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"`{name}`" not in page] == []
