from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from configs.errors import DataError, UsageError
from training.tracking import check_values
from training.tracking.check_values import ACCOUNTS, CHECK_FILE, CheckValues
from training.tracking.reproducibility import save_fitted

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(fitted, dataset):
    return CheckValues.of(fitted, dataset.signals)


@pytest.fixture(scope="module")
def loaded(fitted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    save_fitted(fitted, folder)
    return type(fitted.churn).load(folder / "churn"), type(fitted.health).load(folder / "health")


def test_what_was_written_is_read_and_comes_out_the_same_to_the_last_bit(made, loaded, tmp_path):
    made.write(tmp_path)
    read = CheckValues.read(tmp_path)
    assert read == made
    read.check(*loaded, "7")
    assert CheckValues.read(tmp_path / "nowhere") is None


def test_it_holds_accounts_from_the_lowest_to_the_highest_probability_and_none_of_their_ids(made, dataset):
    p = made.values["p_churn_90d"]
    assert len(p) == ACCOUNTS
    assert p == sorted(p)
    assert p[0] < p[-1]
    text = json.dumps(vars(made))
    assert not [account for account in set(dataset.signals.account_id) if f'"{account}"' in text]
    assert {"p_low", "p_high", "reasons, base", "health_score", "health, p_churn_90d"} <= set(made.values)


def test_the_values_are_those_of_a_batch(made, fitted, dataset):
    newest = dataset.signals[dataset.signals.as_of == dataset.signals.as_of.max()]
    assert np.isin(made.values["p_churn_90d"], fitted.churn.predict(newest)["p_churn_90d"].to_numpy().round(300)).any()


def with_shift(loaded, by: float):
    churn, health = loaded
    calibrator = replace(churn.calibrator, level_shift=churn.calibrator.level_shift + by)
    return replace(churn, calibrator=calibrator), health


@pytest.mark.parametrize("by", [1e-12, 0.1])
def test_another_value_is_refused_by_its_name(made, loaded, by):
    with pytest.raises(UsageError, match="version 7, p_churn_90d") as refused:
        made.check(*with_shift(loaded, by), "7")
    assert {fault.where for fault in refused.value.faults} >= {"version 7, p_low", "version 7, reasons, base"}
    assert "version 7, health_score" not in {fault.where for fault in refused.value.faults}


def test_elsewhere_the_last_digits_may_differ_and_no_more(made, loaded, monkeypatch):
    monkeypatch.setattr(check_values, "machine_mark", lambda: "another")
    made.check(*with_shift(loaded, 1e-12), "7")
    with pytest.raises(UsageError, match="p_churn_90d"):
        made.check(*with_shift(loaded, 1e-6), "7")


def test_a_value_that_is_missing_or_new_is_named(made, loaded):
    fewer = {name: values for name, values in made.values.items() if name != "p_low"}
    with pytest.raises(UsageError, match="version 7, p_low: found a value; expected nothing"):
        replace(made, values=fewer).check(*loaded, "7")


def test_a_file_of_another_shape_is_refused(made, tmp_path):
    made.write(tmp_path)
    body = json.loads((tmp_path / CHECK_FILE).read_text())
    (tmp_path / CHECK_FILE).write_text(json.dumps({"format": body["format"]}))
    with pytest.raises(DataError, match="made_on"):
        CheckValues.read(tmp_path)


def test_columns_keep_their_types():
    frame = pd.DataFrame(
        {
            "a": pd.Series([1.5, np.nan]),
            "b": pd.Series(["x", None], dtype="str"),
            "c": pd.to_datetime(["2024-01-01", None]).astype("datetime64[us]"),
            "d": [True, False],
        }
    )
    body = json.loads(json.dumps(check_values._to_json(frame)))
    pd.testing.assert_frame_equal(check_values._to_frame(body), frame)
