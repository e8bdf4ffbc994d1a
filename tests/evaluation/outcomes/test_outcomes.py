"""Judging predictions: only windows that have passed and settled, dated judgements added and never replaced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from configs.errors import SourceError, UsageError
from configs.settings import Settings
from configs.settings_file import DEFAULT_FILE, read_body, settings_from
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.rows import column_order
from evaluation.outcomes import outcomes
from evaluation.outcomes.outcomes import Judged, judged_so_far, returns, with_returns
from features.sources.sources import open_sources

DAY = pd.Timestamp("2024-01-01")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    body = read_body(DEFAULT_FILE)
    body["tables"] = {"accounts": {"from": "accounts.csv"}, "contracts": {"from": "contracts.csv"}}
    return settings_from(body, tmp_path)


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings) as opened:
        yield opened


def forecast_frame(accounts: str, as_of: pd.Timestamp = DAY, p: float = 0.1, **more: Any) -> pd.DataFrame:
    made = pd.DataFrame({"account_id": list(accounts), "as_of": as_of.as_unit("us"), "lifecycle_stage": "adoption"})
    for days in (30, 60, 90, 180):
        made[f"p_churn_{days}d"] = p
    for name in column_order([30, 60, 90, 180], [90]):
        if name not in made:
            made[name] = "[]" if name in {"reasons", "triggers", "actions"} else 0.5
    made["risk_level"], made["config_version"], made["has_signal"] = "low", "c", True
    made["model_version"] = more.pop("model_version", "1")
    return made


def forecast(
    ledger: Ledger, accounts: str, as_of: pd.Timestamp = DAY, p: float = 0.1, kind: str = "batch", **more: Any
):
    at = more.pop("at", as_of + pd.Timedelta(hours=7))
    made = forecast_frame(accounts, as_of, p, **more)
    return ledger.write(made, kind=kind, asked_by="score", at=at, signals_hash=["s"] * len(made))


class Labels:
    """What a data set knows: churn days after DAY by account, and until when; counts how it was asked."""

    def __init__(
        self,
        churned: dict[str, int],
        known_days: int,
        voluntary: dict[str, bool] | None = None,
        contracted: dict[str, int] | None = None,
        returned: dict[str, int] | None = None,
        contractions_known: int = 10_000,
    ) -> None:
        self.churned, self.known_days, self.voluntary = churned, known_days, voluntary or {}
        self.contracted, self.returned, self.contractions_known = contracted or {}, returned or {}, contractions_known
        self.asked: list[pd.DataFrame] = []

    def __call__(self, pairs: pd.DataFrame) -> pd.DataFrame:
        self.asked.append(pairs)
        out = pairs[pairs.account_id != "gone"].copy()
        days = out.account_id.map(self.churned)
        out["churn_at"] = (DAY + pd.to_timedelta(days, unit="D")).where(days.notna()).astype("datetime64[us]")
        out["observed_until"] = DAY + pd.Timedelta(days=self.known_days)
        out["voluntary"] = out.account_id.map(self.voluntary).astype(object)
        for name, days_of in (("contraction_at", self.contracted), ("reactivated_at", self.returned)):
            days = out.account_id.map(days_of)
            out[name] = (DAY + pd.to_timedelta(days, unit="D")).where(days.notna()).astype("datetime64[us]")
        out["contraction_observed_until"] = DAY + pd.Timedelta(days=min(self.known_days, self.contractions_known))
        return out


class Judging:
    """One judging: what it counted, and the predictions beside their outcomes as the ledger then tells them."""

    def __init__(self, found: Judged, frame: pd.DataFrame) -> None:
        self.found, self.frame = found, frame

    def __getattr__(self, name: str) -> Any:
        return getattr(self.found, name)

    def __str__(self) -> str:
        return str(self.found)


def judge(ledger: Ledger, labels: Any, settings: Settings, at: pd.Timestamp, **more: Any) -> Judging:
    result = outcomes.judge(ledger, labels, settings, at, **more)
    frame = judged_so_far(ledger, settings, at, **more)
    assert (result.predictions, result.in_hindsight) == (len(frame), int(frame.in_hindsight.sum()))
    assert result.waiting == int(frame.churned_90d[~frame.in_hindsight].isna().sum())
    assert result.days.churned.sum() == frame.churned_90d.sum()
    assert result.days.contracted.sum() == frame.contracted_90d.sum()
    assert result.days.predicted.sum() == pytest.approx(frame.p_churn_90d[frame.churned_90d.notna()].sum())
    return Judging(result, frame)


def later(days: int) -> pd.Timestamp:
    return DAY + pd.Timedelta(days=days)


def outcome(frame: pd.DataFrame, account: str) -> list[float]:
    row = frame[frame.account_id == account].iloc[0]
    return [row[f"churned_{days}d"] for days in (30, 60, 90, 180)]


def test_only_passed_windows_have_outcomes(ledger: Ledger, settings: Settings) -> None:
    """Known for 100 days: 30, 60 and 90 days are judged, 180 days are not, not even for who has left."""
    forecast(ledger, "abcde")
    result = judge(ledger, Labels({"a": 0, "b": 59, "c": 60, "d": 95}, 100), settings, later(101))
    nan = np.nan
    expected = {"a": [1, 1, 1, nan], "b": [0, 1, 1, nan], "c": [0, 0, 1, nan], "d": [0, 0, 0, nan], "e": [0, 0, 0, nan]}
    for account, what in expected.items():
        np.testing.assert_array_equal(outcome(result.frame, account), what)
    assert result.frame.churn_at.tolist()[:4] == [later(0), later(59), later(60), later(95)]
    assert result.frame.churn_at.isna().tolist() == [False] * 4 + [True]
    assert result.frame.matured_days.tolist() == [90] * 5
    assert (result.new, result.changed, result.waiting, result.unknown, result.repeats) == (5, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("known", "matured"), [(29, 0), (30, 30), (89, 60), (90, 90), (179, 90), (180, 180), (400, 180)]
)
def test_a_window_matures_on_its_last_day(ledger: Ledger, settings: Settings, known: int, matured: int) -> None:
    forecast(ledger, "a")
    result = judge(ledger, Labels({}, known), settings, later(500))
    assert result.frame.matured_days.tolist() == [matured]
    assert result.waiting == int(matured < 90)
    assert len(ledger.judgements()) == int(matured > 0)
    assert result.new == int(matured > 0)


def test_a_churn_that_is_not_yet_known_does_not_count(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "ab")
    result = judge(ledger, Labels({"a": 89, "b": 90}, 90), settings, later(90))
    assert outcome(result.frame, "a")[2] == 1
    assert outcome(result.frame, "b")[2] == 0
    assert result.frame.churn_at.isna().tolist() == [False, True]


def test_a_second_judging_adds_only_what_changed_and_keeps_the_old(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "abcd")
    first = judge(ledger, Labels({"a": 10}, 95), settings, later(95))
    assert first.new == 4
    again = judge(ledger, Labels({"a": 10}, 100), settings, later(100))
    assert (again.new, again.changed) == (0, 0)
    # b's churn was recorded late, a's was a mistake, c left of its own will after the judged window
    third = judge(ledger, Labels({"b": 20, "c": 99}, 110, {"c": True}), settings, later(110))
    assert (third.new, third.changed) == (0, 3)
    assert [outcome(third.frame, one)[2] for one in "abcd"] == [0, 1, 0, 0]
    fourth = judge(ledger, Labels({"b": 20, "c": 99}, 180, {"c": True}), settings, later(180))
    assert (fourth.new, fourth.changed) == (0, 4)
    assert outcome(fourth.frame, "c") == [0, 0, 0, 1]
    every = ledger.judgements(latest=False)
    assert len(every) == 4 + 3 + 4
    assert every.judged_at.tolist() == [later(95)] * 4 + [later(110)] * 3 + [later(180)] * 4
    assert every[every.account_id == "a"].churn_at.isna().tolist() == [False, True, True]
    assert ledger.judgements().voluntary.tolist() == [None, None, True, None]
    assert ledger.verify().ok


def test_the_ledger_alone_tells_the_same_as_it_stood_on_any_day(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "abc")
    first = judge(ledger, Labels({"a": 10}, 95), settings, later(95))
    second = judge(ledger, Labels({"a": 10, "b": 20}, 185, {"b": False}), settings, later(185))
    pd.testing.assert_frame_equal(judged_so_far(ledger, settings, later(95)), first.frame)
    pd.testing.assert_frame_equal(judged_so_far(ledger, settings, later(200)), second.frame)
    assert judged_so_far(ledger, settings, later(94)).churned_90d.isna().all()


def test_older_sources_do_not_undo_what_is_known(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "a")
    judge(ledger, Labels({"a": 70}, 95), settings, later(95))
    older = judge(ledger, Labels({}, 65), settings, later(96))
    assert (older.new, older.changed) == (0, 0)
    assert ledger.judgements().churn_at.tolist() == [later(70)]


def test_the_first_prediction_counts_for_each_model(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "ab", p=0.1)
    forecast(ledger, "b", p=0.2, kind="api")
    forecast(ledger, "b", p=0.3, model_version="2")
    forecast(ledger, "b", p=0.4, as_of=later(1))
    forecast(ledger, "b", p=0.5, kind="backtest")
    labels = Labels({"b": 50}, 95)
    result = judge(ledger, labels, settings, later(95))
    kept = result.frame[result.frame.account_id == "b"]
    assert kept.p_churn_90d.tolist() == [0.1, 0.3, 0.4]
    assert kept.batch_id.tolist() == [1, 3, 4]
    assert result.repeats == 1
    assert "repeats left out (the first prediction" in str(result)
    assert len(labels.asked[0]) == 3  # an outcome belongs to an account and a day, whoever predicted it
    assert len(ledger.judgements()) == 3
    assert judge(ledger, labels, settings, later(95), kinds=["backtest"]).frame.p_churn_90d.tolist() == [0.5]


def test_what_was_predicted_in_hindsight_is_kept_and_counted_and_not_judged(ledger: Ledger, settings: Settings) -> None:
    """Within a week after the day it is a forecast; from then on, and after the window all the more, it is none."""
    forecast(ledger, "a")
    forecast(ledger, "b", at=later(7) - pd.Timedelta(seconds=1))
    forecast(ledger, "c", at=later(7))
    forecast(ledger, "d", at=later(90))
    forecast(ledger, "e", at=later(200))
    result = judge(ledger, Labels(dict.fromkeys("abcd", 50), 95), settings, later(95))
    assert result.frame.account_id.tolist() == ["a", "b", "c", "d"]  # e was not yet asked for
    assert result.frame.in_hindsight.tolist() == [False, False, True, True]
    assert result.frame.churned_90d.tolist()[:2] == [1, 1]
    assert result.frame[["churned_30d", "churned_90d", "contracted_90d"]].iloc[2:].isna().all(axis=None)
    assert (result.in_hindsight, result.waiting, result.days.matured.tolist()) == (2, 0, [2])
    assert "4 predictions: 2 matured, 0 waiting" in str(result)
    assert "2 made in hindsight, which are kept and not judged" in str(result)
    assert len(ledger.predictions()) == 5


@pytest.mark.parametrize(("within", "judged"), [(7, 0), (8, 1), (30, 2), (365, 2)])
def test_how_late_a_forecast_may_be_is_a_setting_and_never_beyond_the_shortest_window(
    ledger: Ledger, settings: Settings, within: int, judged: int
) -> None:
    for account, days in (("a", 7), ("b", 29), ("c", 30)):
        forecast(ledger, account, at=later(days))
    evaluation = settings.evaluation.model_copy(update={"forecast_within_days": within})
    patient = settings.model_copy(update={"evaluation": evaluation})
    assert judge(ledger, Labels({}, 95), patient, later(95)).days.matured.sum() == judged


def test_an_account_that_the_sources_lost_has_no_outcome(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "a")
    made = ledger.predictions()[column_order([30, 60, 90, 180], [90])].assign(account_id="gone")
    ledger.write(made, kind="api", asked_by="x", at=DAY, signals_hash=["s"])
    result = judge(ledger, Labels({}, 95), settings, later(95))
    assert result.unknown == 1
    assert np.isnan(outcome(result.frame, "gone")).all()
    assert result.frame.set_index("account_id").matured_days.to_dict() == {"a": 90, "gone": 0}


def test_texts_can_be_left_out(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "a")
    outcomes.judge(ledger, Labels({}, 95), settings, later(95))
    lean = judged_so_far(ledger, settings, later(95), texts=False)
    full = judged_so_far(ledger, settings, later(95))
    pd.testing.assert_frame_equal(full.drop(columns=["reasons", "triggers", "actions"]), lean)


def test_what_cannot_be_judged_is_refused(ledger: Ledger, settings: Settings) -> None:
    with pytest.raises(UsageError, match="run `forewarn score` first"):
        judge(ledger, Labels({}, 95), settings, later(95))
    forecast(ledger, "a")
    with pytest.raises(UsageError, match="no predictions by 2023"):
        judge(ledger, Labels({}, 95), settings, pd.Timestamp("2023-12-31"))
    with pytest.raises(SourceError, match="two labels for account a at 2024-01-01"):
        judge(ledger, lambda pairs: pd.concat([Labels({}, 95)(pairs)] * 2), settings, later(95))
    with pytest.raises(SourceError, match=r"labels.churn_at: found no such column"):
        judge(ledger, lambda pairs: pairs, settings, later(95))
    assert ledger.judgements().empty


def contracted(frame: pd.DataFrame, account: str) -> list[float]:
    row = frame[frame.account_id == account].iloc[0]
    return [row[f"contracted_{days}d"] for days in (30, 60, 90, 180)]


def test_contractions_and_returns_are_judged_apart(ledger: Ledger, settings: Settings) -> None:
    """a pays less and stays, b pays less and leaves, c leaves and comes back, d's contraction is not known yet."""
    forecast(ledger, "abcd")
    labels = Labels(
        {"b": 50, "c": 20}, 100, {"b": True, "c": False},
        contracted={"a": 40, "b": 10, "d": 70}, returned={"c": 60}, contractions_known=65,
    )  # fmt: skip
    result = judge(ledger, labels, settings, later(101))
    frame, nan = result.frame.set_index("account_id"), np.nan
    assert [outcome(result.frame, one)[2] for one in "abcd"] == [0, 1, 1, 0]
    for account, expected in {"a": [0, 1, nan, nan], "b": [1, 1, nan, nan], "d": [0, 0, nan, nan]}.items():
        np.testing.assert_array_equal(contracted(result.frame, account), expected)
    assert frame.voluntary.to_dict() == {"a": None, "b": True, "c": False, "d": None}
    assert frame.contraction_at.tolist()[:2] == [later(40), later(10)]
    assert frame.contraction_at.isna().tolist() == [False, False, True, True]
    assert frame.reactivated_at.isna().tolist() == [True, True, False, True]
    assert frame.reactivated_at["c"] == later(60)
    pd.testing.assert_frame_equal(judged_so_far(ledger, settings, later(101)), result.frame)


def test_a_return_and_a_contraction_that_come_to_light_are_new_judgements(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "ab")
    judge(ledger, Labels({"a": 10}, 95, contractions_known=65), settings, later(95))
    second = judge(ledger, Labels({"a": 10}, 100, returned={"a": 98}, contractions_known=65), settings, later(100))
    assert (second.new, second.changed) == (0, 1)
    third = judge(ledger, Labels({"a": 10}, 100, returned={"a": 98}, contracted={"b": 80}), settings, later(101))
    assert third.changed == 2  # a's contraction window has matured further as well
    assert contracted(third.frame, "b") == pytest.approx([0, 0, 1, np.nan], nan_ok=True)
    # sources that no longer tell of contractions do not undo what is known of them
    fourth = judge(ledger, Labels({"a": 10}, 100, returned={"a": 98}, contractions_known=0), settings, later(102))
    assert (fourth.new, fourth.changed) == (0, 0)
    assert contracted(fourth.frame, "b")[2] == 1
    every = ledger.judgements(latest=False)
    assert every[every.account_id == "a"].reactivated_at.isna().tolist() == [True, False, False]
    assert every.judged_at.tolist() == [later(95)] * 2 + [later(100)] + [later(101)] * 2
    assert ledger.verify().ok


def test_the_first_of_one_batch_counts_and_questions_stop_at_their_moment(ledger: Ledger, settings: Settings) -> None:
    made = forecast_frame("aa").assign(p_churn_90d=[0.3, 0.4])
    ledger.write(made, kind="api", asked_by="x", at=later(1), signals_hash=["s", "s"])
    forecast(ledger, "a", p=0.5, at=later(2))
    labels = Labels({"a": 30}, 95)
    assert judge(ledger, labels, settings, later(95)).frame.p_churn_90d.tolist() == [0.3]
    assert judge(ledger, labels, settings, later(95), kinds=["batch"]).frame.p_churn_90d.tolist() == [0.5]
    assert judged_so_far(ledger, settings, later(95), kinds=["batch"]).churned_90d.tolist() == [1]
    assert ledger.count(["batch", "api"], later(1)) == 2
    assert ledger.count(["judgement"], later(95)) == 1


def test_only_the_columns_asked_for_are_read(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "ab")
    full = judge(ledger, Labels({"a": 5}, 95), settings, later(95)).frame
    few = judged_so_far(ledger, settings, later(95), columns=["arr", "p_churn_90d"])
    assert list(few)[:5] == ["account_id", "as_of", "requested_at", "arr", "p_churn_90d"]
    assert "p_churn_30d" not in few
    pd.testing.assert_frame_equal(few, full[list(few)])


def test_texts_of_a_few_rows(ledger: Ledger) -> None:
    forecast(ledger, "abc")
    rows = ledger.predictions(columns=["batch_id", "row"]).iloc[[2, 0]]
    made = forecast_frame("de").assign(reasons=["of d", "of e"], actions=None)
    ledger.write(made, kind="api", asked_by="x", at=later(1), signals_hash=["s", "s"])
    asked = pd.concat([rows, pd.DataFrame({"batch_id": [2, 9], "row": [1, 0]}, index=[5, 6])])
    result = ledger.texts(asked)
    assert (list(result), result.index.tolist()) == (["reasons", "triggers", "actions"], [2, 0, 5, 6])
    assert result.reasons.tolist()[:3] == ["[]", "[]", "of e"]
    assert result.isna().to_numpy().tolist()[2:] == [[False, False, True], [True, True, True]]
    assert ledger.texts(asked.tail(1)).isna().all().all()


RETURNS = {
    "contract_end": [("a", "2023-08-01"), ("b", "2023-09-15")],
    "outcome": [("a", "2023-03-01"), ("a", "2023-08-01")],
    "silence": [("a", "2023-09-01")],
}


@pytest.mark.parametrize(("kind", "expected"), RETURNS.items(), ids=RETURNS)
def test_returns_in_the_sense_of_the_churn(make_settings, write_tables, kind: str, expected: list) -> None:
    """a is back within the allowed gap in March, and after a longer pause in August; b in September."""
    rows = [("a", "2022-01-01", "2023-02-10"), ("a", "2023-03-01", "2023-05-01"), ("a", "2023-08-01", "2024-08-01"),
            ("b", "2022-01-01", "2023-06-01"), ("b", "2023-09-15", "2024-09-15")]  # fmt: skip
    events = ["2023-01-05", "2023-02-01", "2023-04-20", "2023-09-01"]
    tables = {
        "accounts": pd.DataFrame({"account_id": ["a", "b"], "created_at": "2022-01-01"}),
        "contracts": pd.DataFrame(rows, columns=["account_id", "starts_at", "ends_at"]),
        "usage_events": pd.DataFrame({"account_id": "a", "occurred_at": events}),
        "outcomes": pd.DataFrame({"account_id": "a", "occurred_at": ["2023-02-10", "2023-05-01"], "kind": "churn"}),
    }
    write_tables(tables)
    body = {name: {"from": f"{name}.csv"} for name in tables}
    made = make_settings(tables=body, churn={"kind": kind}, data_end="2024-01-01")
    sources = open_sources(made)
    result = returns(sources, made).sort_values(["account_id", "at"])
    assert [(row.account_id, f"{row.at:%Y-%m-%d}") for row in result.itertuples()] == expected
    left = pd.DataFrame({"account_id": ["a", "a", "b", "c"], "as_of": pd.Timestamp("2023-01-01").as_unit("us")})
    left["churn_at"] = pd.to_datetime(["2023-05-01", None, "2023-06-01", "2023-06-01"]).astype("datetime64[us]")
    back = with_returns(left, sources, made).reactivated_at
    after = [next((at for who, at in expected if who == account and at >= day), None)
             for account, day in (("a", "2023-05-01"), ("b", "2023-06-01"))]  # fmt: skip
    assert [None if pd.isna(one) else f"{one:%Y-%m-%d}" for one in back] == [after[0], None, after[1], None]


class Steps:
    """A company of accounts that churn, contract and come back on random days; what is known of it on any day."""

    def __init__(self, seed: int, accounts: int) -> None:
        random = np.random.default_rng(seed)
        self.names = [f"{number:02d}" for number in range(accounts)]
        self.churns = {name: np.sort(random.integers(0, 700, random.integers(0, 3))) for name in self.names}
        self.falls = {name: np.sort(random.integers(0, 700, random.integers(0, 3))) for name in self.names}
        self.will = {name: [True, False, None][random.integers(3)] for name in self.names}
        self.read = 0

    def known(self, days: int) -> Any:
        def labels(pairs: pd.DataFrame) -> pd.DataFrame:
            self.read += len(pairs)
            rows = []
            for account, as_of in pairs.itertuples(index=False):
                day = (as_of - DAY).days
                churn = next((int(one) for one in self.churns[account] if one >= day), None)
                fall = next((int(one) for one in self.falls[account] if one >= day), None)
                fall = None if fall is None or (churn is not None and fall >= churn) else fall
                back = None if churn is None else churn + 45
                told = self.will[account] if churn is not None else None
                moments = [pd.NaT if one is None else later(one) for one in (churn, fall, back)]
                rows.append([account, as_of, moments[0], later(days), told, moments[1], later(days - 20), moments[2]])
            names = [*outcomes.KEY, *outcomes.LABELS]
            made = pd.DataFrame(rows, columns=names, index=pairs.index).astype({"voluntary": object})
            return made.astype({name: "datetime64[us]" for name in names if name not in {"account_id", "voluntary"}})

        return labels


@pytest.mark.parametrize("seed", range(2))
def test_judging_where_runs_begin_is_judging_every_day(
    tmp_path: Path, settings: Settings, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judged again and again as the world becomes known, against a ledger that is judged once, day by day."""
    monkeypatch.setattr(outcomes, "PAIRS_A_TIME", 70)
    company = Steps(seed, 9)
    ledgers = [Ledger.open(f"sqlite:///{tmp_path / name}.db") for name in ("again", "once")]
    days = [forecast_frame(" " * 9, later(day)).assign(account_id=company.names) for day in range(0, 600, 30)]
    for one in ledgers:
        one.write(pd.concat(days), kind="batch", asked_by="score", at=DAY, signals_hash=["s"] * 180)
    again, once = ledgers
    for known in (100, 250, 260, 420, 700):
        outcomes.judge(again, company.known(known), settings, later(known))
    company.falls["03"] = np.array([33, 340])  # recorded late, in the middle of what was judged
    company.churns["05"], company.will["06"] = np.array([301]), True
    last = outcomes.judge(again, company.known(900), settings, later(900))
    outcomes.judge(once, company.known(900), settings, later(900))
    told = [
        "account_id",
        "as_of",
        *[name for name in again.judgements() if "_at" in name or "days" in name],
        "voluntary",
    ]
    told.remove("judged_at")
    by = {
        ledger: ledger.judgements()[told].sort_values(["account_id", "as_of"], ignore_index=True) for ledger in ledgers
    }
    pd.testing.assert_frame_equal(by[again], by[once])
    assert last.new + last.changed < 180
    pd.testing.assert_frame_equal(
        again.days(outcomes.FORECASTS, later(900), 90, 7), once.days(outcomes.FORECASTS, later(900), 90, 7)
    )
    before, company.read = len(again.judgements(latest=False)), 0
    same = outcomes.judge(again, company.known(900), settings, later(901))
    assert (same.new, same.changed, same.read) == (0, 0, 0)
    assert company.read < 9 * 20 / 2  # where its runs begin, not the 180 days
    assert len(again.judgements(latest=False)) == before
    for one in ledgers:
        assert one.verify().ok
        one.close()


def test_what_is_counted_in_the_database_is_what_the_rows_say(ledger: Ledger, settings: Settings) -> None:
    """Each kind of outcome apart, by day and version, also of predictions made for another main horizon."""
    forecast(ledger, "abcdef", p=0.25)
    made = forecast_frame("ab", later(1), model_version="2").drop(columns=["p_low_90d", "p_high_90d", "p_health_90d"])
    made = made.drop(columns="expected_arr_loss_90d").assign(
        p_churn_90d=0.125, p_low_60d=0.0, p_high_60d=1.0, p_health_60d=0.5, expected_arr_loss_60d=0.0, risk_level="high"
    )
    ledger.write(made, kind="api", asked_by="x", at=later(2), signals_hash=["s", "s"])
    labels = Labels(
        {"a": 10, "b": 89, "c": 91, "d": 20}, 120, {"a": True, "b": False},
        contracted={"e": 30, "d": 5}, returned={"a": 50}, contractions_known=90,
    )  # fmt: skip
    result = judge(ledger, labels, settings, later(121))
    first, second = result.days.to_dict("records")
    expected = {"predictions": 6, "matured": 6, "predicted": 1.5, "churned": 3, "high": 0, "churned_of_high": 0}
    expected |= {"voluntary": 1, "involuntary": 1, "returned": 1, "contraction_matured": 6, "contracted": 2}
    assert first == {"as_of": DAY, "model_version": "1", "in_hindsight": 0, **expected}
    expected = {"predictions": 2, "matured": 2, "predicted": 0.25, "churned": 2, "high": 2, "churned_of_high": 2}
    expected |= {"voluntary": 1, "involuntary": 1, "returned": 1, "contraction_matured": 0, "contracted": 0}
    assert second == {"as_of": later(1), "model_version": "2", "in_hindsight": 0, **expected}
    # the ledger as it stood before anything was judged
    assert ledger.days(outcomes.FORECASTS, later(100), 90, 7).matured.tolist() == [0, 0]
