from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from configs.errors import DataError
from configs.framework import Framework
from configs.settings_file import DEFAULT_FILE, read_body
from training.health.score_model import rule_scores


def rows(**over):
    body = {
        "account_id": ["a", "b", "c"],
        "lifecycle_stage": ["onboarding", "renewal", "adoption"],
        "days_to_renewal": np.nan,
        "term_days": np.nan,
        "logins_28d": [10.0, 5.0, np.nan],
        "feature_breadth": [0.5, np.nan, np.nan],
        "tickets_90d": [2.0, np.nan, np.nan],
        "days_late": [0.0, 15.0, np.nan],
        "nps": [8.0, np.nan, np.nan],
    }
    return pd.DataFrame(body | over)


def test_scores_by_hand(settings):
    """Account a: logins 10 -> 75, breadth .5 -> 50 with weight 3: usage (75 + 150) / 4 = 56.25; tickets 2 -> 60; on
    time 100; nps 80; onboarding weighs 40/35/10/15. Account b has usage 50 and financial 50 only, c nothing."""
    result = rule_scores(rows(), settings.framework)
    assert result.dimensions[0] == pytest.approx([56.25, 60, 100, 80])
    assert result.health[0] == pytest.approx(0.40 * 56.25 + 0.35 * 60 + 0.10 * 100 + 0.15 * 80)
    assert result.dimensions[1] == pytest.approx([50, np.nan, 50, np.nan], nan_ok=True)
    assert result.health[1] == pytest.approx(50)
    assert np.isnan(result.health[2])
    assert np.isnan(result.dimensions[2]).all()


def test_a_missing_dimension_gives_its_weight_to_the_others(settings):
    result = rule_scores(rows(tickets_90d=np.nan), settings.framework)
    assert result.health[0] == pytest.approx((40 * 56.25 + 10 * 100 + 15 * 80) / 65)
    assert result.weights[0].sum() == pytest.approx(1)
    assert result.weights[2].sum() == 0


def test_values_beyond_the_points_keep_the_end_scores(settings):
    result = rule_scores(rows(logins_28d=[400.0, -3.0, 0.0]), settings.framework)
    assert result.parts[:, 0].tolist() == [100, 0, 0]


def test_an_absent_column_counts_as_missing(settings):
    whole = rule_scores(rows(nps=np.nan), settings.framework).health
    assert rule_scores(rows().drop(columns="nps"), settings.framework).health == pytest.approx(whole, nan_ok=True)


def test_an_unknown_stage_is_refused(settings):
    with pytest.raises(DataError, match="dormant"):
        rule_scores(rows(lifecycle_stage="dormant"), settings.framework)


def test_an_account_without_data_still_gets_a_probability(fitted):
    p = fitted.health.predict(rows())
    assert p.notna().all().all()
    scores = fitted.health.scores(rows())
    assert list(scores) == [
        "health_score",
        "health_usage",
        "health_engagement",
        "health_financial",
        "health_relationship",
    ]
    assert np.isnan(scores["health_score"].iloc[2])


def test_within_a_stage_better_health_is_less_risk(fitted, later):
    one_stage = later[later["lifecycle_stage"] == "value_realization"]
    health = fitted.health.scores(one_stage)["health_score"].to_numpy()
    p = fitted.health.predict(one_stage)["p_churn_90d"].to_numpy()
    order = np.argsort(health)
    assert (np.diff(p[order]) <= 1e-15).all()
    assert fitted.health.log["log_odds_per_health_point"] < 0


def test_the_rules_do_not_see_the_renewal_date(fitted, later):
    near = fitted.health.predict(later.assign(days_to_renewal=1.0))
    assert np.array_equal(near.to_numpy(), fitted.health.predict(later).to_numpy())


def test_triggers(fitted):
    frame = rows(days_since_login=[13.9, 14.0, np.nan], satisfaction=[2.0, 1.0, 3.0])
    assert fitted.health.triggers(frame) == [["unhappy"], ["gone quiet", "unhappy"], []]
    assert fitted.health.triggers(rows()) == [[], [], []]


def test_escalations(fitted):
    """A renewal counts within 90 days, above 100,000 and at high risk only; a strategic account always."""
    frame = rows(
        days_to_renewal=[90.0, 91.0, 5.0], arr=[100_001.0, 500_000.0, 100_000.0], strategic=[True, None, False]
    )
    assert fitted.health.escalations(frame, ["high"] * 3) == [["renewal at risk", "strategic"], [], []]
    assert fitted.health.escalations(frame, ["medium", "high", "high"]) == [["strategic"], [], []]
    assert fitted.health.escalations(frame.drop(columns=["arr", "strategic"]), ["high"] * 3) == [[], [], []]


@pytest.mark.parametrize(
    ("signals", "level", "expected"),
    [
        ({"health_score_change_1mo": -20.0}, "low", ["score_fell"]),
        ({"health_score_change_1mo": -19.9}, "high", []),
        ({"days_since_sponsor_active": 60.0}, "healthy", ["sponsor_silent"]),
        ({"days_since_sponsor_active": 59.0}, "high", []),
        ({"days_to_renewal": 30.0, "arr": 100_001.0}, "high", ["renewal_at_risk"]),
        ({"days_to_renewal": 30.0, "arr": 100_001.0}, "medium", []),
        ({"days_to_renewal": 30.0, "arr": 100_000.0}, "high", []),
        ({"strategic": True}, "healthy", ["strategic_account"]),
        ({}, "high", []),
    ],
)
def test_the_published_escalations(fitted, signals, level, expected):
    """Those of the framework, as the defaults have them: each at its threshold, and just short of it."""
    published = read_body(DEFAULT_FILE)["framework"]
    model = replace(fitted.health, framework=Framework(**published))
    assert model.escalations(pd.DataFrame([signals], index=[0]), [level]) == [expected]
