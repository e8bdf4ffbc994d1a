"""What callers enter in the ledger, and what they are answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat

from evaluation.ledger import TaskEventKind
from serving.messages.accounts import Arm, Day, Text
from serving.messages.scores import LevelInForce


def _encodes(text: str) -> str:
    """The text; ValueError where a database could not hold it."""
    if "\x00" in text:
        raise ValueError("text without NUL characters is needed")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("text that can be written as UTF-8 is needed") from None
    return text


Words = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S"), AfterValidator(_encodes)]
Name = Annotated[Text, AfterValidator(_encodes)]
YEARS = range(1900, 2201)


def _in_time(at: datetime) -> datetime:
    if at.year not in YEARS:
        raise ValueError(f"a moment from {YEARS[0]} to {YEARS[-1]} is needed")
    return at


Moment = Annotated[
    datetime, AfterValidator(_in_time), Field(strict=True, description="ISO 8601; without a time zone it is UTC.")
]
By = Annotated[Name | None, Field(description="Who says so; by default the key that is used.")]


class NewOverride(BaseModel):
    """A CSM's own risk level of an account, beside the model's, from now on."""

    model_config = ConfigDict(extra="forbid", strict=True)

    level: Name = Field(description="A risk level of the project's.")
    reason: Words
    by: By = None
    expires_at: Moment | None = Field(default=None, description="Until when it holds; null: until the next.")


class NewFeedback(BaseModel):
    """What a CSM says of a reason that was shown."""

    model_config = ConfigDict(extra="forbid", strict=True)

    signal: Name = Field(description="The reason's signal.")
    verdict: Literal["right", "wrong", "known"] = Field(description="`known`: true, but no news.")
    comment: Words | None = None
    by: By = None


class NewIntervention(BaseModel):
    """Something that is done about an account."""

    model_config = ConfigDict(extra="forbid", strict=True)

    account_id: Name
    kind: Name = Field(description="What is done: a playbook's name, or any other.")
    started_at: Moment
    ended_at: Moment | None = None
    arm: Arm | None = None
    note: Words | None = None
    by: By = None


class NewOutcome(BaseModel):
    """Something that became of an account."""

    model_config = ConfigDict(extra="forbid", strict=True)

    account_id: Name
    kind: Literal["churn", "contraction", "expansion", "renewal", "reactivation"]
    occurred_at: Moment
    arr_change: FiniteFloat | None = Field(default=None, ge=-1e15, le=1e15, description="Below 0: lost.")
    reason: Words | None = None
    voluntary: bool | None = None
    by: By = None


class NewTaskEvent(BaseModel):
    """What became of a task, which is a playbook of an account, or of one of its steps."""

    model_config = ConfigDict(extra="forbid", strict=True)

    account_id: Name
    task: Name = Field(description="A playbook's name, as in the account's actions, or any other.")
    kind: TaskEventKind = Field(description="`ticked`: a step is done; `reopened`: it is not done after all.")
    step: Words | None = Field(default=None, description="What a step says to do, where it is of that step alone.")
    until: Day | None = Field(default=None, description="Of `snoozed`: the day on which it comes back.")
    assigned_to: Name | None = Field(default=None, description="Of `assigned`: who has it from now on.")
    comment: Words | None = None
    by: By = None


class NewNote(BaseModel):
    """Something to remember about an account."""

    model_config = ConfigDict(extra="forbid", strict=True)

    account_id: Name
    text: Words
    by: By = None


class Entered(BaseModel):
    """Where an entry stands in the ledger: `forewarn ledger export` and `verify` name the same batch."""

    account_id: str
    batch_id: int
    entered_at: str


class OverrideEntered(Entered):
    """The override's place, and the level that counts from now on: automated, the CSM's and the final one apart."""

    level: LevelInForce


class FeedbackEntered(Entered):
    """The feedback's place, and the prediction that it speaks of."""

    as_of: Day
    model_version: str
    signal: str
