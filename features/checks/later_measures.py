"""Measures whose value exists only after a later moment of their row, as the hours until a ticket was resolved, and
those that change with the day on which the data were taken out, as an age until today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations

import ibis.expr.types as ir
import pandas as pd

from configs.tables import table
from features.checks.extraction_dates import counts_back, suspicions
from features.checks.suspicions import Figure, Suspicion
from features.sources import Sources, measured_later

INSTEAD = "what was known when the row was written"
UNITS: tuple[tuple[str, float], ...] = (("seconds", 1), ("minutes", 60), ("hours", 3_600), ("days", 86_400))
MIN_ROWS = 10
MOST = 0.95


def later_measures(sources: Sources) -> Iterator[Suspicion]:
    """Suspicions of measures that are the time until a later moment, or empty exactly while it has not come, and are
    not known from it on (`known_from` in the mapping)."""
    for name, measures in sources.measures.items():
        rows = sources.tables[name]
        later = [c.name for c in table(name).columns if c.filled_later and c.name in rows.columns]
        for measure in measures:
            yield from _of_measure(sources, rows, name, measure, later)


def _of_measure(sources: Sources, rows: ir.Table, name: str, measure: str, later: list[str]) -> Iterator[Suspicion]:
    column, tied = f"{name}.{measure}", sources.known_from.get(name, {}).get(measure)
    by_value = _by_value(sources, rows, name, measure, later)
    if by_value is not None:
        why, share, count, moment = by_value
        if tied != moment:
            figure, instead = Figure("share", share, left=count), _tie(name, measure, moment)
            yield Suspicion(column, why, figure, instead=instead, known_from=_moment(name, later, moment))
    elif tied is None and measured_later(measure, name):
        why = "its name sounds like what is known only when the matter is closed, later than the row's own time"
        moment = later[0] if len(later) == 1 else "MOMENT"
        instead = _tie(name, measure, moment)
        yield Suspicion(column, why, instead=instead, known_from=_moment(name, later, moment))


def _moment(name: str, later: list[str], moment: str) -> str:
    """The moment, where a measure of the table can be tied to it."""
    return moment if moment in later and table(name).activity else ""


def _tie(name: str, measure: str, moment: str) -> str:
    """What to map in the place of a measure that is known from a moment on."""
    tie = f"it with `known_from: {{{measure}: {moment}}}` under tables.{name}, which leaves it empty until then"
    others = [column.name for column in table(name).columns if column.filled_later]
    return tie if moment in others else f"{tie} (MOMENT: {' or '.join(others)}, whichever it is, mapped as well)"


def _by_value(
    sources: Sources, rows: ir.Table, name: str, measure: str, later: list[str]
) -> tuple[str, float, int, str] | None:
    value = rows[measure]
    times = [table(name).time, *(c.name for c in table(name).columns if c.kind == "time" and c.name in rows.columns)]
    pairs = [(a, b) for a, b in permutations(dict.fromkeys(times), 2) if b in later and a != "recorded_at"]
    counts = {"given": value.count(), "empty": rows.count(where=value.isnull())}
    for place, moment in enumerate(later):
        counts[f"alike_{place}"] = rows.count(where=value.isnull() == rows[moment].isnull())
    for place, (start, end) in enumerate(pairs):
        seconds = rows[end].epoch_seconds() - rows[start].epoch_seconds()
        counts[f"both_{place}"] = rows.count(where=value.notnull() & seconds.notnull())
        for unit, length in UNITS:
            near = (value * float(length) - seconds).abs() <= float(length) * 0.51 + 1.0
            counts[f"equal_{place}_{unit}"] = rows.count(where=near & (seconds.abs() >= 3 * length))
            counts[f"long_{place}_{unit}"] = rows.count(where=value.notnull() & (seconds.abs() >= 3 * length))
    answer = sources.engine.to_pandas(rows.aggregate(**counts)).iloc[0].fillna(0)
    for place, (start, end) in enumerate(pairs):
        for unit, _ in UNITS:
            equal, long = int(answer[f"equal_{place}_{unit}"]), int(answer[f"long_{place}_{unit}"])
            if long >= MIN_ROWS and equal >= MOST * long and long >= 0.5 * answer[f"both_{place}"]:
                why = f"it is the {unit} from {start} to {end} in {equal / long:.0%} of the rows: known from {end} on"
                return why, equal / long, long, end
    total = int(answer["given"] + answer["empty"])
    for place, moment in enumerate(later):
        alike = int(answer[f"alike_{place}"])
        if min(answer["given"], answer["empty"]) >= MIN_ROWS and alike >= 0.99 * total:
            why = f"it is empty exactly while {moment} is, in {alike / total:.0%} of the rows: known from {moment} on"
            return why, alike / total, total, moment
    return None


def moving_measures(sources: Sources, fate: pd.DataFrame, facts: Mapping[str, pd.DataFrame]) -> Iterator[Suspicion]:
    """Suspicions of measures that change with the extraction: the time from their row to one moment, or what an
    attribute would be suspected of (`extraction_dates.suspicions`), written in every row of the account.

    A mean over an account's rows of such a time counts back from the mean of their times: one scan of a table.
    """
    for name, measures in sources.measures.items():
        rows = sources.tables[name]
        seconds = rows[table(name).time].epoch_seconds()
        parts: dict[str, ir.Value] = {}
        for place, measure in enumerate(measures):
            value = rows[measure]
            parts |= {f"n_{place}": value.count(), f"mean_{place}": value.mean()}
            parts |= {f"least_{place}": value.min(), f"most_{place}": value.max()}
            parts[f"at_{place}"] = seconds.mean(where=value.notnull())
        frame = sources.engine.to_pandas(rows.group_by("account_id").aggregate(**parts)).set_index("account_id")
        frame = frame.reindex(fate.account_id).set_axis(fate.index).astype("float64")
        for place, measure in enumerate(measures):
            values, at = frame[f"mean_{place}"], pd.to_datetime(frame[f"at_{place}"], unit="s")
            whys = list(counts_back(values, fate, [("the row's time", at)]))
            several = frame[f"n_{place}"] > 1
            alike = (frame[f"least_{place}"] == frame[f"most_{place}"])[several]
            if several.sum() >= MIN_ROWS and alike.mean() >= MOST:
                whys += suspicions(values, fate, facts, sources.data_end)
            yield from (Suspicion(f"{name}.{measure}", why, instead=INSTEAD) for why in whys)
