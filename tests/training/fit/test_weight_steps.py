"""Planted weights found again, constraints, pooling, refusals; the arithmetic against the score's own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime
from scipy.special import expit

from configs.errors import DataError
from configs.framework import DIMENSIONS, Framework, Weights
from configs.settings import Backtest, Settings
from evaluation.backtest.health_weights import gains
from features.health.health_score import rule_scores
from tests.training.reweighed import START, Company, company, shuffled
from training.fit.weight_steps import Reweighted, fit_steps, out_of_time
from training.hazard.discrete_time import log_loss_rows
from training.health.apply_weights import tenths
from training.health.weight_likelihood import STEPS, Layout, Problem, Scored, Step, published

pytestmark = pytest.mark.slow

TILT = np.array([1.6, 0.5, 0.5, 2.0])  # of every stage's weights; adoption's engagement three times as much again
OWN = {"feature_breadth": 1.0, "logins_28d": 3.0}  # published: 3 and 1


def tilted(framework: Framework) -> Framework:
    """The planted truth: other weights of the dimensions, and the two signals of usage with their weights swapped."""
    stages = []
    for stage in framework.stages:
        weights = np.array(list(stage.weights.as_dict().values())) * TILT
        if stage.name == "adoption":
            weights[1] *= 3
        named = dict(zip(DIMENSIONS, 100 * weights / weights.sum(), strict=True))
        stages.append(stage.model_copy(update={"weights": Weights(**named)}))
    maps = [
        health_map.model_copy(update={"weight": OWN.get(health_map.signal, health_map.weight)})
        for health_map in framework.health_maps
    ]
    return framework.model_copy(update={"stages": tuple(stages), "health_maps": tuple(maps)})


@pytest.fixture(scope="module")
def truth(settings: Settings) -> Framework:
    return tilted(settings.framework)


@pytest.fixture(scope="module")
def planted(truth: Framework) -> Company:
    return company(truth, accounts=2500, seed=5, stays="renewal")


@pytest.fixture(scope="module")
def yearly(settings: Settings) -> Settings:
    """Two origins are enough here."""
    return settings.model_copy(update={"backtest": Backtest(refit="year")})


@pytest.fixture(scope="module")
def steps(planted: Company, settings: Settings) -> dict[Step, Reweighted]:
    return fit_steps(planted.signals, planted.labels, planted.data_end, settings, draws=200)


@pytest.fixture(scope="module")
def judged(planted: Company, yearly: Settings) -> pd.DataFrame:
    return out_of_time(planted, yearly)[0]


def test_planted_weights_are_found_again(steps: dict[Step, Reweighted], truth: Framework) -> None:
    """Stages with churns: within 6 points of 100 (the published ones are up to 23 away), and the swap is seen."""
    expected, _ = published(truth)
    result, own = published(steps["signals"].framework)
    assert np.abs(result[:3] - expected[:3]).max() < 6
    names = [health_map.signal for health_map in truth.health_maps]
    ratio = own[names.index("logins_28d")] / own[names.index("feature_breadth")]
    assert 2.1 < ratio < 3.9
    assert own[:2].sum() == pytest.approx(4, abs=0.02)  # a dimension's weights keep their sum


def test_intervals_hold_the_planted_weights(steps: dict[Step, Reweighted], truth: Framework) -> None:
    low, high = np.quantile(steps["signals"].stage_draws, (0.025, 0.975), axis=0)[:, :3]
    expected = published(truth)[0][:3]
    assert ((low < expected) & (expected < high)).mean() >= 0.8
    assert (high - low).max() < 25
    assert (high - low).min() > 0.5


def test_weights_add_up_and_are_not_negative(steps: dict[Step, Reweighted]) -> None:
    for step in ("dimensions", "signals"):
        result, own = published(steps[step].framework)
        assert result.sum(axis=1) == pytest.approx(100, abs=1e-9)
        assert (result >= 0).all()
        assert (own > 0).all()
        assert np.round(result, 1) == pytest.approx(result, abs=1e-12)
        assert steps[step].stage_draws.sum(axis=2) == pytest.approx(100)
        assert (steps[step].stage_draws >= 0).all()
        assert steps[step].framework.health_maps[0].points == steps["published"].framework.health_maps[0].points


def test_a_stage_without_churns_takes_the_pooled_tilt(steps: dict[Step, Reweighted], settings: Settings) -> None:
    """No row is in expansion: exactly the tilt that all stages share. Nobody left in renewal: nearly so."""
    for step in ("dimensions", "signals"):
        *_, shared, _, _ = steps[step].layout.split(steps[step].theta)
        before, result = published(settings.framework)[0], published(steps[step].framework)[0]
        pooled = before * np.exp(shared)
        pooled *= 100 / pooled.sum(axis=1, keepdims=True)
        names = [stage.name for stage in settings.framework.stages]
        expansion, renewal, adoption = (names.index(name) for name in ("expansion", "renewal", "adoption"))
        assert result[expansion].tolist() == tenths(pooled[expansion])
        assert np.abs(result[renewal] - pooled[renewal]).max() < 2
        assert np.abs(result[adoption] - pooled[adoption]).max() > 5  # it has churns enough to go its own way


def test_each_step_gains_out_of_time(judged: pd.DataFrame, settings: Settings) -> None:
    result = gains(judged, settings)
    assert result.recommended == "signals"
    losses = [figures.log_loss for figures in result.steps]
    assert losses == sorted(losses, reverse=True)
    for figures in result.steps[1:]:
        gained = {gain.over: gain.log_loss for gain in figures.gains}
        assert gained["published"].value == pytest.approx(losses[0] - figures.log_loss)
        assert gained["published"].low > 0


def test_later_rows_were_not_known(judged: pd.DataFrame, planted: Company, settings: Settings) -> None:
    """A step's prediction does not move when everything known after its origin is different."""
    assert (judged.as_of >= judged.fold).all()
    assert not judged.duplicated(["account_id", "as_of"]).any()
    origin = judged.fold.iloc[0]
    late = planted.labels.churn_at.where(planted.labels.churn_at < origin)
    again = Company(planted.signals, planted.labels.assign(churn_at=late), planted.data_end)
    steps = fit_steps(again.signals, again.labels, origin, settings)
    first = judged[judged.fold == origin]
    rows = planted.signals.merge(first[["account_id", "as_of"]], on=["account_id", "as_of"])
    for step in STEPS:
        health, p = steps[step].predict(rows)
        assert p == pytest.approx(first[f"p_{step}"].to_numpy(), rel=1e-9)
        assert health.tolist() == first[f"health_{step}"].tolist()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_to_gain_from_shuffled_labels(truth: Framework, yearly: Settings, seed: int) -> None:
    result = gains(out_of_time(shuffled(company(truth, 900, seed), seed), yearly)[0], yearly)
    assert result.recommended is None
    assert result.headlines[-1] == "Nothing to gain: keep the published weights."


def test_right_weights_are_left_alone(settings: Settings, yearly: Settings) -> None:
    """Where churn follows the published weights, what is fitted stays near them and is not worth taking."""
    made = company(settings.framework, 1500, seed=8)
    result = gains(out_of_time(made, yearly)[0], yearly)
    assert result.recommended in (None, "intercepts")
    fitted = fit_steps(made.signals, made.labels, made.data_end, settings)["dimensions"].framework
    assert np.abs(published(fitted)[0] - published(settings.framework)[0]).max() < 12


def test_the_published_score_is_the_score(planted: Company, steps: dict[Step, Reweighted], settings: Settings) -> None:
    frame = planted.signals.copy()
    frame.loc[:50, ["nps", "days_late", "tickets_90d"]] = np.nan
    frame.loc[:20, ["logins_28d", "feature_breadth"]] = np.nan
    expected = rule_scores(frame, settings.framework).health
    assert np.isnan(expected).sum() == 21
    result, *_ = Scored.of(frame, settings.framework).health(*published(settings.framework))
    assert result == pytest.approx(expected, abs=1e-11, nan_ok=True)
    for step in ("published", "intercepts"):
        assert steps[step].framework == settings.framework
        assert np.array_equal(steps[step].predict(frame)[0], expected, equal_nan=True)


def test_slopes_of_the_likelihood(planted: Company, settings: Settings) -> None:
    """The gradient that the fit goes by, against differences, at a point where every parameter counts."""
    few = planted.signals.iloc[:300].copy()
    few.loc[:40, ["nps", "tickets_90d"]] = np.nan
    few.loc[:10, ["logins_28d", "feature_breadth", "days_late"]] = np.nan
    rng = np.random.default_rng(0)
    layout = Layout(intervals=3, stages=len(settings.framework.stages), maps=len(settings.framework.health_maps))
    place, interval = np.repeat(np.arange(300), 2), np.tile([0, 2], 300)
    churned = (rng.random(600) < 0.3).astype(float)
    problem = Problem(Scored.of(few, settings.framework), place, interval, churned, 0.5, layout)
    theta = rng.normal(size=sum(layout.sizes)) / 2

    def loss(at: np.ndarray) -> float:
        return float(0.5 * log_loss_rows(problem.log_odds(at)[0], churned).sum())

    z, slopes = problem.log_odds(theta)
    result = problem.gradient(problem.by_snapshot(0.5 * (expit(z) - churned)), slopes)
    assert result == pytest.approx(approx_fprime(theta, loss, 1e-6), abs=2e-4)
    assert (np.abs(result) > 1e-6).sum() > 20


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (10, r"found \d+ churned accounts; expected 30 to learn from \(training.min_churns\) and 10 later ones"),
        (85, "found 0 churned accounts after the first origin, 2022-04-01"),
    ],
)
def test_too_few_churns_are_refused_with_the_number(truth: Framework, settings: Settings, days: int, says: str) -> None:
    """Nobody leaves after so many days: too few in all, or none left to judge by."""
    made = company(truth, 900, seed=2)
    early = made.labels.churn_at.where(made.labels.churn_at < START + pd.Timedelta(days=days))
    with pytest.raises(DataError, match=says):
        out_of_time(Company(made.signals, made.labels.assign(churn_at=early), made.data_end), settings)


def test_tenths_add_up() -> None:
    rng = np.random.default_rng(4)
    for weights in rng.dirichlet(np.ones(4), size=200) * 100:
        result = tenths(weights)
        assert round(sum(result), 9) == 100
        assert np.abs(np.array(result) - weights).max() <= 0.1


def test_the_same_again(planted: Company, steps: dict[Step, Reweighted], settings: Settings) -> None:
    again = fit_steps(planted.signals, planted.labels, planted.data_end, settings, draws=200)
    assert np.array_equal(again["signals"].theta, steps["signals"].theta)
    assert np.array_equal(again["signals"].stage_draws, steps["signals"].stage_draws)
