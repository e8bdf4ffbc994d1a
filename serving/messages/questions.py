"""What is worked out when it is asked: what changed since the last score, what if, and an account's signals."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from serving.messages.scores import AccountId

Value = float | str | None


class SignalChange(BaseModel):
    """What the change of one signal adds to the probability, by the earlier model."""

    signal: str
    sentence: str
    before: Value
    after: Value
    contribution: float


class ChangePart(BaseModel):
    """What one kind of change adds to the probability; null where it cannot be told apart from the others."""

    part: Literal["configuration", "data", "model", "calibration"]
    contribution: float | None
    why: str


class EarlierScore(BaseModel):
    """The score before the one that serves, as it stands in the ledger."""

    as_of: str
    requested_at: str
    p_churn: float
    model_version: str
    config_version: str
    batch_id: int
    row: int


class Changes(BaseModel):
    """What changed since the last score; `parts` and `not_told_apart` add up to `difference`."""

    account_id: str
    as_of: str
    model_version: str
    config_version: str
    horizon_days: int
    p_churn: float
    before: EarlierScore | None = Field(description="Null: this is the first score of the account.")
    difference: float | None
    parts: list[ChangePart]
    not_told_apart: float = Field(description="What no part explains; 0 where each part is known.")
    signals: list[SignalChange] = Field(description="The signals behind the part `data`, the strongest first.")
    of_no_signal: float = Field(description="What of the part `data` no signal explains.")
    notes: list[str]


class WhatIfRequest(BaseModel):
    """An account, and signals with other values than today's."""

    model_config = ConfigDict(extra="forbid", strict=True)

    account_id: AccountId
    signals: dict[Annotated[str, Field(min_length=1, max_length=256)], FiniteFloat | str | None] = Field(
        min_length=1, max_length=200, description="Values by signal; null: missing."
    )


class SeenRange(BaseModel):
    """Where a value lies among those of the rows that the model was trained on."""

    rows: int
    low: float = Field(description="1 % of the rows lie below.")
    high: float = Field(description="1 % of the rows lie above.")
    share_below: float = Field(description="Share of the rows with a smaller value.")
    outside: bool = Field(description="Beyond every value that was seen.")


class ChangedSignal(BaseModel):
    """A signal that was changed: its value today, the other one, and where that lies."""

    signal: str
    sentence: str
    today: Value
    changed: Value
    is_read: bool = Field(description="Whether the model reads this signal; where not, it moves nothing.")
    seen: SeenRange | None = Field(description="Null for a category, or where the rows of training are gone.")
    level_seen: bool | None = Field(default=None, description="Of a category: whether the model knows this level.")


class WhatIfAnswer(BaseModel):
    """Both scores. The changed one is no prediction of the account: it is not written to the ledger as one."""

    account_id: str
    as_of: str
    model_version: str
    config_version: str
    horizon_days: int
    today: dict[str, float] = Field(description="Probabilities of churn by field, `p_churn_<days>d`.")
    changed: dict[str, float]
    difference: float = Field(description="At the main horizon: changed less today.")
    today_level: str
    changed_level: str
    signals: list[ChangedSignal]
    nearest_seen: float | None = Field(
        description="Distance to the nearest row of training over the changed numbers together, in standard"
        " deviations of each; 0: such a row was seen. Null where it cannot be told."
    )
    notes: list[str]


class Normal(BaseModel):
    """The middle of some values: median and quartiles of `count` of them."""

    count: int
    low: float
    median: float
    high: float


class AccountSignal(BaseModel):
    """A signal of an account, beside its own past and its peers today."""

    signal: str
    dimension: str
    sentence: str
    unit: str
    healthier: int = Field(description="1: more is healthier, -1: less is, 0: neither.")
    value: Value
    own: Normal | None = Field(description="The account's own earlier days; null where there are too few.")
    peers: Normal | None
    peers_below: float | None = Field(description="Share of the peers with a smaller value.")


class AccountSignals(BaseModel):
    """Every signal of an account on the day that serves."""

    account_id: str
    as_of: str
    model_version: str
    peers: str = Field(description="Who its peers are.")
    signals: list[AccountSignal]
    notes: list[str]
