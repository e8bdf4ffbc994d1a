"""The answer first, from summaries by hand: no usable signal, rules that do as well, what contracts leave unsaid."""

from __future__ import annotations

from typing import Any

import pytest

from evaluation.report.text.headlines import headline_sentences, warning_sentences
from evaluation.report.text.opening import contracts_sentence, has_usable_signal, opening_sentences
from tests.evaluation.report.text.test_headlines import interval, summary

Figure = dict[str, Any]
RIGHT = interval(1.0, 0.9, 1.1)
GAPS = {"beats": (0.04, 0.01, 0.07), "level": (0.01, -0.02, 0.04), "worse": (-0.04, -0.07, -0.01)}


def comparison(verdict: str, title: str = "the rules", baseline: str = "rules") -> Figure:
    auc = {"model": interval(0.78, 0.7, 0.8), "baseline": interval(0.77, 0.7, 0.8)}
    auc |= {"better_by": interval(*GAPS[verdict])}
    sentence = f"The model against {title}: {verdict}."
    pair = {"days": 90, "baseline": baseline, "title": title, "verdict": verdict, "auc": auc, "sentence": sentence}
    return pair | {"rows": 10, "all_rows": 10}


def beside(recall: str, lead: str, profit: str) -> Figure:
    def pair(model: float, baseline: float, verdict: str, times: float = 1.0) -> Figure:
        ends = [times * end for end in GAPS[verdict]]
        return {"model": {"value": model}, "baseline": {"value": baseline}, "better_by": interval(*ends)}

    parts = {"recall": pair(0.41, 0.38, recall), "lead": pair(0.36, 0.35, lead), "profit": pair(648, 646, profit, 1000)}
    return {"title": "the rules", "lead_days": 90, **parts}


def test_rules_that_do_as_well_come_first() -> None:
    made = summary(RIGHT, comparisons=[comparison("level")], beside_rules=beside("beats", "level", "level"))
    first, second, *_ = headline_sentences(made)
    assert first == "The rules do as well as the model: AUC .78 against .77, difference .01 (-.02 to .04)."
    assert second == (
        "The rules do as well in lead time and profit, the model is better in recall: the riskiest 10 % hold 41 %"
        " against 38 % of those that leave (difference 4.0 points, 1.0 to 7.0); at the last scoring 90 days or more"
        " before they left, 36 % against 35 % (difference 1.0 points, -2.0 to 4.0); approaching them earns USD 648"
        " against USD 646 for each account scored (difference USD 10, USD -20 to USD 40)."
    )
    assert warning_sentences(made) == []  # what leads is not said twice


@pytest.mark.parametrize(
    ("verdicts", "says"),
    [
        (("beats", "beats", "beats"), "The model is better in recall, lead time and profit: "),
        (("level", "level", "level"), "The rules do as well in recall, lead time and profit: "),
        (("worse", "level", "beats"), "The rules do as well in lead time, the rules do better in recall, the model is"),
    ],
)
def test_what_the_rules_are_worth_is_said_as_the_intervals_allow(verdicts: tuple[str, str, str], says: str) -> None:
    made = summary(RIGHT, comparisons=[comparison("beats")], beside_rules=beside(*verdicts))
    assert opening_sentences(made)[0] == "The model against the rules: beats."
    assert opening_sentences(made)[1].startswith(says)


def test_a_figure_that_was_refused_is_left_out() -> None:
    refused = {name: {"refused": "few"} for name in ("lead", "profit")}
    made = summary(RIGHT, comparisons=[comparison("level")], beside_rules=beside("level", "level", "level") | refused)
    assert "before they left" not in opening_sentences(made)[1]
    made["beside_rules"]["recall"] = {"refused": "few"}
    assert len(opening_sentences(made)) == 1


def test_no_usable_signal_leads() -> None:
    made = summary(RIGHT, comparisons=[comparison("level")])
    made["scope"] |= {"without_signal_rows": 2400}
    assert headline_sentences(made)[0].startswith(
        "No usable signal: on 2,400 of 3,000 scorings (80 %) nothing that was"
    )
    assert warning_sentences(made) == []
    made["scope"] |= {"churned_accounts": 3}
    assert headline_sentences(made)[0].startswith("No usable signal: ")
    assert has_usable_signal(made) is False
    made["scope"] |= {"without_signal_rows": 400, "churned_accounts": 50}
    assert headline_sentences(made)[0].startswith("The rules do as well")
    assert any("400 of 3,000 scorings were made without" in sentence for sentence in warning_sentences(made))


def test_a_ranking_that_cannot_be_told_from_chance_is_no_signal() -> None:
    made = summary(RIGHT, comparisons=[comparison("level")])
    assert has_usable_signal(made) is True
    made["horizons"][0]["auc"] = interval(0.49, 0.42, 0.55)
    assert headline_sentences(made)[0] == (
        "No usable signal: out of time the model's ranking of accounts cannot be told from chance, AUC .49"
        " (.42 to .55; .5 is chance); do not rank accounts by it."
    )
    del made["scope"]["without_signal_rows"]
    made["horizons"][0]["auc"] = {"refused": "few"}
    assert has_usable_signal(made) is None


def test_beyond_the_contracts() -> None:
    def say(verdict: str) -> str:
        return contracts_sentence(comparison(verdict, "the contracts alone", "contracts"))

    figures = "AUC .78 against .77 of the same learner on contract columns only, difference"
    assert say("beats") == f"Beyond what the contracts alone say: {figures} .04 (.01 to .07)."
    assert say("level").startswith("Nothing that can be told from chance is added to what the contracts alone say: AUC")
    assert say("worse").startswith("The contracts alone say more than the model: AUC")
    refused = {"verdict": "refused", "refused": "no signal is made of contracts alone"}
    assert contracts_sentence(refused).endswith("is not known: no signal is made of contracts alone.")
