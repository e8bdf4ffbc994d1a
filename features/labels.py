"""What really happened after each snapshot. A label whose window has not fully passed does not exist; it is never 0.

Three definitions of churn (`churn.kind`):

outcome       a recorded outcome of the kind churn;
contract_end  the end of the paid-through time, unless a new contract starts within `allowed_gap_days`;
silence       no row of a table for `days`, counted from the as_of or from a later row; it is churn when it is complete.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from configs.settings import Settings
from features.snapshots import activity_rows, churn_rows, spans
from features.sources import Sources


def labels_for(sources: Sources, snapshots: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """The first churn at or after each snapshot, and until when anything is known.

    Takes and returns rows (account_id, as_of) in the same order and with the same index; adds churn_at (NaT: none
    seen), observed_until (windows reaching past it have no label) and voluntary (True, False or None).
    """
    rule = settings.churn
    pairs = snapshots[["account_id", "as_of"]].copy()
    known_until = sources.data_end - pd.Timedelta(days=rule.settling_days)
    if rule.kind == "silence":
        labels = _silences(pairs, activity_rows(sources, settings), rule.silence.days, known_until)
    elif rule.kind == "outcome":
        churns = churn_rows(sources)
        labels = _next_churn(pairs, churns, known_until)
        labels.loc[_already_gone(pairs, churns), "observed_until"] = labels.as_of
    else:
        known_until -= pd.Timedelta(days=rule.allowed_gap_days)
        churns = contract_churns(spans(sources, "contracts", "ends_at"), rule.allowed_gap_days, sources.data_end)
        if sources.has("outcomes"):
            churns = _with_voluntary(churns, churn_rows(sources))
        labels = _next_churn(pairs, churns, known_until)
    labels["churn_at"] = labels.churn_at.where(labels.churn_at < known_until)
    return labels


def horizon_labels(labels: pd.DataFrame, horizons_days: Sequence[int]) -> pd.DataFrame:
    """churned_{h}d: 1.0 or 0.0, NaN while [as_of, as_of + h) reaches past what has been observed.

    >>> at = pd.Timestamp("2024-01-01")
    >>> rows = pd.DataFrame({"as_of": [at, at], "churn_at": [pd.Timestamp("2024-02-10"), pd.NaT]})
    >>> horizon_labels(rows.assign(observed_until=pd.Timestamp("2024-03-01")), [30, 60, 90]).iloc[0].tolist()
    [0.0, 1.0, nan]
    """
    columns = {}
    for days in horizons_days:
        end = labels.as_of + pd.Timedelta(days=days)
        churned = (labels.churn_at < end).astype("float64")
        columns[f"churned_{days}d"] = churned.where(end <= labels.observed_until)
    return pd.DataFrame(columns, index=labels.index)


def contract_churns(contracts: pd.DataFrame, allowed_gap_days: int, data_end: pd.Timestamp) -> pd.DataFrame:
    """Ends of paid-through time that no contract followed within the gap; account_id, at (columns voluntary: None).

    An end younger than the gap is not decided yet and is left out.
    """
    rows = contracts.assign(ends_at=contracts.ends_at.fillna(pd.Timestamp.max.floor("us")))
    rows = rows.sort_values(["account_id", "at"], kind="stable")
    rows["paid_through"] = rows.groupby("account_id")["ends_at"].cummax()
    following = rows.groupby("account_id")["at"].shift(-1)
    gap = pd.Timedelta(days=allowed_gap_days)
    limit = rows.paid_through.where(rows.paid_through < data_end, data_end) + gap
    ended = (rows.paid_through + gap <= data_end).where(rows.paid_through < data_end, False)
    churned = ended & (following.isna() | (following > limit))
    at = rows.loc[churned, "paid_through"]
    return pd.DataFrame({"account_id": rows.loc[churned, "account_id"], "at": at, "voluntary": None})


def _already_gone(pairs: pd.DataFrame, churns: pd.DataFrame) -> pd.Series:
    """Snapshots whose account had left by then, though nobody had recorded it: they neither stayed nor left after."""
    both = pairs.reset_index(names="row").merge(churns[["account_id", "at", "visible"]], on="account_id")
    gone = both.loc[(both["at"] < both.as_of) & (both.visible > both.as_of), "row"]
    return pairs.index.to_series().isin(gone)


def _with_voluntary(churns: pd.DataFrame, recorded: pd.DataFrame) -> pd.DataFrame:
    near = pd.merge_asof(
        churns.drop(columns="voluntary").sort_values("at"),
        recorded[["account_id", "at", "voluntary"]].sort_values("at"),
        on="at",
        by="account_id",
        direction="nearest",
        tolerance=pd.Timedelta(days=60),
    )
    return near


def _next_churn(pairs: pd.DataFrame, churns: pd.DataFrame, known_until: pd.Timestamp) -> pd.DataFrame:
    events = churns[["account_id", "at", "voluntary"]].sort_values("at").rename(columns={"at": "churn_at"})
    left = pairs.reset_index(names="row").sort_values("as_of")
    events["churn_at"] = events.churn_at.astype(left.as_of.dtype)
    merged = pd.merge_asof(left, events, left_on="as_of", right_on="churn_at", by="account_id", direction="forward")
    merged = merged.set_index("row").loc[pairs.index]
    merged["observed_until"] = known_until
    merged.index.name = None
    return merged[["account_id", "as_of", "churn_at", "observed_until", "voluntary"]]


def _silences(pairs: pd.DataFrame, activity: pd.DataFrame, days: int, known_until: pd.Timestamp) -> pd.DataFrame:
    """Completion of the first silence of `days` that begins at the as_of or at a row after it."""
    silence = pd.Timedelta(days=days)
    last_moment = silence - pd.Timedelta(seconds=1)
    activity = activity.sort_values(["account_id", "at"], kind="stable")
    following = activity.groupby("account_id")["at"].shift(-1).fillna(pd.Timestamp.max.floor("us"))
    # Compared through the earlier moment, since "never" plus or minus days would leave the range of times.
    quiet = activity[(activity["at"] + silence) <= following]
    left = pairs.reset_index(names="row").sort_values("as_of")
    unit = left.as_of.dtype
    rows = activity[["account_id", "at"]].astype({"at": unit}).sort_values("at").rename(columns={"at": "next_at"})
    starts = quiet[["account_id", "at"]].astype({"at": unit}).sort_values("at").rename(columns={"at": "quiet_at"})
    merged = pd.merge_asof(left, rows, left_on="as_of", right_on="next_at", by="account_id", direction="forward")
    merged = pd.merge_asof(merged, starts, left_on="as_of", right_on="quiet_at", by="account_id", direction="forward")
    at_once = merged.next_at.isna() | (merged.next_at >= merged.as_of + silence)
    merged["churn_at"] = (merged.quiet_at + last_moment).mask(at_once, merged.as_of + last_moment)
    merged = merged.set_index("row").loc[pairs.index]
    merged.index.name = None
    merged["observed_until"] = known_until
    merged["voluntary"] = None
    return merged[["account_id", "as_of", "churn_at", "observed_until", "voluntary"]]
