"""Which contract follows which: a renewal takes the place of the term before it, an add-on of none.

B can be A's renewal where both are of one account, B begins within the allowed gap of A's end (before it by half of
A's term at most, and not at all where A ended early) and later than A did, B ends after A does, and B is worth at least
half of A: an add-on is not. Where an ARR is not known, both must be of one plan, or nothing be known of it. A pause and
what follows or precedes it are of one worth. A contract that renews itself is followed by the next, however late.

Each A has one successor and each B one predecessor: the pairs nearest in ARR and time first, where as much counts a
change of ARR by a factor of e as a whole gap of time. ARR alone would pair a monthly price that rises and falls with
the month after the next. As known at each as_of: a pair holds from when both are known, and for as long as no
nearer pair takes one of the two.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.timeline.asof_join import MOMENT

LEAST_SHARE = 0.5  # of the ARR of A, from which B can be its renewal
DAY = pd.Timedelta(days=1)
UNKNOWN_COST = 0.5  # in the place of the distance between two ARRs of which one is not known


def successions(contracts: pd.DataFrame, gap: pd.Timedelta) -> pd.DataFrame:
    """The pairs that hold, and for how long.

    Parameters
    ----------
    contracts : DataFrame
        States of contracts: contract (a number, the same in all states of one), owner (a number of its account),
        starts_at, ends_at (as known; NaT: open-ended), ended_early (whether that is not the agreed end), agreed_end
        (NaT: open-ended, or renewing itself), renews_itself, arr, plan, paused, version and state (numbers: of the row
        of the source, and of what was known of it), visible and superseded (the as_ofs that know it, half-open).
    gap : Timedelta
        The allowed gap.

    Returns
    -------
    DataFrame
        state (of the one that is followed), begins (when its successor does), visible and superseded (the as_ofs at
        which it is known to be).
    """
    pairs = _candidates(contracts, gap)
    held = []
    while len(pairs):
        best_of_a = pairs.groupby("a")["rank"].transform("min")
        best_of_b = pairs.groupby("b")["rank"].transform("min")
        wins = ((pairs["rank"] == best_of_a) & (pairs["rank"] == best_of_b)).to_numpy()
        won = pairs[wins]
        held.append(won)
        pairs = _without(_without(pairs[~wins], won, "a"), won, "b").sort_values(["rank", "visible"], ignore_index=True)
        pairs["rank"] = np.arange(len(pairs))  # one that was cut in two has two
    columns = ["state", "begins", "visible", "superseded"]
    return pd.concat(held, ignore_index=True)[columns] if held else pairs[columns]


def _candidates(contracts: pd.DataFrame, gap: pd.Timedelta) -> pd.DataFrame:
    """Every pair that could be one, with its rank: 0 is the nearest."""
    rows = contracts.reset_index(drop=True)
    # Notice and early ends are of the first of a pair alone: of the second, one state stands for what was agreed.
    second = rows.groupby(["contract", "version"], as_index=False).agg(
        visible=("visible", "min"), superseded=("superseded", "max"), position=("state", "min")
    )
    second = rows.loc[
        second.position, ["owner", "contract", "starts_at", "agreed_end", "arr", "plan", "paused"]
    ].assign(visible=second.visible.to_numpy(), superseded=second.superseded.to_numpy())
    second = second.sort_values(["owner", "starts_at", "contract"], ignore_index=True)
    first = rows[rows.ends_at.notna()]
    half = (first.ends_at - first.starts_at) / 2
    lead = half.where(half < gap, gap).mask(first.ended_early, pd.Timedelta(0)).astype("timedelta64[us]")
    low = first.ends_at - lead
    low = low.where(low > first.starts_at, first.starts_at + pd.Timedelta(microseconds=1))
    at, count = _within(first.owner, low, first.ends_at + gap, second)
    # The one after all of these, too, where the first of the pair has renewed itself in the meantime.
    following = at + count
    is_more = following < len(second)
    later = np.minimum(following, max(len(second) - 1, 0))
    if len(second):
        is_more &= second.owner.to_numpy()[later] == first.owner.to_numpy()
    count = count + (is_more & first.renews_itself.to_numpy())
    own = np.repeat(np.arange(len(first)), count)
    other = np.repeat(at - np.cumsum(count) + count, count) + np.arange(count.sum())
    a, b = first.iloc[own].reset_index(drop=True), second.iloc[other].reset_index(drop=True)
    distance, alike = _distance(a, b)
    pairs = pd.DataFrame(
        {
            "state": a.state,
            "a": a.contract,
            "b": b.contract,
            "begins": b.starts_at,
            "visible": a.visible.where(a.visible > b.visible, b.visible),
            "superseded": a.superseded.where(a.superseded < b.superseded, b.superseded),
            "cost": distance + _gaps(a.ends_at, b.starts_at, gap),
        }
    )
    possible = alike & (a.contract != b.contract) & ~(b.agreed_end <= a.ends_at) & (pairs.visible < pairs.superseded)
    pairs = pairs[possible.to_numpy()].sort_values(["cost", "a", "b", "state"], ignore_index=True)
    return pairs.drop(columns="cost").assign(rank=np.arange(len(pairs)))


def _gaps(ends: pd.Series, starts: pd.Series, gap: pd.Timedelta) -> np.ndarray:
    """How far the one lies from the other, in gaps, at most one."""
    apart = np.abs((starts - ends).dt.total_seconds().to_numpy())
    return np.asarray(np.minimum(apart / max(gap, DAY).total_seconds(), 1.0))


def _within(owner: pd.Series, low: pd.Series, high: pd.Series, second: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Where the rows of an account that begin between two moments, both included, stand, and how many they are."""
    lows, highs, starts = (moments.astype(MOMENT).to_numpy() for moments in (low, high, second.starts_at))
    times = np.unique(np.concatenate([lows, highs, starts]))
    size = np.int64(len(times) + 1)
    keys = second.owner.to_numpy() * size + np.searchsorted(times, starts)
    numbers = owner.to_numpy()
    begin = np.searchsorted(keys, numbers * size + np.searchsorted(times, lows))
    end = np.searchsorted(keys, numbers * size + np.searchsorted(times, highs), side="right")
    return begin, np.maximum(end - begin, 0)


def _distance(a: pd.DataFrame, b: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """How far the ARRs of each pair are from one another, and whether the second is worth enough to be a renewal."""
    known = a.arr.notna() & b.arr.notna()
    same_plan = a.plan.isna() | b.plan.isna() | (a.plan == b.plan)
    distance = pd.Series(np.abs(np.log((b.arr + 1) / (a.arr + 1))), index=a.index).where(known, UNKNOWN_COST)
    alike = (b.arr >= LEAST_SHARE * a.arr).where(known, same_plan).astype(bool)
    pause = a.paused | b.paused
    return distance.mask(pause, 0.0), alike | pause


def _without(pairs: pd.DataFrame, won: pd.DataFrame, side: str) -> pd.DataFrame:
    """The pairs without the as_ofs at which a nearer one has taken what stands on that side of them."""
    taken = won.set_index(side)
    rows = taken.index.get_indexer(pd.Index(pairs[side]))
    is_taken = rows >= 0
    open_pairs, rest = pairs[~is_taken], pairs[is_taken]
    begin, end = (taken[name].to_numpy()[rows[is_taken]] for name in ("visible", "superseded"))
    before = rest.assign(superseded=rest.superseded.where(rest.superseded < begin, begin))
    after = rest.assign(visible=rest.visible.where(rest.visible > end, end))
    parts = [part[part.visible < part.superseded] for part in (before, after)]
    return pd.concat([open_pairs, *parts], ignore_index=True)
