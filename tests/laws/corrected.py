"""Tables in which some facts were corrected later, each version under its own recorded_at."""

from __future__ import annotations

import numpy as np
import pandas as pd

from configs.tables import table

LAST = pd.Timestamp("2025-09-30")  # the last day of the company's data
SHARE = 0.2  # of the rows that are corrected, a half of them twice
NUMBERS = ("arr", "amount", "quantity", "seats", "arr_change")
WORDS = ("priority", "plan", "role", "attended", "initiated_by", "voluntary", "segment", "arm", "sentiment", "score")


def with_versions(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Every row with an id where its table knows one, and some of them corrected, up to half a year later: other
    values, and with an id another time."""
    rng = np.random.default_rng(len(rows))
    spec, rows = table(name), rows.reset_index(drop=True)
    for key in spec.key:
        if key not in rows:
            rows[key] = [f"{name}-{number}" for number in range(len(rows))]
    if "recorded_at" not in rows:
        rows["recorded_at"] = pd.NaT
    rows["recorded_at"] = rows.recorded_at.astype("datetime64[us]")
    parts, corrected = [rows], rows
    for share in (SHARE, 0.5):
        corrected = corrected.sample(frac=share, random_state=7).copy()
        known = corrected.recorded_at.fillna(corrected[spec.time])
        known = known.where(known > corrected[spec.time], corrected[spec.time])
        corrected["recorded_at"] = known + pd.to_timedelta(rng.integers(1, 180 * 24, len(corrected)), unit="h")
        for column in NUMBERS:
            if column in corrected:
                corrected[column] = (corrected[column] * rng.choice([0.0, 0.5, 2.0], len(corrected))).round(2)
        for column in WORDS:
            if column in corrected:
                corrected[column] = corrected[column].sample(frac=1, random_state=3).to_numpy()
        if spec.key and name not in ("accounts", "contracts"):
            moved = corrected[spec.time] + pd.to_timedelta(rng.integers(-20, 20, len(corrected)), unit="D")
            corrected[spec.time] = moved.clip(upper=LAST)
        parts.append(corrected)
    return pd.concat(parts, ignore_index=True)
