"""Attributes that move with the day on which the data were taken out, and dates that lie after an account's end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd

from features.checks.univariate_auc import as_texts, is_number
from features.timeline import of_accounts

UNITS: tuple[tuple[str, float], ...] = (
    ("seconds", 1 / 86_400),
    ("hours", 1 / 24),
    ("days", 1.0),
    ("weeks", 7.0),
    ("months", 30.4375),
    ("years", 365.25),
)
MIN_ACCOUNTS = 10
MOST = 0.9  # of the accounts that have the value
HALF = 0.5
SETTLED_DAYS = 180  # accounts at least so old show whether a date follows the data's end
NEAR_DAYS = 31
AFTER_END_DAYS = 60
DAY = pd.Timedelta(days=1)


def as_dates(values: pd.Series, earliest: pd.Timestamp, latest: pd.Timestamp) -> pd.Series | None:
    """The column as dates where nearly all of its values are dates; None otherwise.

    A date is ISO text, 20240131, or seconds or milliseconds since 1970, between `earliest` and `latest`.
    """
    given = values.dropna()
    if len(given) < MIN_ACCOUNTS or pd.api.types.is_bool_dtype(values):
        return None
    for dates in _readings(given):
        good = dates.notna() & dates.between(earliest, latest)
        if good.mean() >= MOST:
            return dates.where(good).reindex(values.index)
    return None


def _readings(given: pd.Series) -> Iterator[pd.Series]:
    if not is_number(given):
        text = as_texts(given).str.slice(0, 10).set_axis(given.index)
        yield pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")
        return
    whole = given.astype("float64").where(lambda number: (number == number.round()) & (number.abs() < 1e15))
    yield pd.to_datetime(whole.where(whole < 1e8).astype("Int64").astype("str"), format="%Y%m%d", errors="coerce")
    for seconds in (1.0, 1e-3):
        moment = (whole * seconds).where(lambda number: number.between(0, 4e9))
        yield pd.to_datetime(moment, unit="s", errors="coerce")


def suspicions(
    values: pd.Series, fates: pd.DataFrame, facts: Mapping[str, pd.DataFrame], data_end: pd.Timestamp
) -> list[str]:
    """Sentences on what in an attribute comes from after an account's end or from the day of extraction.

    `values` go row by row with `fates` (account_id, created_at, left_at ...); `facts` as `all_account_facts`.
    """
    dates = as_dates(values, fates.created_at.min() - 3650 * DAY, data_end + 3650 * DAY)
    if dates is not None:
        return [*_after_end(dates, fates), *_near_data_end(dates, fates, data_end), *_follows(dates, fates, facts)]
    if not is_number(values):
        return []
    return [
        *counts_back(values.astype("float64"), fates, _clocks(fates, facts)),
        *_counts_rows(values, fates, facts),
    ]


def _after_end(dates: pd.Series, fates: pd.DataFrame) -> Iterator[str]:
    both = dates.notna() & fates.left_at.notna()
    after = (dates > fates.left_at - DAY)[both]
    if both.sum() >= MIN_ACCOUNTS and after.mean() >= HALF:
        yield f"a date on or after the account's end for {after.mean():.0%} of the {both.sum():,} that left with one"


def _near_data_end(dates: pd.Series, fates: pd.DataFrame, data_end: pd.Timestamp) -> Iterator[str]:
    stayed = dates.notna() & fates.left_at.isna() & (fates.created_at < data_end - SETTLED_DAYS * DAY)
    near = (dates >= data_end - NEAR_DAYS * DAY)[stayed]
    if stayed.sum() >= MIN_ACCOUNTS and near.mean() >= HALF:
        yield (
            f"a date within {NEAR_DAYS} days of the data's end, or after it, for {near.mean():.0%} of the"
            f" {stayed.sum():,} older accounts that stayed: it changes with the extraction"
        )


def _follows(dates: pd.Series, fates: pd.DataFrame, facts: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """A date that is the day of the account's last row of a table."""
    for name, by_account in facts.items():
        last = of_accounts(by_account["last"], fates.account_id)
        both = dates.notna() & last.notna() & ((dates - fates.created_at).abs() > DAY)
        same = ((dates - last.dt.floor("D")).abs() <= DAY)[both]
        if both.sum() >= max(MIN_ACCOUNTS, HALF * dates.notna().sum()) and same.mean() >= MOST:
            yield f"the day of the last row of {name} for {same.mean():.0%} of the accounts: it changes with each one"


def _clocks(fates: pd.DataFrame, facts: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, pd.Series]]:
    yield "created_at", fates.created_at
    for name, by_account in facts.items():
        if name != "accounts":
            yield f"the last row of {name}", of_accounts(by_account["last"], fates.account_id)
            yield f"the first row of {name}", of_accounts(by_account["first"], fates.account_id)


def counts_back(values: pd.Series, fates: pd.DataFrame, clocks: Iterable[tuple[str, pd.Series]]) -> Iterator[str]:
    """A number that, in some unit of time, is one moment minus a time of the account, for accounts that stayed."""
    for clock, times in clocks:
        held = values.notna() & times.notna() & fates.left_at.isna()
        if held.sum() < MIN_ACCOUNTS:
            continue
        days = (times[held] - pd.Timestamp(0)).dt.total_seconds().to_numpy() / 86_400
        for unit, length in UNITS:
            moments = values[held].to_numpy() * length + days
            slack = max(1.0, length)  # the number may have been rounded
            if _spread(moments) <= slack and _spread(days) >= 3 * slack:
                until = pd.Timestamp(0) + pd.Timedelta(days=float(np.median(moments)))
                yield f"the {unit} from {clock} to {until:%Y-%m-%d}: it changes with the extraction"
                return


def _spread(values: np.ndarray) -> float:
    low, high = np.quantile(values, [0.05, 0.95])
    return float(high - low)


def _counts_rows(values: pd.Series, fates: pd.DataFrame, facts: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """A number that is how many rows of a table the account has by now."""
    for name, by_account in facts.items():
        rows = of_accounts(by_account["rows"], fates.account_id).fillna(0)
        held = values.notna()
        same = (values == rows)[held]
        if held.sum() >= MIN_ACCOUNTS and rows[held].nunique() >= 5 and same.mean() >= MOST:
            yield f"the number of rows of {name} for {same.mean():.0%} of the accounts: it changes with the extraction"


def rows_after_end(
    facts: Mapping[str, pd.DataFrame], fates: pd.DataFrame, data_end: pd.Timestamp
) -> tuple[dict[str, str], list[str]]:
    """Tables that go on long after most accounts' end, with a sentence; and those whose rows end with their accounts.

    Where no table ends with them, the ends themselves are in doubt. `facts` of the tables to be looked at alone.
    """
    goes_on, ends = {}, []
    for name, by_account in facts.items():
        last = of_accounts(by_account["last"], fates.account_id)
        ended = fates.left_at.notna() & last.notna() & (fates.left_at < data_end - (AFTER_END_DAYS + NEAR_DAYS) * DAY)
        after = (last > fates.left_at + AFTER_END_DAYS * DAY)[ended]
        if ended.sum() < MIN_ACCOUNTS:
            continue
        if after.mean() >= HALF:
            goes_on[name] = (
                f"rows more than {AFTER_END_DAYS} days after the account's end for {after.mean():.0%} of the"
                f" {ended.sum():,} that left"
            )
        elif after.mean() <= 1 - MOST:
            ends.append(name)
    return goes_on, ends
