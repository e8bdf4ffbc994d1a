"""Which accounts are in play at which as_of: the rows of every frame, as known at the time."""

from __future__ import annotations

import ibis
import pandas as pd

from configs.errors import DataError, Fault
from configs.settings import Settings
from configs.tables import table
from features.sources import Sources
from features.windows import visible_from

FREQUENCY = {"day": "D", "week": "W-MON", "month": "MS", "quarter": "QS"}
WARM_UP_DAYS = 90


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


def activity_rows(sources: Sources, settings: Settings) -> pd.DataFrame:
    """Rows of the table whose silence is churn; of invoices, credit notes and failed payments do not count."""
    name = settings.churn.silence.of
    rows = sources.tables[name]
    where = rows.kind.fill_null("invoice") == "invoice" if name == "invoices" and "kind" in rows.columns else None
    return spans(sources, name, where=where)


def snapshots(sources: Sources, settings: Settings, as_ofs: pd.DatetimeIndex) -> pd.DataFrame:
    """One row per (account_id, as_of) in play: known by then, under contract or active, not known to have left.

    Columns: account_id, as_of, life_start (when this life of the account began: sign-up, or its return after a churn).
    """
    accounts = spans(sources, "accounts").rename(columns={"at": "created_at"})
    pairs = accounts.merge(pd.DataFrame({"as_of": as_ofs}), how="cross")
    pairs = pairs[pairs.visible <= pairs.as_of].drop(columns="visible")
    pairs["life_start"] = pairs.pop("created_at")
    if settings.churn.kind == "silence":
        pairs = _recently_active(pairs, activity_rows(sources, settings), settings.churn.silence.active_days)
    elif sources.has("contracts"):
        pairs = _under_contract(pairs, spans(sources, "contracts", "ends_at"))
    if sources.has("outcomes") and settings.churn.kind == "outcome":
        pairs = _not_churned(pairs, sources)
    return pairs.sort_values(["as_of", "account_id"], ignore_index=True)


def _recently_active(pairs: pd.DataFrame, activity: pd.DataFrame, active_days: int) -> pd.DataFrame:
    # Rows become visible in the order of `visible`, not of `at`: the newest `at` seen so far is a running maximum.
    activity = activity.sort_values("visible", kind="stable")
    activity["last"] = activity.groupby("account_id")["at"].cummax()
    seen = pd.merge_asof(
        pairs.sort_values("as_of"),
        activity[["account_id", "visible", "last"]],
        left_on="as_of",
        right_on="visible",
        by="account_id",
    )
    active = seen["last"] >= seen.as_of - pd.Timedelta(days=active_days)
    return seen.loc[active, pairs.columns]


def _under_contract(pairs: pd.DataFrame, contracts: pd.DataFrame) -> pd.DataFrame:
    ends = contracts.ends_at.fillna(pd.Timestamp.max.floor("us"))
    contracts = contracts.assign(ends=ends).sort_values("visible", kind="stable")
    contracts["paid_through"] = contracts.groupby("account_id")["ends"].cummax()
    seen = pd.merge_asof(
        pairs.sort_values("as_of"),
        contracts[["account_id", "visible", "paid_through"]],
        left_on="as_of",
        right_on="visible",
        by="account_id",
    )
    return seen.loc[seen.paid_through >= seen.as_of, pairs.columns]


def _not_churned(pairs: pd.DataFrame, sources: Sources) -> pd.DataFrame:
    """Drops accounts whose newest known event is a churn; an account that came back begins a new life then."""
    events = [churn_rows(sources).assign(alive=False)]
    events.append(churn_rows(sources, "reactivation").assign(alive=True))
    if sources.has("contracts"):
        # A first contract is no return: some leave between signing up and its start.
        contracts = spans(sources, "contracts")
        events.append(contracts[contracts.groupby("account_id").cumcount() > 0].assign(alive=True))
    frame = pd.concat(events)[["account_id", "at", "visible", "alive"]]
    candidates = pairs.merge(frame, on="account_id", how="left")
    candidates = candidates[candidates.visible.isna() | (candidates.visible <= candidates.as_of)]
    churned = candidates[candidates.alive.eq(False)].groupby(["account_id", "as_of"])["at"].max().rename("left_at")
    pairs = pairs.join(churned, on=["account_id", "as_of"])
    back = candidates.merge(churned.reset_index(), on=["account_id", "as_of"])
    back = back[back.alive.eq(True) & (back["at"] > back.left_at)]
    returned = back.groupby(["account_id", "as_of"])["at"].min().rename("returned_at")
    pairs = pairs.join(returned, on=["account_id", "as_of"])
    alive = pairs[pairs.left_at.isna() | pairs.returned_at.notna()].copy()
    alive["life_start"] = alive.returned_at.fillna(alive.life_start)
    return alive.drop(columns=["left_at", "returned_at"])
