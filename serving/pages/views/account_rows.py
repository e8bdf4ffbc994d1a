"""An account's rows of the source tables, as a CSM reads them: contacts, tickets, invoices, surveys, steps, usage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from evaluation.formatting import money
from serving.messages import AccountDetails, InvoiceShown, SurveyShown, TicketShown
from serving.pages.charts import day_words, sparkline
from serving.pages.words import name_words, number_words

SHOWN_ROWS = 5
WEEKS = 26
TEXT_LENGTH = 200
ROLE_ORDER = ("executive_sponsor", "champion", "admin", "user")
Table = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class UseView:
    """A small chart of usage with its newest value beside it."""

    label: str
    chart: Markup
    now: str


@dataclass(frozen=True)
class RowsView:
    """Rows in words; `None` where the source table is not there at all, so that nobody takes it for nothing."""

    contacts: Table | None
    tickets: Table | None
    tickets_words: str
    invoices: Table | None
    invoices_words: str
    surveys: Table | None
    milestones: Table | None
    usage: tuple[UseView, ...] | None


def rows_view(details: AccountDetails, as_of: str, currency: str) -> RowsView:
    """The rows of an account as they were known on a day."""

    def there(name: str, rows: list[tuple[str, ...]]) -> Table | None:
        return tuple(rows) if name in details.tables else None

    tickets = sorted(details.tickets, key=lambda one: one.resolved_at is not None)  # open ones first
    return RowsView(
        contacts=there("contacts", _contacts(details, as_of)),
        tickets=there("tickets", [_ticket(one, as_of) for one in tickets[:SHOWN_ROWS]]),
        tickets_words=_tickets_words(details.tickets),
        invoices=there("invoices", [_invoice(one, as_of, currency) for one in details.invoices[:SHOWN_ROWS]]),
        invoices_words=_invoices_words(details.invoices, as_of, currency),
        surveys=there(
            "surveys",
            [
                (
                    day_words(one.occurred_at),
                    one.kind.upper(),
                    number_words(one.score),
                    one.contact_id or "",
                    one.text or "",
                )
                for one in details.surveys[:SHOWN_ROWS]
            ],
        ),
        milestones=there(
            "milestones", [(name_words(one.milestone), day_words(one.reached_at)) for one in details.milestones]
        ),
        usage=_usage(details) if "usage_events" in details.tables else None,
    )


def days_ago(moment: str, as_of: str) -> str:
    """How long before a day something was.

    >>> days_ago("2025-12-31T11:00:00", "2026-01-01"), days_ago("2025-12-01", "2026-01-01")
    ('1 day ago', '31 days ago')
    """
    days = (date.fromisoformat(as_of) - date.fromisoformat(moment[:10])).days
    return "today" if days == 0 else f"{days} {'day' if days == 1 else 'days'} ago"


def _contacts(details: AccountDetails, as_of: str) -> list[tuple[str, ...]]:
    def rank(roles: Sequence[str]) -> int:
        return min((ROLE_ORDER.index(role) if role in ROLE_ORDER else len(ROLE_ORDER)) for role in roles)

    ordered = sorted(details.contacts, key=lambda one: (one.until is not None, rank(one.roles)))
    return [
        (
            one.contact_id,
            ", ".join(name_words(role) for role in one.roles),
            day_words(one.since) if one.until is None else f"left {day_words(one.until)}",
            "never seen" if one.active_at is None else days_ago(one.active_at, as_of),
        )
        for one in ordered[: SHOWN_ROWS + 4]
    ]


def _survey(one: SurveyShown) -> tuple[str, ...]:
    said = (one.text or "")[:TEXT_LENGTH]
    return (day_words(one.occurred_at), one.kind.upper(), number_words(one.score), one.contact_id or "", said)


def _ticket(one: TicketShown, as_of: str) -> tuple[str, ...]:
    state = (
        f"open, {days_ago(one.opened_at, as_of)}"
        if one.resolved_at is None
        else f"resolved {day_words(one.resolved_at)}"
    )
    rated = "" if one.satisfaction is None else f"{number_words(one.satisfaction)} of 5"
    return (
        one.ticket_id or "",
        day_words(one.opened_at),
        one.priority or "",
        state,
        rated,
        (one.text or "")[:TEXT_LENGTH],
    )


def _tickets_words(tickets: Sequence[TicketShown]) -> str:
    count = sum(one.resolved_at is None for one in tickets)
    return "No ticket is open." if count == 0 else "1 ticket is open." if count == 1 else f"{count} tickets are open."


def _is_late(one: InvoiceShown, as_of: str) -> bool:
    is_bill = one.kind in (None, "invoice")
    return is_bill and one.paid_at is None and one.due_at is not None and one.due_at[:10] < as_of


def _invoice(one: InvoiceShown, as_of: str, currency: str) -> tuple[str, ...]:
    if one.paid_at is not None:
        state = f"paid {day_words(one.paid_at)}"
    elif _is_late(one, as_of):
        state = f"overdue since {day_words(one.due_at or '')}"
    else:
        state = "" if one.due_at is None else f"due {day_words(one.due_at)}"
    amount = "" if one.amount is None else money(one.amount, currency)
    return (one.invoice_id or "", day_words(one.issued_at), name_words(one.kind or "invoice"), amount, state)


def _invoices_words(invoices: Sequence[InvoiceShown], as_of: str, currency: str) -> str:
    late = [one for one in invoices if _is_late(one, as_of)]
    if not late:
        return "Nothing is overdue."
    total = sum(one.amount or 0.0 for one in late)
    return f"{len(late)} overdue, {money(total, currency)}."


def _usage(details: AccountDetails) -> tuple[UseView, ...]:
    by_week = {one.weeks_ago: one for one in details.usage}
    weeks = [by_week.get(week) for week in range(WEEKS - 1, -1, -1)]
    quantities = [0.0 if one is None else one.quantity for one in weeks]
    made = [UseView("Usage a week", sparkline(quantities, "Usage a week", number_words), number_words(quantities[-1]))]
    if any(one is not None and one.users is not None for one in weeks):
        users = [0.0 if one is None else float(one.users or 0) for one in weeks]
        made.append(UseView("Users a week", sparkline(users, "Users a week", number_words), number_words(users[-1])))
    return tuple(made)
