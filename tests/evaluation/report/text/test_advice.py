"""What to do: each sentence follows from a figure, and without the figure nothing is said."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from evaluation.report.text.advice import advice_sentences

Figure = dict[str, Any]


def interval(value: float, low: float, high: float) -> Figure:
    return {"value": value, "low": low, "high": high}


def group(name: str, rows: int, mean_p: float, happened: Figure, churned: int = 20) -> Figure:
    return {"group": name, "rows": rows, "churned_accounts": churned, "mean_p": mean_p, "happened": happened}


def surprise(stage: str, segment: str | None = "smb") -> Figure:
    return {"lifecycle_stage": stage, "segment": segment}


QUIET: Figure = {
    "currency": "USD", "main_horizon_days": 90, "min_churned_accounts": 10,
    "has_signal": True, "scope": {"rows": 1000, "without_signal_rows": 0},
    "horizons": [{"days": 90, "calibration_slope": interval(1.0, 0.9, 1.1)}],
    "comparisons": [{"days": 90, "title": "the rules", "verdict": "beats"}],
    "revenue": {"forecast": {"refused": "-"}}, "profit": {"model": {"refused": "-"}},
    "groups": {
        "lifecycle_stage": [group("adoption", 900, 0.1, interval(0.1, 0.08, 0.12)),
                            group("renewal", 100, 0.1, interval(0.1, 0.05, 0.2))],
        "segment": [group("smb", 1000, 0.1, interval(0.1, 0.08, 0.12))],
    },
    "surprises": {"left": [surprise("adoption") for _ in range(10)]},
    "fairness": {"compared": 1, "differs": [], "by": {}},
    "coverage": [{"quarter": "2025 Q1", "rows": 10, "coverage": 0.9, "usage": 0.9}],
    "arr": {"unknown_share": 0}, "refused": [],
}  # fmt: skip
GAIN = {
    "at_capacity": interval(400, 200, 600),
    "best": interval(650, 300, 900),
    "best_share": 0.33,
    "break_even": 0.035,
}
COMING = {
    "until": "2026-04-01", "arr_lost": interval(100_000, 1, 2),
    "first": [{"account_id": "acc-1", "p": 0.3, "arr": 100_000.0, "loss": 30_000.0},
              {"account_id": "acc-2", "p": 0.2, "arr": 100_000.0, "loss": 20_000.0}],
}  # fmt: skip


def kept(smb: Figure) -> Figure:
    line = {"period": "2024 Q4 to 2025 Q3", "group": "smb", "gross": smb}
    return {"retention": {"year": {"all": [{"gross": interval(0.9, 0.8, 0.95)}], "segment": [line]}}}


CASES: dict[str, tuple[Figure, str, str]] = {
    "whom to call": ({"revenue": {"forecast": COMING}}, "Accounts", "acc-1 (30 % of USD 100k), acc-2 (20 % of"),
    "the band pays": ({"profit": {"model": GAIN}}, "Accounts", "Work through the red band: that would have earned"),
    "the band costs": (
        {"profit": {"model": GAIN | {"at_capacity": interval(-9, -12, -3)}}}, "Accounts", "Do not approach the whole",
    ),
    "nobody knows": (
        {"profit": {"model": GAIN | {"at_capacity": interval(9, -12, 30)}}}, "Accounts", "is not sure (USD -12 to",
    ),
    "an underrated stage": (
        {"groups": {**QUIET["groups"], "lifecycle_stage": [group("renewal", 9, 0.084, interval(0.12, 0.09, 0.17))]}},
        "Segments and stages", "stage renewal than the model tells you to: 8.4 % was predicted, 12 % left (9.0 % to",
    ),
    "surprises in one stage": (
        {"surprises": {"left": [surprise("renewal") for _ in range(6)] + [surprise("adoption") for _ in range(4)]}},
        "Segments and stages", "6 of the 10 largest surprises were in renewal, which is 10 % of the scorings",
    ),
    "a segment that leaks": (
        {"revenue": {"forecast": {"refused": "-"}, **kept(interval(0.7, 0.6, 0.8))}},
        "Segments and stages", "Segment smb keeps least: 70 % of its ARR over 2024 Q4 to 2025 Q3, against 90 % of all.",
    ),
    "timid": (
        {"horizons": [{"days": 90, "calibration_slope": interval(1.26, 1.07, 1.49)}]},
        "The model", "too timid (slope 1.26), so the riskiest accounts leave more often than is said",
    ),
    "extreme": (
        {"horizons": [{"days": 90, "calibration_slope": interval(0.6, 0.5, 0.8)}]},
        "The model", "too extreme (slope .60), so the riskiest accounts leave less often than is said",
    ),
    "worse than the rules": (
        {"comparisons": [{"days": 90, "title": "the rules", "verdict": "worse"}]}, "The model", "Go by the rules until",
    ),
    "a group out of reach": (
        {"fairness": {"differs": [{"group": "mid_market", "figure": "recall", "value": interval(0.2, 0, 1),
                                   "rest": interval(0.5, 0, 1)}]}},
        "The model", "Of the accounts of mid market that left only 20 % were in the red band, of the others 50 %",
    ),
    "thin data": (
        {"coverage": [{"quarter": "2025 Q1", "rows": 10, "coverage": 0.9, "usage": 0.62}]},
        "Data", "Bring more data on usage: in 2025 Q1 only 62 % of scorings had any.",
    ),
    "no ARR": ({"arr": {"unknown_share": 0.05}}, "Data", "Fill in the ARR of the 5.0 %"),
    "no signal": ({"scope": {"rows": 10, "without_signal_rows": 4}}, "Data", "4 scorings were made without a usable"),
    "a figure that lacks data": (
        {"refused": [{"figure": "time to value", "where": "", "why": "0 milestones", "needed": 1}]},
        "Data", "To see the time to value, bring what it lacks: 0 milestones.",
    ),
}  # fmt: skip


def test_when_all_is_well_there_is_nothing_to_do() -> None:
    assert advice_sentences(QUIET) == []


@pytest.mark.parametrize(("change", "about", "sentence"), CASES.values(), ids=CASES)
def test_one_figure_one_sentence(change: Figure, about: str, sentence: str) -> None:
    (result,) = advice_sentences(copy.deepcopy(QUIET) | change)
    assert result["about"] == about
    assert sentence in result["sentence"]
    assert result["sentence"].endswith(".")


QUIET_CHANGES: dict[str, Figure] = {
    "chance explains the stage": {
        "groups": {**QUIET["groups"], "segment": [group("smb", 900, 0.08, interval(0.12, 0.07, 0.17))]}
    },
    "too few churned": {
        "groups": {**QUIET["groups"], "segment": [group("smb", 900, 0.01, interval(0.5, 0.3, 0.7), 9)]}
    },
    "surprises where most accounts are": {"surprises": {"left": [surprise("adoption", None)] * 10}},
    "a segment within chance": {"revenue": {"forecast": {"refused": "-"}, **kept(interval(0.7, 0.6, 0.91))}},
    "a refused segment": {"revenue": {"forecast": {"refused": "-"}, **kept({"refused": "few"})}},
    "reached more than the rest": {
        "fairness": {"differs": [{"group": "smb", "figure": "recall", "value": interval(0.6, 0, 1),
                                  "rest": interval(0.5, 0, 1)}]}
    },
    "a figure of one owner refused": {"refused": [{"figure": "auc", "where": "Owner", "why": "few", "needed": 10}]},
}  # fmt: skip


@pytest.mark.parametrize("change", QUIET_CHANGES.values(), ids=QUIET_CHANGES)
def test_what_calls_for_nothing_is_not_said(change: Figure) -> None:
    assert advice_sentences(copy.deepcopy(QUIET) | change) == []
