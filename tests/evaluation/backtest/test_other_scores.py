"""Health scores of other platforms on the rows of a backtest: what was known, how old it may be, the rules."""

from __future__ import annotations

import pandas as pd

from evaluation.backtest import other_scores

DAY = pd.Timestamp
ROWS = pd.DataFrame(
    {
        "account_id": ["a", "a", "a", "b", "b"],
        "as_of": pd.to_datetime(["2024-02-01", "2024-03-01", "2024-09-01", "2024-02-01", "2024-03-01"]),
        "fold": "2024-01-01",
    }
)
RULES = ROWS.assign(model="rules", score=[1.0, 2.0, 3.0, 4.0, 5.0], p_churn_90d=0.1)
SCORES = pd.DataFrame(
    {
        "account_id": ["a", "a", "b", "b", "c"],
        "scored_at": pd.to_datetime(["2024-01-10", "2024-02-10", "2024-01-20", "2024-02-20", "2024-01-10"]),
        "score": [80.0, 40.0, 60.0, 10.0, 5.0],
        "platform": ["G", "G", "G", "V", "G"],
    }
)


def found(scores: pd.DataFrame, model: str) -> list[tuple[str, str, float]]:
    rows = other_scores(scores, ROWS, RULES)
    rows = rows[rows.model == model].sort_values(["account_id", "as_of"])
    return list(zip(rows.account_id, rows.as_of.dt.strftime("%m-%d"), rows.score, strict=True))


def test_the_newest_score_known_by_then_that_is_not_stale() -> None:
    assert found(SCORES, "G") == [
        ("a", "02-01", -80.0),
        ("a", "03-01", -40.0),  # the one of September would be 204 days old
        ("b", "02-01", -60.0),
        ("b", "03-01", -60.0),
    ]
    assert found(SCORES, "V") == [("b", "03-01", -10.0)]


def test_the_rules_are_judged_on_the_same_rows() -> None:
    assert found(SCORES, "rules where V") == [("b", "03-01", 5.0)]
    assert [row[:2] for row in found(SCORES, "rules where G")] == [row[:2] for row in found(SCORES, "G")]


def test_a_score_recorded_later_is_known_later() -> None:
    late = SCORES.assign(recorded_at=DAY("2024-02-15"))
    assert [row[:2] for row in found(late, "G")] == [("a", "03-01"), ("b", "03-01")]


def test_a_score_of_the_as_of_itself_is_not_known() -> None:
    same_day = SCORES.assign(scored_at=DAY("2024-02-01"), platform=None)
    assert [row[:2] for row in found(same_day, "their health score")] == [("a", "03-01"), ("b", "03-01")]


def test_without_scores_there_is_no_row() -> None:
    assert other_scores(SCORES[:0], ROWS, RULES).empty
