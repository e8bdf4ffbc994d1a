"""What a random split promises: much where rows of one account are twins, nothing where each row is another's."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from configs.errors import DataError
from evaluation.backtest.random_split import (
    RandomSplitGap,
    RandomSplitRefusal,
    compare_with_random_split,
    random_split_gap,
)
from evaluation.formatting import decimal
from features.dataset import Dataset
from features.signal import Schema, SignalInfo
from tests.evaluation.simulated import settings

MONTHS = pd.date_range("2023-01-01", periods=18, freq="MS").as_unit("us")
FOLDS = tuple(MONTHS[[9, 12]])
END = pd.Timestamp("2025-06-01")


def dataset(accounts: int, twins: bool, seed: int = 1) -> Dataset:
    """Ten noisy signals and one that tells a little. `twins`: an account stands in three months with nearly the same
    signals and the same fate; otherwise each row is an account of its own."""
    random = np.random.default_rng(seed)
    parts = []
    for month, as_of in enumerate(MONTHS):
        if month % 3 == 0 or not twins:
            mine, luck = random.normal(size=(accounts, 11)), random.random(accounts)
        names = [f"a{month // 3 if twins else month}-{number}" for number in range(accounts)]
        rows = pd.DataFrame(
            mine + 0.05 * random.normal(size=mine.shape), columns=[f"s{number}" for number in range(11)]
        )
        p = 1 / (1 + np.exp(2 - 0.6 * mine[:, 0]))
        rows.insert(0, "account_id", names)
        rows.insert(1, "as_of", as_of)
        rows["churn_at"] = pd.Series(as_of + pd.Timedelta(days=40), index=rows.index).where(luck < p)
        rows["account_region"] = np.where(mine[:, 1] > 0, "north", None)
        parts.append(rows)
    frame = pd.concat(parts, ignore_index=True)
    infos = [
        SignalInfo(name=f"s{number}", dimension="usage", unit="", healthier=0, kind="number", sentence="")
        for number in range(11)
    ]
    infos.append(
        SignalInfo(name="account_region", dimension="account", unit="", healthier=0, kind="category", sentence="")
    )
    labels = frame[["account_id", "as_of", "churn_at"]].assign(observed_until=END)
    return Dataset(frame.drop(columns="churn_at"), labels, Schema(tuple(infos)), "x", END)


def test_twins_on_both_sides_flatter() -> None:
    result = random_split_gap(dataset(250, twins=True), settings(), FOLDS[:1])
    assert result.auc_random > 0.85
    assert result.auc_honest < 0.7
    assert result.auc_gap == pytest.approx(result.auc_random - result.auc_honest)
    assert result.log_loss_random < result.log_loss_honest
    assert result.rows == 250 * 9
    assert result.sentence.endswith(f"would promise {decimal(result.auc_gap, 3)} of AUC that nobody gets.")


def test_a_short_past_is_no_flattery() -> None:
    """Fifteen months of rows would teach more than the two that had matured by the first fold: both get two."""
    assert abs(random_split_gap(dataset(250, twins=False), settings(), MONTHS[[5]]).auc_gap) < 0.02


def test_rows_of_their_own_do_not() -> None:
    result = random_split_gap(dataset(250, twins=False), settings(), FOLDS)
    assert abs(result.auc_gap) < 0.05
    assert result.auc_random < 0.75


def test_a_world_that_changes_is_not_seen_by_a_random_split() -> None:
    """The telling signal turns round in the test period: only the past does not know."""
    data = dataset(250, twins=False)
    late = (data.signals["as_of"] >= FOLDS[0]).to_numpy()
    data.signals.loc[late, "s0"] *= -1
    data.signals["s1"] = late.astype(float)  # by which a random split can tell the two worlds apart
    result = random_split_gap(data, settings(), FOLDS[:1])
    assert result.auc_honest < 0.45
    assert result.auc_random > 0.55
    assert result.log_loss_random < result.log_loss_honest
    assert result.sentence.endswith(f"would promise {decimal(result.auc_gap, 3)} of AUC that nobody gets.")


def test_the_same_again_and_as_json() -> None:
    one = random_split_gap(dataset(60, twins=True), settings(), FOLDS)
    assert one == random_split_gap(dataset(60, twins=True), settings(), FOLDS)
    body = json.loads(json.dumps(one.to_json(), allow_nan=False))
    assert body["auc_gap"] == one.auc_gap
    assert RandomSplitGap.from_json(body) == one
    assert body["sentence"] == one.sentence


def test_open_windows_teach_nothing_and_are_not_judged() -> None:
    data = dataset(60, twins=True)
    until = MONTHS[14] + pd.Timedelta(days=90)
    short = Dataset(data.signals, data.labels.assign(observed_until=until), data.schema, "x", until)
    assert random_split_gap(short, settings(), FOLDS[:1]).rows == 60 * (15 - 9)


def test_nothing_to_learn_from_is_said() -> None:
    data = dataset(30, twins=True)
    nobody = Dataset(data.signals, data.labels.assign(churn_at=pd.NaT), data.schema, "x", END)
    with pytest.raises(DataError, match="no row that both ways could judge"):
        random_split_gap(nobody, settings(), FOLDS)
    comparison = compare_with_random_split(nobody, settings(), FOLDS)
    assert isinstance(comparison, RandomSplitRefusal)
    body = comparison.to_json()
    assert body["worth_saying"] is False
    assert "no row that both ways could judge" in body["refused"]
    assert body["sentence"].endswith(f"is not known here: {body['refused']}.")
    assert RandomSplitGap.from_json(body) == comparison


def test_the_comparison_is_the_gap_where_there_is_one() -> None:
    data = dataset(60, twins=True)
    gap = compare_with_random_split(data, settings(), FOLDS)
    assert gap == random_split_gap(data, settings(), FOLDS)
    assert isinstance(gap, RandomSplitGap)
    assert gap.to_json()["worth_saying"] is (gap.auc_gap >= 0.02)
