"""An account's score with other values of some signals, and how far these lie from what the model was trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from configs.errors import Fault, UsageError, nearest
from evaluation.predictions import predictions
from serving.messages import ChangedSignal, SeenRange, WhatIfAnswer, WhatIfRequest
from serving.scoring.scorer import Scorer

LEAST_ROWS = 20
TAIL = 0.01


def what_if(scorer: Scorer, request: WhatIfRequest, history: pd.DataFrame | None) -> WhatIfAnswer:
    """Both scores of an account: today's, and with the values of the request; nothing is written.

    Parameters
    ----------
    scorer : Scorer
        Of the day that serves.
    request : WhatIfRequest
        Of an account in play.
    history : DataFrame or None
        Signals at the project's own as_ofs; those of before the model's cut are what it was trained on.

    Returns
    -------
    WhatIfAnswer

    Raises
    ------
    UsageError
        With every signal that the model does not know, and every value of another kind.
    """
    _check(scorer, request)
    settings, model = scorer.settings, scorer.model
    rows = scorer.frame.loc[[request.account_id, request.account_id]].reset_index(drop=True)
    today = rows.iloc[0].to_dict()
    for name, value in request.signals.items():
        rows[name] = _with_value(rows[name], value)
    predicted = predictions(model.churn, model.health, rows, settings, model.version, model.schema)
    before, after = ({name: float(row[name]) for name in _curve(predicted)} for row in predicted.to_dict("records"))
    main = f"p_churn_{settings.main_horizon_days}d"
    seen = None if history is None else history[history.as_of < model.churn.cuts.last]
    notes = ["Signals that follow from a changed one keep today's values, unless they are changed too."]
    if seen is None or len(seen) < LEAST_ROWS:
        seen = None
        notes.append("The rows of training are not kept any more; `forewarn train` keeps them.")
    signals = [_changed(scorer, name, today.get(name), value, seen) for name, value in request.signals.items()]
    return WhatIfAnswer(
        account_id=request.account_id,
        as_of=f"{scorer.as_of:%Y-%m-%d}",
        model_version=str(model.version),
        config_version=settings.version,
        horizon_days=settings.main_horizon_days,
        today=before,
        changed=after,
        difference=after[main] - before[main],
        today_level=predicted.risk_level[0],
        changed_level=predicted.risk_level[1],
        signals=signals,
        nearest_seen=None if seen is None else _nearest(seen, request.signals),
        notes=notes,
    )


def _curve(predicted: pd.DataFrame) -> list[str]:
    return [str(name) for name in predicted if str(name).startswith("p_churn_")]


def _check(scorer: Scorer, request: WhatIfRequest) -> None:
    schema, known = scorer.model.schema, set(scorer.model.schema.names)
    faults = []
    for name, value in request.signals.items():
        where = f"signals.{name}"
        if name not in known:
            faults.append(Fault(where, "no such signal", "a signal of the model", nearest(name, sorted(known))))
            continue
        kind = schema.info(name).kind
        if value is not None and isinstance(value, str) != (kind == "category"):
            do = "send text" if kind == "category" else "send a number"
            faults.append(Fault(where, repr(value)[:80], f"a {kind}, or null", do))
    if faults:
        raise UsageError(faults)


def _with_value(column: pd.Series, value: float | str | None) -> pd.Series:
    """The column with its second value replaced."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        values = column.to_numpy(dtype=float, na_value=np.nan).copy()
        values[1] = np.nan if value is None else value
        return pd.Series(values, index=column.index, name=column.name)
    texts = column.astype(object).tolist()
    return pd.Series([texts[0], value], index=column.index, name=column.name, dtype=column.dtype)


def _changed(
    scorer: Scorer, name: str, today: Any, value: float | str | None, seen: pd.DataFrame | None
) -> ChangedSignal:
    info = scorer.model.schema.info(name)
    category = next((one for one in scorer.model.churn.encoder.categories if one.name == name), None)
    return ChangedSignal(
        signal=name,
        sentence=info.sentence,
        today=None if today is None or pd.isna(today) else today,
        changed=value,
        is_read=name in scorer.model.churn.columns,
        seen=None if seen is None or not isinstance(value, int | float) else _range(seen, name, float(value)),
        level_seen=None if category is None else value is None or value in category.levels,
    )


def _range(seen: pd.DataFrame, name: str, value: float) -> SeenRange | None:
    values = _numbers(seen, name)
    if len(values) < LEAST_ROWS:
        return None
    low, high = np.quantile(values, [TAIL, 1 - TAIL])
    return SeenRange(
        rows=len(values),
        low=float(low),
        high=float(high),
        share_below=float((values < value).mean()),
        outside=bool(value < values.min() or value > values.max()),
    )


def _numbers(frame: pd.DataFrame, name: str) -> np.ndarray:
    """The values that there are, (n,)."""
    if name not in frame or not pd.api.types.is_numeric_dtype(frame[name].dtype):
        return np.zeros(0)
    values = frame[name].to_numpy(dtype=float, na_value=np.nan)
    return np.asarray(values[np.isfinite(values)])


def _nearest(seen: pd.DataFrame, signals: dict[str, float | str | None]) -> float | None:
    """Root of the mean squared difference, in standard deviations, to the nearest row over the changed numbers."""
    total, rows, count = np.zeros(len(seen)), np.ones(len(seen), dtype=bool), 0
    for name, value in signals.items():
        if isinstance(value, str) or value is None or len(known := _numbers(seen, name)) < LEAST_ROWS:
            continue
        spread = float(known.std())
        if spread == 0:
            continue
        column = seen[name].to_numpy(dtype=float, na_value=np.nan)
        rows &= np.isfinite(column)
        total += np.nan_to_num((column - value) / spread) ** 2
        count += 1
    if count == 0 or not rows.any():
        return None
    return float(np.sqrt(total[rows].min() / count))
