"""What the API takes and answers. A prediction's columns have the names that they have in the ledger and every file.

One column a horizon (`p_churn_30d` ... or whatever the settings say) makes `Prediction` an open model: they are extra
fields beside the fixed ones.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

AccountId = Annotated[str, Field(min_length=1, max_length=256)]


class ScoreRequest(BaseModel):
    """The accounts to score, from their newest signals."""

    model_config = ConfigDict(extra="forbid")

    account_ids: list[AccountId] = Field(min_length=1)


class Reason(BaseModel):
    """What one signal adds to the probability at the main horizon (below 0: takes away), in words a CSM reads."""

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
    coverage: float
    arr: float | None
    reasons: Reasons
    triggers: list[Any]
    actions: list[Any]
    has_signal: bool = Field(description="False: no usable signal, so this is the base rate of the account's stage.")
    model_version: str
    config_version: str


class AccountError(BaseModel):
    """Why this one account has no prediction; the others of the request do not suffer for it."""

    code: str
    detail: str
    do: str


class Entry(BaseModel):
    """One entry per account asked for, in the order of the request: a prediction, or an error of its own."""

    account_id: str
    prediction: Prediction | None = None
    error: AccountError | None = None


class ScoreAnswer(BaseModel):
    """The answer to one request: an entry for each account asked for, in the order of the request."""

    as_of: str
    model_version: str
    config_version: str
    results: list[Entry]


class ProblemFault(BaseModel):
    """One thing that is wrong with a request: where, what was found, what was expected, what to do."""

    where: str
    found: str
    expected: str
    do: str


class Problem(BaseModel):
    """RFC 9457 problem details, with our faults as the extension member `faults`."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    faults: list[ProblemFault] = Field(default_factory=list)


def group_reasons(reasons: list[dict[str, Any]], horizon_days: int) -> Reasons:
    """Flat reasons (one of them the base) grouped by dimension, the largest effect first.

    >>> flat = [{"signal": "base", "contribution": 0.1},
    ...         {"signal": "logins", "dimension": "usage", "value": 2.0, "contribution": 0.3, "sentence": "few"}]
    >>> grouped = group_reasons(flat, 90)
    >>> grouped.base, [(group.dimension, group.contribution) for group in grouped.dimensions]
    (0.1, [('usage', 0.3)])
    """
    base = math.fsum(one["contribution"] for one in reasons if one["signal"] == "base")
    by_dimension: dict[str, list[Reason]] = {}
    for one in reasons:
        if one["signal"] != "base":
            reason = Reason(
                signal=one["signal"], value=one["value"], contribution=one["contribution"], sentence=one["sentence"]
            )
            by_dimension.setdefault(one["dimension"] or "other", []).append(reason)
    groups = [
        ReasonGroup(dimension=name, contribution=math.fsum(one.contribution for one in listed), signals=listed)
        for name, listed in by_dimension.items()
    ]
    groups.sort(key=lambda group: -abs(group.contribution))
    return Reasons(horizon_days=horizon_days, base=base, dimensions=groups)
