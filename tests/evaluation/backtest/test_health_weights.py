"""Score bands, moves between levels and the verdict on each step, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from evaluation.backtest.health_weights import BAND_ACCOUNTS, gains, level_changes, newest_window, score_bands
from evaluation.metrics.proportions import wilson
from tests.evaluation.simulated import settings
from training.health.weight_likelihood import STEPS


def scored(stage: str, counts: dict[float, tuple[int, int]]) -> pd.DataFrame:
    """One row an account: at each health so many accounts, of which so many left."""
    body = [
        {
            "account_id": f"{stage}-{health}-{number}",
            "lifecycle_stage": stage,
            "health": health,
            "y": float(number < left),
        }
        for health, (accounts, left) in counts.items()
        for number in range(accounts)
    ]
    return pd.DataFrame(body)


def test_bands_by_hand() -> None:
    """Bands 0-55 (10 + 20 accounts), 55-60 (40) and 60-100 (35, and the 5 at 100 that are too few for a band)."""
    counts = {12.0: (10, 6), 50.0: (20, 3), 57.5: (40, 8), 60.0: (35, 2), 100.0: (5, 0)}
    rows = scored("adoption", counts)
    rows.loc[len(rows)] = ["adoption-none", "adoption", np.nan, 1.0]  # without a score: in no band
    found = [one for one in score_bands(rows, settings()) if one["stage"] == "adoption"]
    assert [(one["from"], one["to"], one["accounts"], one["churned_accounts"]) for one in found] == [
        (0, 55, 30, 9),
        (55, 60, 40, 8),
        (60, 100, 40, 2),
    ]
    for one, (left, accounts) in zip(found, [(9, 30), (8, 40), (2, 40)], strict=True):
        assert one["rows"] == accounts
        assert one["share"]["value"] == left / accounts
        # every account has one row, so that the interval is Wilson's own
        assert (one["share"]["low"], one["share"]["high"]) == pytest.approx(wilson(left / accounts, accounts))


def test_rows_of_one_account_are_not_counted_as_accounts() -> None:
    rows = scored("adoption", {57.5: (40, 12)})
    repeated = pd.concat([rows] * 6, ignore_index=True)
    (once,), (often,) = ([one for one in score_bands(each, settings()) if "share" in one] for each in (rows, repeated))
    assert (often["rows"], often["accounts"]) == (240, 40)
    assert often["share"] == pytest.approx(once["share"])


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ({50.0: (BAND_ACCOUNTS - 1, 12)}, "12 churned of 29 accounts; at least 10 of 30 needed"),
        ({50.0: (200, 9)}, "9 churned of 200 accounts; at least 10 of 30 needed"),
    ],
)
def test_too_few_are_refused_with_the_number(counts: dict[float, tuple[int, int]], says: str) -> None:
    found = {one["stage"]: one for one in score_bands(scored("adoption", counts), settings())}
    assert found["adoption"] == {"stage": "adoption", "refused": says}
    assert found["renewal"]["refused"].startswith("0 churned of 0 accounts")


def test_level_changes_by_hand() -> None:
    """healthy from 85, low from 70, medium from 50, high below; the largest change of score first."""
    frame = pd.DataFrame({"account_id": list("abcde"), "as_of": pd.Timestamp("2025-03-01")})
    before, after = np.array([86.0, 84.0, 49.0, 60.0, np.nan]), np.array([84.0, 71.0, 70.0, 49.9, np.nan])
    found = level_changes(frame, before, after, settings().framework.levels)
    assert (found["as_of"], found["scored"], found["changed"]) == ("2025-03-01", 4, 3)
    assert [(one["account_id"], one["level_before"], one["level_after"]) for one in found["accounts"]] == [
        ("c", "high", "low"),
        ("d", "medium", "high"),
        ("a", "healthy", "low"),
    ]
    moves = {(one["level_before"], one["level_after"]): one["accounts"] for one in found["moves"]}
    assert moves == {("high", "low"): 1, ("medium", "high"): 1, ("healthy", "low"): 1}


def foretold(noise: dict[str, float], accounts: int = 400) -> pd.DataFrame:
    """Two rows an account; each step's probability is the truth with so much noise on its log-odds."""
    rng = np.random.default_rng(0)
    truth = np.repeat(rng.normal(-2, 1.2, accounts), 2)
    frame = pd.DataFrame({"account_id": np.repeat(np.arange(accounts), 2).astype(str)})
    frame["y"] = (rng.random(len(truth)) < expit(truth)).astype(float)
    draws = rng.normal(size=len(truth))
    return frame.assign(**{f"p_{step}": expit(truth + noise[step] * draws) for step in STEPS})


@pytest.mark.parametrize(
    ("noise", "worth", "compared"),
    [
        ((1.5, 1.0, 0.5, 0.0), "signals", ["published", "intercepts", "dimensions"]),
        ((1.5, 1.5, 0.0, 0.0), "dimensions", ["published", "published", "dimensions"]),
        ((1.5, 0.0, 1.0, 1.5), "intercepts", ["published", "intercepts", "intercepts"]),
        ((0.0, 0.5, 0.5, 0.5), None, ["published"] * 3),
        ((1.0, 1.0, 1.0, 1.0), None, ["published"] * 3),
        ((1.0, 2.0, 2.0, 0.0), "signals", ["published"] * 3),  # over the last step taken, not over a bad one
    ],
)
def test_a_step_must_better_the_last_one_taken(noise: tuple[float, ...], worth: Any, compared: list[str]) -> None:
    found = gains(foretold(dict(zip(STEPS, noise, strict=True))), settings())
    assert found["worth"] == worth
    assert [one["compared_with"] for one in found["steps"][1:]] == compared
    assert ("Nothing to gain: keep the published weights." in found["answer"]) == (worth is None)
    for one in found["steps"][1:]:
        over = next(gain["log_loss"] for gain in one["gains"] if gain["over"] == one["compared_with"])
        assert one["worth_taking"] == (over["low"] > 0)
    for place, one in enumerate(found["steps"]):
        assert [gain["over"] for gain in one["gains"]] == list(STEPS[:place])
        for gain in one["gains"]:
            below = next(other for other in found["steps"] if other["step"] == gain["over"])
            assert gain["log_loss"]["value"] == pytest.approx(below["log_loss"] - one["log_loss"])
            assert gain["auc"]["value"] == pytest.approx(one["auc"] - below["auc"])


def test_a_gain_that_may_be_none_is_not_worth_taking() -> None:
    """With 40 accounts the first step betters the log loss, but by no more than chance would."""
    found = gains(foretold(dict(zip(STEPS, (1.0, 0.8, 1.0, 1.0), strict=True)), accounts=40), settings())
    gained = found["steps"][1]["gains"][0]["log_loss"]
    assert gained["low"] < 0 < gained["value"]
    assert (found["worth"], found["steps"][1]["worth_taking"]) == (None, False)


def test_the_newest_window_reaches_back_until_enough_left() -> None:
    rows = foretold(dict.fromkeys(STEPS, 0.5))
    rows["fold"] = np.where(np.arange(len(rows)) < 700, pd.Timestamp("2024-01-01"), pd.Timestamp("2024-04-01"))
    rows["as_of"] = rows.fold
    newest = rows[rows.fold == rows.fold.max()]
    few = newest.account_id[newest.y == 1].nunique()
    assert few >= 2
    found = newest_window(rows, "published", "signals", settings(min_churned_accounts=few))
    assert (found["from"], found["rows"], found["churned_accounts"]) == ("2024-04-01", 100, few)
    assert newest_window(rows, "published", "signals", settings(min_churned_accounts=few + 1))["rows"] == 800
