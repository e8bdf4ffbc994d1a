"""Score bands and moves between levels, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.backtest.score_bands import BAND_ACCOUNTS, RefusedBands, ScoreBand, level_changes, score_bands
from evaluation.metrics.proportions import wilson
from tests.evaluation.simulated import settings


def scored(stage: str, counts: dict[float, tuple[int, int]]) -> pd.DataFrame:
    """One row an account: at each health so many accounts, of which so many left."""
    body = [
        {
            "account_id": f"{stage}-{health}-{number}",
            "lifecycle_stage": stage,
            "health": health,
            "y": float(number < left),
        }
        for health, (accounts, left) in counts.items()
        for number in range(accounts)
    ]
    return pd.DataFrame(body)


def test_bands_by_hand() -> None:
    """Bands 0-55 (10 + 20 accounts), 55-60 (40) and 60-100 (35, and the 5 at 100 that are too few for a band)."""
    counts = {12.0: (10, 6), 50.0: (20, 3), 57.5: (40, 8), 60.0: (35, 2), 100.0: (5, 0)}
    rows = scored("adoption", counts)
    rows.loc[len(rows)] = ["adoption-none", "adoption", np.nan, 1.0]  # without a score: in no band
    bands = [band for band in score_bands(rows, settings()) if isinstance(band, ScoreBand)]
    assert [(band.stage, band.health_from, band.health_to, band.accounts, band.churned_accounts) for band in bands] == [
        ("adoption", 0, 55, 30, 9),
        ("adoption", 55, 60, 40, 8),
        ("adoption", 60, 100, 40, 2),
    ]
    for band, (churned, accounts) in zip(bands, [(9, 30), (8, 40), (2, 40)], strict=True):
        assert band.rows == accounts
        assert band.share.value == churned / accounts
        # every account has one row, so that the interval is Wilson's own
        assert (band.share.low, band.share.high) == pytest.approx(wilson(churned / accounts, accounts))


def test_rows_of_one_account_are_not_counted_as_accounts() -> None:
    rows = scored("adoption", {57.5: (40, 12)})
    repeated = pd.concat([rows] * 6, ignore_index=True)
    (once,), (often,) = (
        [band for band in score_bands(frame, settings()) if isinstance(band, ScoreBand)] for frame in (rows, repeated)
    )
    assert (often.rows, often.accounts) == (240, 40)
    assert vars(often.share) == pytest.approx(vars(once.share))


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({50.0: (BAND_ACCOUNTS - 1, 12)}, "12 churned of 29 accounts; at least 10 of 30 needed"),
        ({50.0: (200, 9)}, "9 churned of 200 accounts; at least 10 of 30 needed"),
    ],
)
def test_too_few_are_refused_with_the_number(counts: dict[float, tuple[int, int]], reason: str) -> None:
    refusals = {band.stage: band for band in score_bands(scored("adoption", counts), settings())}
    assert refusals["adoption"] == RefusedBands("adoption", reason)
    assert refusals["renewal"] == RefusedBands("renewal", "0 churned of 0 accounts; at least 10 of 30 needed")


def test_level_changes_by_hand() -> None:
    """healthy from 85, low from 70, medium from 50, high below; the largest change of score first."""
    frame = pd.DataFrame({"account_id": list("abcde"), "as_of": pd.Timestamp("2025-03-01")})
    before, after = np.array([86.0, 84.0, 49.0, 60.0, np.nan]), np.array([84.0, 71.0, 70.0, 49.9, np.nan])
    changes = level_changes(frame, before, after, settings().framework.levels)
    assert (changes.as_of, changes.scored, changes.changed) == ("2025-03-01", 4, 3)
    assert [(account.account_id, account.level_before, account.level_after) for account in changes.accounts] == [
        ("c", "high", "low"),
        ("d", "medium", "high"),
        ("a", "healthy", "low"),
    ]
    moves = {(move.level_before, move.level_after): move.accounts for move in changes.moves}
    assert moves == {("high", "low"): 1, ("medium", "high"): 1, ("healthy", "low"): 1}
