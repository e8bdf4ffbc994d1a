"""Which accounts are in play at which as_of, and since when they are customers: the rows of every frame, as known then.

An account may have several spells: one that comes back after a churn begins a new one, and its tenure counts from the
return. Signals count facts of their windows whatever spell they belong to: what was known of an account stays known.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from configs.settings import Settings
from features.sources import Sources
from features.timeline.asof_join import MOMENT, asof_join, of_accounts
from features.timeline.contract_cover import NEVER, contract_cover, states_of_contracts, under_contract
from features.timeline.episodes import (
    churns_and_returns,
    customer_spells,
    silence_gap,
    spell_events,
    without_first_contracts,
)
from features.timeline.outage_clock import ALWAYS, FeedUptimeClock, clocks
from features.timeline.readers import activity_days, spans
from features.timeline.visibility import SUPERSEDED, seen_at


def snapshots(sources: Sources, settings: Settings, as_ofs: pd.DatetimeIndex) -> pd.DataFrame:
    """One row per (account_id, as_of) in play: known by then, under contract or active, not known to have left.

    A return is the reactivation or contract after a recorded churn (outcome), the contract after more than the allowed
    gap, or pause (contract_end), the first row after a silence that was long enough (silence; outages of the feed count
    as known at the as_of).

    Parameters
    ----------
    sources : Sources
        The project's tables.
    settings : Settings
        `churn` says what being a customer means.
    as_ofs : DatetimeIndex
        UTC midnights.

    Returns
    -------
    DataFrame
        account_id, as_of, spell_start (sign-up, or the return after a churn); by as_of and account.
    """
    rule, newest, sources = settings.churn, sources, sources.history()
    accounts = spans(sources, "accounts").rename(columns={"at": "spell_start"}).astype({"spell_start": MOMENT})
    pairs = accounts.merge(pd.DataFrame({"as_of": as_ofs.as_unit("us")}), how="cross")
    pairs = seen_at(pairs, pairs.as_of)[["account_id", "spell_start", "as_of"]]
    if rule.kind == "silence":
        rows, back = activity_days(sources, settings), pd.Timedelta(days=rule.silence.active_days)
        of_clocks = []
        for clock, at in clocks(sources, settings, as_ofs):
            active = _with_end_from(pairs[pairs.as_of.isin(at)], rows, back, clock)
            of_clocks.append(_in_latest_spell(active, rows, silence_gap(settings), clock))
        pairs = pd.concat(of_clocks)
    elif sources.has("contracts"):
        cover = contract_cover(newest, rule)
        pairs = pairs[under_contract(pairs, cover)]
        if rule.kind == "contract_end":
            pairs = _in_latest_spell(pairs, states_of_contracts(cover), pd.Timedelta(days=rule.absence_days))
    if sources.has("outcomes") and rule.kind == "outcome":
        pairs = _not_churned(pairs, spell_events(sources, rule), pd.Timedelta(days=rule.allowed_gap_days))
    return pairs[["account_id", "as_of", "spell_start"]].sort_values(["as_of", "account_id"], ignore_index=True)


def _with_end_from(
    pairs: pd.DataFrame, rows: pd.DataFrame, back: pd.Timedelta, clock: FeedUptimeClock = ALWAYS
) -> pd.DataFrame:
    """Pairs with a visible row that ends no earlier than `back` before the as_of."""
    rows = rows.assign(ends_at=rows.ends_at.astype(MOMENT).fillna(NEVER), visible=rows.visible.astype(MOMENT))
    if SUPERSEDED in rows:
        latest = pd.Series(pd.NaT, index=pairs.index, dtype=MOMENT)
        for as_of in pairs.as_of.unique():
            of_day = pairs[pairs.as_of == as_of]
            ends = seen_at(rows, as_of).groupby("account_id").ends_at.max()
            latest[of_day.index] = of_accounts(ends, of_day.account_id)
        return pairs[(clock.after(latest, back) >= pairs.as_of).to_numpy()]
    # Rows become visible in the order of `visible`, not of `at`: the latest end seen so far is a running maximum.
    rows = rows.sort_values("visible", kind="stable")
    rows["latest"] = rows.groupby("account_id").ends_at.cummax()
    seen = asof_join(pairs, rows, "visible", ["latest"])
    return pairs[(clock.after(seen.latest, back) >= pairs.as_of).to_numpy()]


def _in_latest_spell(
    pairs: pd.DataFrame, rows: pd.DataFrame, gap: pd.Timedelta, clock: FeedUptimeClock = ALWAYS
) -> pd.DataFrame:
    """spell_start of accounts that came back becomes the beginning of their latest spell known at the as_of."""
    ids = pd.Index(rows.account_id.unique())  # numbers instead of texts: rows may be many
    rows = rows.assign(account_id=ids.get_indexer(rows.account_id))
    coded = pairs.assign(account_id=ids.get_indexer(pairs.account_id))
    late = _changed_by_late_rows(rows, gap, clock)
    if SUPERSEDED in rows:
        late = np.union1d(late, rows.account_id[rows.superseded.notna()])
    slow = rows.account_id.isin(late).to_numpy()
    newest = asof_join(coded, customer_spells(rows[~slow], gap, clock), "began", ["began", "first"], exact=False)
    began = newest.began.where(newest["first"].eq(False))
    rows, of_slow = rows[slow], coded.account_id.isin(late).to_numpy()
    for as_of in coded.as_of[of_slow].unique():
        last = customer_spells(seen_at(rows, as_of), gap, clock).drop_duplicates("account_id", keep="last")
        back = last[~last["first"]].set_index("account_id").began
        here = of_slow & (coded.as_of == as_of).to_numpy()
        began[here] = back.reindex(coded.account_id[here]).to_numpy()
    return pairs.assign(spell_start=began.fillna(pairs.spell_start))


def _changed_by_late_rows(rows: pd.DataFrame, gap: pd.Timedelta, clock: FeedUptimeClock) -> np.ndarray:
    """Accounts whose spells may look different at an as_of than in hindsight, since rows were recorded late.

    Rows seen on time are seen in the order in which they happened: no later one moves a beginning. One recorded late
    moves none either where it lies within a spell of those on time, or no further than the gap from their only one.
    """
    on_time = (rows.visible <= rows["at"].dt.normalize() + pd.Timedelta(days=1)).to_numpy()
    late = rows[~on_time]
    whole = customer_spells(rows[on_time], gap, clock)
    around = asof_join(late.assign(as_of=late["at"]), whole, "began", ["ended"])
    only = whole[~whole.account_id.duplicated(keep=False)].set_index("account_id")
    only = only.reindex(late.account_id).set_axis(late.index)
    near = (clock.after(late["at"], gap) >= only.began) & (late["at"] <= clock.after(only.ended, gap))
    within = (late["at"] <= around.ended) & (late.ends_at.astype(MOMENT).fillna(NEVER) <= around.ended)
    harmless = within | near
    return late.account_id[~harmless].unique()


def _not_churned(pairs: pd.DataFrame, events: pd.DataFrame, gap: pd.Timedelta) -> pd.DataFrame:
    """Drops accounts whose newest known event is a churn; an account that came back begins a new spell then."""
    seen = events.merge(pairs[["account_id", "as_of"]], on="account_id")
    seen = without_first_contracts(seen_at(seen, seen.as_of), ["account_id", "as_of"], gap)
    newest = churns_and_returns(
        seen.assign(account_id=seen.groupby(["account_id", "as_of"]).ngroup(), account=seen.account_id)
    )
    newest = newest.drop_duplicates("account_id", keep="last")[["account", "as_of", "at", "alive"]]
    pairs = pairs.merge(newest.rename(columns={"account": "account_id"}), on=["account_id", "as_of"], how="left")
    pairs["spell_start"] = pairs["at"].fillna(pairs.spell_start)
    return pairs[pairs.alive.ne(False)]
