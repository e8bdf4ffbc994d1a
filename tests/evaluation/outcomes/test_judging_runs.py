"""Judging where runs begin is judging every day, and the database counts what the rows say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from configs.settings import Settings
from evaluation.ledger.ledger import Ledger
from evaluation.outcomes import outcomes
from tests.evaluation.outcomes.judging import DAY, Labels, forecast, forecast_frame, judge, later, project_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return project_settings(tmp_path)


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings) as opened:
        yield opened


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
                churn = next((int(churn) for churn in self.churns[account] if churn >= day), None)
                fall = next((int(fall) for fall in self.falls[account] if fall >= day), None)
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
