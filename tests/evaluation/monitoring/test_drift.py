"""Drift by hand, and what counts as a move: not chance, not a few accounts, not a fashion; a shift, and where it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from configs.errors import DataError
from evaluation.monitoring.drift import ALL, Move, counted, explained, first_of_months, moves
from features.timeline.outages import Outage
from tests.evaluation.quiet_company import CATALOGUE, SCHEMA, SIGNALS, SINCE, USAGE, company, infos

SHIFTED = SINCE + pd.DateOffset(months=5)


def found(signals: pd.DataFrame, columns: tuple[str, ...] = SIGNALS) -> tuple[Move, ...]:
    return counted(signals, moves(signals, infos(*columns), SINCE), SINCE)


def by_hand(values: dict[str, list[float]]) -> pd.DataFrame:
    """Forty accounts; `values` of the first twenty and the last twenty in each month."""
    frames = [
        pd.DataFrame(
            {
                "account_id": np.arange(40).astype(str),
                "as_of": pd.Timestamp(f"{month}-01"),
                "lifecycle_stage": "adoption",
                "x": np.repeat(np.array(pair, dtype=float), 20),
            }
        )
        for month, pair in values.items()
    ]
    return pd.concat(frames, ignore_index=True)


def test_distances_by_hand() -> None:
    """Months of 1s and 2s, then only 2s, then 2s and nothing."""
    frame = by_hand({"2024-11": [1, 2], "2024-12": [1, 2], "2025-01": [2, 2], "2025-02": [2, np.nan]})
    table = moves(frame, infos("x"), pd.Timestamp("2025-01-01")).query("stage == 'adoption'").set_index("as_of")
    last = table.loc[pd.Timestamp("2025-01-01")]
    assert (last.what, last.before, last.now, last.distance) == ("at or below 1", 0.5, 0.0, 0.5)
    assert last.from_training == 0.5
    assert table.loc[pd.Timestamp("2024-12-01")].distance == 0.0
    newest = table.loc[pd.Timestamp("2025-02-01")]
    assert (newest.what, newest.before, newest.now) == ("missing", 0.0, 0.5)
    assert newest.from_training == 0.5
    assert table.usual.isna().all()  # too short a history to call anything usual
    both = moves(frame, infos("x"), pd.Timestamp("2025-01-01")).query(f"stage == '{ALL}'")
    assert both.distance.tolist() == table.distance.tolist()


def test_a_category_moves_by_its_values() -> None:
    frame = by_hand({"2024-12": [1, 2], "2025-01": [1, 1]})
    frame["x"] = frame["x"].map({1.0: "red", 2.0: "blue"})
    (one,) = moves(frame, infos("x"), pd.Timestamp("2025-01-01")).query("stage == 'adoption'").to_dict("records")
    assert (one["distance"], one["what"] in {"red", "blue"}) == (0.5, True)


def test_only_the_first_day_of_a_month_is_looked_at() -> None:
    frame = by_hand({"2025-01": [1, 2]})
    daily = pd.concat([frame.assign(as_of=frame["as_of"] + pd.Timedelta(days=day)) for day in (3, 0, 9)])
    assert first_of_months(daily)["as_of"].unique().tolist() == [pd.Timestamp("2025-01-01")]


def test_quiet_years_move_nothing() -> None:
    for seed in range(4):
        assert found(company(seed).signals) == ()


def test_a_signal_that_shifts_is_found_in_its_month_and_stage() -> None:
    signals = company(1).signals
    late = (signals["as_of"] >= SHIFTED).to_numpy()
    signals.loc[late, "days_late_90d"] *= 2.5
    seen = found(signals)
    assert {move.column for move in seen} == {"days_late_90d"}
    assert {move.as_of for move in seen} == {SHIFTED}
    assert ALL in {move.stage for move in seen}
    assert seen[0].feeds == ("invoices",)
    assert seen[0].now < seen[0].before or seen[0].what == "missing"
    one_stage = company(1).signals
    there = late & (one_stage["lifecycle_stage"] == "renewal").to_numpy()
    one_stage.loc[there, "days_late_90d"] *= 6
    assert {(move.column, move.stage) for move in found(one_stage)} == {("days_late_90d", "renewal")}


def test_a_signal_that_goes_missing_is_found() -> None:
    signals = company(2).signals
    signals.loc[(signals["as_of"] >= SHIFTED).to_numpy(), "nps_last"] = np.nan
    assert {(move.column, move.what) for move in found(signals)} == {("nps_last", "missing")}


def step(copies: int) -> tuple[Move, ...]:
    """40 accounts, half of them at 1, then as many others, eight of ten at 1; each so many times."""
    frame = by_hand({"2024-12": [1, 2], "2025-01": [1, 1]})
    now = frame["as_of"] == pd.Timestamp("2025-01-01")
    frame.loc[frame.index[now][:8], "x"] = 2.0
    frame["account_id"] = frame["account_id"].where(~now, "new " + frame["account_id"])
    every = [frame.assign(account_id=frame["account_id"] + f" {number}") for number in range(copies)]
    frame = pd.concat(every, ignore_index=True)
    table = moves(frame, infos("x"), pd.Timestamp("2025-01-01"))
    return counted(frame, table.assign(usual=0.01), pd.Timestamp("2025-01-01"))


def test_few_accounts_are_no_proof() -> None:
    """By hand: .3 over the root of .25/n + .16/n, and half an account; with n = 40 under three standard errors."""
    assert step(1) == ()
    both = step(5)
    assert {move.stage for move in both} == {ALL, "adoption"}
    assert both[0].distance == pytest.approx(0.3)
    assert both[0].errors == pytest.approx(0.3 / np.sqrt(0.25 / 200 + 0.16 / 200 + (0.5 / 200) ** 2))


def test_a_fashion_that_has_been_before_is_no_move() -> None:
    """The same jump in the training time and later: large and sure, and usual."""
    signals = company(4).signals
    for first in (SINCE - pd.DateOffset(months=3), SHIFTED):
        signals.loc[(signals["as_of"] == first).to_numpy(), "tickets_90d"] *= 3
    table = moves(signals, infos("tickets_90d"), SINCE).query(f"stage == '{ALL}'").set_index("as_of")
    assert table.loc[SHIFTED].distance > 0.2
    assert found(signals, ("tickets_90d",)) == ()


def test_a_usage_outage_is_named_as_one() -> None:
    signals = company(5).signals
    down = (signals["as_of"] == SHIFTED).to_numpy()
    signals.loc[down, list(USAGE)] *= 0.2
    seen = [move for move in found(signals) if move.as_of == SHIFTED]
    assert {move.column for move in seen} == set(USAGE)
    first = SHIFTED - pd.Timedelta(days=20)
    outage = Outage(f"{first:%Y-%m-%d}", f"{SHIFTED - pd.Timedelta(days=3):%Y-%m-%d}", 18)
    assert all(
        explained(move, SCHEMA.info(move.column), {"usage_events": (outage,)}) == ("usage_events", outage)
        for move in seen
    )
    assert all(explained(move, SCHEMA.info(move.column), {"tickets": (outage,)}) is None for move in seen)
    long_ago = Outage("2023-01-01", "2023-03-01", 60)
    assert all(explained(move, SCHEMA.info(move.column), {"usage_events": (long_ago,)}) is None for move in seen)


def test_after_an_outage_a_move_is_still_seen() -> None:
    """What the outage moved is not usual from then on: three months later the signal itself shifts, by less."""
    signals = company(5).signals
    month = signals["as_of"]
    signals.loc[(month == SHIFTED).to_numpy(), "usage_30d"] *= 0.02
    later = SHIFTED + pd.DateOffset(months=5)
    signals.loc[(month >= later).to_numpy(), "usage_30d"] *= 0.4
    first = SHIFTED - pd.Timedelta(days=25)
    outage = {"usage_events": (Outage(f"{first:%Y-%m-%d}", f"{SHIFTED - pd.Timedelta(days=1):%Y-%m-%d}", 25),)}
    blind = counted(signals, moves(signals, infos("usage_30d"), SINCE), SINCE)
    seeing = counted(signals, moves(signals, infos("usage_30d"), SINCE, outages=outage), SINCE)
    assert {move.as_of for move in blind} == {SHIFTED}
    assert {move.as_of for move in seeing if explained(move, SCHEMA.info(move.column), outage) is None} == {later}


def test_a_month_is_held_against_the_training_time_of_its_own_model() -> None:
    """1s and 2s, then only 2s: far from the first model's training, half as far from that of one trained since."""
    frame = by_hand({"2024-11": [1, 2], "2024-12": [1, 2], "2025-01": [2, 2], "2025-02": [2, 2], "2025-03": [2, 2]})
    cut, newest = pd.Timestamp("2025-01-01"), pd.Timestamp("2025-03-01")
    first = moves(frame, infos("x"), cut).query(f"stage == '{ALL}'").set_index("as_of")
    again = moves(frame, infos("x"), cut, cuts={pd.Period("2025-03", "M"): newest}).query(f"stage == '{ALL}'")
    assert first.from_training.loc[newest] == 0.5
    assert again.set_index("as_of").from_training.loc[newest] == 0.25
    assert (again.set_index("as_of").from_training.loc[:"2025-02-01"] == first.from_training.loc[:"2025-02-01"]).all()


def test_what_moves_everybody_in_a_season_is_usual_for_a_stage() -> None:
    """All stages but one had such a month in the training time: the one has it now."""
    signals = company(4).signals
    renewal = (signals["lifecycle_stage"] == "renewal").to_numpy()
    before = (signals["as_of"] == SINCE - pd.DateOffset(months=3)).to_numpy()
    signals.loc[before & ~renewal, "tickets_90d"] *= 3
    table = moves(signals, infos("tickets_90d"), SINCE).set_index(["stage", "as_of"])
    assert table.loc["renewal"].usual[SHIFTED] == table.loc[ALL].usual[SHIFTED] > 0.2
    assert table.loc["adoption"].usual[SHIFTED] > table.loc[ALL].usual[SHIFTED]


def test_what_is_missing_is_named() -> None:
    signals = company(1).signals
    with pytest.raises(DataError, match=r"drift: no_such(.|\n)*drift: nor_this"):
        moves(signals, infos("no_such", "nor_this"), SINCE)
    with pytest.raises(DataError, match="no rows before 2020-01-01"):
        moves(signals, SCHEMA.signals, pd.Timestamp("2020-01-01"))


def test_a_new_model_is_no_move_of_the_scores() -> None:
    frame = by_hand({"2024-11": [1, 2], "2024-12": [1, 2], "2025-01": [2, 2], "2025-02": [2, 2]})
    frame["model"] = np.where(frame["as_of"] < pd.Timestamp("2025-01-01"), "1", "2")
    table = moves(frame, infos("x"), pd.Timestamp("2024-12-01"), "model").query(f"stage == '{ALL}'")
    assert table.as_of.tolist() == [pd.Timestamp("2024-12-01"), pd.Timestamp("2025-02-01")]
    assert table.distance.tolist() == [0.0, 0.0]


def test_every_signal_knows_the_tables_that_it_is_made_of() -> None:
    """Through those that it is derived from, and a health score those of its dimension; none is guessed from a name."""
    tables = {info.name: info.tables for info in CATALOGUE.signals}
    assert {name for name, of in tables.items() if not of} == {"stage_months", "tenure_days"}
    assert tables["arr_per_active_user"] == ("contracts", "usage_events")
    assert tables["usage_change_14d_against_peers"] == ("usage_events",)
    assert tables["health_engagement_change_3mo"] == tables["health_engagement"] == ("interactions", "tickets")
    assert len(tables["health_score"]) == 7
    assert tables["account_region"] == ("accounts",)


def test_an_outage_counts_in_the_window_of_the_signal_itself() -> None:
    """Eight days are over a tenth of 30 days and of 60, and less than one of 90."""
    move = found_in_usage()
    outage = {"usage_events": (Outage("2025-05-20", "2025-05-27", 8),)}
    signal = SCHEMA.info("usage_30d")
    within = [days for days in (30, 60, 90) if explained(move, replace(signal, windows_days=(days,)), outage)]
    assert within == [30, 60]
    assert explained(move, replace(signal, windows_days=()), outage)  # taken to look back on 30 days


def test_an_outage_counts_in_the_window_of_a_part() -> None:
    """A month against half a year moves with the month: eight days are little of the one, and much of the other."""
    move = found_in_usage()
    outage = {"usage_events": (Outage("2025-05-20", "2025-05-27", 8),)}
    signal = CATALOGUE.info("usage_at_most_30d")
    assert signal.windows_days == (30, 180)
    assert explained(move, signal, outage) is not None
    assert explained(move, replace(signal, windows_days=(180,)), outage) is None


def found_in_usage() -> Move:
    day = pd.Timestamp("2025-06-01")
    return Move("usage_30d", ALL, day, "missing", 0.0, 1.0, 1.0, 0.1, 9.0, 1.0, ("usage_events",))
