"""Gates that judge the candidate's own probabilities: moved ones are refused, against an earlier calibration too."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.promotion.verdict import EarlierCalibration
from tests.evaluation.promotion.candidates import ACCOUNTS, CUT, Clean, figure, newest, own, refused, verdict


@pytest.mark.parametrize("moved", [3.0, -3.0])
def test_a_candidate_whose_own_probabilities_are_moved_is_refused(clean: Clean, moved: float) -> None:
    """Its backtest is that of other fits, and as right as ever."""
    result = verdict(*clean, measured={"newest": newest(moved), "own": own(moved=moved)})
    assert refused(result) == {"newest_level", "own_calibration"}
    assert figure(result, "newest_level") > 4
    before = verdict(*clean, measured={"newest": newest(moved), "own": own(0)})
    assert refused(before) == {"newest_level"}
    (gate,) = (gate for gate in before.gates if gate.name == "own_calibration")
    assert (gate.left_out, "0 churned accounts among the 0 rows" in gate.message) == (True, True)


@pytest.mark.parametrize(
    ("earlier", "is_refused", "says"),
    [
        (EarlierCalibration(0.2), False, "+0.20 from those of the backtest's newest fold"),
        (EarlierCalibration(3.0), True, "+3.00"),
        (EarlierCalibration(-3.0), True, "-3.00"),
        (EarlierCalibration(1.0, level_shift=0.9), False, "+1.00"),
        (EarlierCalibration(3.0, level_shift=0.9), True, "+3.00"),
        (EarlierCalibration(0.1, rows=own(), cut=CUT), False, "calibrated by the same recipe on 2024-07-01"),
        (EarlierCalibration(0.1, rows=own(moved=2.0), cut=CUT), True, "calibrated by the same recipe on 2024-07-01"),
        (EarlierCalibration(None), False, "0 churned accounts among the 0 rows"),
    ],
)
def test_a_candidate_of_today_is_held_against_an_earlier_calibration(
    clean: Clean, earlier: EarlierCalibration, is_refused: bool, says: str
) -> None:
    result = verdict(*clean, measured={"own": own(0), "earlier": earlier})
    (gate,) = (gate for gate in result.gates if gate.name == "own_calibration")
    assert (refused(result) == {"own_calibration"}, result.passed) == (is_refused, not is_refused), str(result)
    assert says in gate.message
    assert gate.left_out == (earlier.moved is None)


def test_of_few_churned_accounts_the_mean_alone_counts(clean: Clean) -> None:
    """Their error is mostly chance."""
    few = own(ACCOUNTS)
    few = few.assign(y=np.where(few.index < 28, 1.0, 0.0), p=np.where(few.index % 9 == 0, 0.9, 0.01))
    result = verdict(*clean, measured={"own": own(0), "earlier": EarlierCalibration(0.1, rows=few, cut=CUT)})
    assert figure(result, "own_calibration") > 0.05
    assert result.passed, str(result)


def test_the_level_of_the_season_a_year_before_is_as_good(clean: Clean) -> None:
    """Contracts that end in one season: the newest scores are those of that season, what matured last is not."""
    judged, baselines = clean
    first = judged.as_of == judged.as_of.min()
    quiet = judged.assign(churned_90d=judged.churned_90d.where(first | (judged.index % 7 == 0), 0.0))
    high = newest().assign(p=lambda rows: rows.p * 2)
    assert "newest_level" in refused(verdict(quiet, baselines, measured={"newest": high}))
    a_year_on = high.assign(as_of=(judged.as_of.min() + pd.Timedelta(days=365)))
    busy = quiet.assign(churned_90d=quiet.churned_90d.mask(first & (quiet.index % 3 == 0), 1.0))
    assert "newest_level" not in refused(verdict(busy, baselines, measured={"newest": a_year_on}))
    assert "newest_level" in refused(verdict(busy, baselines, measured={"newest": newest(5.0)}))


def test_with_too_few_churns_the_newest_level_is_left_out(clean: Clean) -> None:
    judged, baselines = clean
    result = verdict(judged.assign(churned_90d=judged.churned_90d * (judged.account_id < "005")), baselines)
    (gate,) = (gate for gate in result.gates if gate.name == "newest_level")
    assert (gate.passed, gate.left_out) == (True, True)


def test_the_champion_is_met_by_the_candidates_own_predictions_where_they_have_matured(clean: Clean) -> None:
    rows = own()
    champion = rows[["account_id", "as_of"]].assign(p_churn_90d=rows.p)
    equal = verdict(*clean, measured={"own": rows, "champion": champion})
    (gate,) = (gate for gate in equal.gates if gate.name == "against_champion")
    assert (gate.figure, f"on {len(rows)} rows" in gate.message) == (0.0, True)
    assert "against_champion" in refused(verdict(*clean, measured={"own": own(moved=1.5), "champion": champion}))
