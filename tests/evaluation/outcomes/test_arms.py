"""Arms of what was served: draws are marked once and dated, and outcomes told apart, with an effect only by draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from configs.settings import Holdout, Settings
from evaluation.ledger.ledger import Ledger
from evaluation.outcomes import outcomes
from evaluation.outcomes.arms import mark_draw, outcomes_by_arm, with_drawn
from evaluation.outcomes.holdout import HOLDOUT, assign
from tests.evaluation.outcomes.judging import DAY, Labels, forecast_frame, later, project_settings

DRAWN = Holdout(salt="2026 renewals", share=0.5)
NAMES = [f"account-{number:03d}" for number in range(200)]
HELD = assign(NAMES, DRAWN.salt, DRAWN.share) == HOLDOUT


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return project_settings(tmp_path)


@pytest.fixture
def served(settings: Settings):
    """200 accounts scored on DAY, flagged in turn: of those held out 40 left, of the others 10."""
    with Ledger.open(settings) as ledger:
        mark_draw(ledger, DRAWN, DAY, "score")
        made = forecast_frame(" " * 200).assign(account_id=NAMES, risk_level=["high", "low"] * 100)
        ledger.write(made, kind="batch", asked_by="score", at=DAY, signals_hash=["s"] * 200)
        gone = [*np.array(NAMES)[HELD][:40], *np.array(NAMES)[~HELD][:10]]
        outcomes.judge(ledger, Labels(dict.fromkeys(gone, 30), 100), settings, later(100))
        yield ledger


def test_a_draw_is_marked_when_it_changes(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        other = Holdout(salt="b", share=0.1)
        for day, drawn in enumerate([None, DRAWN, DRAWN, other, None, None]):
            mark_draw(ledger, drawn, later(day), "score")
        assert ledger.events().body.tolist() == [
            {"salt": "2026 renewals", "share": 0.5},
            {"salt": "b", "share": 0.1},
            {"salt": None, "share": 0.0},
        ]
        assert ledger.events()["at"].tolist() == [later(1), later(3), later(4)]
        told = with_drawn(None, ledger, NAMES)
    first, second = told[told.started_at == later(1)], told[told.started_at == later(3)]
    assert len(told) == len(first) + len(second)
    assert first.account_id.tolist() == list(np.array(NAMES)[HELD])
    assert second.account_id.tolist() == list(np.array(NAMES)[assign(NAMES, "b", 0.1) == HOLDOUT])
    assert (set(first.ended_at), set(second.ended_at)) == ({later(3)}, {later(4)})


def test_outcomes_by_arm_and_the_effect_by_intention(served: Ledger, settings: Settings) -> None:
    """Two of those up for it were being approached: they stand apart, and the effect still counts everybody."""
    free = np.array(NAMES)[~HELD]
    approached = pd.DataFrame({"account_id": [free[0], free[-1]], "started_at": later(-5), "arm": "treated"})
    judged = outcomes_by_arm(served, settings, approached.assign(ended_at=pd.NaT), later(100))
    by = {arm.arm: (arm.rows, arm.churned) for arm in judged.arms}
    assert by == {"treated": (2, 1), "untreated": (len(free) - 2, 9), "holdout": (int(HELD.sum()), 40)}
    effect = judged.effect
    assert effect.treated.value == pytest.approx(10 / len(free))
    assert effect.holdout.value == pytest.approx(40 / HELD.sum())
    assert effect.difference.high < 0
    assert (effect.treated_accounts, effect.holdout_accounts) == (len(free), int(HELD.sum()))


def test_each_account_counts_with_its_first_window_under_the_draw(
    served: Ledger,
    settings: Settings,
) -> None:
    """Of those who outlived the first window the arms are no longer alike, and what they do next is no effect."""
    first = outcomes_by_arm(served, settings, None, later(100))
    assert first is not None
    gone = [*np.array(NAMES)[HELD][:40], *np.array(NAMES)[~HELD][:10]]
    stayed = [name for name in NAMES if name not in gone]
    made = forecast_frame(" " * len(stayed), as_of=later(90)).assign(account_id=stayed)
    served.write(made, kind="batch", asked_by="score", at=later(90), signals_hash=["s"] * len(stayed))
    later_gone = dict.fromkeys(stayed[:60], 120) | dict.fromkeys(gone, 30)
    outcomes.judge(served, Labels(later_gone, 200), settings, later(200))
    both = outcomes_by_arm(served, settings, None, later(200))
    assert both is not None
    assert sum(arm.rows for arm in both.arms) == 200 + len(stayed)
    assert both.effect == first.effect


def test_a_draw_holds_from_the_scoring_that_marked_it(settings: Settings) -> None:
    """Scored three days after the data's end: the draw of that hour is of those accounts."""
    with Ledger.open(settings) as ledger:
        mark_draw(ledger, DRAWN, later(3.4), "score")
        made = forecast_frame(" " * 200).assign(account_id=NAMES)
        ledger.write(made, kind="batch", asked_by="score", at=later(3.4), signals_hash=["s"] * 200)
        outcomes.judge(ledger, Labels(dict.fromkeys(NAMES[:60], 30), 100), settings, later(100))
        judged = outcomes_by_arm(ledger, settings, None, later(100))
        assert judged is not None
        assert judged.effect.holdout_accounts == HELD.sum()


def test_without_a_draw_there_is_no_effect(served: Ledger, settings: Settings) -> None:
    approached = pd.DataFrame({"account_id": NAMES[:5], "started_at": later(5), "ended_at": pd.NaT, "arm": "treated"})
    mark_draw(served, None, later(1), "score")
    assert "chance did not decide" in outcomes_by_arm(served, settings, approached, later(100)).effect.refused
    mark_draw(served, DRAWN, later(2), "score")
    refused = outcomes_by_arm(served, settings, approached, later(100)).effect.refused
    assert refused == "no scoring since the draw of 2024-01-03 has matured"


def test_where_nobody_was_approached_nothing_is_told(settings: Settings) -> None:
    with Ledger.open(settings) as ledger:
        assert outcomes_by_arm(ledger, settings, None, later(100)) is None
