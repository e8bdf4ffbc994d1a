"""Which changes are alerts: never a state, each once, what calls for nobody left out."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from evaluation.ledger import Outbox
from evaluation.outcomes import enter_overrides
from features.timeline import Outage
from tests.serving.alerts.conftest import NOW, raised, score


def told(ledger) -> dict[str, list[tuple[str, str]]]:
    return {
        alert.account_id or "": [(change["kind"], change["subject"]) for change in alert.body["changes"]]
        for alert in Outbox(ledger).alerts()
    }


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (("healthy", []), ("high", []), [("level_change", "high")]),
        (("medium", []), ("high", []), [("level_change", "high")]),
        (("healthy", []), ("low", []), None),  # below alerts.from_level
        (("high", []), ("high", []), None),  # a state
        (("high", []), ("low", []), [("level_change", "low")]),  # a worry ends
        (("high", []), ("medium", []), None),  # still one to watch
        (("high", []), ("high", ["gone_quiet"]), [("trigger", "gone_quiet")]),
        (("high", ["gone_quiet"]), ("high", ["gone_quiet"]), None),
        (("healthy", []), ("healthy", ["gone_quiet"]), None),  # a risk playbook is not for a healthy account
        (("healthy", []), ("healthy", ["engagement_spike"]), [("trigger", "engagement_spike")]),
        (("high", []), ("high", ["engagement_spike"]), None),  # nobody sells to who is about to leave
        (("healthy", []), ("healthy", ["score_fell"]), [("escalation", "score_fell")]),
        (
            ("low", ["usage_decline"]),
            ("medium", ["usage_decline", "gone_quiet", "sponsor_silent"]),
            [("escalation", "sponsor_silent"), ("level_change", "medium"), ("trigger", "gone_quiet")],
        ),
        (("high", []), ("high", ["a trigger of before"]), None),  # the framework knows it no more
    ],
)
def test_changes(ledger, alert_settings, before, after, found):
    score(ledger, "2024-01-01", [before[0]], {0: before[1]})
    score(ledger, "2024-02-01", [after[0]], {0: after[1]})
    raised(ledger, alert_settings())
    assert told(ledger) == ({} if found is None else {"000": found})


def test_nothing_is_told_without_an_earlier_scoring(ledger, alert_settings):
    score(ledger, "2024-01-01", ["high"])
    assert str(raised(ledger, alert_settings())).startswith("one scoring, of 2024-01-01")
    score(ledger, "2024-02-01", ["high", "high"])  # the second account is new
    assert raised(ledger, alert_settings()).alerts == 0


def test_a_day_is_raised_once_whatever_is_scored_again_of_it(ledger, alert_settings):
    score(ledger, "2024-01-01", ["healthy"])
    score(ledger, "2024-02-01", ["high"])
    settings = alert_settings()
    assert raised(ledger, settings).alerts == 1
    score(ledger, "2024-02-01", ["high"], {0: ["gone_quiet"]}, model_version="4")
    again = raised(ledger, settings, NOW + timedelta(hours=1))
    assert (again.repeated, again.alerts, len(Outbox(ledger).alerts())) == (True, 0, 1)


def test_what_goes_to_and_fro_is_told_once_in_the_quiet_days(ledger, alert_settings):
    settings = alert_settings(quiet_days=30)
    for day, level in enumerate(["low", "medium", "low", "medium", "high"], start=1):
        score(ledger, f"2024-01-{day:02d}", [level])
        raised(ledger, settings)
    assert [alert.as_of for alert in Outbox(ledger).alerts()] == ["2024-01-02", "2024-01-03", "2024-01-05"]
    score(ledger, "2024-01-31", ["low"])
    raised(ledger, settings)
    score(ledger, "2024-02-10", ["medium"])  # more than thirty days later
    assert raised(ledger, settings).alerts == 1


def test_the_budget_keeps_those_with_most_at_stake(ledger, alert_settings):
    score(ledger, "2024-01-01", ["healthy"] * 10)
    score(ledger, "2024-02-01", ["high"] * 10)
    found = raised(ledger, alert_settings(per_owner_a_week=2))
    assert (found.alerts, found.digest) == (4, 6)
    kept = {alert.account_id for alert in Outbox(ledger).alerts() if alert.route == "alert"}
    assert kept == {"006", "007", "008", "009"}  # of anna's and ben's the two with most ARR to lose
    score(ledger, "2024-02-02", ["high"] * 10, {9: ["gone_quiet"]})
    assert raised(ledger, alert_settings(per_owner_a_week=2)).digest == 1  # the week's places are taken
    score(ledger, "2024-02-10", ["high"] * 10, {8: ["gone_quiet"]})
    assert raised(ledger, alert_settings(per_owner_a_week=2), NOW + timedelta(days=7)).alerts == 1


def test_a_fall_takes_what_places_are_left(ledger, alert_settings):
    score(ledger, "2024-01-01", ["healthy", "high", "high", "healthy"])
    score(ledger, "2024-02-01", ["high", "healthy", "healthy", "high"])  # of anna and of ben one rises and one falls
    found = raised(ledger, alert_settings(per_owner_a_week=1))
    assert (found.alerts, found.digest, found.without_risk) == (2, 2, 2)
    routes = {alert.account_id: (alert.route, alert.body["is_risk"]) for alert in Outbox(ledger).alerts()}
    rise, fall = ("alert", True), ("digest", False)
    assert routes == {"000": rise, "001": fall, "002": fall, "003": rise}


def test_whoever_is_held_out_is_left_alone(ledger, alert_settings):
    settings = alert_settings()
    drawn = settings.model_copy(
        update={"evaluation": settings.evaluation.model_copy(update={"holdout": _holdout(share=0.5)})}
    )
    score(ledger, "2024-01-01", ["healthy"] * 20)
    score(ledger, "2024-02-01", ["high"] * 20)
    found = raised(ledger, drawn)
    assert found.held_out > 0
    assert found.alerts + found.held_out == 20
    assert len(told(ledger)) == found.alerts


def _holdout(share: float):
    from configs.settings import Holdout

    return Holdout(salt="draw", share=share)


def test_it_says_what_moved_the_probability(ledger, alert_settings):
    score(ledger, "2024-01-01", ["healthy"])
    score(ledger, "2024-02-01", ["high"])
    raised(ledger, alert_settings())
    (alert,) = Outbox(ledger).alerts()
    driver = {"signal": "days_since_use", "sentence": "days since the last use", "points": 19.5}
    assert alert.body["drivers"] == [{**driver, "before": 1.0, "after": 40.0}]
    assert (alert.body["model_changed"], alert.body["next_actions"][0]["within_hours"]) == (False, 24)


def test_two_models_are_not_compared(ledger, alert_settings):
    score(ledger, "2024-01-01", ["healthy"])
    score(ledger, "2024-02-01", ["high"], model_version="4")
    raised(ledger, alert_settings())
    (alert,) = Outbox(ledger).alerts()
    assert (alert.body["drivers"], alert.body["model_changed"]) == ([], True)


def call(ledger, level: str, made_at: str, until: str | None) -> None:
    row = {"account_id": "000", "made_at": pd.Timestamp(made_at), "level": level, "reason": "they told me"}
    ends = pd.NaT if until is None else pd.Timestamp(until)
    calls = pd.DataFrame([{**row, "made_by": "anna", "expires_at": ends}])
    enter_overrides(ledger, calls, pd.Timestamp(made_at), "anna")


@pytest.mark.parametrize(
    ("until", "levels", "found"),
    [
        ("2024-01-20", ("high", "high"), [("call_due", "expired")]),
        ("2024-03-20", ("high", "high"), []),  # still holds
        (None, ("high", "medium"), [("call_due", "medium")]),  # the model moved under it
        (None, ("high", "low"), [("level_change", "low")]),  # to what the CSM said
    ],
)
def test_a_call_is_due_when_it_expires_or_the_model_moves(ledger, alert_settings, until, levels, found):
    call(ledger, "low", "2023-12-20", until)
    score(ledger, "2024-01-01", [levels[0]])
    score(ledger, "2024-02-01", [levels[1]])
    raised(ledger, alert_settings())
    assert told(ledger).get("000", []) == found


def test_a_call_that_was_renewed_is_not_due(ledger, alert_settings):
    call(ledger, "low", "2023-12-20", "2024-01-20")
    call(ledger, "low", "2024-01-15", None)
    score(ledger, "2024-01-01", ["high"])
    score(ledger, "2024-02-01", ["high"])
    raised(ledger, alert_settings())
    assert told(ledger) == {}


def test_an_outage_is_told_once_and_is_of_nobody(ledger, alert_settings):
    old = Outage("2023-11-01", "2023-11-09", 9)
    score(ledger, "2024-01-01", ["low"])
    score(ledger, "2024-02-01", ["low"])
    settings = alert_settings(per_owner_a_week=0)
    found = raised(ledger, settings, outages={"tickets": [old, Outage("2024-01-28", "2024-01-31", 4)]})
    assert found.outages == 1
    (alert,) = Outbox(ledger).alerts()
    assert (alert.kind, alert.account_id, alert.route) == ("outage", None, "alert")
    assert alert.body["title"] == "tickets: no data since 2024-01-28"
    score(ledger, "2024-02-02", ["low"])
    assert raised(ledger, settings, outages={"tickets": [Outage("2024-01-28", "2024-02-01", 5)]}).outages == 0
