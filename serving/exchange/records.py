"""What a receiver is told of an account: one flat record, in words and numbers that a CS platform has fields for."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from configs.settings import Settings
from evaluation.predictions import BASE, REST

MOST_REASONS = 3
LEAST_CONTRIBUTION = 0.005  # half a point: what moves the probability less is no reason to name
Record = dict[str, str | float | bool | None]


def fields(settings: Settings) -> tuple[str, ...]:
    """Names of a record's fields, account_id first.

    Parameters
    ----------
    settings : Settings
        Whose main horizon stands in two of them.

    Returns
    -------
    tuple of str
    """
    main = settings.main_horizon_days
    scores = (f"p_churn_{main}d", "risk_level", "health_score", "arr", f"expected_arr_loss_{main}d")
    return ("account_id", "in_play", "as_of", *scores, "reason", "next_action", "next_action_why", "model_version")


def record(row: Mapping[str, Any], settings: Settings) -> Record:
    """The record of one prediction.

    Parameters
    ----------
    row : mapping
        A row of the ledger, with reasons and actions as JSON.
    settings : Settings

    Returns
    -------
    dict
        By `fields`.
    """
    main = settings.main_horizon_days
    action = next(iter(_listed(row["actions"])), {})
    return {
        "account_id": str(row["account_id"]),
        "in_play": True,
        "as_of": f"{pd.Timestamp(row['as_of']):%Y-%m-%d}",
        f"p_churn_{main}d": _number(row[f"p_churn_{main}d"], 6),
        "risk_level": str(row["risk_level"]),
        "health_score": _number(row["health_score"], 1),
        "arr": _number(row["arr"], 2),
        f"expected_arr_loss_{main}d": _number(row[f"expected_arr_loss_{main}d"], 2),
        "reason": reason(_listed(row["reasons"])),
        "next_action": action.get("title"),
        "next_action_why": action.get("why"),
        "model_version": str(row["model_version"]),
    }


def gone(account_id: str, as_of: str, settings: Settings) -> Record:
    """The record of an account that is scored no more: it is in play no longer, and its old score must not stand."""
    empty: Record = dict.fromkeys(fields(settings))
    return {**empty, "account_id": account_id, "in_play": False, "as_of": as_of}


def reason(reasons: list[Mapping[str, Any]]) -> str:
    """Why the probability is what it is, in one sentence.

    Parameters
    ----------
    reasons : list of mapping
        signal, value, contribution and sentence of each signal, and one for the base.

    Returns
    -------
    str

    Examples
    --------
    >>> few = {"signal": "logins_30d", "value": 2.0, "contribution": 0.12, "sentence": "logins in 30 days"}
    >>> base = {"signal": "base", "value": None, "contribution": 0.1, "sentence": "an average account"}
    >>> reason([base, few])
    'logins in 30 days: 2 (+12.0 points)'
    >>> reason([base])
    'no single signal stands out'
    """
    named = [one for one in reasons if one["signal"] not in (BASE, REST)]  # what stands for no one signal explains none
    moved = [one for one in named if abs(one["contribution"]) >= LEAST_CONTRIBUTION]
    moved.sort(key=lambda one: -abs(one["contribution"]))
    told = [
        f"{one['sentence']}: {_shown(one['value'])} ({100 * one['contribution']:+.1f} points)"
        for one in moved[:MOST_REASONS]
    ]
    return "; ".join(told) if told else "no single signal stands out"


def digest(told: Record) -> str:
    """What changes when a receiver has to be told again; the day alone is no news."""
    news = {name: value for name, value in told.items() if name != "as_of"}
    return hashlib.sha256(json.dumps(news, sort_keys=True).encode()).hexdigest()[:16]


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return "not known" if math.isnan(value) else f"{value:g}"
    return str(value) if value is not None else "not known"


def _number(value: Any, digits: int) -> float | None:
    return None if value is None or pd.isna(value) else round(float(value), digits)


def _listed(value: Any) -> list[Mapping[str, Any]]:
    return list(json.loads(value) if isinstance(value, str) else value or ())
