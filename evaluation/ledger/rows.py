"""Predictions as rows of the ledger; frames.py makes predictions of them again, to the last bit.

The table's columns do not depend on the project's horizons: probabilities of every horizon are one JSON text (`curve`),
figures at the main horizon are columns without a horizon in their name. Missing numbers are NULL there and NaN here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from configs.errors import Fault, UsageError, nearest
from configs.framework import DIMENSIONS
from evaluation.ledger.hash_chain import canonical

AT_MAIN = ("p_low", "p_high", "p_health", "expected_arr_loss")
NUMBERS = ("health_score", *(f"health_{dimension}" for dimension in DIMENSIONS), "coverage", "arr")
NAMES = ("lifecycle_stage", "risk_level")
VERSIONS = ("model_version", "config_version")
TEXTS = ("reasons", "triggers", "actions")
FLAGS = ("has_signal",)
BELONGING = ("segment", "owner")  # of the account when it was scored; a frame of predictions may have them
OUTCOME = ("matured_days", "churn_at", "voluntary", "contraction_days", "contraction_at", "reactivated_at")
LEDGER_COLUMNS = (
    *("batch_id", "row", "kind", "asked_by", "requested_at"),
    *("idempotency_key", "calibrator_version", "signals_hash"),
    *BELONGING,
)
CURVE = re.compile(r"p_churn_(\d+)d")
MAIN = re.compile(rf"({'|'.join(AT_MAIN)})_(\d+)d")


def column_order(horizons_days: Iterable[int], main_days: Iterable[int]) -> list[str]:
    """The columns of a prediction, in the order that they have everywhere, for these horizons.

    >>> column_order([30, 90], [90])[3:8]
    ['p_churn_30d', 'p_churn_90d', 'p_low_90d', 'p_high_90d', 'risk_level']
    """
    mains = sorted(set(main_days))
    return [
        *("account_id", "as_of", "lifecycle_stage"),
        *(f"p_churn_{days}d" for days in sorted(set(horizons_days))),
        *(f"{name}_{days}d" for days in mains for name in ("p_low", "p_high")),
        *("risk_level", "health_score", *(f"health_{dimension}" for dimension in DIMENSIONS)),
        *(f"p_health_{days}d" for days in mains),
        *("coverage", "arr"),
        *(f"expected_arr_loss_{days}d" for days in mains),
        *TEXTS,
        *FLAGS,
        *VERSIONS,
    ]


def prediction_rows(predictions: pd.DataFrame, signals_hash: Sequence[str]) -> list[tuple[Any, ...]]:
    """The values behind each row's hash, in the order of `Entry.hashed`.

    Parameters
    ----------
    predictions : pd.DataFrame
        n predictions, with the columns of `prediction_columns`, and BELONGING where it is known.
    signals_hash : sequence of str
        One a row.

    Returns
    -------
    list of tuple
        n rows, each beginning with its number.

    Raises
    ------
    UsageError
        With every fault of the frame.
    """
    horizons = sorted(int(match[1]) for name in predictions if (match := CURVE.fullmatch(str(name))))
    mains = sorted({int(match[2]) for name in predictions if (match := MAIN.fullmatch(str(name)))})
    faults = _shape_faults(predictions, horizons, mains, signals_hash)
    if faults:
        raise UsageError(faults)
    main = mains[0]
    curve = np.column_stack([_numbers(predictions, f"p_churn_{days}d", faults, least=0.0) for days in horizons])
    template = "{" + ",".join(f'"{days}":%r' for days in horizons) + "}"
    lists: list[Iterable[Any]] = [
        range(len(predictions)),
        _names(predictions.account_id, faults, required=True),
        _days(predictions.as_of, faults),
        _names(predictions.lifecycle_stage, faults),
        [template % tuple(row) for row in curve.tolist()],
        [main] * len(predictions),
        curve[:, horizons.index(main)].tolist(),
        *(_nullable(_numbers(predictions, f"{name}_{main}d", faults)) for name in AT_MAIN),
        _names(predictions.risk_level, faults),
        *(_nullable(_numbers(predictions, name, faults)) for name in NUMBERS),
        *(_names(predictions[name], faults, required=True) for name in VERSIONS),
        _names(pd.Series(list(signals_hash), name="signals_hash", dtype=object), faults, required=True),
        *(_flags(predictions[name], faults) for name in FLAGS),
        *(
            _names(predictions[name], faults) if name in predictions else [None] * len(predictions)
            for name in BELONGING
        ),
        *(_texts(predictions[name], faults) for name in TEXTS),
    ]
    if faults:
        raise UsageError(faults)
    return list(zip(*lists, strict=True))


def _shape_faults(
    predictions: pd.DataFrame, horizons: list[int], mains: list[int], signals_hash: Sequence[str]
) -> list[Fault]:
    if predictions.empty:
        return [Fault("predictions", "no rows", "at least one", "score some accounts first")]
    faults = []
    if len(signals_hash) != len(predictions):
        found, expected = f"{len(signals_hash)} hashes", f"{len(predictions)}, one a prediction"
        faults.append(Fault("signals_hash", found, expected, "hash the signals of each row"))
    if not horizons:
        faults.append(Fault("predictions", "no p_churn_..d column", "one per horizon", "use prediction_columns"))
    if len(mains) != 1 or mains[0] not in horizons:
        found = f"main horizons {mains} beside horizons {horizons}"
        faults.append(Fault("predictions", found, "one main horizon, one of the horizons", "use prediction_columns"))
    expected_columns = column_order(horizons, mains)
    given = [str(name) for name in predictions]
    faults += [
        Fault(f"predictions.{name}", "no such column", "a column of a prediction", "use prediction_columns")
        for name in expected_columns
        if name not in given
    ]
    faults += [
        Fault(f"predictions.{name}", "an unknown column", "a column of a prediction", nearest(name, expected_columns))
        for name in given
        if name not in (*expected_columns, *BELONGING)
    ]
    return faults


def _numbers(frame: pd.DataFrame, name: str, faults: list[Fault], least: float | None = None) -> np.ndarray:
    """float64 (n,); NaN is missing, unless `least` is given. Probabilities (p_...) must lie in 0-1."""
    try:
        values = frame[name].to_numpy(dtype=float, na_value=np.nan) + 0.0  # -0.0 would not survive SQLite
    except (TypeError, ValueError):
        faults.append(Fault(f"predictions.{name}", "values that are no numbers", "numbers", "fix the column"))
        return np.zeros(len(frame))
    bad = np.isinf(values)
    if least is not None:
        bad |= np.isnan(values)
    if name.startswith("p_"):
        bad |= (values < 0) | (values > 1)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        expected = "probabilities (0-1)" if name.startswith("p_") else "finite numbers"
        faults.append(Fault(f"predictions.{name}", f"{values[first]} in row {first}", expected, "fix the column"))
    return np.asarray(values)


def _nullable(values: np.ndarray) -> list[float | None]:
    boxed = values.astype(object)
    boxed[np.isnan(values)] = None
    return list(boxed)


def _names(series: pd.Series, faults: list[Fault], required: bool = False) -> list[str | None]:
    values: list[Any] = series.astype(object).where(series.notna(), None).tolist()
    for row, value in enumerate(values):
        if value is None:
            if required:
                faults.append(Fault(f"predictions.{series.name}", f"nothing in row {row}", "text", "fix the column"))
                break
        elif not isinstance(value, str) or "\x00" in value or not _encodes(value):
            faults.append(Fault(f"predictions.{series.name}", f"{value!r} in row {row}", "text", "fix the column"))
            break
    return values


def _flags(series: pd.Series, faults: list[Fault]) -> list[int | None]:
    """1, 0 and None for what a row says, and for a row of before it was said."""
    values = series.astype(object).where(series.notna(), None).tolist()
    for row, value in enumerate(values):
        if value is not None and not isinstance(value, bool | np.bool_):
            fault = Fault(f"predictions.{series.name}", f"{value!r} in row {row}", "true or false", "fix the column")
            faults.append(fault)
            return []
    return [None if value is None else int(value) for value in values]


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _days(series: pd.Series, faults: list[Fault]) -> list[str]:
    if not pd.api.types.is_datetime64_dtype(series.dtype) or series.isna().any():
        faults.append(Fault("predictions.as_of", f"{series.dtype}, or nothing", "UTC midnights", "give timestamps"))
        return []
    codes, distinct = pd.factorize(series)
    days = pd.DatetimeIndex(distinct)
    if (days != days.normalize()).any():
        first = days[days != days.normalize()][0]
        faults.append(Fault("predictions.as_of", str(first), "UTC midnights", "cut the time of day off"))
    texts = list(days.strftime("%Y-%m-%d"))
    return [texts[code] for code in codes]


def _texts(series: pd.Series, faults: list[Fault]) -> list[str | None]:
    """JSON text; lists and mappings become it."""
    values = series.astype(object).tolist()
    for row, value in enumerate(values):
        if isinstance(value, str):
            bad = "\x00" in value or not _encodes(value)
        elif isinstance(value, list | tuple | dict):
            try:
                values[row], bad = canonical(value), False
            except ValueError:
                bad = True
        else:
            values[row], bad = None, not (value is None or value is pd.NA or value != value)
        if bad:
            faults.append(Fault(f"predictions.{series.name}", f"{value!r} in row {row}", "JSON text", "fix the column"))
            break
    return values


def moment(at: pd.Timestamp) -> str:
    """Writes a moment as the ledger does.

    Parameters
    ----------
    at : pd.Timestamp
        A time zone is turned into UTC; without one it is written as it is.

    Returns
    -------
    str
        ISO 8601 with microseconds, without a time zone.

    Examples
    --------
    >>> moment(pd.Timestamp("2024-01-31 10:30", tz="Europe/Berlin"))
    '2024-01-31T09:30:00.000000'
    """
    if at.tzinfo is not None:
        at = at.tz_convert("UTC").tz_localize(None)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")
