"""The verdict on each step of learnt health weights, and the newest window, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from evaluation.backtest.health_weights import gains, newest_window
from tests.evaluation.simulated import settings
from training.health.weight_likelihood import STEPS


def foretold(noise: dict[str, float], accounts: int = 400) -> pd.DataFrame:
    """Two rows an account; each step's probability is the truth with so much noise on its log-odds."""
    rng = np.random.default_rng(0)
    truth = np.repeat(rng.normal(-2, 1.2, accounts), 2)
    frame = pd.DataFrame({"account_id": np.repeat(np.arange(accounts), 2).astype(str)})
    frame["y"] = (rng.random(len(truth)) < expit(truth)).astype(float)
    draws = rng.normal(size=len(truth))
    return frame.assign(**{f"p_{step}": expit(truth + noise[step] * draws) for step in STEPS})


@pytest.mark.parametrize(
    ("noise", "recommended", "compared"),
    [
        ((1.5, 1.0, 0.5, 0.0), "signals", ["published", "intercepts", "dimensions"]),
        ((1.5, 1.5, 0.0, 0.0), "dimensions", ["published", "published", "dimensions"]),
        ((1.5, 0.0, 1.0, 1.5), "intercepts", ["published", "intercepts", "intercepts"]),
        ((0.0, 0.5, 0.5, 0.5), None, ["published"] * 3),
        ((1.0, 1.0, 1.0, 1.0), None, ["published"] * 3),
        ((1.0, 2.0, 2.0, 0.0), "signals", ["published"] * 3),  # over the last step taken, not over a bad one
    ],
)
def test_a_step_must_better_the_last_one_taken(
    noise: tuple[float, ...], recommended: str | None, compared: list[str]
) -> None:
    result = gains(foretold(dict(zip(STEPS, noise, strict=True))), settings())
    assert result.recommended == recommended
    assert [figures.compared_with for figures in result.steps] == [None, *compared]
    assert ("Nothing to gain: keep the published weights." in result.headlines) == (recommended is None)
    assert result.steps[0].worth_taking is None
    for figures in result.steps[1:]:
        gained = next(gain.log_loss for gain in figures.gains if gain.over == figures.compared_with)
        assert figures.worth_taking == (gained.low > 0)
    by_step = {figures.step: figures for figures in result.steps}
    for index, figures in enumerate(result.steps):
        assert [gain.over for gain in figures.gains] == list(STEPS[:index])
        for gain in figures.gains:
            assert gain.log_loss.value == pytest.approx(by_step[gain.over].log_loss - figures.log_loss)
            assert gain.auc.value == pytest.approx(figures.auc - by_step[gain.over].auc)


def test_a_gain_that_may_be_none_is_not_worth_taking() -> None:
    """With 40 accounts the first step betters the log loss, but by no more than chance would."""
    result = gains(foretold(dict(zip(STEPS, (1.0, 0.8, 1.0, 1.0), strict=True)), accounts=40), settings())
    gained = result.steps[1].gains[0].log_loss
    assert gained.low < 0 < gained.value
    assert (result.recommended, result.steps[1].worth_taking) == (None, False)


def test_the_newest_window_reaches_back_until_enough_left() -> None:
    rows = foretold(dict.fromkeys(STEPS, 0.5))
    rows["fold"] = np.where(np.arange(len(rows)) < 700, pd.Timestamp("2024-01-01"), pd.Timestamp("2024-04-01"))
    rows["as_of"] = rows.fold
    newest = rows[rows.fold == rows.fold.max()]
    few = newest.account_id[newest.y == 1].nunique()
    assert few >= 2
    window = newest_window(rows, "published", "signals", settings(min_churned_accounts=few))
    assert (window.first, window.rows, window.churned_accounts) == ("2024-04-01", 100, few)
    assert newest_window(rows, "published", "signals", settings(min_churned_accounts=few + 1)).rows == 800
