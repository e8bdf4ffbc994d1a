"""What the page of an account shows beside its prediction: rows of the source tables as they were known on the day."""

from __future__ import annotations

from pydantic import BaseModel, Field

from serving.messages.questions import AccountSignals, Value


class ContactShown(BaseModel):
    """A person at the account: the roles in place, or the last ones where all have ended."""

    contact_id: str
    roles: list[str]
    since: str
    until: str | None = Field(description="Null while a role goes on.")
    active_at: str | None = Field(description="When they last did something.")


class TicketShown(BaseModel):
    """A ticket, open where nobody has resolved it."""

    ticket_id: str | None
    opened_at: str
    resolved_at: str | None
    priority: str | None
    satisfaction: float | None
    text: str | None


class InvoiceShown(BaseModel):
    """An invoice, a credit note or a payment that failed."""

    invoice_id: str | None
    issued_at: str
    due_at: str | None
    paid_at: str | None
    amount: float | None
    kind: str | None


class SurveyShown(BaseModel):
    """What somebody answered."""

    occurred_at: str
    kind: str
    score: float
    contact_id: str | None
    text: str | None


class MilestoneShown(BaseModel):
    """A step of onboarding, and when it was reached."""

    milestone: str
    reached_at: str


class WeekOfUse(BaseModel):
    """Seven days of usage, which end `weeks_ago` times seven days before the day."""

    weeks_ago: int
    quantity: float
    users: int | None


class StepShown(BaseModel):
    """A step of a playbook: what to do, who does it, within how many days."""

    do: str
    by: str
    within_days: int | None


class PlaybookShown(BaseModel):
    """A playbook that the account calls for, as it is followed in its tier."""

    playbook: str
    context: str
    steps: list[StepShown]
    resources: list[str]
    success: list[str]
    escalate: str


class DetailsRequest(BaseModel):
    """What the prediction of the account says already: its reasons, the strongest first, and the playbooks it names."""

    reasons: list[tuple[str, str]] = Field(description="Signal and dimension.")
    playbooks: list[str]


class AccountDetails(BaseModel):
    """All that the worker holds of an account beside its prediction, on the day that serves."""

    signals: AccountSignals
    month_ago_as_of: str | None = Field(description="The day of `month_ago`; null where none was kept.")
    month_ago: dict[str, Value]
    peers_month_ago: dict[str, float] = Field(description="The peers' medians then.")
    repeats: dict[str, str] = Field(description="By signal, a stronger reason of the account that says much the same.")
    stage_criterion: str | None
    days_to_renewal: float | None
    tier: str | None
    strategic: bool
    parent_account_id: str | None
    children: list[str]
    playbooks: list[PlaybookShown]
    last_contact_at: str | None
    tables: list[str] = Field(description="Source tables that there are.")
    contacts: list[ContactShown]
    tickets: list[TicketShown]
    invoices: list[InvoiceShown]
    surveys: list[SurveyShown]
    milestones: list[MilestoneShown]
    usage: list[WeekOfUse]
