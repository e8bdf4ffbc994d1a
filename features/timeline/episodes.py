"""When the spells of a customer begin and end: churns, returns, and what lies between them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from configs.settings import Settings
from features.sources import Sources
from features.timeline.asof_join import MOMENT
from features.timeline.outage_clock import ALWAYS, Worked, clock_at_end
from features.timeline.readers import activity_days, churn_rows, spans

NEVER = pd.Timestamp.max.floor("us").as_unit("us")


def lives(rows: pd.DataFrame, gap: pd.Timedelta, clock: Worked = ALWAYS) -> pd.DataFrame:
    """Lives of accounts: account_id, began, ended (the latest end of its rows), first (the account's first life).

    Takes rows account_id, at, ends_at (NaT: without end), in any order. A row that begins more than `gap`, by the
    clock, after everything before it has ended begins a new life.
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


def turns(events: pd.DataFrame) -> pd.DataFrame:
    """The events (account_id, at, alive, ...) that end a life or begin the next: churns of the living and returns of
    those who had left, alternating, the first a churn. Where both happen at once, the churn comes second."""
    events = events.sort_values(["account_id", "at", "alive"], ascending=[True, True, False], kind="stable")
    before = events.groupby("account_id").alive.shift(fill_value=True)
    return events[events.alive != before].reset_index(drop=True)


def life_events(sources: Sources) -> pd.DataFrame:
    """Recorded churns and what brings an account back: account_id, at, visible, voluntary, alive, contract.

    Reactivations and contracts bring back; a first contract does not (`turns` must not see it: some leave between
    signing up and its start). Only accounts with a recorded churn have rows.
    """
    churns = churn_rows(sources).assign(alive=False, contract=False)
    events = [churns, churn_rows(sources, "reactivation").assign(alive=True, contract=False)]
    if sources.has("contracts"):
        events.append(spans(sources, "contracts").assign(alive=True, contract=True, voluntary=None))
    columns = ["account_id", "at", "visible", "voluntary", "alive", "contract"]
    found = pd.concat([one[columns].astype({"voluntary": object}) for one in events], ignore_index=True)
    found = found.astype({"at": MOMENT, "visible": MOMENT})
    return found[found.account_id.isin(churns.account_id)].sort_values(["account_id", "at"], kind="stable")


def returning(events: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The events without the first contract of each group of `keys`."""
    contracts = events[events.contract].sort_values([*keys, "at"], kind="stable")
    return events.drop(contracts[contracts.groupby(keys).cumcount() == 0].index)


def silence_gap(settings: Settings) -> pd.Timedelta:
    """The longest pause that is no churn: a silence is complete when it has lasted its days to the full."""
    return pd.Timedelta(days=settings.churn.silence.days) - pd.Timedelta(microseconds=1)


def silent_lives(sources: Sources, settings: Settings) -> tuple[pd.DataFrame, Worked]:
    """`lives` between silences in hindsight, and the clock by which these are counted."""
    clock = clock_at_end(sources, settings)
    return lives(activity_days(sources, settings), silence_gap(settings), clock), clock
