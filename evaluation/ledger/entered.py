"""What people enter in the ledger about accounts: its tables, the parts that all tables share, and tasks and notes.

Of overrides, feedback, interventions and outcomes readers take frames; what became of tasks, and notes, are read row by
row, as the dataclasses below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any, Literal, Self

from sqlalchemy import Column, Double, Index, Integer, MetaData, String, Table

metadata = MetaData()


def row_key() -> tuple[Column[int], Column[int]]:
    return (
        Column("batch_id", Integer, primary_key=True, autoincrement=False),
        Column("row", Integer, primary_key=True, autoincrement=False),
    )


def row_hash() -> Column[str]:
    return Column("row_hash", String, nullable=False)


# CSMs' overrides, beside the model's levels: the level, why, who, and until when it holds.
overrides = Table(
    "overrides",
    metadata,
    *row_key(),
    Column("account_id", String, nullable=False),
    Column("made_at", String, nullable=False),
    Column("level", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("made_by", String, nullable=False),
    Column("expires_at", String),  # NULL: until the next override
    row_hash(),
    Index("ix_overrides_account_made_at", "account_id", "made_at", "batch_id", "row"),
)

# What a CSM says of a reason that was shown: right, wrong, or known already. `signal` is the reason's.
feedback = Table(
    "feedback",
    metadata,
    *row_key(),
    Column("account_id", String, nullable=False),
    Column("as_of", String, nullable=False),
    Column("model_version", String, nullable=False),
    Column("signal", String, nullable=False),
    Column("verdict", String, nullable=False),
    Column("comment", String),
    Column("given_by", String, nullable=False),
    Column("given_at", String, nullable=False),
    row_hash(),
    Index("ix_feedback_account", "account_id", "batch_id", "row"),
)

# What was done about an account, and what became of it, as callers report it: the columns of the source tables
# `interventions` and `outcomes`, so that a project can map the exported files onto these.
interventions = Table(
    "interventions",
    metadata,
    *row_key(),
    Column("account_id", String, nullable=False),
    Column("started_at", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("ended_at", String),
    Column("arm", String),
    Column("note", String),
    Column("reported_by", String, nullable=False),
    row_hash(),
    Index("ix_interventions_account", "account_id", "batch_id", "row"),
)

outcomes = Table(
    "outcomes",
    metadata,
    *row_key(),
    Column("account_id", String, nullable=False),
    Column("occurred_at", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("arr_change", Double),
    Column("reason", String),
    Column("voluntary", Integer),
    Column("reported_by", String, nullable=False),
    row_hash(),
    Index("ix_outcomes_account", "account_id", "batch_id", "row"),
)

# What became of a task, which is a playbook of an account: the newest row of an account and task (and step, where it is
# of one step) is how it stands. `owner`, `as_of`, `model_version` and `p_churn`: whose account it was when this was
# entered, and the prediction that was shown then, at the main horizon.
task_events = Table(
    "task_events",
    metadata,
    *row_key(),
    Column("account_id", String, nullable=False),
    Column("task", String, nullable=False),
    Column("step", String),  # NULL: of the task as a whole
    Column("kind", String, nullable=False),
    Column("until", String),  # of `snoozed`: the day on which it comes back
    Column("assigned_to", String),  # of `assigned`
    Column("comment", String),
    Column("owner", String),
    Column("as_of", String),
    Column("model_version", String),
    Column("p_churn", Double),
    Column("made_by", String, nullable=False),
    Column("made_at", String, nullable=False),
    row_hash(),
    Index("ix_task_events_account", "account_id", "batch_id", "row"),
    Index("ix_task_events_owner", "owner", "batch_id", "row"),
)

notes = Table(
    "notes",
    metadata,
    *row_key(),
    Column("account_id", String, nullable=False),
    Column("text", String, nullable=False),
    Column("written_by", String, nullable=False),
    Column("written_at", String, nullable=False),
    row_hash(),
    Index("ix_notes_account", "account_id", "batch_id", "row"),
)

TaskEventKind = Literal["done", "snoozed", "assigned", "ticked", "reopened"]


@dataclass(frozen=True)
class TaskEvent:
    """Something that became of a task of an account.

    Attributes
    ----------
    account_id, task : str
        The task is a playbook's name.
    step : str or None
        What a step of the playbook says to do, where it is of that step alone.
    kind : str
        done, snoozed, assigned, ticked (a step is done), reopened (the task, or the step, is not done after all).
    until : str or None
        Of `snoozed`: the day on which it comes back, YYYY-MM-DD.
    assigned_to : str or None
        Of `assigned`.
    comment : str or None
    owner : str or None
        Of the account, when this was entered.
    as_of, model_version : str or None
        Of the prediction that was shown then; None of an account that was not in play.
    p_churn : float or None
        Its probability at the main horizon.
    made_by, made_at : str
        ISO 8601 in UTC, as the ledger writes moments.
    batch_id, row : int
        Where it stands in the ledger; 0 before it does.
    """

    account_id: str
    task: str
    step: str | None
    kind: TaskEventKind
    until: str | None
    assigned_to: str | None
    comment: str | None
    owner: str | None
    as_of: str | None
    model_version: str | None
    p_churn: float | None
    made_by: str
    made_at: str
    batch_id: int = 0
    row: int = 0

    @property
    def values(self) -> tuple[Any, ...]:
        """The values of its row behind the row's number."""
        return astuple(self)[:-2]

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**{name: stored[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Note:
    """What someone noted down about an account.

    Attributes
    ----------
    account_id, text : str
    written_by, written_at : str
        ISO 8601 in UTC, as the ledger writes moments.
    batch_id, row : int
        Where it stands in the ledger; 0 before it does.
    """

    account_id: str
    text: str
    written_by: str
    written_at: str
    batch_id: int = 0
    row: int = 0

    @property
    def values(self) -> tuple[Any, ...]:
        """The values of its row behind the row's number."""
        return astuple(self)[:-2]

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**{name: stored[name] for name in cls.__dataclass_fields__})
