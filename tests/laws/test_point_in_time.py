"""The law: a signal, a stage and a row at as_of depend on nothing but what was known at as_of."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from pandas.testing import assert_frame_equal

from configs.settings_file import load_settings
from configs.tables import table
from features.assembly import chunks
from features.assembly.postprocess import FOR_ALL, feeds_reached, significant
from features.dataset import Dataset, load_dataset
from features.frames import catalogue as frames_catalogue
from features.frames.catalogue import FRAMES
from features.health.health_score import SCORES
from features.signal import AggregateSignal, DerivedSignal, Signal
from features.signals import catalogue
from features.signals.catalogue import ALL_SIGNALS, INTERVENTION_SIGNALS, SIGNALS, signals_of
from features.sources.sources import known_at
from features.usage.strategy import EDGES
from tests.features.by_hand import frame_of

from .conftest import AS_OFS, Tables

LATER = pd.Timedelta(days=1)
# Their peers' median is 1 in the whole company as in its half: a young account's users are all of its last month.
SAME_MEDIAN = {"active_users_change_30d", "features_change_30d"}
EARLY = (pd.Timestamp("2024-04-20"), pd.Timestamp("2024-05-15"), pd.Timestamp("2024-06-10"))


def assert_same(found: Dataset, expected: Dataset, as_of: pd.Timestamp) -> None:
    """Every column of the frame at as_of, to nine digits; the very same rows."""
    rows = [one.signals[one.signals.as_of == as_of].reset_index(drop=True) for one in (found, expected)]
    assert len(rows[1]) > 20
    assert_frame_equal(rows[0], rows[1], rtol=1e-7, check_like=True)


def times_of(name: str) -> list[str]:
    return [column.name for column in table(name).columns if column.kind == "time"]


def with_rows_of_later(name: str, rows: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Adds a copy of every row, moved so that it happened at or after as_of."""
    time_column = table(name).time
    moved = rows.copy()
    ahead = (as_of - moved[time_column]).dt.ceil("D").clip(lower=pd.Timedelta(0))
    ahead += pd.to_timedelta(np.arange(len(moved)), unit="us")  # of one day or of many: rows alike would be a fault
    for column in times_of(name):
        if column in moved:
            moved[column] = moved[column] + ahead
    for column in (column for column in table(name).key if column in moved):
        moved[column] = moved[column].astype(str) + "-later"
    together = pd.concat([rows, moved], ignore_index=True)
    # A fact that is there twice is refused; two events alike may both be true.
    return together if name == "usage_events" else together.drop_duplicates(ignore_index=True)


def with_late_records(name: str, rows: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Adds a copy of every row of before as_of that only became known a day after it."""
    moved = rows[rows[table(name).time] < as_of].copy()
    moved["recorded_at"] = as_of + LATER
    for column in (column for column in table(name).key if column in moved):
        moved[column] = moved[column].astype(str) + "-late"
    return pd.concat([rows, moved], ignore_index=True)


@pytest.mark.parametrize("as_of", AS_OFS, ids=str)
def test_same_from_everything_and_from_what_was_known(company: Tables, built: Dataset, as_of: pd.Timestamp) -> None:
    cut = company.build(as_of, sources=known_at(company.open(), as_of))
    assert_same(cut, built, as_of)


@pytest.mark.parametrize("change", [with_rows_of_later, with_late_records], ids=lambda one: one.__name__)
def test_rows_that_were_not_known_change_nothing(company: Tables, built: Dataset, tmp_path: Path, change) -> None:  # type: ignore[no-untyped-def]
    as_of = AS_OFS[0]
    altered = company.changed(tmp_path, lambda name, rows: rows if name == "accounts" else change(name, rows, as_of))
    assert_same(altered.build(as_of), built, as_of)


def test_columns_filled_in_later_are_empty_until_then(company: Tables, built: Dataset, tmp_path: Path) -> None:
    as_of = AS_OFS[0]

    def blank(name: str, rows: pd.DataFrame) -> pd.DataFrame:
        for column in table(name).columns:
            if column.filled_later and column.name in rows:
                rows[column.name] = rows[column.name].where(rows[column.name] < as_of)
        return rows

    assert_same(company.changed(tmp_path, blank).build(as_of), built, as_of)


def test_order_of_rows_does_not_matter(company: Tables, built: Dataset, tmp_path: Path) -> None:
    shuffled = company.changed(tmp_path, lambda _, rows: rows.sample(frac=1, random_state=3))
    assert_same(shuffled.build(), built, AS_OFS[1])


def test_other_accounts_do_not_matter(company: Tables, tmp_path: Path) -> None:
    """But to signals that are declared to look at peers, and what is made of them; here, no criterion of a lifecycle
    stage does."""
    own = yaml.safe_load((company.folder / "forewarn.yaml").read_text())
    peers = {
        signal.name for signal in ALL_SIGNALS if isinstance(signal, AggregateSignal | DerivedSignal) and signal.peers
    }
    scores = {score.name for score in SCORES}
    made = {
        signal.name for signal in ALL_SIGNALS if isinstance(signal, DerivedSignal) and {*signal.of} & (peers | scores)
    } | scores
    entry = load_settings(company.folder / "forewarn.yaml").framework.criteria.model_dump(mode="json")["entry"]
    entry = {stage: [one for one in group if one["signal"] not in peers] for stage, group in entry.items()}
    own["framework"] = {"criteria": {"entry": entry}}
    everybody = company.changed(tmp_path / "all", lambda _, rows: rows, own)
    days = (*EARLY, *AS_OFS)  # where windows reach back before the feeds began, all lean on peers
    expected = everybody.build(*days).signals
    kept = sorted(expected.account_id.unique())[::2]
    fewer = company.changed(tmp_path / "half", lambda _, rows: rows[rows.account_id.isin(kept)], own)
    expected = expected[expected.account_id.isin(kept)].reset_index(drop=True)
    result = fewer.build(*days).signals
    alone = [name for name in result if name not in peers | made]
    assert_frame_equal(result[alone], expected[alone], rtol=1e-7)
    different = {name for name in peers if not result[name].equals(expected[name])}
    assert different | SAME_MEDIAN == peers, "declared to look at peers, and does not"


def test_which_as_ofs_are_built_together_does_not_matter(company: Tables, built: Dataset) -> None:
    """Windows are cut where any as_of needs it, and a month ago is worked out where it is not there."""
    alone = company.build(AS_OFS[1])
    assert_same(alone, built, AS_OFS[1])
    among = company.build(AS_OFS[1], *pd.date_range("2025-05-20", "2025-06-05", freq="D"))
    assert_same(among, built, AS_OFS[1])


def test_how_much_is_worked_out_at_a_time_does_not_matter(
    company: Tables, built: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One as_of at a time, as with little memory."""
    monkeypatch.setattr(chunks, "SNAPSHOTS_PER_MB", 0)
    assert_frame_equal(company.build().signals, built.signals, rtol=1e-9)


@pytest.mark.parametrize("frame", EDGES)
def test_where_usage_is_cut_does_not_matter(
    company: Tables, built: Dataset, monkeypatch: pytest.MonkeyPatch, frame: str
) -> None:
    """Cut at every day, as if windows might begin and end at any age: a signal whose window begins or ends at an age
    that is not among the edges would change."""
    monkeypatch.setitem(EDGES, frame, tuple(range(1, EDGES[frame][-1] + 1)))
    assert_frame_equal(company.build().signals, built.signals, rtol=1e-7)


@pytest.mark.parametrize(
    "signal", [signal for signal in SIGNALS if frame_of(signal) == "usage_days"], ids=lambda one: one.name
)
def test_windows_over_days_of_usage_begin_and_end_at_an_edge(signal: AggregateSignal) -> None:
    edges = EDGES[signal.frame]
    assert signal.window_days in {None, *edges}
    assert signal.window_from_days in {0, *edges}


def test_time_zone_of_the_machine_does_not_matter(
    company: Tables, built: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        assert_same(company.build(AS_OFS[1]), built, AS_OFS[1])
    finally:
        monkeypatch.undo()
        time.tzset()
        assert os.environ.get("TZ") != "Pacific/Auckland"


def test_a_planted_leak_is_caught(company: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that reads `until` unmasked differs between everything and what was known."""

    def leaking(sources, seen):  # type: ignore[no-untyped-def]
        rows = sources.tables["contacts"]
        there = seen.snapshots.select("row", "account_id", "as_of")
        both = rows.join(there, "account_id")
        return both.filter(both.since < both.as_of)

    contacts = next(frame for frame in FRAMES if frame.name == "contacts")
    frame = dataclasses.replace(contacts, name="leaking_contacts", build=leaking)
    leak = AggregateSignal(
        name="leak",
        dimension="relationship",
        unit="contacts",
        healthier=0,
        sentence="a leak",
        value=lambda t: t.until.count(),
        frame="leaking_contacts",
    )
    monkeypatch.setattr(frames_catalogue, "FRAMES", (*FRAMES, frame))
    monkeypatch.setattr(catalogue, "SIGNALS", (*SIGNALS, leak))
    as_of = AS_OFS[0]
    everything = company.build(as_of)
    known = company.build(as_of, sources=known_at(company.open(), as_of))
    with pytest.raises(AssertionError, match="leak"):
        assert_same(known, everything, as_of)


def test_every_signal_of_the_catalogue_is_built(company: Tables, built: Dataset) -> None:
    """The company feeds all of them, so that every law above has seen every one."""
    assert {signal.name for signal in ALL_SIGNALS} <= set(built.schema.names)
    framework = load_settings(company.folder / "forewarn.yaml").framework
    told = {
        signal.name
        for signal in built.schema.signals
        if not signal.name.startswith("account_") and signal.name not in {score.name for score in SCORES}
    }
    assert {one.name for one in signals_of(company.open(), framework)} == told | {
        signal.name for signal in INTERVENTION_SIGNALS
    }
    assert {signal.name for signal in INTERVENTION_SIGNALS} <= set(built.signals)


@pytest.mark.parametrize("signal", ALL_SIGNALS, ids=lambda one: one.name)
def test_type_and_values_are_as_declared(built: Dataset, signal: Signal) -> None:
    values = built.signals[signal.name]
    if signal.kind == "category":
        assert {type(value) for value in values} <= {str, type(None)}
        return
    assert values.dtype == np.float64
    assert not np.isinf(values).any()
    assert values.notna().any()
    if signal.unit in {"days", "events", "users", "features", "tickets", "appointments", "contacts", "invoices"}:
        known = values.dropna()
        assert signal.name.endswith("_change") or (known >= 0).all()
    if signal.unit == "share" and signal.name != "seats_used_share":
        assert values.dropna().between(0, 1).all()


@pytest.fixture(scope="module")
def reached(company: Tables, built: Dataset) -> dict[str, np.ndarray]:
    """Flags by table; seats that were never used are a silence of the usage feed."""
    flags, rows = feeds_reached(company.open(), built.signals), built.signals
    silent = (rows.seats > 0).to_numpy()
    return flags | {"usage_events": flags["usage_events"] | silent}


@pytest.mark.parametrize(
    "signal",
    [signal for signal in SIGNALS if isinstance(signal, AggregateSignal) and signal.empty is not None],
    ids=lambda one: one.name,
)
def test_an_account_without_a_row_has_the_empty_value_or_none(
    built: Dataset, reached: dict[str, np.ndarray], signal: AggregateSignal
) -> None:
    """Zero only where the account's feed exists: absence of data is never read as bad news."""
    feed = frames_catalogue.frame_named(signal.frame).table
    without = built.signals.loc[~reached[feed], signal.name]
    if feed in FOR_ALL:
        assert len(without) > 20
        assert (without == signal.empty).all()
    else:
        assert without.isna().all()
        if signal.outage == "none" and signal.frame == feed:
            assert built.signals.loc[reached[feed], signal.name].notna().all()


def test_seats_never_used_are_a_silence(built: Dataset) -> None:
    """Of one year as of more."""
    without = built.signals[built.signals.coverage_usage == 0]
    silent = without.seats > 0
    assert (without[silent].tenure_days > 396).any()
    assert (without.loc[silent, "usage_30d"] == 0).all()
    assert (without.loc[silent, "days_since_use"] <= without.loc[silent, "tenure_days"] + 1).all()
    assert (without.loc[silent, "days_since_use"] <= 396).all()
    assert (without.coverage < 1).all()


def test_names_are_unique_and_sentences_readable() -> None:
    names = [signal.name for signal in ALL_SIGNALS]
    assert len(names) == len(set(names))
    for one in ALL_SIGNALS:
        assert one.sentence
        assert one.sentence[0].islower()
        assert not one.sentence.endswith(".")
        assert one.healthier in {-1, 0, 1}
        if one.window_days is not None and str(one.window_days) in one.name:
            assert f"{one.window_days}d" in one.name


@pytest.mark.parametrize(
    ("value", "expected"), [(0.1 + 0.2, 0.3), (123456789.123, 123456789.0), (-0.0012345678949, -0.00123456789)]
)
def test_significant_digits(value: float, expected: float) -> None:
    assert significant(np.array([value]))[0] == pytest.approx(expected, rel=1e-12)


def test_signals_asked_for_alone_are_what_they_are_among_all(company: Tables, built: Dataset) -> None:
    settings = load_settings(company.folder / "forewarn.yaml")
    early = [*(trigger.signal for trigger in settings.framework.triggers), "days_since_use", "tickets_90d"]
    sources = company.open()
    try:
        few = load_dataset(settings, sources, AS_OFS, only=early)
        whole = load_dataset(settings, sources, AS_OFS, only=["health_score"])  # every signal may move it
    finally:
        sources.close()
    names = ["account_id", "as_of", *dict.fromkeys(early)]
    assert_frame_equal(few.signals[names], built.signals[names], check_exact=True)
    assert len(few.schema.signals) < len(built.schema.signals) / 4
    assert "health_score" not in few.signals
    assert_frame_equal(whole.signals, built.signals, check_exact=True)
