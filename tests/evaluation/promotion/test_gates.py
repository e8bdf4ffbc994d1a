"""Each gate: a planted fault that fires it, and none that it should not; a clean candidate that passes them all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from configs.errors import DataError, Refused
from configs.settings import Settings
from configs.settings_file import DEFAULT_FILE, read_body, settings_from
from evaluation.promotion.gates import GATES, evaluate_gates
from evaluation.promotion.verdict import EarlierCalibration, Measured, Verdict
from evaluation.validity.checks import Finding

ACCOUNTS, DAYS = 400, 6
NAMES = [gate.name for gate in GATES]


def settings(**evaluation: Any) -> Settings:
    body = read_body(DEFAULT_FILE)
    body["tables"] = {"accounts": {"from": "accounts.csv"}, "contracts": {"from": "contracts.csv"}}
    body["evaluation"] = {**body["evaluation"], "bootstrap_draws": 200, **evaluation}
    return settings_from(body, Path())


def logistic(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


Clean = tuple[pd.DataFrame, pd.DataFrame]


@pytest.fixture
def clean() -> Clean:
    """A calibrated candidate that knows two things, beside calibrated rules that know one; a tenth has not matured."""
    random = np.random.default_rng(11)
    first, second = random.normal(size=(2, ACCOUNTS * DAYS))
    p = logistic(-2.2 + 0.7 * first + 1.2 * second)
    judged = pd.DataFrame(
        {
            "account_id": np.tile([f"{number:03d}" for number in range(ACCOUNTS)], DAYS),
            "as_of": np.repeat(pd.date_range("2024-01-01", periods=DAYS, freq="MS").as_unit("us"), ACCOUNTS),
            "p_churn_90d": p,
            "churned_90d": (random.random(p.size) < p).astype(float),
            "segment": np.tile(np.repeat(["smb", "enterprise"], ACCOUNTS // 2), DAYS),
        }
    )
    judged.loc[judged.index[-200:], "churned_90d"] = np.nan
    rules = judged[["account_id", "as_of"]].assign(model="rules", p_churn_90d=logistic(-1.85 + 0.6 * first))
    other = rules.assign(model="days_to_renewal", p_churn_90d=0.5)
    return judged, pd.concat([rules, other], ignore_index=True)


FINE: dict[str, Any] = {
    "served_equals_batch": True,
    "seeds_agree": 0.99,
    "size_mb": 1.0,
    "latency": (1.0, 0.1),
    "suspects": (),
    "checks": (Finding("FW203", "The same accounts in training and test", "note", 0.9, "as it should be"),),
}


def own(rows: int = 2400, seed: int = 5, moved: float = 0.0) -> pd.DataFrame:
    """A candidate's own predictions after its cut, beside what came of them; `moved` in log-odds."""
    random = np.random.default_rng(seed)
    z = -2.2 + 1.4 * random.normal(size=rows)
    made = pd.DataFrame({"account_id": [f"{number % ACCOUNTS:03d}" for number in range(rows)]})
    made["as_of"] = pd.date_range("2024-07-01", periods=rows // ACCOUNTS, freq="MS").as_unit("us").repeat(ACCOUNTS)
    return made.assign(y=(random.random(rows) < logistic(z)).astype(float), p=logistic(z + moved))


def newest(moved: float = 0.0) -> pd.DataFrame:
    made = own(ACCOUNTS, moved=moved)
    return made.assign(as_of=pd.Timestamp("2024-09-01").as_unit("us"))[["account_id", "as_of", "p"]]


FINE |= {"newest": newest(), "own": own()}
CUT = pd.Timestamp("2024-07-01")


def verdict(
    judged: pd.DataFrame,
    baselines: pd.DataFrame,
    served: bool | None = True,
    measured: dict[str, Any] | None = None,
    **more: Any,
) -> Verdict:
    chosen = more.pop("chosen", "blend")
    facts = Measured(**{**FINE, "served_equals_batch": served, **(measured or {})})
    return evaluate_gates(judged, baselines, settings(**more), facts, chosen)


def refused(found: Verdict) -> set[str]:
    return {gate.name for gate in found.refused}


def figure(found: Verdict, name: str) -> float:
    (gate,) = (gate for gate in found.gates if gate.name == name)
    assert gate.figure is not None
    return gate.figure


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


@pytest.mark.parametrize("moved", [3.0, -3.0])
def test_a_candidate_whose_own_probabilities_are_moved_is_refused(clean: Clean, moved: float) -> None:
    """Its backtest is that of other fits, and as right as ever."""
    result = verdict(*clean, measured={"newest": newest(moved), "own": own(moved=moved)})
    assert refused(result) == {"newest_level", "own_calibration"}
    assert figure(result, "newest_level") > 4
    before = verdict(*clean, measured={"newest": newest(moved), "own": own(0)})
    assert refused(before) == {"newest_level"}
    (gate,) = (gate for gate in before.gates if gate.name == "own_calibration")
    assert (gate.left_out, "0 churned accounts among the 0 rows" in gate.message) == (True, True)


@pytest.mark.parametrize(
    ("earlier", "is_refused", "says"),
    [
        (EarlierCalibration(0.2), False, "+0.20 from those of the backtest's newest fold"),
        (EarlierCalibration(3.0), True, "+3.00"),
        (EarlierCalibration(-3.0), True, "-3.00"),
        (EarlierCalibration(1.0, level_shift=0.9), False, "+1.00"),
        (EarlierCalibration(3.0, level_shift=0.9), True, "+3.00"),
        (EarlierCalibration(0.1, rows=own(), cut=CUT), False, "calibrated by the same recipe on 2024-07-01"),
        (EarlierCalibration(0.1, rows=own(moved=2.0), cut=CUT), True, "calibrated by the same recipe on 2024-07-01"),
        (EarlierCalibration(None), False, "0 churned accounts among the 0 rows"),
    ],
)
def test_a_candidate_of_today_is_held_against_an_earlier_calibration(
    clean: Clean, earlier: EarlierCalibration, is_refused: bool, says: str
) -> None:
    result = verdict(*clean, measured={"own": own(0), "earlier": earlier})
    (gate,) = (gate for gate in result.gates if gate.name == "own_calibration")
    assert (refused(result) == {"own_calibration"}, result.passed) == (is_refused, not is_refused), str(result)
    assert says in gate.message
    assert gate.left_out == (earlier.moved is None)


def test_of_few_churned_accounts_the_mean_alone_counts(clean: Clean) -> None:
    """Their error is mostly chance."""
    few = own(ACCOUNTS)
    few = few.assign(y=np.where(few.index < 28, 1.0, 0.0), p=np.where(few.index % 9 == 0, 0.9, 0.01))
    result = verdict(*clean, measured={"own": own(0), "earlier": EarlierCalibration(0.1, rows=few, cut=CUT)})
    assert figure(result, "own_calibration") > 0.05
    assert result.passed, str(result)


def test_the_level_of_the_season_a_year_before_is_as_good(clean: Clean) -> None:
    """Contracts that end in one season: the newest scores are those of that season, what matured last is not."""
    judged, baselines = clean
    first = judged.as_of == judged.as_of.min()
    quiet = judged.assign(churned_90d=judged.churned_90d.where(first | (judged.index % 7 == 0), 0.0))
    high = newest().assign(p=lambda rows: rows.p * 2)
    assert "newest_level" in refused(verdict(quiet, baselines, measured={"newest": high}))
    a_year_on = high.assign(as_of=(judged.as_of.min() + pd.Timedelta(days=365)))
    busy = quiet.assign(churned_90d=quiet.churned_90d.mask(first & (quiet.index % 3 == 0), 1.0))
    assert "newest_level" not in refused(verdict(busy, baselines, measured={"newest": a_year_on}))
    assert "newest_level" in refused(verdict(busy, baselines, measured={"newest": newest(5.0)}))


def test_with_too_few_churns_the_newest_level_is_left_out(clean: Clean) -> None:
    judged, baselines = clean
    result = verdict(judged.assign(churned_90d=judged.churned_90d * (judged.account_id < "005")), baselines)
    (gate,) = (gate for gate in result.gates if gate.name == "newest_level")
    assert (gate.passed, gate.left_out) == (True, True)


def test_the_champion_is_met_by_the_candidates_own_predictions_where_they_have_matured(clean: Clean) -> None:
    rows = own()
    champion = rows[["account_id", "as_of"]].assign(p_churn_90d=rows.p)
    equal = verdict(*clean, measured={"own": rows, "champion": champion})
    (gate,) = (gate for gate in equal.gates if gate.name == "against_champion")
    assert (gate.figure, f"on {len(rows)} rows" in gate.message) == (0.0, True)
    assert "against_champion" in refused(verdict(*clean, measured={"own": own(moved=1.5), "champion": champion}))


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


def champion(judged: pd.DataFrame, p: np.ndarray) -> dict[str, Any]:
    return {"champion": judged[["account_id", "as_of"]].assign(p_churn_90d=p)}


def line_of(found: Verdict, name: str) -> str:
    (gate,) = (gate for gate in found.gates if gate.name == name)
    return str(gate)


def test_worse_than_the_champion(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """The candidate is the rules' equal, the champion knows more; then the other way round."""
    judged, baselines = clean
    weak = judged.assign(p_churn_90d=baselines.p_churn_90d[: len(judged)].to_numpy())
    result = verdict(weak, baselines, measured=champion(judged, judged.p_churn_90d.to_numpy()))
    assert refused(result) == {"against_champion"}
    assert "worse (difference +0." in line_of(result, "against_champion")
    margin = verdict(
        weak, baselines, measured=champion(judged, judged.p_churn_90d.to_numpy()), worse_than_champion_margin=0.1
    )
    assert margin.passed
    better = verdict(judged, baselines, measured=champion(judged, weak.p_churn_90d.to_numpy()))
    assert better.passed
    assert figure(better, "against_champion") == pytest.approx(-figure(result, "against_champion"))


def test_the_champion_is_compared_on_the_rows_that_both_judged(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    judged, baselines = clean
    p = judged.p_churn_90d.to_numpy().copy()
    late = (judged.as_of >= "2024-04-01").to_numpy()
    p[~late] = 0.999  # rows that the champion is not asked about
    kept = champion(judged[late], p[late])
    result = verdict(judged, baselines, measured=kept)
    assert figure(result, "against_champion") == 0.0
    assert f"on {int((late & judged.churned_90d.notna()).sum())} rows" in line_of(result, "against_champion")


def test_a_comparison_without_a_champion_is_left_out_and_says_so(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    judged, baselines = clean
    none = verdict(judged, baselines)
    assert none.passed
    assert line_of(none, "against_champion").startswith("left out against_champion")
    assert "no champion yet" in line_of(none, "against_champion")
    accounts = judged.loc[judged.churned_90d == 1, "account_id"].unique()[:9]
    few = judged[judged.account_id.isin(accounts)]
    result = verdict(judged, baselines, measured=champion(few, np.full(len(few), 0.5)))
    assert "9 churned accounts among the" in line_of(result, "against_champion")
    assert "10 needed" in line_of(result, "against_champion")
    assert [gate.left_out for gate in result.gates if gate.name == "against_champion"] == [True]


def test_a_segment_that_is_off_while_the_whole_is_right(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    judged, baselines = clean
    z = np.log(judged.p_churn_90d / (1 - judged.p_churn_90d))
    shift = np.where(judged.segment == "smb", 1.8, -1.6)
    loose: dict[str, Any] = {"ece_limit": 0.9, "slope_limits": [0.1, 9], "worse_than_rules_margin": 0.3}
    result = verdict(judged.assign(p_churn_90d=logistic(z + shift)), baselines, **loose)
    assert refused(result) == {"segments"}
    assert figure(result, "segments") > 1.5
    assert "smb: 0." in line_of(result, "segments")
    assert "enterprise: 0." in line_of(result, "segments")
    one = judged.assign(segment="all")
    assert verdict(one.assign(p_churn_90d=logistic(z + shift)), baselines, **loose).passed


def test_a_segment_where_the_rules_are_better(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Right on average in each segment, but in one of them the ranks are drawn at random."""
    judged, baselines = clean
    p = judged.p_churn_90d.to_numpy().copy()
    here = np.flatnonzero(judged.segment == "enterprise")
    p[here] = p[np.random.default_rng(5).permutation(here)]
    result = verdict(judged.assign(p_churn_90d=p), baselines, slope_limits=[0.1, 9])
    assert refused(result) == {"segments"}
    assert "enterprise: the calibrated rules are better" in line_of(result, "segments")
    assert "smb" not in line_of(result, "segments")


def test_a_segment_with_few_churns_is_not_judged(clean: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    judged, baselines = clean
    accounts = judged.loc[judged.churned_90d == 1, "account_id"].unique()[:9]
    tiny = judged.account_id.isin(accounts)
    spoilt = judged.assign(
        segment=judged.segment.mask(tiny, "tiny"),
        p_churn_90d=judged.p_churn_90d.mask(tiny & (judged.churned_90d == 1), 0.01),
    )
    result = verdict(spoilt, baselines, ece_limit=0.9, slope_limits=[0.01, 9])
    assert "tiny" not in line_of(result, "segments")
    assert "2 segments with 10 churned accounts or more" in line_of(result, "segments")


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
