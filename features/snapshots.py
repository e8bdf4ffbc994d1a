"""Which accounts are in play at which as_of, and when their lives began: the rows of every frame, as known then.

An account may have several lives: one that comes back after a churn begins a new one, and its tenure counts from the
return. Signals count facts of their windows whatever life they belong to: what was known of an account stays known.
"""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from configs.errors import DataError, Fault
from configs.settings import Settings
from configs.tables import table
from features.sources import Sources
from features.windows import visible_from
from features.worked import ALWAYS, Worked, clock_at_end, clocks

FREQUENCY = {"day": "D", "week": "W-MON", "month": "MS", "quarter": "QS"}
WARM_UP_DAYS = 90
MOMENT: Final = "datetime64[us]"
NEVER = pd.Timestamp.max.floor("us").as_unit("us")
_CONTRACTS: WeakKeyDictionary[Sources, pd.DataFrame] = WeakKeyDictionary()


def calendar_days(sources: Sources, settings: Settings) -> pd.DatetimeIndex:
    """The project's as_ofs (UTC midnights), none later than the data's end; DataError names those that are."""
    rule = settings.snapshots
    if rule.at:
        days = pd.DatetimeIndex(sorted(pd.Timestamp(day) for day in set(rule.at)))
        late = days[days > sources.data_end]
        if len(late):
            raise DataError(_future(late[0], sources.data_end, "snapshots.at"))
        return days.as_unit("us")
    accounts = sources.tables["accounts"]
    first = (
        pd.Timestamp(rule.from_) if rule.from_ else _day(accounts.created_at.min()) + pd.Timedelta(days=WARM_UP_DAYS)
    )
    last = min(pd.Timestamp(rule.to), sources.data_end) if rule.to else sources.data_end
    days = pd.date_range(first.ceil("D"), last, freq=FREQUENCY[rule.every])
    if days.empty:
        raise DataError(
            Fault(
                "snapshots",
                f"no as_of between {first:%Y-%m-%d} and {last:%Y-%m-%d}",
                f"at least one {rule.every} of data after {WARM_UP_DAYS} days of warm-up",
                "set snapshots.from, or give as_ofs in snapshots.at",
            )
        )
    return days.as_unit("us")


def check_as_ofs(as_ofs: pd.DatetimeIndex, data_end: pd.Timestamp) -> None:
    """DataError when an as_of lies after the data's end, is no midnight, or when there is none."""
    faults = [_future(day, data_end, "as_of") for day in as_ofs if day > data_end]
    faults += [
        Fault("as_of", str(day), "a UTC midnight", "give the date alone") for day in as_ofs if day != day.normalize()
    ]
    if faults:
        raise DataError(faults)


def _future(day: pd.Timestamp, data_end: pd.Timestamp, where: str) -> Fault:
    return Fault(
        where,
        f"{day:%Y-%m-%d}, in the future of the data",
        f"a day up to the data's end, {data_end:%Y-%m-%d}",
        "choose an earlier day, or bring newer data",
    )


def _day(value: ibis.Value) -> pd.Timestamp:
    return pd.Timestamp(value.execute()).normalize()


def spans(sources: Sources, name: str, *columns: str, where: ibis.Value | None = None) -> pd.DataFrame:
    """account_id, the table's time as `at`, the first as_of able to see the row as `visible`, and further columns."""
    rows = sources.tables[name]
    if where is not None:
        rows = rows.filter(where)
    time = table(name).time
    have = [column for column in columns if column in rows.columns]
    chosen = rows.select("account_id", *have, at=rows[time], visible=visible_from(rows, time))
    frame = chosen.to_pandas().sort_values(["account_id", "at", *have], kind="stable", ignore_index=True)
    for column in columns:
        if column not in frame:
            frame[column] = pd.NaT if column.endswith("_at") else None
    return frame


def churn_rows(sources: Sources, kind: str = "churn") -> pd.DataFrame:
    """Recorded outcomes of one kind: account_id, at, visible, voluntary, reason."""
    outcomes = sources.tables["outcomes"]
    return spans(sources, "outcomes", "voluntary", "reason", where=outcomes.kind == kind)


def contract_rows(sources: Sources) -> pd.DataFrame:
    """Contracts: account_id, at, visible, ends_at (NaT: open), arr. An open-ended one that was cancelled ended then;
    one with an end runs until it, cancelled or not, since it is paid for.

    Read once: churns, contractions and returns all come from them, and outcomes are judged in many parts.
    """
    if sources not in _CONTRACTS:
        rows = spans(sources, "contracts", "ends_at", "cancelled_at", "arr")
        rows["ends_at"] = rows.ends_at.astype(MOMENT).fillna(rows.pop("cancelled_at").astype(MOMENT))
        _CONTRACTS[sources] = rows
    return _CONTRACTS[sources].copy(deep=False)


def activity(sources: Sources, settings: Settings) -> ir.Table:
    """The table whose silence is churn; of invoices, credit notes and failed payments do not count."""
    name = settings.churn.silence.of
    rows = sources.tables[name]
    if name == "invoices" and "kind" in rows.columns:
        rows = rows.filter(rows.kind.fill_null("invoice") == "invoice")
    return rows


def activity_rows(sources: Sources, settings: Settings) -> pd.DataFrame:
    """Every row of the table whose silence is churn: account_id, at, visible."""
    name = settings.churn.silence.of
    rows = activity(sources, settings)
    chosen = rows.select("account_id", at=rows[table(name).time], visible=visible_from(rows, table(name).time))
    return chosen.to_pandas().sort_values(["account_id", "at"], kind="stable", ignore_index=True)


def activity_days(sources: Sources, settings: Settings) -> pd.DataFrame:
    """The same rows by day, which is all that a silence of days needs: account_id, at (the day's first), ends_at (its
    last), visible, in no order. Rows of a day that became known on different days stand apart."""
    rows = activity(sources, settings)
    time = table(settings.churn.silence.of).time
    rows = rows.select("account_id", at=rows[time], day=rows[time].truncate("D"), visible=visible_from(rows, time))
    days = rows.group_by(["account_id", "day", "visible"]).aggregate(at=rows["at"].min(), ends_at=rows["at"].max())
    return sources.connection.to_pandas(days.drop("day"))


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


def snapshots(sources: Sources, settings: Settings, as_ofs: pd.DatetimeIndex) -> pd.DataFrame:
    """One row per (account_id, as_of) in play: known by then, under contract or active, not known to have left.

    Columns: account_id, as_of, life_start (when this life of the account began: sign-up, or its return after a churn).
    A return is the reactivation or contract after a recorded churn (outcome), the contract after more than the allowed
    gap (contract_end), the first row after a silence that was long enough (silence; outages of the feed count as known
    at the as_of).
    """
    rule = settings.churn
    accounts = spans(sources, "accounts").rename(columns={"at": "life_start"}).astype({"life_start": MOMENT})
    pairs = accounts.merge(pd.DataFrame({"as_of": as_ofs.as_unit("us")}), how="cross")
    pairs = pairs[pairs.visible <= pairs.as_of].drop(columns="visible")
    if rule.kind == "silence":
        rows, back = activity_days(sources, settings), pd.Timedelta(days=rule.silence.active_days)
        found = []
        for clock, at in clocks(sources, settings, as_ofs):
            active = _with_end_from(pairs[pairs.as_of.isin(at)], rows, back, clock)
            found.append(_in_latest_life(active, rows, silence_gap(settings), clock))
        pairs = pd.concat(found)
    elif sources.has("contracts"):
        rows = contract_rows(sources)
        pairs = _with_end_from(pairs, rows, pd.Timedelta(0))
        if rule.kind == "contract_end":
            pairs = _in_latest_life(pairs, rows, pd.Timedelta(days=rule.allowed_gap_days))
    if sources.has("outcomes") and rule.kind == "outcome":
        pairs = _not_churned(pairs, life_events(sources))
    return pairs[["account_id", "as_of", "life_start"]].sort_values(["as_of", "account_id"], ignore_index=True)


def silence_gap(settings: Settings) -> pd.Timedelta:
    """The longest pause that is no churn: a silence is complete when it has lasted its days to the full."""
    return pd.Timedelta(days=settings.churn.silence.days) - pd.Timedelta(microseconds=1)


def silent_lives(sources: Sources, settings: Settings) -> tuple[pd.DataFrame, Worked]:
    """`lives` between silences in hindsight, and the clock by which these are counted."""
    clock = clock_at_end(sources, settings)
    return lives(activity_days(sources, settings), silence_gap(settings), clock), clock


def _with_end_from(pairs: pd.DataFrame, rows: pd.DataFrame, back: pd.Timedelta, clock: Worked = ALWAYS) -> pd.DataFrame:
    """Pairs with a visible row that ends no earlier than `back` before the as_of."""
    rows = rows.assign(ends_at=rows.ends_at.astype(MOMENT).fillna(NEVER), visible=rows.visible.astype(MOMENT))
    # Rows become visible in the order of `visible`, not of `at`: the latest end seen so far is a running maximum.
    rows = rows.sort_values("visible", kind="stable")
    rows["latest"] = rows.groupby("account_id").ends_at.cummax()
    seen = asof(pairs, rows, "visible", ["latest"])
    return pairs[(clock.after(seen.latest, back) >= pairs.as_of).to_numpy()]


def _in_latest_life(pairs: pd.DataFrame, rows: pd.DataFrame, gap: pd.Timedelta, clock: Worked = ALWAYS) -> pd.DataFrame:
    """life_start of accounts that came back becomes the beginning of their latest life known at the as_of."""
    ids = pd.Index(rows.account_id.unique())  # numbers instead of texts: rows may be many
    rows = rows.assign(account_id=ids.get_indexer(rows.account_id))
    coded = pairs.assign(account_id=ids.get_indexer(pairs.account_id))
    late = _told_late(rows, gap, clock)
    slow = rows.account_id.isin(late).to_numpy()
    found = asof(coded, lives(rows[~slow], gap, clock), "began", ["began", "first"], exact=False)
    began = found.began.where(found["first"].eq(False))
    rows, of_slow = rows[slow], coded.account_id.isin(late).to_numpy()
    for as_of in coded.as_of[of_slow].unique():
        last = lives(rows[rows.visible <= as_of], gap, clock).drop_duplicates("account_id", keep="last")
        back = last[~last["first"]].set_index("account_id").began
        here = of_slow & (coded.as_of == as_of).to_numpy()
        began[here] = back.reindex(coded.account_id[here]).to_numpy()
    return pairs.assign(life_start=began.fillna(pairs.life_start))


def _told_late(rows: pd.DataFrame, gap: pd.Timedelta, clock: Worked) -> np.ndarray:
    """Accounts whose lives may look different at an as_of than in hindsight, since rows were recorded late.

    Rows seen on time are seen in the order in which they happened: no later one moves a beginning. One recorded late
    moves none either where it lies within a life of those on time, or no further than the gap from their only one.
    """
    on_time = (rows.visible <= rows["at"].dt.normalize() + pd.Timedelta(days=1)).to_numpy()
    late = rows[~on_time]
    whole = lives(rows[on_time], gap, clock)
    around = asof(late.assign(as_of=late["at"]), whole, "began", ["ended"])
    only = whole[~whole.account_id.duplicated(keep=False)].set_index("account_id")
    only = only.reindex(late.account_id).set_axis(late.index)
    near = (clock.after(late["at"], gap) >= only.began) & (late["at"] <= clock.after(only.ended, gap))
    within = (late["at"] <= around.ended) & (late.ends_at.astype(MOMENT).fillna(NEVER) <= around.ended)
    harmless = within | near
    return late.account_id[~harmless].unique()


def _not_churned(pairs: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Drops accounts whose newest known event is a churn; an account that came back begins a new life then."""
    seen = events.merge(pairs[["account_id", "as_of"]], on="account_id")
    seen = returning(seen[seen.visible <= seen.as_of], ["account_id", "as_of"])
    newest = turns(seen.assign(account_id=seen.groupby(["account_id", "as_of"]).ngroup(), account=seen.account_id))
    newest = newest.drop_duplicates("account_id", keep="last")[["account", "as_of", "at", "alive"]]
    pairs = pairs.merge(newest.rename(columns={"account": "account_id"}), on=["account_id", "as_of"], how="left")
    pairs["life_start"] = pairs["at"].fillna(pairs.life_start)
    return pairs[pairs.alive.ne(False)]


def same_numbers(names: pd.Series, others: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Accounts as numbers, the same in both: (n,) and (m,) int, those of `names` from 0 on without a gap, so that one
    of `others` that is not among them has a greater one. Looking names up in an index takes five times as long.

    >>> [codes.tolist() for codes in same_numbers(pd.Series(["b", "a", "b"]), pd.Series(["a", "c"]))]
    [[0, 1, 0], [1, 2]]
    """
    codes, _ = pd.factorize(pd.concat([names, others], ignore_index=True))
    return codes[: len(names)], codes[len(names) :]


def among(ids: pd.Series, names: pd.Series) -> np.ndarray:
    """Which of the ids are one of `names`, (n,) bool."""
    known, asked = same_numbers(names, ids)
    return np.asarray((asked >= 0) & (asked <= known.max(initial=-1)))


def asof(
    pairs: pd.DataFrame, rows: pd.DataFrame, on: str, columns: list[str], *, ahead: bool = False, exact: bool = True
) -> pd.DataFrame:
    """For each pair (account_id, as_of) the columns of the account's last row with `on` <= as_of, missing without one.

    ahead: of its first row with `on` >= as_of instead; exact=False: strictly before (or after). Index of the pairs.
    """
    left = pairs[["account_id", "as_of"]].astype({"as_of": MOMENT}).assign(row=np.arange(len(pairs)))
    right = rows[["account_id", *dict.fromkeys([on, *columns])]].astype({on: MOMENT})
    right["account_id"], left["account_id"] = same_numbers(right.account_id, left.account_id)
    found = pd.merge_asof(
        left.sort_values("as_of", kind="stable"),
        right.rename(columns={on: "_on"}).assign(**{on: right[on]}).sort_values("_on", kind="stable"),
        left_on="as_of",
        right_on="_on",
        by="account_id",
        direction="forward" if ahead else "backward",
        allow_exact_matches=exact,
    )
    return found.sort_values("row", kind="stable").set_index(pairs.index)[columns]
