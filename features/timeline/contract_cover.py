"""What is under contract on a day: the one definition, for signals, stages, labels, retention and pages alike.

A contract covers the moments from its beginning to its end, half-open; an as_of looks at the last moment before it, so
that an end belongs to the day before it. What that end is, is a matter of what is known at the as_of:

1. The agreed `ends_at`; from its day on `terminated_at`, if that comes first; of an open-ended one `cancelled_at`. A
   cancellation of a term with an end is notice: it runs to its end.
2. A contract that another one succeeds (succession.py) covers until that one begins: no longer where it comes early, so
   that nothing counts twice, and up to it where it comes late.
3. One that has ended, without a successor yet and without notice, is carried for the allowed gap while nobody knows.
4. One that renews itself (`auto_renews`) goes on, term after term, until notice is given (then to the end of that
   term), it is terminated, or another succeeds it. One without an end whose `billing_period` is known does so too: each
   of its terms is a billing period, and its end the next anniversary of its beginning (terms.py).
5. A trial covers nothing, unless `churn.trials_are_customers`; a pause covers with an ARR of 0.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from configs.settings import Churn
from features.sources import Sources
from features.timeline.asof_join import MOMENT, asof_join
from features.timeline.succession import successions
from features.timeline.terms import UNEVEN, after_terms, end_of_term, first_ends
from features.timeline.visibility import visible_from

NEVER = pd.Timestamp.max.floor("us").as_unit("us")
DAY = pd.Timedelta(days=1)
TEXTS = ("contract_id", "kind", "plan", "billing_period", "currency")
TIMES = ("ends_at", "terminated_at", "cancelled_at")
MADE = ("visible", "superseded", "first_seen", "covers_until", "carried_from", "term_starts_at", "terms", "corrected")
_COVERS: WeakKeyDictionary[Sources, dict[tuple[int, bool], pd.DataFrame]] = WeakKeyDictionary()


def contract_cover(sources: Sources, churn: Churn) -> pd.DataFrame:
    """Contracts as each as_of knows them, one row for each stretch of as_ofs at which the same is known of one.

    Parameters
    ----------
    sources : Sources
        With the table contracts.
    churn : Churn
        The allowed gap, and whether trials are customers.

    Returns
    -------
    DataFrame
        The columns of contracts, ends_at as known then, and: visible and superseded (the first as_of that knows this,
        and the first that does not any more, NaT: none); first_seen (the first that knows the row); covers_until (NaT:
        without end); carried_from (its end, where it covers more than that because nobody knows of a successor);
        term_starts_at (the beginning of the current term of one that has renewed itself, else starts_at); terms (begun
        so far); corrected (whether rows of the account have several versions). By account, beginning and visible.
    """
    key = (churn.allowed_gap_days, churn.trials_are_customers)
    of_sources = _COVERS.setdefault(sources, {})
    if key not in of_sources:
        rows = sources.history().tables["contracts"]
        frame = sources.engine.to_pandas(rows.mutate(visible=visible_from(rows, "starts_at")))
        of_sources[key] = covered(frame, churn, sources.data_end)
    return of_sources[key].copy(deep=False)


def covered(contracts: pd.DataFrame, churn: Churn, data_end: pd.Timestamp) -> pd.DataFrame:
    """`contract_cover` of a frame.

    Parameters
    ----------
    contracts : DataFrame
        Columns of the table contracts and visible; superseded where facts have versions.
    churn : Churn
        As for `contract_cover`.
    data_end : Timestamp
        The first midnight not covered by the data; terms that renew themselves are told apart up to it.

    Returns
    -------
    DataFrame
        As `contract_cover`.
    """
    gap = pd.Timedelta(days=churn.allowed_gap_days)
    states = _states(_complete(_until(contracts, data_end), churn))
    held = successions(states, gap)
    frame = _terms(_pieces(states, held, gap), gap, data_end)
    frame = frame.sort_values(["account_id", "starts_at", "version", "visible"], ignore_index=True)
    for name in (name for name in MADE if name not in ("terms", "corrected")):
        frame[name] = frame[name].astype(MOMENT)
    frame["superseded"] = frame.superseded.where(frame.superseded < NEVER.floor("D"))
    for name in (name for name in TEXTS if name in contracts):
        frame[name] = frame[name].astype("str")
    return frame[list(dict.fromkeys([*contracts, "ends_at", *MADE]))]


def _until(contracts: pd.DataFrame, data_end: pd.Timestamp) -> pd.DataFrame:
    """The rows with `corrected`, and without the versions of them that were recorded after the data's end."""
    if "superseded" not in contracts:
        return contracts.assign(corrected=False)
    corrected = contracts.account_id.isin(contracts.account_id[contracts.superseded.notna()])
    over = contracts[contracts.superseded > data_end]
    later = pd.MultiIndex.from_frame(contracts[["account_id", "visible"]]).isin(
        pd.MultiIndex.from_frame(over[["account_id", "superseded"]])
    )
    rows = contracts.assign(corrected=corrected, superseded=contracts.superseded.mask(contracts.superseded > data_end))
    return rows[~later]


def _complete(contracts: pd.DataFrame, churn: Churn) -> pd.DataFrame:
    """The rows that may cover anything, with every column that counts, numbered alike in whatever order they came."""
    rows = contracts.copy(deep=False)
    for name in TEXTS:
        rows[name] = rows[name].astype(object).where(rows[name].notna(), None) if name in rows else None
    for name in (*TIMES, "starts_at", "visible", "superseded"):
        rows[name] = rows[name].astype(MOMENT) if name in rows else pd.Series(pd.NaT, rows.index, dtype=MOMENT)
    rows["arr"] = rows.arr.astype("float64") if "arr" in rows else 1.0
    auto = (rows.auto_renews if "auto_renews" in rows else pd.Series(pd.NA, rows.index)).astype("boolean")
    rows["paused"] = (rows.kind == "paused").astype(bool)
    is_open = rows.ends_at.isna() & ~rows.paused & auto.fillna(True).astype(bool)
    rows["ends_at"] = rows.ends_at.where(~is_open, first_ends(rows.starts_at, rows.billing_period))
    rows["renews_itself"] = (auto.fillna(False) | is_open).astype(bool) & (rows.ends_at > rows.starts_at)
    rows["arr"] = rows.arr.mask(rows.paused, 0.0)
    if not churn.trials_are_customers:
        rows = rows[rows.kind != "trial"]
    order = ["account_id", "starts_at", "ends_at", "contract_id", "visible", "arr", "plan"]
    rows = rows.sort_values(order, ignore_index=True)
    named = rows.contract_id.notna()
    key = rows.contract_id.where(named, pd.Series([f"row {number}" for number in rows.index], rows.index, dtype=object))
    return rows.assign(
        superseded=rows.superseded.fillna(NEVER),
        first_seen=rows.visible,
        version=np.arange(len(rows)),
        contract=pd.factorize(key)[0],
        owner=pd.factorize(rows.account_id)[0],
    )


def _states(rows: pd.DataFrame) -> pd.DataFrame:
    """Each row once for each thing known of it: before and after its notice, before and after it was terminated."""
    told, left = (rows[name].dt.floor("D") + DAY for name in ("cancelled_at", "terminated_at"))
    parts = []
    for notice in (False, True):
        for early in (False, True):
            part = rows.copy(deep=False)
            for known, since in ((notice, told), (early, left)):
                bound = since.fillna(NEVER)
                if known:
                    part["visible"] = part.visible.where(part.visible > bound, bound)
                else:
                    part["superseded"] = part.superseded.where(part.superseded < bound, bound)
            part["cancelled_at"] = part.cancelled_at if notice else pd.NaT
            part["terminated_at"] = part.terminated_at if early else pd.NaT
            parts.append(part[part.visible < part.superseded])
    states = pd.concat(parts, ignore_index=True).sort_values(["version", "visible"], ignore_index=True)
    for name in ("cancelled_at", "terminated_at"):
        states[name] = states[name].astype(MOMENT)
    return _with_ends(states.assign(state=np.arange(len(states))))


def _with_ends(states: pd.DataFrame) -> pd.DataFrame:
    """ends_at as known in each state, agreed_end, whether it was early, and whether anybody knows that it will be."""
    agreed, notice, early = states.ends_at, states.cancelled_at, states.terminated_at
    goes_on = states.renews_itself & ~(notice <= agreed)
    given = goes_on & notice.notna()
    ends = agreed.fillna(notice)
    if given.any():
        ends = ends.mask(given, end_of_term(states[given], notice[given]))
    is_early = early.notna() & (agreed.isna() | (goes_on & notice.isna()) | (early < ends))
    renews_itself = goes_on & notice.isna() & early.isna()
    return states.assign(
        ends_at=ends.mask(is_early, early),
        first_end=agreed,
        has_terms=goes_on,
        agreed_end=agreed.mask(renews_itself),
        ended_early=is_early | agreed.isna(),
        notice=notice.notna() | early.notna(),
        renews_itself=renews_itself,
    )


def _pieces(states: pd.DataFrame, held: pd.DataFrame, gap: pd.Timedelta) -> pd.DataFrame:
    """The states, cut where a successor becomes known, with the end of what each covers."""
    held = held.sort_values(["state", "visible"], ignore_index=True)
    of = states.set_index("state", drop=False)
    followed = of.loc[held.state].reset_index(drop=True)
    followed = followed.assign(
        visible=held.visible, superseded=held.superseded, covers_until=held.begins, followed=True
    )
    # In between: from the beginning of a state, or the end of a pair, to the next pair, or the end of the state.
    bounds = [states[["state", "visible"]].rename(columns={"visible": "at"})]
    bounds.append(held[["state", "superseded"]].rename(columns={"superseded": "at"}))
    free = pd.concat(bounds, ignore_index=True).sort_values(["state", "at"], ignore_index=True)
    number = free.groupby("state").cumcount()
    held = held.assign(number=held.groupby("state").cumcount())
    until = free.assign(number=number).merge(held[["state", "number", "visible"]], on=["state", "number"], how="left")
    alone = of.loc[free.state].reset_index(drop=True)
    alone = alone.assign(visible=free["at"], superseded=until.visible.fillna(alone.superseded))
    alone = alone.assign(covers_until=alone.ends_at.mask(alone.renews_itself), followed=False)
    carried_until = alone.ends_at + gap
    is_carried = alone.covers_until.notna() & ~alone.notice & (gap > pd.Timedelta(0))
    carried = alone.assign(
        covers_until=carried_until,
        carried_from=alone.ends_at,
        superseded=alone.superseded.where(alone.superseded < carried_until, carried_until),
    )[is_carried]
    over = alone.assign(visible=alone.visible.where(~is_carried | (alone.visible > carried_until), carried_until))
    pieces = pd.concat([carried, followed, over], ignore_index=True)
    for name in ("visible", "superseded"):  # as_ofs are midnights
        pieces[name] = _midnight(pieces[name])
    return pieces[pieces.visible < pieces.superseded]


def _midnight(moments: pd.Series) -> pd.Series:
    """The first midnight not before each moment."""
    day = moments.dt.floor("D")
    return day.where((day == moments) | (moments >= NEVER.floor("D")), day + DAY).astype(MOMENT)


def _terms(pieces: pd.DataFrame, gap: pd.Timedelta, data_end: pd.Timestamp) -> pd.DataFrame:
    """All pieces with terms and term_starts_at; those of contracts that renew themselves are cut by term."""
    pieces = pieces.assign(terms=1.0, term_starts_at=pieces.starts_at)
    several = pieces.has_terms & (pieces.first_end < data_end)
    rest, rolling = pieces[~several], pieces[several].reset_index(drop=True)
    if rolling.empty:
        return rest
    last = rolling.covers_until.where(rolling.covers_until < data_end, data_end)
    passed = ((last - rolling.first_end) / (rolling.first_end - rolling.starts_at)).clip(lower=0)
    count = np.ceil(passed.to_numpy() * UNEVEN).astype(int) + 3
    rows = rolling.loc[np.repeat(rolling.index, count)].reset_index()
    number = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    ends = after_terms(rows.starts_at, rows.first_end, number)
    begins = after_terms(rows.starts_at, rows.first_end, number - 1).where(number > 0, rows.starts_at)
    # A successor that begins within the gap was late, and no other term lay in between.
    late = begins + gap * rows.followed.astype(int)
    begun = (number == 0) | ~(late >= rows.covers_until) & (begins < data_end)
    # An as_of at the very end of a term still looks at that term.
    since, until = (_midnight(at + pd.Timedelta(microseconds=1)) for at in (begins, ends))
    since = since.where(number > 0, rows.visible)
    rows = rows.assign(since=since, until=until, next_end=ends, term_starts_at=begins, terms=number + 1.0)[begun]
    is_last = ~rows["index"].duplicated(keep="last")
    rows = rows.assign(
        visible=rows.visible.where(rows.visible > rows.since, rows.since),
        superseded=rows.superseded.where(is_last | (rows.superseded < rows.until), rows.until),
        ends_at=rows.next_end.where(rows.renews_itself | ~is_last, rows.ends_at),
    )
    return pd.concat([rest, rows[rows.visible < rows.superseded]], ignore_index=True)


def under_contract(pairs: pd.DataFrame, cover: pd.DataFrame, carried: bool = True) -> np.ndarray:
    """Which accounts are under contract at which as_of, as known then.

    Parameters
    ----------
    pairs : DataFrame
        account_id and as_of, (n,) rows.
    cover : DataFrame
        As `contract_cover` returns it.
    carried : bool
        Whether an account counts whose contracts have ended while nobody knows yet what follows.

    Returns
    -------
    ndarray of bool, (n,)
    """
    until = cover.covers_until if carried else cover.carried_from.fillna(cover.covers_until)
    begins = cover.starts_at.astype(MOMENT).dt.floor("D") + DAY
    last = (cover.superseded - DAY).fillna(NEVER)
    until = until.dt.floor("D").fillna(NEVER)
    rows = pd.DataFrame(
        {
            "account_id": cover.account_id,
            "since": cover.visible.where(cover.visible > begins, begins),
            "until": until.where(until < last, last),
        }
    ).sort_values("since", kind="stable")
    rows["latest"] = rows.groupby("account_id").until.cummax()
    seen = asof_join(pairs, rows, "since", ["latest"])
    return np.asarray((seen.latest >= pairs.as_of).to_numpy())


def states_of_contracts(cover: pd.DataFrame) -> pd.DataFrame:
    """What was known of contracts when, as far as it can change when a customer's spells began.

    Parameters
    ----------
    cover : DataFrame
        As `contract_cover` returns it.

    Returns
    -------
    DataFrame
        account_id, at, visible, superseded, ends_at: one row a contract as `known_cover` has it, and of accounts with
        corrected rows one for each state.
    """
    known = known_cover(cover[~cover.corrected]).drop(columns=["arr", "noticed_at"])
    states = cover[cover.corrected]
    states = states.assign(at=states.starts_at.astype(MOMENT), ends_at=states.covers_until)
    known["superseded"] = pd.Series(pd.NaT, index=known.index, dtype=MOMENT)
    return pd.concat([known, states[list(known)]], ignore_index=True)


def known_cover(cover: pd.DataFrame) -> pd.DataFrame:
    """What is known of contracts in the end.

    Parameters
    ----------
    cover : DataFrame
        As `contract_cover` returns it.

    Returns
    -------
    DataFrame
        account_id, at (the beginning), visible (the first as_of able to see the row), ends_at (the end of what it
        covers, NaT: open), noticed_at (when notice was given or it was terminated, NaT: neither), arr (NaN: unknown); a
        row a contract.
    """
    rows = cover[cover.superseded.isna()]
    arr = rows.arr if "arr" in rows else np.nan
    columns = {"account_id": rows.account_id, "at": rows.starts_at.astype(MOMENT), "visible": rows.first_seen}
    noticed_at = rows[[name for name in ("cancelled_at", "terminated_at") if name in rows]].min(axis=1).astype(MOMENT)
    known = {**columns, "ends_at": rows.covers_until, "noticed_at": noticed_at, "arr": arr}
    return pd.DataFrame(known).reset_index(drop=True)
