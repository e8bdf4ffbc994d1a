"""Why, in sentences: hand-made predictions whose points add up at every level, and sentences case by case."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from serving.messages import AccountDetails, AccountSignal, AccountSignals, Normal, Prediction, Reason, Reasons
from serving.pages.views.account_reasons import WhyView, reason_sentence, why


def reason(signal: str, contribution: float, value: float | str | None = 1.0, sentence: str = "") -> dict[str, Any]:
    return {"signal": signal, "value": value, "contribution": contribution, "sentence": sentence or f"{signal} now"}


def prediction(base: float, **dimensions: list[dict[str, Any]]) -> Prediction:
    groups = [
        {"dimension": name, "contribution": sum(one["contribution"] for one in signals), "signals": signals}
        for name, signals in dimensions.items()
    ]
    reasons = {"horizon_days": 90, "base": base, "dimensions": groups}
    return Prediction.model_construct(reasons=Reasons.model_validate(reasons))


def signal(name: str, peers: tuple[float, float, float] | None = None, healthier: int = 1, unit: str = "users") -> Any:
    normal = None if peers is None else Normal(count=20, low=peers[0], median=peers[1], high=peers[2])
    return AccountSignal(
        signal=name,
        dimension="usage",
        sentence=f"{name} now",
        unit=unit,
        healthier=healthier,
        value=1.0,
        own=None,
        peers=normal,
        peers_below=None,
    )


def details(signals: list[Any], month_ago: dict[str, Any], then: dict[str, float], **more: Any) -> AccountDetails:
    listed = AccountSignals(
        account_id="a", as_of="2026-01-01", model_version="1", peers="all", signals=signals, notes=[]
    )
    return AccountDetails.model_construct(
        signals=listed, month_ago=month_ago, peers_month_ago=then, repeats=more.get("repeats", {})
    )


def points_in(text: str) -> int:
    """Tenths of a point that a sentence names."""
    if "nothing" in text:
        return 0
    found = re.search(r"(add|take)s?(?: away)? (\d+)\.(\d) point", text)
    assert found is not None, text
    return (1 if found[1] == "add" else -1) * (10 * int(found[2]) + int(found[3]))


def adds_up(view: WhyView) -> int:
    """The tenths of the total, once every level adds up to the one above it."""
    for dimension in view.dimensions:
        told = sum(points_in(one.points) for one in dimension.reasons)
        others = points_in(dimension.others) if dimension.others else 0
        assert told + others == points_in(dimension.points), dimension.name
    base = re.search(r"(\d+)\.(\d) points", view.base)
    assert base is not None
    return 10 * int(base[1]) + int(base[2]) + sum(points_in(one.points) for one in view.dimensions)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_told_adds_up_to_what_is_shown(seed: int) -> None:
    rng = random.Random(seed)
    made = {
        name: [reason(f"{name}_{place}", rng.uniform(-0.02, 0.03)) for place in range(rng.randint(1, 30))]
        for name in ("usage", "engagement", "financial")
    }
    one = prediction(0.05, **made)
    p = one.reasons.base + sum(group.contribution for group in one.reasons.dimensions)
    assert adds_up(why(one, p, None, "USD")) == round(1000 * p)


def test_reasons_that_repeat_one_another_are_told_once_with_their_points_together() -> None:
    one = prediction(0.05, usage=[reason("a", 0.03), reason("b", 0.02), reason("c", -0.01)])
    shown = why(one, 0.09, details([], {}, {}, repeats={"b": "a"}), "USD").dimensions[0].reasons
    assert [(view.signal, points_in(view.points), view.repeated_by) for view in shown] == [
        ("a", 50, ("B now",)),
        ("c", -10, ()),
    ]


FELL = "Users now fell from 41 to 22 in a month"
STANDS = "Users now: 14 where peers have 27 to 122, though it rose from 11 in a month"
MIDDLE = (20.0, 30.0, 40.0)
# Now, a month ago, the peers' median then, their quartiles now, the sentence.
CASES = {
    "fell, peers steady": (22.0, 41.0, 30.0, MIDDLE, f"{FELL}, peers are steady"),
    "fell, peers too": (22.0, 41.0, 60.0, MIDDLE, f"{FELL}, it fell for peers too"),
    "fell, peers rose": (22.0, 41.0, 10.0, MIDDLE, f"{FELL}, for peers it rose"),
    "no peers": (22.0, 41.0, None, None, FELL),
    "stayed": (22.0, 22.0, None, None, "Users now: 22, as a month ago"),
    "not known before": (22.0, None, None, None, "Users now: 22"),
    "not known now": (None, 22.0, None, None, "Users now: not known"),
    "rose, and adds": (14.0, 11.0, 30.0, (27.0, 60.0, 122.0), STANDS),
    "words": ("gold", "silver", None, None, "Users now: gold, a month ago silver"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_sentence_says_what_moved_beside_the_peers(name: str) -> None:
    now, before, then, peers, expected = CASES[name]
    told = Reason(signal="users", value=now, contribution=0.09, sentence="users now")
    known = details([signal("users", peers)], {"users": before}, {} if then is None else {"users": then})
    assert reason_sentence(told, "users", known, "USD") == expected


def test_without_details_no_number_stands_without_its_unit() -> None:
    told = Reason(signal="share", value=0.1, contribution=0.09, sentence="share of seats in use (1 is unchanged)")
    assert reason_sentence(told, "", None, "USD") == "Share of seats in use"
