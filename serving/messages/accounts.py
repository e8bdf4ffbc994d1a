"""Accounts as lists and single answers show them: who they are, their score, and what became of it over time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.messages.scores import DataAge, LedgerReference, LevelInForce, Prediction

Arm = Literal["treated", "holdout"]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description="A day, YYYY-MM-DD.")]
Text = Annotated[str, Field(min_length=1, max_length=256)]
SORTS = ("expected_arr_loss", "p_churn", "arr", "health_score", "coverage")


class AccountRow(BaseModel):
    """An account in a list. `fields` of the query leaves fields out; `account_id` stays."""

    account_id: str
    name: str | None = None
    segment: str | None = None
    owner: str | None = None
    lifecycle_stage: str | None = None
    risk_level: str | None = Field(default=None, description="The level that counts: a CSM's where one holds.")
    automated_level: str | None = Field(default=None, description="The model's level.")
    p_churn: float | None = Field(default=None, description="Within the main horizon.")
    health_score: float | None = None
    coverage: float | None = None
    arr: float | None = None
    expected_arr_loss: float | None = Field(default=None, description="Within the main horizon, in `currency`.")
    arm: Arm | None = None
    may_contact: bool | None = None


FIELDS = tuple(AccountRow.model_fields)


class AccountsQuery(BaseModel):
    """Which accounts, in which order, and how many at a time."""

    model_config = ConfigDict(extra="forbid")

    level: Text | None = Field(default=None, description="Levels that count, separated by commas: `high,medium`.")
    stage: Text | None = Field(default=None, description="A lifecycle stage.")
    segment: Text | None = Field(default=None, description="A segment.")
    owner: Text | None = Field(default=None, description="An owner.")
    sort: Text = Field(
        default="-expected_arr_loss",
        pattern=rf"^-?({'|'.join(SORTS)})$",
        description=f"One of {', '.join(SORTS)}; with `-` the largest first. Accounts without a value come last.",
    )
    fields: Text | None = Field(default=None, description="Fields to give, separated by commas; all by default.")
    limit: int = Field(default=100, ge=1, le=1000, description="Accounts a page at most.")
    cursor: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="`next_cursor` of the page before, with the same filters and order."
    )


class AccountPage(BaseModel):
    """A page of accounts, all of one day and one model."""

    as_of: str
    scored_at: str
    model_version: str
    config_version: str
    data: DataAge
    horizon_days: int = Field(description="The main horizon: that of `p_churn` and `expected_arr_loss`.")
    currency: str
    total: int = Field(description="Accounts that the filters let pass.")
    accounts: list[AccountRow]
    next_cursor: str | None = Field(description="Of the next page; null: this is the last.")


class AccountAnswer(BaseModel):
    """One account: who it is, its prediction with the strongest reasons, and the level that counts."""

    as_of: str
    scored_at: str
    model_version: str
    config_version: str
    data: DataAge
    account_id: str
    name: str | None
    segment: str | None
    owner: str | None
    prediction: Prediction
    level: LevelInForce
    arm: Arm | None
    may_contact: bool
    ledger: LedgerReference


class HistoryQuery(BaseModel):
    """Which part of an account's history."""

    model_config = ConfigDict(extra="forbid")

    since: Day | None = Field(default=None, description="Scores as of this day and later.")
    until: Day | None = Field(default=None, description="Scores as of days before this one.")
    limit: int = Field(default=100, ge=1, le=1000, description="Scores at most, the newest ones.")


class PastScore(BaseModel):
    """A prediction as the ledger holds it. One field a horizon, `p_churn_<days>d`, stands beside these, and the ends of
    the interval at the main one, `p_low_<days>d` and `p_high_<days>d`."""

    model_config = ConfigDict(extra="allow")

    as_of: str
    requested_at: str
    lifecycle_stage: str | None
    risk_level: str | None
    health_score: float | None
    coverage: float | None
    arr: float | None
    model_version: str
    config_version: str
    ledger: LedgerReference


class PastOverride(BaseModel):
    """A CSM's override, as it was entered."""

    batch_id: int
    made_at: str
    level: str
    reason: str
    made_by: str
    expires_at: str | None
    entered_at: str


class PastFeedback(BaseModel):
    """What was said of a reason."""

    batch_id: int
    given_at: str
    given_by: str
    as_of: str
    model_version: str
    signal: str
    verdict: str
    comment: str | None


class PastIntervention(BaseModel):
    """Something that was done about the account."""

    batch_id: int
    started_at: str
    ended_at: str | None
    kind: str
    arm: str | None
    note: str | None
    reported_by: str
    entered_at: str


class PastOutcome(BaseModel):
    """Something that became of the account."""

    batch_id: int
    occurred_at: str
    kind: str
    arr_change: float | None
    reason: str | None
    voluntary: bool | None
    reported_by: str
    entered_at: str


class PastTaskEvent(BaseModel):
    """Something that became of a task of the account."""

    batch_id: int
    task: str
    step: str | None
    kind: str
    until: str | None
    assigned_to: str | None
    comment: str | None
    owner: str | None
    as_of: str | None
    model_version: str | None
    p_churn: float | None
    made_by: str
    made_at: str


class PastNote(BaseModel):
    """A note on the account."""

    batch_id: int
    text: str
    written_by: str
    written_at: str


class AccountHistory(BaseModel):
    """All that the ledger holds of an account: its scores from the newest, and what was entered beside them."""

    account_id: str
    scores: list[PastScore]
    more: bool = Field(description="There are older scores than these.")
    overrides: list[PastOverride]
    feedback: list[PastFeedback]
    interventions: list[PastIntervention]
    outcomes: list[PastOutcome]
    tasks: list[PastTaskEvent]
    notes: list[PastNote]
