"""Gates that compare: with the champion on rows that both judged, and by segment with the rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.promotion.verdict import Verdict
from tests.evaluation.promotion.candidates import champion, figure, logistic, refused, verdict


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
