"""What really happened after each snapshot. A label whose window has not fully passed does not exist; it is never 0.

Three definitions of churn (`churn.kind`), each known until its own moment (`observed_until`), the settling days apart:

outcome       a recorded outcome of the kind churn. Known until the data's end: outcomes are rare, so that their last
              row says nothing of whether the table was still being kept.
contract_end  the end of the paid-through time, unless a new contract starts within `allowed_gap_days` (`pause_days`
              where those are more). Known until as long before the data's end. Ends after the last contract that began
              wait for a later one: a table that is no longer kept looks just like everybody leaving. See
              `contracts_known_until`.
silence       no row of a table for `days`, counted from the as_of or from a later row; it is churn when it is complete.
              The table's feed must have worked for half of that time and more (outage_clock.py). Known until the
              last day on which that table worked, which an outage at its end moves back. See `activity_known_until`.

A churn ends the labels of its spell: what happens after an account has come back belongs to snapshots of its next
spell. A snapshot of an account that had left by then though nobody knew, or that the sources do not know, has no label
at all. Contraction (less revenue, but still a customer) is kept apart from churn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from configs.settings import Settings
from configs.tables import table
from features.labels.contractions import contraction_rows
from features.sources import Sources
from features.timeline import (
    EXPECTED_ROWS,
    LOW_SHARE,
    MIN_ROWS,
    MOMENT,
    WEEKS,
    activity,
    among,
    asof_join,
    churn_rows,
    churns_and_returns,
    contract_cover,
    contract_rows,
    customer_spells,
    lasting_events,
    spells_between_silences,
    under_contract,
)

STOPPED_ENDS = 3  # contract ends in a row without a start: with most contracts renewed, the table is no longer kept
RECORDED_NEAR_DAYS = 60  # between a contract's end and the recorded churn that tells whether it was voluntary


def labels_for(sources: Sources, snapshots: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """The first churn and the first contraction at or after each snapshot, and until when anything is known of them.

    Parameters
    ----------
    sources : Sources
        The project's tables.
    snapshots : DataFrame
        account_id and as_of, (n,) rows in any order.
    settings : Settings
        `churn` says what a churn is.

    Returns
    -------
    DataFrame, (n,) rows
        With the index of the snapshots: account_id, as_of;
        churn_at: NaT where none was seen;
        observed_until: windows reaching past it have no label; the as_of itself where there is no label at all;
        voluntary: whether that churn was (True, False or None: not known);
        contraction_at: the first contraction of the same spell, so before any churn; NaT where none was seen;
        contraction_observed_until: the same for contractions, never after observed_until; the as_of itself as well
        where the sources hold neither outcomes nor contracts with arr.
    """
    pairs = snapshots[["account_id", "as_of"]].astype({"as_of": MOMENT})
    seen = {"outcome": _recorded, "contract_end": _ended, "silence": _silent}[settings.churn.kind]
    labels, alive, known_until = seen(sources, pairs, settings)
    alive = alive & ~_undecided(sources, pairs, settings)
    known_until -= pd.Timedelta(days=settings.churn.settling_days)
    accounts = sources.engine.to_pandas(sources.tables["accounts"].select("account_id")).account_id
    alive = alive & among(pairs.account_id, accounts)
    churn_at = labels.churn_at.where(alive & (labels.churn_at < known_until).to_numpy())
    known = labels.voluntary.notna() & churn_at.notna()
    labels = pairs.assign(
        churn_at=churn_at,
        observed_until=pairs.as_of.mask(alive, known_until),
        voluntary=labels.voluntary.astype(object).where(known, None),
    )
    return _with_contractions(labels, sources, settings, alive)


def horizon_labels(labels: pd.DataFrame, horizons_days: Sequence[int]) -> pd.DataFrame:
    """Whether each snapshot churned within each horizon.

    Parameters
    ----------
    labels : DataFrame
        As `labels_for` returns them, (n,) rows.
    horizons_days : sequence of int
        Lengths of the windows, in days.

    Returns
    -------
    DataFrame, (n,) rows
        churned_{h}d: 1.0 or 0.0, NaN while [as_of, as_of + h) reaches past what has been observed.

    Examples
    --------
    >>> at = pd.Timestamp("2024-01-01")
    >>> rows = pd.DataFrame({"as_of": [at, at], "churn_at": [pd.Timestamp("2024-02-10"), pd.NaT]})
    >>> horizon_labels(rows.assign(observed_until=pd.Timestamp("2024-03-01")), [30, 60, 90]).iloc[0].tolist()
    [0.0, 1.0, nan]
    """
    return within_horizons(labels, "churned", labels.churn_at, labels.observed_until, horizons_days)


def contraction_labels(labels: pd.DataFrame, horizons_days: Sequence[int]) -> pd.DataFrame:
    """Whether each snapshot contracted within each horizon; one that left without having contracted before did not.

    Parameters
    ----------
    labels : DataFrame
        As `labels_for` returns them, (n,) rows.
    horizons_days : sequence of int
        Lengths of the windows, in days.

    Returns
    -------
    DataFrame, (n,) rows
        contracted_{h}d: 1.0 or 0.0, NaN as in `horizon_labels`.
    """
    until = labels.contraction_observed_until
    return within_horizons(labels, "contracted", labels.contraction_at, until, horizons_days)


def within_horizons(
    labels: pd.DataFrame, what: str, happened: pd.Series, until: pd.Series, horizons_days: Sequence[int]
) -> pd.DataFrame:
    """{what}_{h}d: 1.0 where it `happened` within the horizon, else 0.0; NaN where the window reaches past `until`."""
    columns = {}
    for days in horizons_days:
        end = labels.as_of + pd.Timedelta(days=days)
        columns[f"{what}_{days}d"] = (happened < end).astype("float64").where(end <= until)
    return pd.DataFrame(columns, index=labels.index)


def contract_churns(contracts: pd.DataFrame, allowed_gap_days: int, data_end: pd.Timestamp) -> pd.DataFrame:
    """Ends of paid-through time that no contract followed within the gap: account_id, at (column voluntary: None).

    An end younger than the gap is not decided yet and is left out.
    """
    gap = pd.Timedelta(days=allowed_gap_days)
    ended = customer_spells(contracts, gap)
    ended = ended[ended.ended + gap <= data_end]
    return pd.DataFrame({"account_id": ended.account_id, "at": ended.ended, "voluntary": None})


# churn_at and voluntary by pair; which pairs are alive at as_of; until when it is known
Observed = tuple[pd.DataFrame, np.ndarray, pd.Timestamp]


def _undecided(sources: Sources, pairs: pd.DataFrame, settings: Settings) -> np.ndarray:
    """Pairs in play only because what ended may yet be renewed: whether they have left was decided, and not known.

    Those that were renewed would otherwise teach that to be without a contract is safe.
    """
    if settings.churn.kind == "silence" or not sources.has("contracts"):
        return np.zeros(len(pairs), dtype=bool)
    cover = contract_cover(sources, settings.churn)
    return under_contract(pairs, cover) & ~under_contract(pairs, cover, carried=False)


def _recorded(sources: Sources, pairs: pd.DataFrame, settings: Settings) -> Observed:
    events = churns_and_returns(lasting_events(sources, settings.churn))
    before = asof_join(pairs, events, "at", ["alive"], exact=False)
    churns = events[~events.alive.astype(bool)].rename(columns={"at": "churn_at"})
    following = asof_join(pairs, churns, "churn_at", ["churn_at", "voluntary"], ahead=True)
    return following, before.alive.ne(False).to_numpy(), sources.data_end


def _ended(sources: Sources, pairs: pd.DataFrame, settings: Settings) -> Observed:
    gap = pd.Timedelta(days=settings.churn.absence_days)
    rows = contract_rows(sources, settings.churn)
    spell = asof_join(pairs, customer_spells(rows, gap), "began", ["ended"], exact=False)
    alive = (spell.ended >= pairs.as_of).to_numpy()
    labels = pairs.assign(churn_at=spell.ended.where(spell.ended + gap <= sources.data_end))
    near = pd.Timedelta(days=RECORDED_NEAR_DAYS)
    return _with_voluntary(labels, sources, near, gap), alive, contracts_known_until(rows, gap, sources.data_end)


def _silent(sources: Sources, pairs: pd.DataFrame, settings: Settings) -> Observed:
    """Completion of the first silence that begins at the as_of or at a row after it."""
    rule = settings.churn.silence
    silence = pd.Timedelta(days=rule.days)
    spells, clock = spells_between_silences(sources, settings)
    before = asof_join(pairs, spells, "began", ["ended"], exact=False)
    after = asof_join(pairs, spells, "began", ["began", "ended"], ahead=True)
    within = before.ended >= pairs.as_of
    at_once = ~within & ~(after.began < clock.after(pairs.as_of, silence))
    begun = before.ended.where(within, after.ended).mask(at_once, pairs.as_of)
    labels = pairs.assign(churn_at=clock.after(begun, silence) - pd.Timedelta(seconds=1))
    alive = (clock.after(before.ended, pd.Timedelta(days=rule.active_days)) >= pairs.as_of).to_numpy()
    return _with_voluntary(labels, sources, silence, pd.Timedelta(0)), alive, activity_known_until(sources, settings)


def contracts_known_until(rows: pd.DataFrame, gap: pd.Timedelta, data_end: pd.Timestamp) -> pd.Timestamp:
    """The moment before which contract ends are decided.

    The allowed gap before the data's end, or earlier where the table seems to have stopped: when accounts' paid time
    ended after the last contract that began (before the data's end), and nothing has begun since. One or two such ends
    wait for the next contract, whoever's it is; with STOPPED_ENDS of them the table ends with its last contract. A
    company whose contracts all begin on one day of the year loses nothing by it: none of them ends in between. Notice
    shows that the table went on: such an end waits for nobody.

    Parameters
    ----------
    rows : DataFrame
        All contracts (`contract_rows`).
    gap : Timedelta
        How long a new contract may be in coming.
    data_end : Timestamp
        The first midnight that the data do not cover.

    Returns
    -------
    Timestamp
    """
    begun = rows.loc[rows["at"] < data_end, "at"].astype(MOMENT)
    if begun.empty:
        return data_end - gap
    noticed = rows[rows.noticed_at < data_end] if "noticed_at" in rows else rows[:0]
    last = pd.concat([begun, noticed.noticed_at.astype(MOMENT)]).max() if len(noticed) else begun.max()
    spells = customer_spells(rows, gap)
    by_notice = pd.MultiIndex.from_frame(noticed[["account_id", "ends_at"]])
    ended = spells.ended[~pd.MultiIndex.from_frame(spells[["account_id", "ended"]]).isin(by_notice)]
    open_ends = ended[(ended > last) & (ended < data_end)]
    if len(open_ends) >= STOPPED_ENDS:
        return min(last, data_end) - gap
    return min(data_end - gap, open_ends.min()) if len(open_ends) else data_end - gap


def activity_known_until(sources: Sources, settings: Settings) -> pd.Timestamp:
    """The midnight after the last day (before the data's end) on which the table whose silence is churn worked."""
    rows = activity(sources, settings)
    rows = rows.select(at=rows[table(settings.churn.silence.of).time])
    rows = rows.filter(rows["at"] < sources.data_end)
    days = rows.group_by(day=rows["at"].truncate("D")).aggregate(rows=rows.count())
    counts = sources.engine.to_pandas(days).set_index("day")["rows"]
    return last_working_day(counts, sources.data_end)


def last_working_day(counts: pd.Series, data_end: pd.Timestamp) -> pd.Timestamp:
    """The midnight after the last day with rows, before any trickle that an outage left at the end.

    counts: rows by day; days without any may be left out. A trickle are days of the last thirteen weeks, up to the last
    one, that brought under a tenth of what their weekday usually did in the thirteen weeks before. A feed that has
    trickled for all of them has become small, and counts as it is; so does one too young to compare.
    """
    if counts.empty:
        return data_end
    end = (pd.Timestamp(counts.index.max()) + pd.Timedelta(days=1)).as_unit("us")
    every = pd.date_range(end - pd.Timedelta(weeks=2 * WEEKS), end, freq="D", inclusive="left")
    if counts.index.min() > every[0]:
        return end
    daily = counts.reindex(every, fill_value=0).astype("float64")
    before, lately = daily.iloc[: len(daily) // 2], daily.iloc[len(daily) // 2 :]
    weekday = np.arange(len(lately)) % 7  # both halves are whole weeks
    usual = before.groupby(weekday).median().to_numpy()[weekday]
    worked = (usual >= MIN_ROWS) & (lately.to_numpy() >= LOW_SHARE * usual)
    if not worked.any():
        return end
    missing = int(np.argmax(worked[::-1]))  # days since the last one that worked
    if usual[len(usual) - missing :].sum() < EXPECTED_ROWS:
        return end
    return end - pd.Timedelta(days=missing)


def _with_voluntary(labels: pd.DataFrame, sources: Sources, back: pd.Timedelta, ahead: pd.Timedelta) -> pd.DataFrame:
    """Adds voluntary, from the last recorded churn from `back` before churn_at to `ahead` after it, if any was."""
    if not sources.has("outcomes", "voluntary"):
        return labels.assign(voluntary=None)
    recorded = churn_rows(sources).rename(columns={"at": "left_at"})
    churned = labels[labels.churn_at.notna()]
    last = asof_join(churned.assign(as_of=churned.churn_at + ahead), recorded, "left_at", ["left_at", "voluntary"])
    near = last.left_at >= churned.churn_at - back
    return labels.assign(voluntary=last.voluntary.where(near).reindex(labels.index))


def _with_contractions(labels: pd.DataFrame, sources: Sources, settings: Settings, alive: np.ndarray) -> pd.DataFrame:
    falls, known_until = contraction_rows(sources, settings)
    last = labels.observed_until.where(labels.observed_until < known_until, known_until)
    until = labels.as_of.mask(alive & (not pd.isna(known_until)), last)
    at = asof_join(labels, falls, "at", ["at"], ahead=True)["at"]
    counts = alive & (at < until).to_numpy() & ~(at >= labels.churn_at).to_numpy()
    return labels.assign(contraction_at=at.where(counts), contraction_observed_until=until)
