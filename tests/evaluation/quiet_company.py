"""A company of constant size whose probabilities are right, monitored for a year after a year of training time.

Each account has a hazard of its own; who leaves is replaced. Signals hang on the account, drift with its fortunes and
with fashions that move everybody, as in life; only what a test plants is out of the ordinary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.signal import Schema, SignalInfo
from features.signals.catalogue import ALL_SIGNALS, TENURE, schema_of
from features.signals.configured import attribute_infos

MONTHS, TRAINING = 24, 12
FIRST = pd.Timestamp("2024-01-01")
SINCE = FIRST + pd.DateOffset(months=TRAINING)
SIGNALS = (
    *("usage_30d", "usage_7d", "sessions_30d", "active_days_30d", "features_used_30d", "active_users_30d"),
    *("tickets_90d", "days_late_90d", "nps_last", "days_since_qbr", "account_region"),
)
USAGE = SIGNALS[:6]
CATALOGUE = schema_of((TENURE, *ALL_SIGNALS), attribute_infos({"region": "category"}))
SCHEMA = Schema(tuple(CATALOGUE.info(name) for name in SIGNALS))


def infos(*names: str) -> tuple[SignalInfo, ...]:
    """What is known of these signals; of made-up ones no more than their names."""
    made_up = {"dimension": "account", "unit": "", "healthier": 0, "sentence": ""}
    return tuple(
        CATALOGUE.info(name) if name in CATALOGUE.names else SignalInfo(name=name, **made_up)  # type: ignore[arg-type]
        for name in names
    )


HORIZONS = (30, 60, 90, 180)
DAY_OF_MONTH = 30.4


@dataclass(frozen=True)
class Company:
    """predictions of the year that is monitored, joined to outcomes; signals of both years."""

    predictions: pd.DataFrame
    signals: pd.DataFrame


def company(
    seed: int, accounts: int = 500, base: float = 0.024, times: float = 1.0, from_month: int = 6, open_days: int = 0
) -> Company:
    """`base`: hazard a month; from `from_month` of the year monitored (0: its first) it is `times` what was predicted.

    Outcomes are known for `open_days` less than the longest horizon after the last month.
    """
    random = np.random.default_rng([seed, 17])
    days = pd.date_range(FIRST, periods=MONTHS + 7, freq="MS").as_unit("us")
    at = ((days - FIRST) / pd.Timedelta(days=1)).to_numpy(dtype=float)
    turn = at[TRAINING + from_month]
    rows: list[tuple[float, ...]] = []
    number = 0
    for _ in range(accounts):
        begins = -np.inf
        while begins < at[MONTHS - 1]:
            z = random.normal(0, 0.9)
            hazard = base / DAY_OF_MONTH * np.exp(z - 0.9**2 / 2)
            ends = _end(random.exponential(), max(begins, 0.0), hazard, turn, times)
            seen = np.flatnonzero((at[:MONTHS] >= begins) & (at[:MONTHS] <= ends))
            rows += [(number, month, hazard, z, ends) for month in seen]
            begins, number = ends + random.uniform(0, 30), number + 1
    frame = pd.DataFrame(rows, columns=["number", "month", "hazard", "z", "ends"])
    frame["account_id"] = "account-" + frame["number"].astype(str).str.zfill(5)
    frame["as_of"] = days[frame["month"].to_numpy()]
    stages = np.array(["onboarding", "adoption", "value_realization", "renewal"])
    frame["lifecycle_stage"] = stages[(frame["number"] + frame["month"] // 4).to_numpy() % 4]
    known = at[MONTHS - 1] + max(HORIZONS) - open_days
    return Company(_predictions(frame, at, known), _signals(frame, random))


def _end(luck: float, begins: float, hazard: float, turn: float, times: float) -> float:
    """The day on which the hazard since `begins` adds up to `luck`; from `turn` on it is `times` as high."""
    before = max(0.0, turn - begins) * hazard
    return begins + luck / hazard if luck < before else max(turn, begins) + (luck - before) / (hazard * times)


def _predictions(frame: pd.DataFrame, at: np.ndarray, known: float) -> pd.DataFrame:
    out = frame[frame["month"] >= TRAINING].sort_values(["as_of", "account_id"], ignore_index=True)
    day = at[out["month"].to_numpy()]
    for horizon in HORIZONS:
        out[f"p_churn_{horizon}d"] = -np.expm1(-out["hazard"] * horizon)
        left = (out["ends"] < day + horizon).astype(float)
        out[f"churned_{horizon}d"] = left.where(day + horizon <= known)
    return out.drop(columns=["number", "month", "hazard", "z", "ends"]).assign(model_version="1")


def _signals(frame: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    out = frame[["account_id", "as_of", "lifecycle_stage"]].copy()
    own = random.normal(size=(int(frame["number"].max()) + 1, len(SIGNALS)))
    for place, name in enumerate(SIGNALS):
        fashion = random.normal(0, 0.1, MONTHS).cumsum() * 0.5 + 0.15 * np.sin(np.arange(MONTHS) * np.pi / 6)
        level = own[frame["number"], place] - 0.5 * frame["z"] + fashion[frame["month"]]
        out[name] = np.round(np.exp(2 + 0.8 * level + random.normal(0, 0.4, len(frame))), 1)
    out.loc[random.random(len(out)) < 0.3, "nps_last"] = np.nan
    out["account_region"] = np.array(["north", "south", "west"])[frame["number"].to_numpy() % 3]
    return out.sort_values(["as_of", "account_id"], ignore_index=True)
