"""Results as JSON can say them: the one place where typed results become plain ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd


def to_jsonable(value: Any) -> Any:
    """Dataclasses, numpy's numbers, times, tuples and NaN turned into what `json.dumps(..., allow_nan=False)` takes.

    A dataclass becomes what its `to_json` gives, or an object of its fields, a tuple a list, a moment its ISO day, what
    is not finite null.

    Parameters
    ----------
    value : Any
        A result: a dataclass, mapping, list, tuple, number, moment or text, nested as it may be.

    Returns
    -------
    Any
        Objects, lists, numbers, text, true, false and null.

    Examples
    --------
    >>> to_jsonable({"as_of": pd.Timestamp("2024-01-31"), "p": (np.float64(0.5), float("nan"))})
    {'as_of': '2024-01-31', 'p': [0.5, None]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        if hasattr(value, "to_json"):
            return to_jsonable(value.to_json())
        return {field.name: to_jsonable(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_jsonable(item) for item in value]
    if value is None or value is pd.NaT:
        return None
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d")
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
