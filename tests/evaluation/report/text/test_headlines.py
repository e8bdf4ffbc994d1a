"""The answer in words, from summaries made by hand: what a slope, a level and a split of rows are said to mean."""

from __future__ import annotations

from typing import Any

import pytest

from evaluation.formatting import spread_word
from evaluation.report.text.headlines import calibration_sentence, headline_sentences, warning_sentences

Figure = dict[str, Any]


def interval(value: float, low: float, high: float) -> Figure:
    return {"value": value, "low": low, "high": high}


def summary(slope: Figure, happened: Figure | None = None, ece: float = 0.01, **more: Any) -> Figure:
    at = {
        "days": 90, "mean_p": 0.064, "happened": happened or interval(0.069, 0.057, 0.081),
        "auc": interval(0.8, 0.7, 0.9), "ece": interval(ece, 0.0, ece), "calibration_slope": slope,
    }  # fmt: skip
    scope = {"accounts": 300, "as_ofs": 12, "churned_accounts": 50, "rows": 3000, "without_signal_rows": 0}
    scope |= {"first_as_of": "2024-10-01", "last_as_of": "2025-09-01"}
    made = {"horizons": [at], "main_horizon_days": 90, "slope_limits": [0.7, 1.4], "ece_limit": 0.05, "scope": scope}
    made |= {"comparisons": [], "arr": {"refused": "-"}, "min_churned_accounts": 10, "random_split": None}
    made |= {"beyond_contracts": None, "beside_rules": None, "revenue": {"forecast": {"refused": "-"}}}
    made |= {"capacity": {"share": 0.1, "model": {"refused": "-"}}, "lead_time": {"model": []}, "currency": "USD"}
    return made | more


SLOPES = {
    # the slope with its interval, and what must be said; the interval decides, not the value nor the gate's limits
    "clear above 1: too timid": (interval(1.26, 1.07, 1.49), "right on average but too timid", "1.26 (1.07 to 1.49"),
    "clear below 1: too extreme": (interval(0.82, 0.70, 0.95), "right on average but too extreme", ".82 (.70 to .95"),
    "above 1, and 1 within": (interval(1.26, 0.98, 1.49), "can be taken at their word", "1.26 (.98 to 1.49"),
    "below 1, and 1 within": (interval(0.8, 0.55, 1.04), "can be taken at their word", ".80 (.55 to 1.04"),
    "beyond the limit, and 1 within": (interval(0.6, 0.1, 1.2), "can be taken at their word", ".60 (.10 to 1.20"),
    "at the end of the interval": (interval(1.2, 1.0, 1.4), "can be taken at their word", "1.20"),
    "refused": ({"refused": "few"}, "can be taken at their word", "off by 1.0 points."),
}


@pytest.mark.parametrize(("slope", "verdict", "figure"), SLOPES.values(), ids=SLOPES)
def test_a_slope_clear_of_one_is_never_taken_at_its_word(slope: Figure, verdict: str, figure: str) -> None:
    result = calibration_sentence(summary(slope))
    assert verdict in result
    assert figure in result
    assert ("at their word" in result) == (spread_word(slope) is None)


def test_what_is_off_on_average_comes_first() -> None:
    timid = interval(1.5, 1.2, 1.8)
    assert "are too low:" in calibration_sentence(summary(timid, interval(0.1, 0.09, 0.11)))
    assert "are too high:" in calibration_sentence(summary(timid, interval(0.04, 0.03, 0.05)))
    one_by_one = calibration_sentence(summary(interval(1.0, 0.9, 1.1), ece=0.08))
    assert "right on average but not one by one" in one_by_one
    assert "off by 8.0 points" in one_by_one


def test_a_slope_beyond_the_limits_is_a_warning() -> None:
    assert warning_sentences(summary(interval(1.26, 1.07, 1.49))) == []
    (result,) = warning_sentences(summary(interval(1.6, 1.2, 1.9)))
    assert result == "The calibration slope is 1.60, beyond the limits of .70 to 1.40: the probabilities are too timid."


def test_one_scoring_is_said_as_one() -> None:
    made = summary(interval(1.0, 0.9, 1.1))
    assert headline_sentences(made)[1] == (
        "300 accounts were scored on 12 days from 2024-10-01 to 2025-09-01, 3,000 times in all;"
        " 50 of them left within 90 days of a scoring."
    )
    made["scope"] |= {"as_ofs": 1, "last_as_of": "2024-10-01"}
    assert "300 accounts were scored once, on 2024-10-01; 50 of them left" in headline_sentences(made)[1]


def test_a_random_split_that_flatters_is_a_warning() -> None:
    right = interval(1.0, 0.9, 1.1)
    split = {"worth_saying": True, "auc_gap": 0.126, "sentence": "The same LightGBM ..."}
    (result,) = warning_sentences(summary(right, random_split=split))
    assert "would promise .126 of AUC that nobody gets" in result
    assert warning_sentences(summary(right, random_split={**split, "worth_saying": False})) == []
