"""Usage, folded: the events are read once, into small rows; every as_of then sums days, people and features of those.

What a day's distinct things are (days with use) counts from when the day's first row was known.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from features import engine
from features.calendar import Calendar
from features.connect import is_duckdb
from features.sources import Sources
from features.windows import TIME, last_blind_day

EVENTS = "usage_events"
DAY_EDGES = (7, 14, 21, 28, 30, 60, 90, 180, 365, 395)  # ages at which windows over usage_days may begin or end
KEY_EDGES = (1, 7, 14, 30, 60, 90)  # the same for single people and features
KEYS = {"usage_users": "user_id", "usage_features": "feature"}
UNITS, BY_DAY, DAYS = "forewarn_usage_units", "forewarn_usage_by_day", "forewarn_usage_days"
FOLD_KEYS_FROM = 25_000_000  # rows from which it pays to fold people and features before windows are summed
EPOCH = "1970-01-01"


def units(sources: Sources) -> ir.Table:
    """One row an event (or what a source counts a day): account_id, day, seen, n, quantity, keys and measures.

    `seen` is the last day blind to the row. People and features are told apart by 64-bit numbers where the engine has
    a hash for it: among one account's they do not collide, and numbers are grouped faster than names.
    """
    rows = sources.tables[EVENTS]
    columns: dict[str, Any] = {
        "account_id": rows.account_id,
        "day": rows[TIME[EVENTS]].date(),
        "seen": last_blind_day(rows, TIME[EVENTS]),
        "n": ibis.literal(1.0),
        "quantity": rows.quantity if "quantity" in rows.columns else ibis.literal(1.0),
    }
    for fold, key in KEYS.items():
        if key in rows.columns:
            told = rows[key].hash() if is_duckdb(sources.connection) else rows[key]
            columns[fold] = rows[key].notnull().ifelse(told, ibis.null(told.type()))
    for measure in sources.measures.get(EVENTS, ()):
        columns |= {
            f"{measure}_sum": rows[measure],
            f"{measure}_n": rows[measure].notnull().ifelse(ibis.literal(1.0), ibis.literal(0.0)),
        }
    return rows.select(**columns)


def keep_units(connection: Any, rows: ir.Table, accounts: ir.Table, as_ofs: pd.DatetimeIndex) -> ir.Table:
    """The units that some as_of looks back on, with `account` (its number) and `bucket`, the first as_of to see them.

    `accounts` has account_id and account.
    """
    calendar = Calendar(as_ofs, DAY_EDGES)
    sights = engine.given(connection, "forewarn_sights", calendar.sights())
    days = engine.given(connection, "forewarn_days", calendar.days()[["day"]])
    known = rows.join(accounts, "account_id").join(sights, "seen").semi_join(days, "day")
    return engine.keep(connection, UNITS, known.drop("account_id", "seen"))


def fold_days(connection: Any, units: ir.Table, measures: tuple[str, ...], as_ofs: pd.DatetimeIndex) -> ir.Table:
    """(account, segment, bucket) with n, quantity, at weekends, tilt, days of use, the last of them, measures.

    `tilt` is the sum of quantity times days since 1970, from which a trend over any window follows.
    """
    calendar = Calendar(as_ofs, DAY_EDGES)
    on_time = calendar.sights().rename(columns={"seen": "day", "bucket": "on_time"})
    segments = engine.given(connection, "forewarn_segments_days", calendar.days().merge(on_time, on="day"))
    names = ("n", "quantity", *_parts(measures))
    by_day = units.group_by(["account", "day", "bucket"]).aggregate(**{name: units[name].sum() for name in names})
    days = engine.keep(connection, BY_DAY, by_day.join(segments, "day"))
    number = days.day.delta(ibis.date(EPOCH), unit="day").cast("float64")
    weekend = days.day.day_of_week.index() >= 5
    late = days.bucket.date().delta(days.day, unit="day").cast("float64")
    latest: dict[str, ir.Value] = {}
    for measure in measures:
        there = days[f"{measure}_n"] > 0
        # Orders a measure's values by day, and those of one day by when they came.
        moment = there.ifelse(number * 4096.0 + ibis.least(late, ibis.literal(4095.0)), ibis.null("float64"))
        mean = days[f"{measure}_sum"] / days[f"{measure}_n"].nullif(0.0)
        latest |= {f"{measure}_last": mean.argmax(moment, where=there), f"{measure}_moment": moment.max()}
    volume = days.group_by(["account", "segment", "bucket"]).aggregate(
        **{name: days[name].sum() for name in names},
        weekend=days.quantity.sum(where=weekend),
        tilt=(days.quantity * number).sum(),
        days=days.count(where=days.bucket == days.on_time).cast("float64"),
        last_day=days.day.max(),
        **latest,
    )
    # A day of which nothing came in time counts from when its first row came.
    tardy = days.filter(days.bucket > days.on_time)
    tardy = tardy.group_by(["account", "day", "segment"]).aggregate(bucket=tardy.bucket.min())
    tardy = tardy.anti_join(days.filter(days.bucket == days.on_time), ["account", "day"])
    lonely = tardy.group_by(["account", "segment", "bucket"]).aggregate(late_days=tardy.count().cast("float64"))
    folded = volume.left_join(lonely, ["account", "segment", "bucket"])
    folded = folded.mutate(days=folded.days + folded.late_days.fill_null(0.0))
    folded = folded.drop("account_right", "segment_right", "bucket_right", "late_days")
    kept = engine.keep(connection, DAYS, folded)
    engine.drop(connection, BY_DAY)
    return kept


def fold_keys(connection: Any, units: ir.Table, fold: str, as_ofs: pd.DatetimeIndex, rows: int) -> ir.Table:
    """(account, key, segment, bucket) with quantity, first_day and last_day of people or features.

    Few rows are left as they are: the windows' sums read them as fast as they could be folded.
    """
    segments = engine.given(connection, f"forewarn_segments_{fold}", Calendar(as_ofs, KEY_EDGES).days())
    there = units.filter(units[fold].notnull()).join(segments, "day")
    there = there.select("account", "segment", "bucket", "quantity", "day", key=fold)
    if rows < FOLD_KEYS_FROM:
        return there.mutate(first_day=there.day, last_day=there.day)
    folded = there.group_by(["account", "key", "segment", "bucket"]).aggregate(
        quantity=there.quantity.sum(), first_day=there.day.min(), last_day=there.day.max()
    )
    return engine.keep(connection, f"forewarn_{fold}", folded)


def seen_days(folded: ir.Table, ages: ir.Table, measures: tuple[str, ...]) -> ir.Table:
    """The folded rows beside the as_ofs that see them, summed by `age`: the nearest window's edge that holds them.

    `last_age` is that of the last day with use.
    """
    seen = folded.join(ages, "segment")
    seen = seen.filter(seen.bucket <= seen.as_of)
    sums = {name: seen[name].sum() for name in ("n", "quantity", "weekend", "tilt", "days", *_parts(measures))}
    for measure in measures:
        moment = seen[f"{measure}_moment"]
        sums |= {f"{measure}_last": seen[f"{measure}_last"].argmax(moment), f"{measure}_moment": moment.max()}
    banded = seen.group_by(["account", "as_of", "age"]).aggregate(**sums, last_day=seen.last_day.max())
    return banded.mutate(last_age=banded.as_of.date().delta(banded.last_day, unit="day").cast("float64"))


def seen_keys(folded: ir.Table, ages: ir.Table) -> ir.Table:
    """One row for each (account, as_of, person or feature): ages of the first and last use, volume by month back."""
    seen = folded.join(ages, "segment")
    seen = seen.filter(seen.bucket <= seen.as_of)
    keyed = seen.group_by(["account", "as_of", "key"]).aggregate(
        last_day=seen.last_day.max(),
        first_day=seen.first_day.min(),
        quantity_before_30d=seen.quantity.sum(where=(seen.age > 30) & (seen.age <= 60)).fill_null(0.0),
        quantity_90d=seen.quantity.sum(),
    )
    return keyed.mutate(
        last_age=keyed.as_of.date().delta(keyed.last_day, unit="day"),
        first_age=keyed.as_of.date().delta(keyed.first_day, unit="day"),
    )


def _parts(measures: tuple[str, ...]) -> list[str]:
    return [f"{measure}_{part}" for measure in measures for part in ("sum", "n")]
