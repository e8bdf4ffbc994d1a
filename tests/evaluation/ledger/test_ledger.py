"""The ledger: exact round trips, one unbroken chain whoever writes, and the databases it lives in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from configs.errors import UsageError
from evaluation.ledger import hash_chain
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.rows import LEDGER_COLUMNS
from tests.evaluation.ledgers import NOW, frame, hashes, put, put_alerts

# -- what goes in comes out ----------------------------------------------------------------------------------------


def test_round_trip_to_the_last_bit(ledger: Ledger) -> None:
    made = frame(8)
    awkward = [0.1, 1 / 3, 5e-324, 1e-17, 1 - 2**-53, 1.0, 0.0, 2 / 3]
    for name in ("p_churn_30d", "p_churn_90d", "p_low_90d"):
        made[name] = awkward
    made["arr"] = [1e308, 0.1, np.nan, 1e16 + 2, 123456789.123456789, 0.0, 3.0, 2**53 + 2.0]
    made.loc[1, ["reasons", "lifecycle_stage"]] = None
    written = put(ledger, made, calibrator_version="platt-2")
    result = ledger.predictions()
    pd.testing.assert_frame_equal(result[made.columns], made, check_exact=True)
    assert list(result.columns) == [*made.columns, *LEDGER_COLUMNS]
    assert result.batch_id.tolist() == [written.batch_id] * 8
    assert result.row.tolist() == list(range(8))
    assert result.signals_hash.tolist() == hashes(made)
    assert set(result.kind) == {"batch"}
    assert set(result.calibrator_version) == {"platt-2"}
    assert result.requested_at.tolist() == [NOW] * 8
    assert result.requested_at.dtype == "datetime64[us]"


def test_any_float_comes_back(sqlite_url: str) -> None:
    bits = np.random.default_rng(1).integers(0, 2**63, 3000, dtype=np.uint64).view(float)
    bits = bits[np.isfinite(bits)]
    made = frame(len(bits))
    made["arr"] = bits
    made["p_churn_30d"] = np.where(bits <= 1, bits, 1 / np.maximum(bits, 1))
    with Ledger.open(sqlite_url) as ledger:
        put(ledger, made)
        result = ledger.predictions()
        assert ledger.verify().ok
    assert result.arr.to_numpy().tobytes() == made.arr.to_numpy().tobytes()
    assert result.p_churn_30d.to_numpy().tobytes() == made.p_churn_30d.to_numpy().tobytes()


def test_lists_become_json_and_columns_may_come_in_any_order(ledger: Ledger) -> None:
    made = frame(2)
    made["triggers"] = pd.Series([["gone_quiet"], []], dtype=object)
    put(ledger, made[sorted(made.columns)])
    assert ledger.predictions().triggers.tolist() == ['["gone_quiet"]', "[]"]


def test_horizons_may_change(ledger: Ledger) -> None:
    old, new = frame(2), frame(2, seed=5, as_of="2024-02-29", horizons=(28, 60), main=60)
    put(ledger, old)
    put(ledger, new)
    result = ledger.predictions()
    pd.testing.assert_frame_equal(result.iloc[:2][old.columns], old)
    pd.testing.assert_frame_equal(result.iloc[2:][new.columns].reset_index(drop=True), new)
    assert result.p_churn_90d.isna().tolist() == [False, False, True, True]
    assert result.p_low_60d.isna().tolist() == [True, True, False, False]
    assert ledger.verify().ok


def test_filters(ledger: Ledger) -> None:
    for number, day in enumerate(("2024-01-31", "2024-02-29", "2024-03-31")):
        put(ledger, frame(3, as_of=day), kind=("batch", "api", "backtest")[number])
    day = pd.Timestamp("2024-02-29")
    assert ledger.predictions(since=day).as_of.nunique() == 2
    assert ledger.predictions(until=day).as_of.unique().tolist() == [pd.Timestamp("2024-01-31")]
    assert ledger.predictions(since=day, until=pd.Timestamp("2024-03-31")).batch_id.unique().tolist() == [2]
    assert ledger.predictions(account_id="001").batch_id.tolist() == [1, 2, 3]
    assert ledger.predictions(batch_id=3).kind.tolist() == ["backtest"] * 3
    assert ledger.predictions(kinds=["batch", "api"]).batch_id.tolist() == [1, 1, 1, 2, 2, 2]
    few = ledger.predictions(columns=["p_low_90d", "account_id", "p_churn_30d", "asked_by"])
    assert list(few.columns) == ["p_low_90d", "account_id", "p_churn_30d", "asked_by"]
    without = ledger.predictions(texts=False)
    assert set(ledger.predictions().columns) - set(without.columns) == {"reasons", "triggers", "actions"}
    assert ledger.predictions(account_id="nobody").empty
    with pytest.raises(UsageError, match="did you mean 'account_id'"):
        ledger.predictions(columns=["acount_id"])


def test_an_empty_ledger_answers(ledger: Ledger) -> None:
    assert ledger.predictions().empty
    assert ledger.judgements().empty
    assert ledger.events().empty
    assert ledger.verify() == hash_chain.Verification(True, 0, 0, (), 0, "")


def test_events(ledger: Ledger) -> None:
    ledger.record_event("promotion", {"version": 3, "says": "ü"}, NOW)
    ledger.record_event("forced_promotion", {"version": 4, "gates": ["auc_alarm"]}, NOW, asked_by="csm-03")
    assert ledger.events().body.tolist() == [{"version": 3, "says": "ü"}, {"version": 4, "gates": ["auc_alarm"]}]
    assert ledger.events("forced_promotion").asked_by.tolist() == ["csm-03"]
    assert ledger.verify().rows == 2


def test_export_is_what_was_written(ledger: Ledger, tmp_path: Path) -> None:
    put(ledger, frame(3))
    put(ledger, frame(2, horizons=(30, 90)), kind="api")
    ledger.record_event("promotion", {"version": 1}, NOW)
    put_alerts(ledger)
    (file,) = ledger.export(tmp_path / "deep" / "all.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(file), ledger.predictions())
    made = ledger.export(tmp_path / "folder")
    assert [path.name for path in made] == [
        f"{name}.parquet"
        for name in (
            *("predictions", "batches", "answers", "judgements", "events", "overrides"),
            *("alerts", "messages", "deliveries", "feedback", "interventions", "outcomes"),
            *("task_events", "notes"),
        )
    ]
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == sorted(path.name for path in made)
    assert pd.read_parquet(tmp_path / "folder" / "batches.parquet").kind.tolist() == [
        *("batch", "api", "event"),
        *("alert", "message", "delivery"),
    ]
    assert pd.read_parquet(tmp_path / "folder" / "deliveries.parquet").attempt.tolist() == [1]


BAD_FRAMES = {
    "no rows": (lambda made: made.iloc[:0], "found no rows"),
    "a column missing": (lambda made: made.drop(columns="coverage"), r"predictions.coverage: found no such column"),
    "a column misspelt": (lambda made: made.assign(rsk_level=1), "did you mean 'risk_level'"),
    "no horizon": (lambda made: made[[one for one in made if not one.startswith("p_churn")]], "no p_churn_..d column"),
    "two main horizons": (lambda made: made.assign(p_low_30d=0.1), r"main horizons \[30, 90\]"),
    "p above 1": (lambda made: made.assign(p_churn_90d=1.2), r"p_churn_90d: found 1.2 in row 0"),
    "p missing": (lambda made: made.assign(p_churn_90d=np.nan), r"p_churn_90d: found nan in row 0"),
    "infinite arr": (lambda made: made.assign(arr=[1.0, np.inf, 1, 1]), r"arr: found inf in row 1"),
    "words in numbers": (lambda made: made.assign(arr="much"), r"arr: found values that are no numbers"),
    "no account": (lambda made: made.assign(account_id=["a", None, "b", "c"]), r"account_id: found nothing in row 1"),
    "a number for an account": (lambda made: made.assign(account_id=7), r"account_id: found 7 in row 0"),
    "a zero byte": (lambda made: made.assign(account_id="a\x00b"), r"account_id: found 'a\\x00b'"),
    "half a character": (lambda made: made.assign(account_id=pd.Series(["\ud800"] * 4, dtype=object)), "account_id"),
    "an as_of within a day": (lambda made: made.assign(as_of=NOW), "expected UTC midnights"),
    "an as_of in words": (lambda made: made.assign(as_of="2024-01-31"), "expected UTC midnights"),
    "reasons that are a number": (lambda made: made.assign(reasons=3.5), "reasons: found 3.5 in row 0"),
    "hashes missing": (lambda made: made, "found 2 hashes; expected 4"),
}


@pytest.mark.parametrize(("spoil", "says"), BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_bad_frames_are_refused_and_write_nothing(sqlite_url: str, spoil: Callable, says: str) -> None:
    made = spoil(frame(4))
    given = hashes(made)[:2] if "hashes" in says else hashes(made)
    with Ledger.open(sqlite_url) as ledger:
        with pytest.raises(UsageError, match=says):
            put(ledger, made, signals_hash=given)
        assert ledger.batches().empty


def test_every_fault_at_once(sqlite_url: str) -> None:
    with Ledger.open(sqlite_url) as ledger, pytest.raises(UsageError) as caught:
        put(ledger, frame(2).assign(p_churn_30d=2.0, arr=np.inf, model_version=None))
    assert len(caught.value.faults) == 3
    with Ledger.open(sqlite_url) as ledger, pytest.raises(UsageError, match="did you mean 'batch'"):
        put(ledger, frame(2), kind="batsh")
