"""Usage, folded: the events are read once a fold, into small rows; every as_of then sums days, users and features.

A segment's distinct days with use count from when the first row of each was known. Every engine
does it so; `features.usage.stream_rollup` gives the same rows sooner where its arrays fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import ibis
import ibis.expr.types as ir

from features.sources import Sources
from features.sources.backends import Engine
from features.timeline import SUPERSEDED, TIME, last_blind_day
from features.usage.window_segments import Calendar

EVENTS = "usage_events"
DAY_EDGES = (7, 14, 21, 28, 30, 60, 90, 180, 365, 395)  # ages at which windows over usage_days may begin or end
# The same for single users and features, of which the last day in 90 is known whatever the window.
KEY_EDGES = (30, 60, 90)
KEYS = {"usage_users": "user_id", "usage_features": "feature"}
CELLS, DAYS, MEASURES = "forewarn_usage_cells", "forewarn_usage_days", "forewarn_usage_measures"
CELL = ["account", "segment", "bucket"]
SUMS = ("n", "quantity", "weekend", "tilt")
LEVELS = 12  # segments of the highest level are as many days and more


@ibis.udf.agg.builtin(name="bit_or")
def _all_bits(bits: int) -> int:  # type: ignore[empty-body]
    """The bits that any of them has: SQL's own, which Ibis does not know of every engine."""


def units(sources: Sources) -> ir.Table:
    """One row an event (or what a source counts a day): account_id, day, seen, n, quantity, keys and measures.

    `seen` is the last day blind to the row. Where events were corrected, `until` is the first day that knows a later
    version of it.
    """
    rows = sources.versions.get(EVENTS, sources.tables[EVENTS])
    single = ibis.literal(1).cast("float64")  # 1.0 is a decimal to some engines
    columns: dict[str, ir.Value] = {
        "account_id": rows.account_id,
        "day": rows[TIME[EVENTS]].date(),
        "seen": last_blind_day(rows, TIME[EVENTS]),
        "n": single,
        "quantity": rows.quantity if "quantity" in rows.columns else single,
    }
    if SUPERSEDED in rows.columns:
        columns["until"] = rows.superseded.date()
    for fold, key in KEYS.items():
        if key in rows.columns:
            columns[fold] = sources.engine.hash_key(rows[key])
    for measure in sources.measures.get(EVENTS, ()):
        columns |= {
            f"{measure}_sum": rows[measure],
            f"{measure}_n": rows[measure].notnull().cast("float64"),
        }
    return rows.select(**columns)


def _placed(engine: Engine, rows: ir.Table, accounts: ir.Table, calendar: Calendar, fold: str) -> ir.Table:
    """The units that some as_of looks back on, with `account` (its number), `bucket` (the index of the first as_of
    to see them) and what the calendar says of their days."""
    sights = engine.upload(f"forewarn_sights_{fold}", calendar.sights())
    days = engine.upload(f"forewarn_days_{fold}", calendar.days())
    return rows.join(accounts, "account_id").join(sights, "seen").join(days, "day")


def fold_days(
    engine: Engine, rows: ir.Table, accounts: ir.Table, measures: tuple[str, ...], calendar: Calendar
) -> ir.Table:
    """(account, segment, bucket) with n, quantity, at weekends, tilt, days of use, the last of them, measures; for
    segments of all levels of the calendar. `bucket` is the index of the first as_of to see the rows.

    `tilt` is the sum of quantity times days since 1970, from which a trend over any window follows.
    """
    placed = _placed(engine, rows, accounts, calendar, "usage_days")
    folded = placed.group_by(CELL).aggregate(
        n=placed.n.sum(),
        quantity=placed.quantity.sum(),
        weekend=(placed.quantity * placed.weekend).sum(),
        tilt=(placed.quantity * placed.number).sum(),
        bits=_all_bits(placed.bit),
        last=placed.number.max(),
        on_time=placed.on_time.max(),
    )
    folded = engine.materialize(f"{DAYS}_0", _days_counted(engine.materialize(CELLS, folded)))
    engine.drop(CELLS)
    if measures:
        lasting = engine.materialize(MEASURES, _last_measured(placed, measures))
        folded = folded.left_join(lasting, CELL).drop(*(f"{name}_right" for name in CELL))
    levels = [folded]
    while len(levels) < calendar.levels:
        below, number = levels[-1], len(levels)
        halved = (below.segment - (number - 1) * calendar.span) >> 1
        together = _together(below.mutate(segment=(halved + number * calendar.span).cast("int32")), CELL, measures)
        levels.append(engine.materialize(f"{DAYS}_{number}", together.select(*below.columns)))
    return reduce(lambda left, right: left.union(right), levels)


def _days_counted(folded: ir.Table) -> ir.Table:
    """`days` instead of `bits`: a day of which rows came both in time and late counts from the earlier."""
    tardy = folded.filter(folded.bucket > folded.on_time).select(*CELL)
    earlier = folded.select("account", "segment", before="bucket", known="bits")
    earlier = tardy.join(earlier, ["account", "segment"])
    earlier = earlier.filter(earlier.before < earlier.bucket)
    earlier = earlier.group_by(CELL).aggregate(known=_all_bits(earlier.known))
    both = folded.left_join(earlier, CELL)
    days = set_bits(both.bits & ~both.known.fill_null(0)).cast("float64")
    # Rows of an account side by side are added up faster.
    return both.select(*CELL, *SUMS, "last", days=days).order_by("account")


def set_bits(bits: ir.Value) -> ir.Value:
    """How many bits of a number are set.

    Neighbouring sums of 1, 2, 4, 8 ... bits are added up side by side.
    """
    counts = bits - ((bits >> 1) & 0x5555555555555555)
    counts = (counts & 0x3333333333333333) + ((counts >> 2) & 0x3333333333333333)
    counts = (counts + (counts >> 4)) & 0x0F0F0F0F0F0F0F0F
    for width in (8, 16, 32):
        counts = counts + (counts >> width)
    return counts & 0x7F


def _last_measured(placed: ir.Table, measures: tuple[str, ...]) -> ir.Table:
    """(account, segment, bucket) with sum, number and last value of each measure, and its `moment`."""
    parts = _parts(measures)
    days = placed.group_by([*CELL, "number", "on_time"]).aggregate(**{name: placed[name].sum() for name in parts})
    late = (days.bucket - days.on_time).cast("float64")
    last: dict[str, ir.Value] = {}
    for measure in measures:
        present = days[f"{measure}_n"] > 0
        # Orders a measure's values by day, and those of one day by when they came.
        moment = days.number.cast("float64") * 4096.0 + ibis.least(late, ibis.literal(4095.0))
        moment = present.ifelse(moment, ibis.null("float64"))
        mean = days[f"{measure}_sum"] / days[f"{measure}_n"].nullif(0.0)
        last |= {f"{measure}_last": mean.argmax(moment, where=present), f"{measure}_moment": moment.max()}
    return days.group_by(CELL).aggregate(**{name: days[name].sum() for name in parts}, **last)


def fold_keys(engine: Engine, rows: ir.Table, accounts: ir.Table, fold: str, calendar: Calendar) -> ir.Table:
    """(account, key, segment, bucket) with quantity, and the last day of users or features."""
    placed = _placed(engine, rows.filter(rows[fold].notnull()), accounts, calendar, fold)
    folded = placed.group_by(account=placed.account, key=placed[fold], segment=placed.segment, bucket=placed.bucket)
    folded = folded.aggregate(quantity=placed.quantity.sum(), last=placed.number.max())
    return engine.materialize(f"forewarn_{fold}", folded)


def drop(engine: Engine) -> None:
    """Gives back what the folds kept."""
    for name in (*(f"{DAYS}_{level}" for level in range(LEVELS)), MEASURES, *(f"forewarn_{fold}" for fold in KEYS)):
        engine.drop(name)


def seen_days(folded: ir.Table, ages: ir.Table, measures: tuple[str, ...]) -> ir.Table:
    """The folded rows beside the as_ofs (by `as_of_index`) that see them, summed by `age`.

    `age` is the nearest edge of a window that holds them.

    `aged` is the sum of quantity times its age in days, `last_age` the age of the last day with use.
    """
    seen = folded.join(ages, "segment")
    seen = seen.filter(seen.bucket <= seen.as_of_index)
    seen = seen.mutate(tilt=seen.quantity * seen.today - seen.tilt, last=seen.last - seen.today)
    banded = _together(seen, ["account", "as_of_index", "age"], measures)
    return banded.mutate(last_age=-banded.last.cast("float64")).rename(aged="tilt")


def seen_keys(folded: ir.Table, ages: ir.Table) -> ir.Table:
    """One row for each (account, index of an as_of, user or feature): the age of the last use, the edge within which
    the first of 90 days lies, volume by month back."""
    seen = folded.join(ages, "segment")
    seen = seen.filter(seen.bucket <= seen.as_of_index)
    return seen.group_by(["account", "as_of_index", "key"]).aggregate(
        last_age=(seen.today - seen.last).min(),
        first_within=seen.age.max(),
        quantity_before_30d=seen.quantity.sum(where=(seen.age > 30) & (seen.age <= 60)),
        quantity_90d=seen.quantity.sum(),
    )


def _together(rows: ir.Table, keys: Sequence[str], measures: tuple[str, ...]) -> ir.Table:
    """Rows of `fold_days` added up."""
    values = {name: rows[name].sum() for name in (*SUMS, "days", *_parts(measures))}
    for measure in measures:
        moment = rows[f"{measure}_moment"]
        values |= {f"{measure}_last": rows[f"{measure}_last"].argmax(moment), f"{measure}_moment": moment.max()}
    return rows.group_by(keys).aggregate(**values, last=rows.last.max())


def _parts(measures: tuple[str, ...]) -> list[str]:
    return [f"{measure}_{part}" for measure in measures for part in ("sum", "n")]
