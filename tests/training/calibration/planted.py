"""Out-of-time rows whose true calibration is known."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from training.calibration import OutOfTime

STAGES = np.array(["adoption", "renewal"])


def out_of_time(
    n: int = 40_000, shift: float = 0.0, slope: float = 1.0, by_stage: float = 0.0, seed: int = 0
) -> OutOfTime:
    """Rows whose true log-odds are -3 + shift + slope * (z + 3) (+ by_stage for renewal); one account a row."""
    rng = np.random.default_rng(seed)
    z = rng.normal(-3, 1, n)
    stage = STAGES[rng.integers(0, 2, n)]
    churned = (rng.random(n) < expit(-3 + shift + slope * (z + 3) + by_stage * (stage == "renewal"))).astype(float)
    account = np.array([f"a{number}" for number in range(n)])
    return OutOfTime(z, churned, stage, account, np.arange(n) * 4 // n * 91.0, np.where(churned > 0, account, ""))
