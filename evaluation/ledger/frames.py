"""Rows of the ledger as frames: predictions again, to the last bit as they were written, judgements and overrides.

A value that is not of its column's type was not written by `prediction_rows`: it is refused, never made a missing one.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from configs.errors import Fault, ForewarnError, UsageError, nearest
from evaluation.ledger.rows import (
    AT_MAIN,
    CURVE,
    FLAGS,
    LEDGER_COLUMNS,
    MAIN,
    NAMES,
    NUMBERS,
    TEXTS,
    VERSIONS,
    column_order,
)

_DAYS = {"as_of", "first_as_of", "last_as_of"}
_MOMENTS = {*_DAYS, "requested_at", "judged_at", "churn_at", "contraction_at", "reactivated_at", "made_at"}
_MOMENTS |= {"expires_at", "entered_at", "next_at", "answered_at", "given_at", "started_at", "ended_at", "occurred_at"}
_MOMENTS |= {"until", "written_at"}
_FIGURES = {*NUMBERS, *AT_MAIN, "arr_change", "p_churn"}
_COUNTS = {"batch_id", "row", "main_horizon_days", "matured_days", "contraction_days", "pairs", "format", "rows"}
_COUNTS |= {"upto_batch", "attempt"}
_FLAWED = "the ledger holds a row that is not as it was written"


def stored_columns(columns: Sequence[str] | None) -> list[str]:
    """The columns of the tables that are needed to answer with `columns` (None: all); UsageError for an unknown one."""
    everything = ["account_id", "as_of", *NAMES, *NUMBERS, *VERSIONS, *TEXTS, *FLAGS, *LEDGER_COLUMNS]
    if columns is None:
        return [*everything, "curve", "main_horizon_days", *AT_MAIN]
    stored: dict[str, None] = {}
    faults = []
    for name in columns:
        if name in everything:
            stored[name] = None
        elif CURVE.fullmatch(name):
            stored["curve"] = None
        elif match := MAIN.fullmatch(name):
            stored["main_horizon_days"] = stored[match[1]] = None
        else:
            faults.append(Fault(name, "an unknown column", "a column of the ledger", nearest(name, everything)))
    if faults:
        raise UsageError(faults)
    return list(stored)


def arrow_table(rows: Sequence[Sequence[Any]], stored: Sequence[str]) -> pa.Table:
    """Rows of `stored` columns as an Arrow table with the columns of a prediction, of LEDGER_COLUMNS and of OUTCOME.

    UsageError when a value is not of its column's type: then someone changed it, and `ledger verify` says where.
    """
    try:
        return _arrow_table(rows, stored)
    except (pa.ArrowException, TypeError) as error:
        raise damaged(error) from None


def damaged(error: Exception) -> ForewarnError:
    return UsageError(Fault("ledger", f"{_FLAWED} ({error})", "rows as written", "run `forewarn ledger verify`"))


def _arrow_table(rows: Sequence[Sequence[Any]], stored: Sequence[str]) -> pa.Table:
    values = {name: [row[index] for row in rows] for index, name in enumerate(stored)}
    out: dict[str, pa.Array] = {}
    for name, items in values.items():
        if name in _MOMENTS:
            out[name] = pa.array(items, pa.string()).dictionary_encode()
            out[name] = pc.take(out[name].dictionary.cast(pa.timestamp("us")), out[name].indices)
        elif name in _COUNTS:
            out[name] = pa.array(items, pa.int64())
        elif name in _FIGURES:
            out[name] = pa.array(items, pa.float64())
        elif name in FLAGS or name == "voluntary":
            out[name] = pa.array([None if item is None else bool(item) for item in items], pa.bool_())
        elif name != "curve":
            out[name] = pa.array(items, pa.string())
    if values.get("curve"):
        curve = pa.json.read_json(io.BytesIO("\n".join(values["curve"]).encode())).combine_chunks()
        out |= {f"p_churn_{days}d": curve[days].cast(pa.float64()) for days in curve.column_names}
    if "main_horizon_days" in out:
        days_of = out.pop("main_horizon_days")
        shown = [name for name in AT_MAIN if name in out]
        figures = {name: out.pop(name) for name in shown}
        for days in sorted(days_of.unique().to_pylist()):
            at_these_days = pc.equal(days_of, days)
            out |= {f"{name}_{days}d": pc.if_else(at_these_days, figures[name], None) for name in shown}
    return pa.table(out)


def in_order(names: Iterable[str]) -> list[str]:
    """The column names of a table in the order of a prediction's, the ledger's own last."""
    known = set(names)
    horizons = [int(match[1]) for name in known if (match := CURVE.fullmatch(name))]
    mains = [int(match[2]) for name in known if (match := MAIN.fullmatch(name))]
    return [name for name in [*column_order(horizons, mains), *LEDGER_COLUMNS] if name in known]


def horizons_in(curves: Iterable[str]) -> list[int]:
    """The horizons of some `curve` texts, rising."""
    return sorted({int(days) for text in curves for days in json.loads(text)})


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """Text as `str`, days as datetime64[us], missing numbers as NaN; what is no prediction's column comes last."""
    named = in_order(table.column_names)
    return table.select([*named, *(name for name in table.column_names if name not in named)]).to_pandas()
