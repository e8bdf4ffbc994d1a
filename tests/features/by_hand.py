"""Tiny tables whose signals can be counted by hand: times as days before the second of two as_ofs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from configs.settings import Settings
from configs.settings_file import merge, settings_from
from features.dataset import Dataset, load_dataset
from features.signal import AggregateSignal, Signal

SECOND = pd.Timestamp("2025-07-01")
FIRST = SECOND - pd.Timedelta(days=91)
DATA_END = SECOND + pd.Timedelta(days=30)
GONE = None  # a value that must be missing

DEFAULTS = Path(__file__).resolve().parents[2] / "configs" / "default.yaml"
# What is expected of a signal: of "busy" at the first and the second as_of, of "quiet" (rows, but old ones) and of
# "absent" (no row of the feed at all) at the second.
Case = tuple[Any, Any, Any, Any]


def ago(days: float | None) -> pd.Timestamp | None:
    """The moment so many days before the second as_of; negative: after it."""
    return None if days is None else SECOND - pd.Timedelta(days=days)


def rows(columns: str, *body: tuple[Any, ...]) -> pd.DataFrame:
    """A frame with these columns; those that name a time hold days before the second as_of."""
    frame = pd.DataFrame(list(body), columns=columns.split())
    for name in frame:
        if str(name).endswith("_at") or name in {"since", "until"}:
            frame[name] = pd.to_datetime([ago(None if pd.isna(one) else one) for one in frame[name]])
    return frame


def build(folder: Path, tables: Mapping[str, pd.DataFrame], **settings: Any) -> Dataset:
    """The tables' signals at both as_ofs; every account is a customer all along."""
    return load_dataset(project(folder, tables, **settings), as_ofs=[FIRST, SECOND])


def project(folder: Path, tables: Mapping[str, pd.DataFrame], **settings: Any) -> Settings:
    """The tables as files of a project, and its settings."""
    # A churn long ago of an account that is not looked at: outcomes are there, and define churn.
    gone = rows("account_id occurred_at kind arr_change", ("gone", 900, "churn", -1.0))
    outcomes = pd.concat([gone, tables["outcomes"]]) if "outcomes" in tables else gone
    accounts = pd.concat([tables["accounts"], rows("account_id created_at", ("gone", 950))])
    written = {**tables, "accounts": accounts, "outcomes": outcomes}
    for name, table in written.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    body = {
        "tables": {name: {"from": f"{name}.csv"} for name in written},
        "churn": {"kind": "outcome"},
        "data_end": DATA_END.date().isoformat(),
    }
    defaults = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))
    return settings_from(merge(defaults, {**body, **settings}), folder)


def value(data: Dataset, account: str, as_of: pd.Timestamp, name: str) -> Any:
    frame = data.signals
    return frame.loc[(frame.account_id == account) & (frame.as_of == as_of), name].item()


def check(data: Dataset, name: str, case: Case) -> None:
    """All four values of a signal at once, so that a failure shows the whole picture."""
    places = (("busy", FIRST), ("busy", SECOND), ("quiet", SECOND), ("absent", SECOND))
    result = [value(data, account, as_of, name) for account, as_of in places]
    result = [GONE if pd.isna(one) else one for one in result]
    expected = [one if one is GONE or isinstance(one, str) else pytest.approx(one, rel=1e-8) for one in case]
    assert result == expected


def frame_of(signal: Signal) -> str | None:
    """The frame that a signal aggregates; None for one that is derived."""
    return signal.frame if isinstance(signal, AggregateSignal) else None


def no_signal_without_case(signals: tuple[Signal, ...], cases: Mapping[str, Case]) -> None:
    assert {signal.name for signal in signals} == cases.keys()
