"""Checks of time: whether anything that taught a model, or that it reads, comes from after the day it speaks of."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluation.metrics import Array
from evaluation.validity.evidence import KEY, Detection, Evidence
from features.checks import Separation, separate
from features.labels import horizon_labels

SEPARATES, SEPARATES_LOW = 0.95, 0.9  # AUC of one signal, and the same less three standard errors
MIN_ACCOUNTS = 10  # that left, below which nothing is said of dates and signals
EARLY_RANK = 0.3  # mean rank of the as_ofs before churns, 0-1; by chance 0.5
MOST_CHURNS = 300  # that are looked at one by one
SURE = 4.0  # standard errors, over accounts
NONE_BY_CHANCE = 1e-3
DAY = pd.Timedelta(days=1)


def overlap(evidence: Evidence) -> Detection | None:
    late = [fold for fold in evidence.taught if fold.last_end > fold.origin]
    if not late:
        return None
    worst = max(late, key=lambda fold: fold.last_end - fold.origin)
    days = (worst.last_end - worst.origin) / DAY
    return Detection(
        days,
        f"{len(late)} of {len(evidence.taught)} folds were taught by label windows that end after their origin; the one"
        f" of {worst.origin:%Y-%m-%d} reaches {days:.0f} days into what it is tested on",
    )


def taught_on_judged(evidence: Evidence) -> Detection | None:
    rows = [evidence.predictions[KEY].assign(cut=pd.to_datetime(evidence.predictions["fold"]))]
    rows += [] if evidence.served is None else [evidence.served[[*KEY, "cut"]]]
    return learnt_from(pd.concat(rows, ignore_index=True))


def learnt_from(every: pd.DataFrame) -> Detection | None:
    """FW102 of rows that hold account_id, as_of and `cut`, the day up to which the model that made them had learnt."""
    late = every[(every["as_of"] < every["cut"]).to_numpy()]
    if late.empty:
        return None
    worst = late.iloc[int((late["cut"] - late["as_of"]).to_numpy().argmax())]
    return Detection(
        float(len(late)),
        f"{len(late)} of {len(every)} judged rows lie before the day up to which the model that made them had learnt"
        f" ({worst.account_id} as of {worst.as_of:%Y-%m-%d}, learnt up to {worst['cut']:%Y-%m-%d})",
    )


def date_depends_on_label(evidence: Evidence) -> Detection | None:
    """Where, among the as_ofs of accounts that outlived a churn, the as_ofs before it of the one that left lie.

    Within one main horizon before the churn, which the others outlived by another; the rank is the share of the
    others' as_ofs that lie later, so that 0 is right before the churn. A calendar shared by all gives 0.5 on average,
    whatever the day of the churn and however long anybody was at risk. Where nobody else was looked at in that time,
    the rank is 0.
    """
    labels = evidence.labels.assign(day=_days(evidence.labels["as_of"]), end=_days(evidence.labels["churn_at"]))
    horizon, gap = evidence.settings.main_horizon_days, labels["end"] - labels["day"]
    rows = labels[(gap >= 0) & (gap < horizon)]
    accounts = np.sort(rows["account_id"].unique())
    if len(accounts) < MIN_ACCOUNTS or labels["account_id"].nunique() < len(accounts) + MIN_ACCOUNTS:
        return None
    random = np.random.default_rng(evidence.settings.training.seed)
    some = random.choice(accounts, min(MOST_CHURNS, len(accounts)), replace=False)
    day, end = labels["day"].to_numpy(), labels["end"].to_numpy()
    ranks, gaps = [], []
    for _, own in rows[rows["account_id"].isin(some)].groupby("account_id"):
        last = own["end"].max()
        mine = own.loc[own["end"] == last, "day"].to_numpy()
        others = np.sort(day[(day > last - horizon) & (day <= last) & ~(end <= last + horizon)])
        right, left = (np.searchsorted(others, mine, side) for side in ("right", "left"))
        ranks.append(float(np.mean((others.size - (right + left) / 2) / others.size)) if others.size else 0.0)
        gaps.append(float(last - mine.max()))
    mean, error = float(np.mean(ranks)), float(np.std(ranks) / np.sqrt(len(ranks)))
    if mean >= EARLY_RANK or mean + SURE * error >= 0.5:
        return None
    return Detection(
        mean,
        f"accounts that left were last looked at {np.median(gaps):.0f} days before their end (median of {len(gaps)}),"
        f" nearer to it than those that outlived them: the mean rank of their dates is {mean:.2f}, where a calendar"
        " that does not know the outcome gives 0.50",
    )


def _days(times: pd.Series) -> Array:
    """Days since 1970, NaN where there is none."""
    moments = times.to_numpy("datetime64[us]")
    return np.where(np.isnat(moments), np.nan, moments.astype("int64") / 86_400e6)


def signal_separates(evidence: Evidence) -> Detection | None:
    """AUC of each signal for churn within the main horizon, compared within as_ofs only."""
    days = evidence.settings.main_horizon_days
    label = horizon_labels(evidence.labels, [days])[f"churned_{days}d"].to_numpy()
    known = np.flatnonzero(~np.isnan(label))
    left, labels = label[known] == 1, evidence.labels.iloc[known]
    if min(labels.loc[side, "account_id"].nunique() for side in (left, ~left)) < MIN_ACCOUNTS:
        return None
    strata = pd.factorize(labels["as_of"])[0]
    allowed = {name.partition(".")[2] for name in evidence.settings.allow_leaking}
    separating: dict[str, Separation] = {}
    for name in evidence.signal_names:
        separation = separate(evidence.signals[name].iloc[known].reset_index(drop=True), left, strata)
        enough = (
            min(separation.left, separation.stayed) >= MIN_ACCOUNTS
        )  # rows that have it: of two nothing can be said
        telling = enough and separation.auc >= SEPARATES and separation.low >= SEPARATES_LOW
        if telling and name.removeprefix("account_") not in allowed:
            separating[name] = separation
    if not separating:
        return None
    worst = max(separating, key=lambda name: separating[name].auc)
    more = f", and {len(separating) - 1} more" if len(separating) > 1 else ""
    return Detection(
        separating[worst].auc,
        f"{worst} alone tells accounts that leave within {days} days from those that stay (AUC"
        f" {separating[worst].auc:.3f}, {separating[worst].left} rows against {separating[worst].stayed}){more}",
    )


def immature(evidence: Evidence) -> Detection | None:
    rows = evidence.predictions
    known = evidence.labels[[*KEY, "observed_until"]].drop_duplicates(KEY)
    observed = rows[KEY].merge(known, on=KEY, how="left")["observed_until"]
    until = observed.where(observed < evidence.data_end, evidence.data_end).to_numpy()
    early = np.zeros(len(rows), dtype=int)
    for days in evidence.settings.horizons_days:
        end = (rows["as_of"] + days * DAY).to_numpy()
        early += rows[f"churned_{days}d"].notna().to_numpy() & (end > until)
    if not early.any():
        return None
    return Detection(
        float(early.sum()),
        f"{early.sum()} outcomes of {np.count_nonzero(early)} predictions were counted before their window had passed"
        f" (data until {evidence.data_end:%Y-%m-%d})",
    )


def survivors_only(evidence: Evidence) -> Detection | None:
    """The earliest as_ofs without a churn, though at the rate of the later ones some would have been certain."""
    days = evidence.settings.main_horizon_days
    label = horizon_labels(evidence.labels, [days])[f"churned_{days}d"]
    by = label[label.notna()].groupby(evidence.labels["as_of"]).agg(["sum", "size"])
    empty = int((by["sum"].cumsum() == 0).sum())
    if not 0 < empty < len(by):
        return None
    later = by.iloc[empty:]
    rate = later["sum"].sum() / later["size"].sum()
    # The rows of one account share their fate: so many accounts are what chance acts on.
    early = evidence.labels[label.notna() & evidence.labels["as_of"].isin(by.index[:empty])]
    accounts = int(early["account_id"].nunique())
    if (1 - rate) ** accounts >= NONE_BY_CHANCE:
        return None
    return Detection(
        float(empty),
        f"none of {accounts} accounts left after the first {empty} as_ofs, where {rate:.1%} leave within {days} days"
        f" after the later ones: were those that left taken out of the tables?",
    )
