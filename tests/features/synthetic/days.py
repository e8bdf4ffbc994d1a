"""Days of the company that tests make."""

from __future__ import annotations

import pandas as pd

END = pd.Timestamp("2026-01-01")

START = pd.Timestamp("2023-07-01")
