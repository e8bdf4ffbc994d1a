from __future__ import annotations

from serving.alerts.budget import ALERT, DIGEST, Claim, allot, allowance


def claims(*stakes: tuple[str | None, float]) -> list[Claim]:
    return [Claim(owner, (stake, 0.0)) for owner, stake in stakes]


def test_those_with_most_at_stake_stay_whatever_their_order():
    asked = claims(("anna", 1), ("anna", 9), ("ben", 2), ("anna", 5), ("anna", 7))
    assert allot(asked, {}, 2) == [DIGEST, ALERT, ALERT, DIGEST, ALERT]


def test_places_that_are_taken_count_and_those_of_others_do_not():
    asked = claims(("anna", 5), ("anna", 6), ("ben", 1), (None, 2), (None, 3))
    assert allot(asked, {"anna": 1, "ben": 2}, 2) == [DIGEST, ALERT, DIGEST, ALERT, ALERT]


def test_without_a_budget_everything_waits_for_the_digest():
    assert allot(claims(("anna", 5)), {}, 0) == [DIGEST]


def test_who_knows_no_arr_is_ordered_by_probability():
    assert allot([Claim("anna", (0.0, 0.1)), Claim("anna", (0.0, 0.4))], {}, 1) == [DIGEST, ALERT]


def test_a_week_is_never_overdrawn_and_its_places_come_one_after_the_other():
    """Daily scorings: however many ask each day, at most three a week, and not all of them on Monday."""
    taken: dict[str | None, int] = {}
    for day in range(7):
        routes = allot(claims(*[("anna", stake) for stake in range(10)]), taken, allowance(3, day, 1))
        taken["anna"] = taken.get("anna", 0) + routes.count(ALERT)
        assert taken["anna"] <= 3
        assert day > 0 or taken["anna"] == 1
    assert taken["anna"] == 3
