"""What the API takes and answers. A prediction's columns have the names that they have in the ledger and every file.

One column a horizon (`p_churn_30d` ... or whatever the settings say) makes `Prediction` an open model: they are extra
fields beside the fixed ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from configs.settings import MOST_ACCOUNTS
from serving.messages.problems import ProblemFault

AccountId = Annotated[str, Field(min_length=1, max_length=256)]


class SuppliedAccount(BaseModel):
    """An account with the signals to score it from; what is wrong with them is an error of this account alone."""

    model_config = ConfigDict(extra="forbid", strict=True)

    account_id: AccountId
    as_of: str | None = Field(default=None, max_length=64, description="YYYY-MM-DD; the day that serves by default.")
    signals: dict[str, JsonValue] = Field(
        max_length=1000,
        description="By name: a number, text of a category, true or false of `strategic`; null, or not given: missing."
        " `lifecycle_stage` is always needed.",
    )


class ScoreRequest(BaseModel):
    """The accounts to score: by id, from their newest signals, or with signals of the caller's; one of the two."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"oneOf": [{"required": ["account_ids"]}, {"required": ["accounts"]}]}
    )

    account_ids: list[AccountId] = Field(default_factory=list, min_length=1, max_length=MOST_ACCOUNTS)
    accounts: list[SuppliedAccount] = Field(default_factory=list, min_length=1, max_length=MOST_ACCOUNTS)

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise PydanticCustomError("one_of_two", "either account_ids or accounts (with signals), one of the two")
        return self


class Reason(BaseModel):
    """What one signal adds to the probability at the main horizon (below 0: takes away), in words that a CSM reads."""

    signal: str
    value: float | str | None
    contribution: float
    sentence: str


class ReasonGroup(BaseModel):
    """The reasons of one dimension; `contribution` is their sum."""

    dimension: str
    contribution: float
    signals: list[Reason]


class Reasons(BaseModel):
    """`base` plus every contribution equals the served probability at `horizon_days`."""

    horizon_days: int
    base: float
    dimensions: list[ReasonGroup]


class NextAction(BaseModel):
    """A playbook that an account calls for: its name, its title, and what called for it."""

    playbook: str
    title: str
    why: str
    within_hours: int | None = Field(default=None, description="To begin within so many hours; null: no hurry.")


class Prediction(BaseModel):
    """One account's prediction. One field a horizon, `p_churn_<days>d`, stands beside the fixed ones."""

    model_config = ConfigDict(extra="allow")

    account_id: str
    as_of: str
    lifecycle_stage: str
    risk_level: str
    health_score: float | None
    health_usage: float | None
    health_engagement: float | None
    health_financial: float | None
    health_relationship: float | None
    weights: dict[str, float]
    coverage: float | None = Field(description="Null where supplied signals do not say.")
    arr: float | None
    reasons: Reasons
    triggers: list[str]
    actions: list[NextAction]
    has_signal: bool = Field(description="False: no usable signal, so this is the base rate of the account's stage.")
    model_version: str
    config_version: str

    def p_churn(self) -> dict[int, float]:
        """The probability of churn by horizon in days.

        >>> Prediction.model_construct(p_churn_30d=0.1, p_churn_90d=0.2).p_churn()
        {30: 0.1, 90: 0.2}
        """
        fields = self.model_extra or {}
        names = [name for name in fields if name.startswith("p_churn_")]
        return {int(name.removeprefix("p_churn_").removesuffix("d")): fields[name] for name in names}

    def health(self) -> dict[str, float | None]:
        """The health score of each dimension, 0-100; None where a dimension has no data."""
        return {dimension: getattr(self, f"health_{dimension}") for dimension in self.weights}


class LevelInForce(BaseModel):
    """The risk level that counts, and what it follows from: the model's, unless a CSM's override holds."""

    automated: str
    csm: str | None = None
    final: str
    counts: Literal["model", "csm"] = "model"
    made_at: str | None = None
    made_by: str | None = None
    reason: str | None = None
    expires_at: str | None = None


class LedgerReference(BaseModel):
    """Where the prediction stands in the ledger: `forewarn ledger export` and `verify` name the same rows."""

    batch_id: int
    row: int


class AccountError(BaseModel):
    """Why this one account has no prediction; the others of the request do not suffer for it."""

    code: Literal["unknown_account", "supplied_signals"]
    detail: str
    do: str
    faults: list[ProblemFault] = Field(default_factory=list, description="Each, of signals that were supplied.")


class Entry(BaseModel):
    """One entry per account asked for, in the order of the request: a prediction, or an error of its own.

    `arm` is `holdout` for an account that was drawn to be left alone: it must not be contacted (`may_contact` false).
    """

    account_id: str
    prediction: Prediction | None = None
    level: LevelInForce | None = None
    arm: Literal["treated", "holdout"] | None = None
    may_contact: bool = True
    ledger: LedgerReference | None = None
    error: AccountError | None = None


class DataAge(BaseModel):
    """How old what was scored is: the day up to which the data reach, and its age today."""

    last_day: str
    age_days: int
    stale: bool = Field(description="Older than the setting serving.stale_after_days.")


class ScoreAnswer(BaseModel):
    """The answer to one request: an entry for each account asked for, in the order of the request.

    One model, one day and one configuration made all of it.
    """

    as_of: str
    scored_at: str
    model_version: str
    config_version: str
    data: DataAge
    request_id: str
    results: list[Entry]


@dataclass(frozen=True)
class SignalReason:
    """What one signal (or the rest of a dimension as one) adds to an account's probability.

    Attributes
    ----------
    signal : str
    dimension : str or None
        None for what belongs to no dimension.
    value : float, str or None
        The signal's value; None where it is missing.
    contribution : float
        To the probability at the main horizon; below 0: it takes away.
    sentence : str
        The signal in a CSM's words.
    """

    signal: str
    dimension: str | None
    value: float | str | None
    contribution: float
    sentence: str


@dataclass(frozen=True)
class AccountReasons:
    """All that makes up one account's probability: `base` plus every contribution.

    Attributes
    ----------
    base : float
        The probability of an average account.
    signals : sequence of SignalReason
        Strongest first.
    """

    base: float
    signals: Sequence[SignalReason]

    @classmethod
    def from_column(cls, reasons: Sequence[Mapping[str, Any]]) -> Self:
        """The reasons as the column `reasons` of a prediction holds them: one entry a signal, and one for the base."""
        base = math.fsum(reason["contribution"] for reason in reasons if reason["signal"] == "base")
        names = ("signal", "dimension", "value", "contribution", "sentence")
        signals = [
            SignalReason(**{name: reason[name] for name in names}) for reason in reasons if reason["signal"] != "base"
        ]
        return cls(base, signals)


def group_reasons(reasons: AccountReasons, horizon_days: int) -> Reasons:
    """Reasons grouped by dimension, the dimension with the largest effect first.

    Parameters
    ----------
    reasons : AccountReasons
    horizon_days : int
        Of the probability that they add up to.

    Returns
    -------
    Reasons

    Examples
    --------
    >>> logins = SignalReason("logins", "usage", 2.0, 0.3, "few logins")
    >>> grouped = group_reasons(AccountReasons(0.1, [logins]), 90)
    >>> grouped.base, [(group.dimension, group.contribution) for group in grouped.dimensions]
    (0.1, [('usage', 0.3)])
    """
    by_dimension: dict[str, list[Reason]] = {}
    for reason in reasons.signals:
        shown = Reason(
            signal=reason.signal, value=reason.value, contribution=reason.contribution, sentence=reason.sentence
        )
        by_dimension.setdefault(reason.dimension or "other", []).append(shown)
    groups = [
        ReasonGroup(dimension=name, contribution=math.fsum(reason.contribution for reason in listed), signals=listed)
        for name, listed in by_dimension.items()
    ]
    groups.sort(key=lambda group: -abs(group.contribution))
    return Reasons(horizon_days=horizon_days, base=reasons.base, dimensions=groups)
