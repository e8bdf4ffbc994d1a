"""When the spells of a customer begin and end: churns, returns, and what lies between them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from configs.settings import Churn, Settings
from features.sources import Sources
from features.timeline.asof_join import MOMENT
from features.timeline.contract_cover import NEVER
from features.timeline.outage_clock import ALWAYS, FeedUptimeClock, clock_at_end
from features.timeline.readers import activity_days, churn_rows, spans
from features.timeline.visibility import SUPERSEDED


def customer_spells(rows: pd.DataFrame, gap: pd.Timedelta, clock: FeedUptimeClock = ALWAYS) -> pd.DataFrame:
    """The spells of accounts: times without a break longer than a gap.

    A row that begins more than `gap`, by the clock, after everything before it has ended begins a new spell.

    Parameters
    ----------
    rows : DataFrame
        account_id, at, ends_at (NaT: without end), in any order.
    gap : Timedelta
        The longest break that ends nothing.
    clock : FeedUptimeClock
        Counts the break; it stops while the feed is down.

    Returns
    -------
    DataFrame
        account_id, began, ended (the latest end of its rows), first (whether it is the account's first spell).
    """
    codes, accounts = pd.factorize(rows.account_id)
    order = np.lexsort((rows["at"].to_numpy(), codes))
    account = codes[order]
    at = rows["at"].astype(MOMENT).iloc[order].reset_index(drop=True)
    ends = rows.ends_at.astype(MOMENT).fillna(NEVER).iloc[order].reset_index(drop=True)
    first = np.diff(account, prepend=-1) != 0
    reached = ends.groupby(account).cummax()
    new = first | (at > clock.after(reached.shift(), gap)).to_numpy()
    ended = reached[np.append(new[1:], True)[: len(new)]].to_numpy()
    return pd.DataFrame(
        {"account_id": accounts[account[new]], "began": at[new].to_numpy(), "ended": ended, "first": first[new]}
    )


def churns_and_returns(events: pd.DataFrame) -> pd.DataFrame:
    """The events that end a spell or begin the next: churns of customers and returns of those who had left,
    alternating.

    Parameters
    ----------
    events : DataFrame
        account_id, at, alive (False: a churn), and any further columns.

    Returns
    -------
    DataFrame
        Those of the rows that change anything, by account and time, the first of each account a churn. Where both
        happen at once, the churn comes second.
    """
    events = events.sort_values(["account_id", "at", "alive"], ascending=[True, True, False], kind="stable")
    before = events.groupby("account_id").alive.shift(fill_value=True)
    return events[events.alive != before].reset_index(drop=True)


def spell_events(sources: Sources, churn: Churn) -> pd.DataFrame:
    """Recorded churns and what brings an account back: reactivations and contracts.

    A first contract that begins soon brings nobody back (`without_first_contracts`), nor does a trial, unless trials
    are customers.

    Parameters
    ----------
    sources : Sources
        outcomes, and contracts where there are any.
    churn : Churn
        Whether trials are customers.

    Returns
    -------
    DataFrame
        account_id, at, visible (the first as_of that sees it), superseded where facts have versions, voluntary, alive,
        contract; by account and time, of accounts with a recorded churn only.
    """
    churns = churn_rows(sources).assign(alive=False, contract=False)
    events = [churns, churn_rows(sources, "reactivation").assign(alive=True, contract=False)]
    if sources.has("contracts"):
        contracts = spans(sources, "contracts", "kind")
        is_trial = (contracts.kind == "trial").fillna(False).astype(bool) & (not churn.trials_are_customers)
        events.append(contracts[~is_trial].assign(alive=True, contract=True, voluntary=None))
    columns = ["account_id", "at", "visible", "voluntary", "alive", "contract"]
    if any(SUPERSEDED in part for part in events):
        columns.append(SUPERSEDED)
        events = [part.reindex(columns=columns).astype({SUPERSEDED: MOMENT}) for part in events]
    rows = pd.concat([part[columns].astype({"voluntary": object}) for part in events], ignore_index=True)
    rows = rows.astype({"at": MOMENT, "visible": MOMENT})
    return rows[rows.account_id.isin(churns.account_id)].sort_values(["account_id", "at"], kind="stable")


def without_first_contracts(events: pd.DataFrame, keys: list[str], gap: pd.Timedelta) -> pd.DataFrame:
    """The events without the first contract of each group where it begins within a gap of a churn: some churn between
    signing up and the start of what they signed. One that begins later was signed after it, as when a trial was lost
    and won at last.

    Parameters
    ----------
    events : DataFrame
        As `spell_events` returns them.
    keys : list of str
        Columns that make a group.
    gap : Timedelta
        The allowed gap.

    Returns
    -------
    DataFrame
    """
    contracts = events[events.contract].sort_values([*keys, "at"], kind="stable")
    first = contracts[contracts.groupby(keys).cumcount() == 0]
    churns = events.loc[~events.alive.astype(bool), [*keys, "at"]].rename(columns={"at": "left_at"})
    pairs = first[[*keys, "at"]].reset_index(names="event").merge(churns, on=keys)
    soon = (pairs.left_at <= pairs["at"]) & (pairs["at"] <= pairs.left_at + gap)
    return events.drop(pairs.event[soon].unique())


def lasting_events(sources: Sources, churn: Churn) -> pd.DataFrame:
    """`spell_events` as known at the data's end, without first contracts that bring nobody back.

    Parameters
    ----------
    sources, churn
        As for `spell_events`.

    Returns
    -------
    DataFrame
        As there.
    """
    return without_first_contracts(
        spell_events(sources, churn), ["account_id"], pd.Timedelta(days=churn.allowed_gap_days)
    )


def silence_gap(settings: Settings) -> pd.Timedelta:
    """The longest pause that is no churn: a silence is complete when it has lasted its days to the full."""
    return pd.Timedelta(days=settings.churn.silence.days) - pd.Timedelta(microseconds=1)


def spells_between_silences(sources: Sources, settings: Settings) -> tuple[pd.DataFrame, FeedUptimeClock]:
    """The spells between silences, seen in hindsight, and the clock by which the silences are counted.

    Parameters
    ----------
    sources : Sources
        The project's tables.
    settings : Settings
        `churn.silence` says of which table, and how long a silence is churn.

    Returns
    -------
    spells : DataFrame
        As `customer_spells` returns them.
    clock : FeedUptimeClock
    """
    clock = clock_at_end(sources, settings)
    return customer_spells(activity_days(sources, settings), silence_gap(settings), clock), clock
