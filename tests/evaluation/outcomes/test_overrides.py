"""CSMs' overrides: which one held on a day, what they change (nothing), and who was right on the same scorings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation import metrics
from evaluation.ledger.ledger import Ledger
from evaluation.outcomes import overrides
from evaluation.outcomes.overrides import enter_overrides, in_force, levels_in_force, with_overrides
from evaluation.report.sections.context import ReportContext, ReportInputs
from evaluation.report.sections.overrides import judge_overrides
from tests.evaluation.ledgers import NOW, frame, put

DAY = pd.Timestamp("2024-01-01").as_unit("us")
LEVELS = ["healthy", "low", "medium", "high"]


def later(days: float | None) -> Any:
    return pd.NaT if pd.isna(days) else DAY + pd.Timedelta(days=days)


def made(*rows: tuple[str, float, str, float | None]) -> pd.DataFrame:
    """Overrides (account, made on, level, until) in the columns of COLUMNS."""
    table = pd.DataFrame(rows, columns=["account_id", "made_at", "level", "expires_at"])
    for name in ("made_at", "expires_at"):
        table[name] = pd.Series([later(one) for one in table[name]], dtype="datetime64[us]")
    return table.assign(reason="said so", made_by="anna").astype({"level": object})[list(overrides.COLUMNS)]


HELD = {
    "none": ([], 10, None),
    "made before": ([("a", 5, "high", None)], 10, "high"),
    "made that midnight": ([("a", 10, "high", None)], 10, "high"),
    "made the same day, after midnight": ([("a", 10.3, "high", None)], 10, None),
    "made later": ([("a", 11, "high", None)], 10, None),
    "another account's": ([("b", 5, "high", None)], 10, None),
    "the newest": ([("a", 5, "high", None), ("a", 8, "low", None), ("a", 7, "medium", None)], 10, "low"),
    "expires that midnight": ([("a", 5, "high", 10)], 10, None),
    "expires the day after": ([("a", 5, "high", 11)], 10, "high"),
    "expired, and the one before does not come back": ([("a", 2, "low", None), ("a", 5, "high", 8)], 10, None),
    "expired, and a newer one holds": ([("a", 2, "low", 4), ("a", 5, "high", 12)], 10, "high"),
    "two at once: the one entered last": ([("a", 5, "high", None), ("a", 5, "low", None)], 10, "low"),
}


@pytest.mark.parametrize(("entered", "day", "level"), HELD.values(), ids=HELD)
def test_the_override_that_held_on_a_day(entered: list, day: float, level: str | None) -> None:
    rows = pd.DataFrame({"account_id": ["a"], "as_of": [later(day)]}, index=[7])
    entered = made(*entered)
    result = in_force(rows, entered.assign(entered_at=entered.made_at))
    assert result.index.tolist() == [7]
    assert [None if pd.isna(value) else value for value in result.level] == [level]


IN_HINDSIGHT = {
    "entered that midnight": ([("a", 5, "high", 10)], "high", False),
    "entered a day later": ([("a", 5, "high", 11)], None, True),
    "entered when the account had left": ([("a", 5, "high", 80)], None, True),
    "the one before it holds": ([("a", 2, "low", 2), ("a", 5, "high", 80)], "low", True),
    "made earlier and entered later than the one that holds": (
        [("a", 5, "low", 5), ("a", 2, "high", 80)],
        "low",
        False,
    ),
    "entered after a newer one, and older": ([("a", 5, "low", 6), ("a", 2, "high", 8)], "low", False),
    "made later": ([("a", 11, "high", 80)], None, False),
}


@pytest.mark.parametrize(("entered", "level", "late"), IN_HINDSIGHT.values(), ids=IN_HINDSIGHT)
def test_an_override_that_was_entered_after_the_day_is_not_judged(
    entered: list[Any], level: str | None, late: bool
) -> None:
    rows = pd.DataFrame({"account_id": ["a", "z"], "as_of": [later(10)] * 2}, index=[7, 3])
    table = made(*[(account, day, of, None) for account, day, of, _ in entered])
    result = with_overrides(rows, table.assign(entered_at=[later(day) for *_, day in entered]))
    assert result.index.tolist() == [7, 3]
    assert [None if pd.isna(value) else value for value in result.override_level] == [level, None]
    assert result.override_in_hindsight.tolist() == [late, False]


def test_overrides_are_kept_whole_and_entered_once(ledger: Ledger) -> None:
    put(ledger, frame(3))
    before = ledger.predictions()
    entered = made(("000", 5, "high", None), ("001", 6.25, "low", 90)).assign(reason=["Zürich ✓", 'a "quote", 1'])
    first = enter_overrides(ledger, entered, NOW, "user:anna")
    again = enter_overrides(ledger, entered, NOW + pd.Timedelta(days=1), "user:ben")
    assert (first.repeated, again.repeated, again.batch_id) == (False, True, first.batch_id)
    other = enter_overrides(ledger, entered.assign(reason="because"), NOW, "user:anna")
    assert not other.repeated
    kept = ledger.overrides(NOW)
    assert len(kept) == 4
    pd.testing.assert_frame_equal(
        kept.iloc[:2][entered.columns], entered.astype({name: "str" for name in entered if "_at" not in name})
    )
    assert kept.entered_at.tolist() == [NOW] * 4
    assert ledger.overrides(NOW - pd.Timedelta(days=1)).empty
    pd.testing.assert_frame_equal(ledger.predictions(), before)  # an override changes no prediction
    assert ledger.verify().ok


def test_automated_csm_and_final_stand_side_by_side(ledger: Ledger) -> None:
    enter_overrides(ledger, made(("a", 5, "low", None), ("b", 5, "high", 20)), later(6), "user:anna")
    automated = pd.DataFrame({"account_id": ["a", "b", "c"], "risk_level": ["high", "medium", "healthy"]})
    result = levels_in_force(automated, ledger.overrides(NOW), later(19))
    assert [(level.automated, level.csm, level.final) for level in result] == [
        ("high", "low", "low"),
        ("medium", "high", "high"),
        ("healthy", None, "healthy"),
    ]
    assert (result[1].expires_at, result[1].made_by, result[2].reason) == (pd.Timestamp("2024-01-21"), "anna", None)
    expired = levels_in_force(automated, ledger.overrides(NOW), later(20))[1]
    assert (expired.csm, expired.final) == (None, "medium")
    assert levels_in_force(automated.head(1), ledger.overrides(NOW).head(0), later(20))[0].final == "high"


def test_the_newest_prediction_of_each_account(ledger: Ledger) -> None:
    put(ledger, frame(3, as_of="2024-01-31"))
    put(ledger, frame(2, seed=1, as_of="2024-02-29"), kind="api")
    newest = frame(1, seed=2, as_of="2024-02-29").assign(
        p_churn_90d=0.123, p_churn_180d=0.5, p_churn_30d=0.0, p_churn_60d=0.1
    )
    put(ledger, newest, kind="api", at=NOW + pd.Timedelta(days=1))
    put(ledger, frame(1, seed=3, as_of="2024-03-31"), kind="backtest")
    asked = ["account_id", "as_of", "p_churn_90d", "batch_id"]
    result = ledger.newest(("batch", "api"), NOW + pd.Timedelta(days=2), asked).sort_values("account_id")
    assert list(result) == asked
    assert result.batch_id.tolist() == [3, 2, 1]
    assert result.p_churn_90d.tolist()[0] == 0.123
    assert ledger.newest(("batch", "api"), NOW, asked, ["000", "nobody"]).batch_id.tolist() == [2]


# -- who was right ---------------------------------------------------------------------------------------------------


def scorings(overridden: list[str | None], model: list[str], health: list[float], y: list[int]) -> pd.DataFrame:
    count = len(y)
    rows = pd.DataFrame({"account_id": [f"{number:04d}" for number in range(count)], "as_of": DAY, "y": y, "p": 0.25})
    rows = rows.assign(risk_level=model, health_score=health, override_level=np.array(overridden, dtype=object))
    return rows.assign(override_in_hindsight=False)


@pytest.fixture
def context(make_settings: Any) -> ReportContext:
    body = {"tables": {name: {"from": f"{name}.csv"} for name in ("accounts", "contracts")}}
    return ReportContext(ReportInputs(pd.DataFrame()), make_settings(**body))


def test_sides_by_hand(context: ReportContext) -> None:
    overridden = ["high", "high", "high", "low", "healthy", "medium", None, "medium"]
    model = ["low", "medium", "high", "low", "high", "high", "high", "medium"]
    rows = scorings(overridden, model, [90, 60, 40, 80, 40, 55, 90, np.nan], [1, 0, 1, 0, 0, 1, 1, 1])
    rows.loc[[6], "override_in_hindsight"] = True
    result = judge_overrides(context, rows)
    assert (result["rows"], result["late_rows"], result["level"]) == (
        6,
        1,
        "high",
    )  # no override, or no health score: left out
    sides = {side["side"]: (side["rows"], side["left"], side["expected"]) for side in result["sides"]}
    assert sides == {"riskier": (2, 1, 0.5), "alike": (2, 1, 0.5), "safer": (2, 1, 0.5)}
    assert result["right"]["refused"] == result["auc"]["refused"] == "3 churned accounts, at least 10 would do"
    assert {refusal.figure for refusal in context.refused} == {
        "share of overrides that were right",
        "AUC of the levels",
    }
    assert (
        "2 times riskier than the model, and 1 of those left (50 %), where the model expected 0.5" in result["sentence"]
    )
    assert result["sentence"].endswith("Who ranked better is not said: 3 churned accounts, at least 10 would do.")


def test_figures_are_the_metrics_on_the_same_rows(context: ReportContext) -> None:
    random = np.random.default_rng(4)
    y = (random.random(400) < 0.3).astype(int)
    overridden = [LEVELS[3] if value and random.random() < 0.8 else LEVELS[random.integers(3)] for value in y]
    model = [LEVELS[min(3, value * random.integers(4) + random.integers(3))] for value in y]
    health = random.uniform(30, 95, 400)
    rows = scorings(overridden, model, list(health), list(y))
    result = judge_overrides(context, rows)
    rules = np.select([health >= 85, health >= 70, health >= 50], [0, 1, 2], 3)
    ranks = {
        "people": [LEVELS.index(level) for level in overridden],
        "model": [LEVELS.index(one) for one in model],
        "rules": rules,
    }
    for who, rank in ranks.items():
        assert result["auc"][who]["value"] == pytest.approx(metrics.auc(y, np.asarray(rank, dtype=float)))
        assert result["right"][who]["value"] == pytest.approx(np.mean((np.asarray(rank) == 3) == y))
    for figure in ("auc", "right"):
        for other in ("model", "rules"):
            gap = result[figure][f"over_{other}"]
            assert gap["value"] == pytest.approx(result[figure]["people"]["value"] - result[figure][other]["value"])
            assert gap["low"] < gap["value"] < gap["high"]
    assert result["auc"]["over_model"]["low"] > 0
    assert "better than the model" in result["sentence"]
    swapped = judge_overrides(context, rows.assign(override_level=rows.risk_level, risk_level=rows.override_level))
    assert "worse than the model" in swapped["sentence"]
    alike = judge_overrides(context, rows.assign(override_level=rows.risk_level))
    assert "each time at the level of the model" in alike["sentence"]
    assert "no differently from the model" in alike["sentence"]


def test_intervals_draw_accounts(context: ReportContext) -> None:
    """Forty copies of each scoring know no more than one."""
    random = np.random.default_rng(5)
    y = list((random.random(100) < 0.3).astype(int))
    overridden = [LEVELS[min(3, value * 2 + random.integers(3))] for value in y]
    rows = scorings(overridden, ["low"] * 100, list(random.uniform(30, 95, 100)), y)
    copies = pd.concat([rows.assign(as_of=later(day)) for day in range(40)], ignore_index=True)
    one, many = (judge_overrides(context, table)["auc"]["people"] for table in (rows, copies))
    assert many["value"] == pytest.approx(one["value"])
    assert many["high"] - many["low"] == pytest.approx(one["high"] - one["low"], rel=0.05)


def test_without_overrides_there_is_one_sentence(context: ReportContext) -> None:
    rows = scorings([None, None], ["low", "high"], [50, 50], [0, 1])
    for one in (rows, rows.drop(columns=["override_level", "override_in_hindsight"])):
        assert set(judge_overrides(context, one)) == {"rows", "late_rows", "sentence"}
    assert context.refused == []


def test_overrides_entered_once_the_outcome_was_known_earn_no_praise(context: ReportContext) -> None:
    """Every account that left was put at high the day after: an AUC of 1, were it believed."""
    y = [0, 0, 0, 1] * 50
    rows = scorings([None] * 200, ["low"] * 200, [60.0] * 200, y).drop(
        columns=["override_level", "override_in_hindsight"]
    )
    known = made(*((f"{number:04d}", -1, "high" if left else "low", None) for number, left in enumerate(y)))
    believed = judge_overrides(context, with_overrides(rows, known.assign(entered_at=DAY)))
    assert (believed["rows"], believed["late_rows"], believed["auc"]["people"]["value"]) == (200, 0, 1.0)
    result = judge_overrides(context, with_overrides(rows, known.assign(entered_at=later(95))))
    assert (result["rows"], result["late_rows"]) == (0, 200)
    assert "On 200 scorings one was entered only after their day; it is kept, and not judged." in result["sentence"]


def test_a_level_that_the_framework_no_longer_has_is_not_judged(context: ReportContext) -> None:
    rows = pd.DataFrame({"account_id": ["a", "b"], "as_of": later(10), "y": [0, 1], "p": 0.1})
    entered = made(("a", 1, "red", None), ("b", 1, "high", None)).assign(entered_at=later(2))
    rows = with_overrides(rows.assign(risk_level="low", health_score=90.0), entered)
    assert rows.override_level.tolist() == ["red", "high"]
    assert judge_overrides(context, rows)["rows"] == 1
