"""The law of labels: a label tells what happened in its own window, and does not exist before that is known.

Random companies (seeds) for each kind of churn; `observed`: did a snapshot's account churn, or contract, in time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from features.labels import labels as module
from features.labels.labels import labels_for
from features.sources.sources import Sources, known_at
from features.timeline.outage_clock import ALWAYS as ALWAYS_RUNNING
from features.timeline.snapshots import snapshots

from .label_worlds import (
    ALWAYS,
    AS_OFS,
    DAY,
    END,
    GAP_DAYS,
    HORIZONS,
    KINDS,
    SETTLING_DAYS,
    SILENCE_DAYS,
    Tables,
    settings_for,
    settled_world,
    sources_of,
    world,
)

SEEDS = (1, 2)
WAIT = {"outcome": SETTLING_DAYS, "contract_end": SETTLING_DAYS + GAP_DAYS, "silence": SETTLING_DAYS}
TIME = {"accounts": "created_at", "contracts": "starts_at", "outcomes": "occurred_at", "usage_events": "occurred_at"}
cases = pytest.mark.parametrize(("kind", "seed"), [(kind, seed) for kind in KINDS for seed in SEEDS])


def in_play(sources: Sources, kind: str, as_ofs: pd.DatetimeIndex = AS_OFS) -> pd.DataFrame:
    return snapshots(sources, settings_for(kind), as_ofs)


@cache
def baseline(kind: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Snapshots of the random company, and their labels."""
    return both_of(settled_world(seed), kind)


def both_of(sources: Sources, kind: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    pairs = in_play(sources, kind)
    return pairs, labels_for(sources, pairs, settings_for(kind))


def labelled(made: pd.DataFrame) -> pd.DataFrame:
    """churned_{h}d and contracted_{h}d by (account_id, as_of), from labels."""
    both = pd.concat([made, module.horizon_labels(made, HORIZONS), module.contraction_labels(made, HORIZONS)], axis=1)
    wanted = [f"{what}_{h}d" for what in ("churned", "contracted") for h in HORIZONS]
    return both.set_index(["account_id", "as_of"])[wanted]


def observed(sources: Sources, kind: str, pairs: pd.DataFrame) -> pd.DataFrame:
    return labelled(labels_for(sources, pairs, settings_for(kind)))


def assert_agree(found: pd.DataFrame, expected: pd.DataFrame, least: int) -> None:
    """Labels known on both sides are equal, and there are at least so many of them, churns among them."""
    found = found.reindex(expected.index)
    both = found.notna() & expected.notna()
    assert both.to_numpy().sum() >= least
    differ = both & (found != expected)
    assert not differ.to_numpy().any(), f"labels differ:\n{found[differ.any(axis=1)]}\n{expected[differ.any(axis=1)]}"


def assert_complete(made: pd.DataFrame, kind: str, data_end: pd.Timestamp) -> None:
    """No label of a window that has not ended long enough before the data's end."""
    for name in made:
        horizon = pd.Timedelta(days=int(name.split("_")[1][:-1]))
        ended = made.index.get_level_values("as_of") + horizon + WAIT[kind] * DAY <= data_end
        assert made.loc[~ended, name].isna().all(), f"{name}: a label of a window that has not passed"


@cases
def test_windows_that_have_not_passed_have_no_label(kind: str, seed: int) -> None:
    made = labelled(baseline(kind, seed)[1])
    assert_complete(made, kind, END)
    early = made[made.index.get_level_values("as_of") < END - 200 * DAY]
    assert early.notna().all(axis=1).mean() > 0.9  # and those that have passed do have one, unless the account had left
    assert {0.0, 1.0} == set(np.unique(early.churned_90d.dropna())) == set(np.unique(early.contracted_90d.dropna()))


@cases
def test_horizons_never_fall_and_are_known_in_their_order(kind: str, seed: int) -> None:
    made = labelled(baseline(kind, seed)[1])
    for what in ("churned", "contracted"):
        one = made[[f"{what}_{h}d" for h in HORIZONS]].to_numpy()
        assert not (np.diff(one, axis=1) < 0).any()
        assert not (np.isnan(one[:, :-1]) & ~np.isnan(one[:, 1:])).any()


def matured(seed: int, kind: str) -> int:
    """Labels as known at later days, each from the sources as they stood then, against those from everything."""
    everything = settled_world(seed)
    pairs, made = baseline(kind, seed)
    final = labelled(made)
    compared = 0
    for then in pd.DatetimeIndex(["2023-11-11", "2024-04-04", "2024-08-30"]).as_unit("us"):
        past = observed(known_at(everything, then), kind, pairs[pairs.as_of <= then])
        assert_complete(past, kind, then)
        expected = final.reindex(past.index)
        known = past.notna().to_numpy()
        compared += int(known.sum())
        assert_agree(past, expected, 100)
        alive = expected.notna().to_numpy()
        assert (known & ~alive).mean() < 0.03  # only departures that became known later take a label away
    return compared


@cases
def test_a_label_stays_when_data_beyond_its_window_arrive(kind: str, seed: int) -> None:
    assert matured(seed, kind) > 500


def rewritten(kind: str, seed: int, name: str, as_of: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Labels of one window before and after everything beyond it was replaced by what happened in another company."""
    tables, other, what, horizon = world(seed), world(seed + 100), *name.removesuffix("d").split("_")
    by_contracts = what == "contracted" or kind == "contract_end"  # a contract's end is decided after the gap
    beyond = as_of + pd.Timedelta(days=int(horizon) + (GAP_DAYS if by_contracts else 0), hours=1)
    changed = {
        name: pd.concat([rows[rows[TIME[name]] < beyond], other[name][other[name][TIME[name]] >= beyond]])
        for name, rows in tables.items()
    }
    changed["accounts"] = tables["accounts"]
    sources = settled_world(seed)
    pairs = in_play(sources, kind, pd.DatetimeIndex([as_of]))
    return observed(sources_of(changed), kind, pairs)[[name]], observed(sources, kind, pairs)[[name]]


WINDOWS = {
    "churned_30d": pd.Timestamp("2023-10-01"),
    "churned_90d": pd.Timestamp("2024-06-01"),
    "contracted_60d": pd.Timestamp("2024-03-01"),
}


@cases
def test_what_happens_beyond_the_window_does_not_matter(kind: str, seed: int) -> None:
    pairs = [rewritten(kind, seed, name, as_of) for name, as_of in WINDOWS.items()]
    for result, expected in pairs:
        assert_agree(result, expected, 1)
    assert sum(len(expected) for _, expected in pairs) > 12


@cases
def test_rows_of_the_past_that_decide_nothing_do_not_matter(kind: str, seed: int) -> None:
    """Contracts long ended, uses before the last one, and outcomes before as_of of accounts that were still there."""
    as_of, tables = AS_OFS[14], world(seed)
    sources = sources_of(tables)
    pairs = in_play(sources, kind, pd.DatetimeIndex([as_of]))
    expected = observed(sources, kind, pairs)
    contracts, uses, outcomes = (tables[name] for name in ("contracts", "usage_events", "outcomes"))
    over = contracts.ends_at.fillna(contracts.cancelled_at) < as_of - (GAP_DAYS + 1) * DAY
    last = uses[uses.occurred_at < as_of].groupby("account_id").occurred_at.transform("max")
    left = pairs[expected.isna().all(axis=1).to_numpy()].account_id
    fewer = {
        **tables,
        "contracts": contracts[~over] if kind == "contract_end" else contracts,
        "usage_events": uses[~(uses.occurred_at < last.reindex(uses.index))],
        "outcomes": outcomes[(outcomes.occurred_at >= as_of) | outcomes.account_id.isin(left)],
    }
    assert sum(map(len, fewer.values())) < sum(map(len, tables.values())) - 200
    assert_frame_equal(observed(sources_of(fewer), kind, pairs), expected)


def assert_same(tables: Tables, kind: str, expected: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    for result, before in zip(both_of(sources_of(tables), kind), expected, strict=True):
        assert_frame_equal(result, before.reset_index(drop=True))


@cases
def test_order_of_rows_does_not_matter(kind: str, seed: int) -> None:
    tables = world(seed)
    shuffled = {name: rows.sample(frac=1, random_state=seed) for name, rows in tables.items()}
    assert_same(shuffled, kind, baseline(kind, seed))


@cases
def test_other_accounts_do_not_matter(kind: str, seed: int) -> None:
    tables = world(seed)
    pairs, made = baseline(kind, seed)
    for rest in (0, 1):
        kept = [*sorted(tables["accounts"].account_id.drop_duplicates())[rest::2], ALWAYS]
        fewer = {name: rows[rows.account_id.isin(kept)] for name, rows in tables.items()}
        assert_same(fewer, kind, (pairs[pairs.account_id.isin(kept)], made[made.account_id.isin(kept)]))


@cases
def test_the_time_zone_of_the_machine_does_not_matter(kind: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = baseline(kind, seed)
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        assert_same(world(seed), kind, expected)
    finally:
        monkeypatch.undo()
        time.tzset()


@cases
def test_snapshots_are_the_same_from_what_was_known(kind: str, seed: int) -> None:
    sources, everything = settled_world(seed), baseline(kind, seed)[0]
    spells_begun = 0
    for as_of in AS_OFS[::3]:
        then = in_play(known_at(sources, as_of), kind, pd.DatetimeIndex([as_of]))
        assert_frame_equal(then, everything[everything.as_of == as_of].reset_index(drop=True))
        born = sources.engine.to_pandas(sources.tables["accounts"]).set_index("account_id").created_at
        spells_begun += int((then.spell_start > then.account_id.map(born)).sum())
    assert spells_begun > 0  # accounts that came back are among them


# The same, said once more without a single vector: what churn is, account by account.


def churns_by_hand(rows: Tables, kind: str, account: str) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """(life began, churned) of one account in hindsight; END + a century where it never did."""
    never, own = END + 36500 * DAY, {name: part[part.account_id == account] for name, part in rows.items()}
    result = []
    if kind == "outcome":
        events = [(row.occurred_at, 1) for row in own["outcomes"].itertuples() if row.kind == "churn"]
        events += [(row.occurred_at, 0) for row in own["outcomes"].itertuples() if row.kind == "reactivation"]
        events += [(starts, 0) for starts in sorted(own["contracts"].starts_at)[1:]]
        began: pd.Timestamp | None = START_OF_TIME
        for at, is_churn in sorted(events):
            if is_churn and began is not None:
                result.append((began, at))
                began = None
            elif not is_churn and began is None:
                began = at
        return [*result, (began, never)] if began is not None else result
    if kind == "contract_end":
        ends = own["contracts"].ends_at.fillna(own["contracts"].cancelled_at).fillna(never)
        spans, gap, added = sorted(zip(own["contracts"].starts_at, ends, strict=True)), GAP_DAYS * DAY, 0 * DAY
    else:
        spans, gap = sorted((at, at) for at in own["usage_events"].occurred_at), SILENCE_DAYS * DAY - DAY / 86400
        added = gap
    began, ended = spans[0]
    for starts, ends_at in spans[1:]:
        if starts > ended + gap:
            result.append((began, ended + added))
            began = starts
        ended = max(ended, ends_at)
    return [*result, (began, ended + added)]


START_OF_TIME = pd.Timestamp("1970-01-01")


@cases
def test_labels_are_what_a_loop_over_accounts_finds(kind: str, seed: int) -> None:
    tables, made = world(seed), baseline(kind, seed)[1]
    known_until = END - WAIT[kind] * DAY
    checked = undecided = 0
    for row in made.itertuples():
        if kind != "silence" and not is_under_contract(tables, row.account_id, row.as_of):
            assert row.observed_until == row.as_of  # has it left? That was decided, and nobody knew
            assert pd.isna(row.churn_at)
            undecided += 1
            continue
        churns = churns_by_hand(tables, kind, row.account_id)
        if kind == "silence":
            uses = tables["usage_events"]
            uses = uses.occurred_at[(uses.account_id == row.account_id) & (uses.occurred_at >= row.as_of)]
            nearest = min(uses, default=END + 36500 * DAY)
            second = pd.Timedelta(seconds=1)
            if nearest >= row.as_of + SILENCE_DAYS * DAY:
                expected = row.as_of + SILENCE_DAYS * DAY - second
            else:
                expected = min(at for began, at in churns if at - SILENCE_DAYS * DAY + second >= row.as_of)
        else:
            here = [(began, at) for began, at in churns if began < row.as_of <= at]
            if not here:
                assert row.observed_until == row.as_of
                assert pd.isna(row.churn_at)
                continue
            expected = here[0][1]
        checked += 1
        assert row.observed_until == known_until
        assert (pd.isna(row.churn_at) and expected >= known_until) or row.churn_at == expected
    assert checked > 80
    assert undecided > 0 or kind == "silence"


def is_under_contract(tables: Tables, account: str, as_of: pd.Timestamp) -> bool:
    """Whether a contract known at the as_of goes on: what has ended, and may yet be renewed, does not."""
    own = tables["contracts"][tables["contracts"].account_id == account]
    known = own[(own.starts_at < as_of) & (own.recorded_at <= as_of)]
    told = known.cancelled_at.where(known.cancelled_at < as_of)
    return bool((known.ends_at.fillna(told).fillna(as_of) >= as_of).any())


# Planted faults: each law fails when labels do what it forbids.


def _unfinished_as_zero(labels, what, happened, until, horizons):  # type: ignore[no-untyped-def]
    ends = {h: labels.as_of + pd.Timedelta(days=h) for h in horizons}
    return pd.DataFrame({f"{what}_{h}d": (happened < end).astype("float64") for h, end in ends.items()})


def _reading_on(real: Callable[..., pd.DataFrame]) -> Callable[..., pd.DataFrame]:
    def within(labels: pd.DataFrame, what: str, happened: pd.Series, *rest: object) -> pd.DataFrame:
        return real(labels, what, happened - 60 * DAY, *rest)

    return within


@pytest.mark.parametrize("kind", KINDS)
def test_a_label_that_counts_an_unfinished_window_as_0_is_caught(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "within_horizons", _unfinished_as_zero)
    with pytest.raises(AssertionError, match="a label of a window that has not passed"):
        test_windows_that_have_not_passed_have_no_label(kind, SEEDS[0])
    with pytest.raises(AssertionError, match="a label of a window that has not passed"):
        matured(SEEDS[0], kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_label_that_reads_beyond_its_window_is_caught(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "within_horizons", _reading_on(module.within_horizons))
    with pytest.raises(AssertionError, match="labels differ"):
        test_what_happens_beyond_the_window_does_not_matter(kind, SEEDS[0])


def test_a_silence_that_counts_the_end_of_the_data_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A feed that stops 60 days before the data's end makes nobody silent; were its end not heeded, and the days
    without it counted in silences, it would."""
    tables, stopped = world(SEEDS[0]), END - 60 * DAY
    tables = {**tables, "usage_events": tables["usage_events"][tables["usage_events"].occurred_at < stopped]}
    sources = sources_of(tables)
    pairs = in_play(sources, "silence")
    made = labels_for(sources, pairs, settings_for("silence"))
    assert (made.observed_until.max(), made.churn_at.max() < stopped) == (stopped - SETTLING_DAYS * DAY, True)
    monkeypatch.setattr(module, "activity_known_until", lambda sources, settings: sources.data_end)
    monkeypatch.setattr(import_module("features.timeline.episodes"), "clock_at_end", lambda *_: ALWAYS_RUNNING)
    assert labels_for(sources, pairs, settings_for("silence")).churn_at.max() >= stopped
