"""The first line for a leader: money and whom to call, or nothing where that could not be stood by."""

from __future__ import annotations

from typing import Any

import pytest

from evaluation.report.text.at_stake import at_stake_sentence
from evaluation.report.text.headlines import headline_sentences
from tests.evaluation.report.text.test_headlines import interval, summary
from tests.evaluation.report.text.test_opening import comparison

FIRST = [{"account_id": f"acc-{n}", "p": 0.5, "arr": 100_000.0, "loss": loss} for n, loss in ((1, 5e4), (2, 3e4))]
COMING = {"as_of": "2026-01-01", "until": "2026-04-01", "arr": 2e6, "arr_lost": interval(2e5, 1e5, 3e5), "first": FIRST}
SAID = "USD 200k of USD 2.00M ARR is expected to be lost by 2026-04-01 (USD 100k to USD 300k)"
CASES: dict[str, tuple[dict[str, Any], str | None]] = {
    "whom to call": ({}, f"{SAID}: call acc-1 and acc-2 first, 40 % of it is theirs."),
    "the rules tell better": (
        {"comparisons": [comparison("worse")]},
        f"{SAID}: call accounts in the order of the rules, which tell better who leaves.",
    ),
    "no ARR of one account": ({"revenue": {"forecast": COMING | {"first": []}}}, f"{SAID}."),
    "one account": (
        {"revenue": {"forecast": COMING | {"first": FIRST[:1]}}}, f"{SAID}: call acc-1 first, 25 % of it is theirs.",
    ),
    "nothing to lose": ({"revenue": {"forecast": COMING | {"arr_lost": interval(0.0, 0.0, 0.0)}}}, None),
    "no forecast": ({"revenue": {"forecast": {"refused": "few"}}}, None),
}  # fmt: skip


@pytest.mark.parametrize(("more", "sentence"), CASES.values(), ids=CASES)
def test_it_is_money_and_whom_to_call(more: dict[str, Any], sentence: str | None) -> None:
    made = summary(interval(1.0, 0.9, 1.1), **{"revenue": {"forecast": COMING}, **more})
    assert at_stake_sentence(made) == sentence
    assert (headline_sentences(made)[0] == sentence) == (sentence is not None)


def test_without_a_usable_signal_nobody_is_to_be_called() -> None:
    made = summary(interval(1.0, 0.9, 1.1), revenue={"forecast": COMING})
    made["scope"]["without_signal_rows"] = 2_400
    assert at_stake_sentence(made) is None
    assert headline_sentences(made)[0].startswith("No usable signal")
