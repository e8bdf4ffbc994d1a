"""The eleven canonical source tables, as one literal tuple.

A table's `time` column is when its fact happened; any table may also give `recorded_at`, when the fact became known.
A column marked `filled_later` is empty at every as_of before the moment that it names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "time", "number", "flag"]


@dataclass(frozen=True)
class Column:
    """A canonical column: its kind, whether it must be given, and the range or values it may hold.

    Attributes
    ----------
    name : str
        What it is called in every table after mapping.
    kind : {"text", "time", "number", "flag"}
        How its values are read: as text, a naive UTC timestamp, a float64 or a boolean.
    required : bool
        Whether its table cannot be mapped without it.
    filled_later : bool
        Whether it holds a time that is empty until it comes, as `paid_at` of an invoice.
    rewritten : bool
        Whether sources commonly overwrite it in place, so that today's value is no proof of what it was: `check` tests
        whether it knows who left, unless the table keeps every version of a row under its own `recorded_at`.
    low, high : float or None
        The least and the greatest number allowed; None is no bound.
    allowed_values : tuple of str
        The only texts allowed; empty is any.
    """

    name: str
    kind: Kind
    required: bool = False
    filled_later: bool = False
    rewritten: bool = False
    low: float | None = None
    high: float | None = None
    allowed_values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A canonical table: what a row of it is, and which columns it may have.

    Attributes
    ----------
    name : str
        What it is called in the settings and in `Sources.tables`.
    time : str
        The column that says when the fact of a row happened.
    columns : tuple of Column
        Every column that can be mapped.
    key : tuple of str
        The column that names a row's fact; empty is no key. Rows of one key are versions of one fact, which their
        recorded_at puts in order.
    natural_key : tuple of str
        Columns that name the fact together where the key is not given and all of them are; empty is none.
    activity : bool
        Whether its rows show that a customer is there, so that their absence can define churn by silence.
    """

    name: str
    time: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    natural_key: tuple[str, ...] = ()
    activity: bool = False

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of all of its columns."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)


def _required(name: str, kind: Kind = "text", **more: object) -> Column:
    return Column(name, kind, required=True, **more)  # type: ignore[arg-type]


ACCOUNT = _required("account_id")
RECORDED = Column("recorded_at", "time")

TABLES: tuple[Table, ...] = (
    Table(
        "accounts",
        "created_at",
        (
            ACCOUNT,
            _required("created_at", "time"),
            Column("name", "text"),
            Column("segment", "text", rewritten=True),
            Column("owner", "text", rewritten=True),
            Column("parent_account_id", "text", rewritten=True),
            Column("strategic", "flag", rewritten=True),
            RECORDED,
        ),
        key=("account_id",),
    ),
    Table(
        "contracts",
        "starts_at",
        (
            ACCOUNT,
            _required("starts_at", "time"),
            Column("contract_id", "text"),
            Column("ends_at", "time", rewritten=True),  # as agreed; an early end stands in terminated_at
            Column("terminated_at", "time", filled_later=True),
            Column("kind", "text", allowed_values=("trial", "paid", "paused"), rewritten=True),
            Column("arr", "number", low=0, rewritten=True),
            Column("mrr", "number", low=0, rewritten=True),
            Column("currency", "text"),
            Column("seats", "number", low=0, rewritten=True),
            Column("plan", "text", rewritten=True),
            # Monthly, quarterly, annual ...: of a contract without an end, the length of its terms.
            Column("billing_period", "text", rewritten=True),
            # As agreed when the term began; turning it off is a cancellation.
            Column("auto_renews", "flag", rewritten=True),
            Column("cancelled_at", "time", filled_later=True),
            RECORDED,
        ),
        key=("contract_id",),
        natural_key=("account_id", "starts_at"),
    ),
    Table(
        "usage_events",
        "occurred_at",
        (
            ACCOUNT,
            _required("occurred_at", "time"),
            Column("event_id", "text"),
            Column("feature", "text"),
            Column("user_id", "text"),
            Column("quantity", "number"),
            RECORDED,
        ),
        key=("event_id",),
        activity=True,
    ),
    Table(
        "tickets",
        "opened_at",
        (
            ACCOUNT,
            _required("opened_at", "time"),
            Column("ticket_id", "text"),
            Column("resolved_at", "time", filled_later=True),  # for good: after it was reopened, if it was
            Column("reopened_at", "time", filled_later=True),
            Column("priority", "text", rewritten=True),
            Column("satisfaction", "number", low=1, high=5, rewritten=True),
            Column("sentiment", "number", low=-1, high=1, rewritten=True),
            Column("text", "text"),
            RECORDED,
        ),
        key=("ticket_id",),
        activity=True,
    ),
    Table(
        "interactions",
        "occurred_at",
        (
            ACCOUNT,
            _required("occurred_at", "time"),
            _required("kind", rewritten=True),
            Column("interaction_id", "text"),
            Column("contact_id", "text"),
            Column("initiated_by", "text", allowed_values=("us", "customer"), rewritten=True),
            Column("attended", "flag", rewritten=True),
            Column("responded_at", "time", filled_later=True),
            Column("sentiment", "number", low=-1, high=1, rewritten=True),
            Column("text", "text"),
            RECORDED,
        ),
        key=("interaction_id",),
        natural_key=("account_id", "contact_id", "kind", "occurred_at"),
        activity=True,
    ),
    Table(
        "invoices",
        "issued_at",
        (
            ACCOUNT,
            _required("issued_at", "time"),
            Column("invoice_id", "text"),
            Column("due_at", "time", rewritten=True),
            Column("paid_at", "time", filled_later=True),
            Column("amount", "number", rewritten=True),
            Column("currency", "text"),
            Column("kind", "text", allowed_values=("invoice", "credit_note", "failed_payment", "void"), rewritten=True),
            Column("credits_invoice_id", "text"),  # of a credit note: the invoice that it takes back
            RECORDED,
        ),
        key=("invoice_id",),
        activity=True,
    ),
    Table(
        "surveys",
        "occurred_at",
        (
            ACCOUNT,
            _required("occurred_at", "time"),
            Column("survey_id", "text"),
            _required("kind", allowed_values=("nps", "csat", "ces"), rewritten=True),
            _required("score", "number", low=0, high=10, rewritten=True),
            Column("contact_id", "text"),
            Column("text", "text"),
            RECORDED,
        ),
        key=("survey_id",),
        natural_key=("account_id", "contact_id", "kind", "occurred_at"),
        activity=True,
    ),
    Table(
        "contacts",
        "since",
        (
            ACCOUNT,
            _required("contact_id"),
            _required("role", allowed_values=("executive_sponsor", "champion", "admin", "user"), rewritten=True),
            _required("since", "time"),
            Column("until", "time", filled_later=True),
            RECORDED,
        ),
        natural_key=("account_id", "contact_id", "since"),
    ),
    Table(
        "milestones",
        "reached_at",
        (ACCOUNT, _required("milestone"), _required("reached_at", "time"), RECORDED),
        natural_key=("account_id", "milestone"),
    ),
    Table(
        "outcomes",
        "occurred_at",
        (
            ACCOUNT,
            _required("occurred_at", "time"),
            Column("outcome_id", "text"),
            _required("kind", allowed_values=("churn", "contraction", "expansion", "renewal", "reactivation")),
            Column("arr_change", "number"),
            Column("currency", "text"),
            Column("reason", "text"),
            Column("voluntary", "flag"),
            RECORDED,
        ),
        key=("outcome_id",),
        natural_key=("account_id", "kind", "occurred_at"),
    ),
    Table(
        "interventions",
        "started_at",
        (
            ACCOUNT,
            _required("started_at", "time"),
            Column("intervention_id", "text"),
            _required("kind"),
            Column("ended_at", "time", filled_later=True),
            Column("arm", "text", allowed_values=("treated", "holdout")),
            RECORDED,
        ),
        key=("intervention_id",),
        natural_key=("account_id", "kind", "started_at"),
    ),
)

TABLE_NAMES: tuple[str, ...] = tuple(table.name for table in TABLES)


def table(name: str) -> Table:
    """The canonical table of a name.

    Parameters
    ----------
    name : str
        One of `TABLE_NAMES`.

    Returns
    -------
    Table

    Raises
    ------
    KeyError
        When there is none of that name.
    """
    for known in TABLES:
        if known.name == name:
            return known
    raise KeyError(name)
