"""What the files of a folder do not say, and somebody has to: put in the terminal by `init --ask`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from configs.tables import TABLES
from features.sources.proposal.guess import Guess

SILENCE_DAYS = "90"


@dataclass(frozen=True)
class Question:
    """One thing that a project has to say.

    Attributes
    ----------
    key : str
        The setting that the answer goes to.
    text : str
    default : str
        What is written where nobody answers.
    choices : tuple of str
        The only answers, if there are only some.
    """

    key: str
    text: str
    default: str
    choices: tuple[str, ...] = ()


def churn_kinds(guesses: Sequence[Guess]) -> dict[str, str]:
    """By definition of churn that the tables allow, the most certain first, what it goes by.

    Outcomes come before contracts: a company that has a table of them says itself who left. (Those of a template are
    made of lost renewals, so there it is the other way round.)
    """
    chosen = {guess.name: guess for guess in guesses}
    kinds = {}
    outcomes, contracts = chosen.get("outcomes"), chosen.get("contracts")
    if outcomes and not outcomes.missing:
        kinds["outcome"] = "outcomes"
    if contracts and not contracts.missing and (contracts.theirs("ends_at") or contracts.theirs("terminated_at")):
        kinds["contract_end"] = "contracts"
    likely = ["invoices", "usage_events", *(known.name for known in TABLES if known.activity)]
    activity = next((name for name in likely if name in chosen), None)
    return kinds | ({"silence": activity} if activity is not None else {})


def questions(guesses: Sequence[Guess]) -> tuple[Question, ...]:
    """What a mapping of these tables leaves open.

    Parameters
    ----------
    guesses : sequence of Guess

    Returns
    -------
    tuple of Question
    """
    kinds = churn_kinds(guesses)
    asked = [Question("timezone", "In which time zone are times that carry none?", "UTC")]
    if len(kinds) > 1:
        text = "When has an account left? " + "; ".join(_MEANING[kind].format(of) for kind, of in kinds.items())
        asked.append(Question("churn.kind", text, next(iter(kinds)), tuple(kinds)))
    if next(iter(kinds), None) == "silence":
        asked.append(
            Question("churn.silence.days", "After how many days of silence has an account left?", SILENCE_DAYS)
        )
    money = [guess for guess in guesses if {"arr", "mrr", "amount"} & set(guess.columns)]
    if money and not any("currency" in guess.columns for guess in money):
        asked.append(Question("currency", "In which currency are the amounts?", "USD"))
    return tuple(asked)


_MEANING: Mapping[str, str] = {
    "outcome": "outcome: {} has a row of the kind churn",
    "contract_end": "contract_end: a contract in {} ends and no other follows",
    "silence": "silence: no row in {} for some time",
}
