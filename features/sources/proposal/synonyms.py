"""Names that source tables and columns commonly have: the guesses of `forewarn init`, in order of preference."""

from __future__ import annotations

from collections.abc import Mapping

# Words of a file's name; the first table with a match takes it, so the narrower tables stand first.
TABLE_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("outcomes", ("outcome", "churn", "churned", "cancellation", "attrition", "withdrawal", "lapse")),
    ("interventions", ("intervention", "treatment", "campaign", "playbook", "outreach")),
    ("milestones", ("milestone", "onboarding", "goal")),
    ("surveys", ("survey", "nps", "csat", "ces", "feedback", "review")),
    ("tickets", ("ticket", "support", "case", "incident", "helpdesk")),
    ("invoices", ("invoice", "order", "payment", "billing", "transaction", "sale", "purchase", "charge")),
    ("contacts", ("contact", "stakeholder", "people", "sponsor")),
    ("interactions", ("interaction", "meeting", "email", "call", "touchpoint", "communication", "engagement", "crm")),
    ("contracts", ("contract", "subscription", "agreement", "license", "licence", "term", "membership", "policy")),
    ("usage_events", ("usage", "event", "activity", "login", "session", "telemetry", "log", "click", "feature")),
    ("accounts", ("account", "customer", "company", "client", "organization", "organisation", "tenant", "member")),
)

ACCOUNT_ID = (
    "customer_id",
    "customerid",
    "client_id",
    "company_id",
    "organization_id",
    "organisation_id",
    "org_id",
    "tenant_id",
    "member_id",
    "subscriber_id",
    "account",
    "account_number",
    "account_no",
    "customer",
    "customer_number",
    "msno",
)
MOMENT = ("timestamp", "ts", "datetime", "date_time", "event_time", "event_date", "time", "date", "day", "at", "when")
CREATED: tuple[str, ...] = (
    "created",
    "created_date",
    "createdate",
    "date_created",
    "creation_date",
    "create_date",
    "created_on",
    "opened_date",
    "open_date",
)

COLUMN_WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "accounts": {
        "account_id": (*ACCOUNT_ID, "id", "user_id"),
        "created_at": (
            "signup_date",
            "sign_up_date",
            "signed_up_at",
            "signup_at",
            "registration_date",
            "registered_at",
            "date_registration",
            *CREATED,
            "joined_at",
            "join_date",
            "customer_since",
            "start_date",
            "onboarded_at",
        ),
        "name": ("account_name", "company_name", "customer_name", "client_name", "organization_name"),
        "segment": ("plan_tier", "tier", "customer_segment", "size_segment", "company_size"),
        "owner": ("csm", "csm_id", "account_owner", "owner_id", "account_manager", "customer_success_manager"),
        "parent_account_id": ("parent_id", "parent_account", "parent"),
        "strategic": ("is_strategic", "key_account", "is_key_account"),
    },
    "contracts": {
        "starts_at": ("start_date", "start", "started_at", "starts_on", "term_start", "contract_start", "valid_from"),
        "contract_id": ("subscription_id", "agreement_id", "license_id", "policy_id", "id"),
        "ends_at": (
            "end_date",
            "end",
            "ended_at",
            "ends_on",
            "term_end",
            "contract_end",
            "renewal_date",
            "expires_at",
            "expiry_date",
            "expiration_date",
            "valid_to",
            "valid_until",
        ),
        "arr": ("arr_amount", "acv", "annual_value", "annual_contract_value", "annual_recurring_revenue"),
        "mrr": ("mrr_amount", "monthly_recurring_revenue", "monthly_price", "monthly_charges", "monthly_fee"),
        "seats": ("seat_count", "n_seats", "num_seats", "licenses", "licences", "users_licensed", "quantity"),
        "plan": ("plan_name", "plan_tier", "product", "product_name", "package", "tier", "sku"),
        "billing_period": ("billing_frequency", "billing_cycle", "bill_period", "bill_period_months", "billing"),
        "cancelled_at": ("canceled_at", "cancellation_date", "cancelled_on", "cancel_date"),
        "terminated_at": (
            "termination_date",
            "terminated_date",
            "terminated_on",
            "early_termination_date",
            "early_end_date",
            "early_end",
            "ended_early_at",
            "ended_early_on",
            "actual_end_date",
            "actual_end",
            "left_early_at",
        ),
        "currency": ("currency_code", "currency_iso_code"),
        "auto_renews": ("auto_renew", "auto_renewal", "autorenew", "renews_automatically"),
    },
    "usage_events": {
        "occurred_at": (*MOMENT, "usage_date", "login_at", "login_date", "activity_date", *CREATED),
        "feature": ("feature_name", "event_type", "event_name", "event", "action", "module", "activity", "page"),
        "user_id": ("user", "username", "contact_id", "member_id", "person_id"),
        "quantity": ("n_events", "event_count", "usage_count", "count", "n", "events", "num_events", "clicks", "hits"),
    },
    "tickets": {
        "opened_at": (
            "submitted_at",
            "opened",
            "opened_on",
            "raised_at",
            *CREATED,
            "created_at",
            "open_at",
            "reported_at",
            *MOMENT,
        ),
        "ticket_id": ("case_id", "case_no", "case_number", "ticket_number", "issue_id", "incident_id", "id"),
        "reopened_at": ("reopened_on", "reopen_date", "reopened_date"),
        "resolved_at": (
            "closed_at",
            "resolved",
            "solved",
            "closed",
            "solved_at",
            "resolution_date",
            "closed_date",
            "resolved_date",
            "close_date",
        ),
        "priority": ("severity", "urgency", "level"),
        "satisfaction": ("satisfaction_score", "satisfaction_rating", "csat", "csat_score"),
        "sentiment": ("sentiment_score",),
        "text": ("description", "body", "subject", "message"),
    },
    "interactions": {
        "occurred_at": (*MOMENT, "due_date", "meeting_date", "interaction_date", "sent_at", "held_at", *CREATED),
        "kind": ("type", "interaction_type", "channel", "activity_type", "event_type"),
        "contact_id": ("person_id", "attendee_id"),
        "initiated_by": ("direction", "initiator"),
        "attended": ("was_attended", "showed_up", "is_attended"),
        "responded_at": ("replied_at", "response_date", "reply_date", "answered_at"),
        "sentiment": ("sentiment_score",),
        "text": ("notes", "body", "summary", "message"),
    },
    "invoices": {
        "issued_at": ("invoice_date", "issue_date", "issued_on", "order_date", "billed_at", *MOMENT, *CREATED),
        "invoice_id": ("invoice", "invoice_number", "invoice_no", "order_id", "transaction_id", "payment_id", "id"),
        "due_at": ("due_date", "due", "payment_due"),
        "paid_at": ("payment_date", "paid_date", "paid_on", "settled_at"),
        "amount": ("total", "total_amount", "value", "price", "revenue", "net_amount", "amount_due", "sum"),
        "kind": ("type", "invoice_type"),
        "currency": ("currency_code", "currency_iso_code"),
        "credits_invoice_id": ("credited_invoice_id", "original_invoice_id"),
    },
    "surveys": {
        "occurred_at": (*MOMENT, "responded_at", "response_date", "survey_date", "submitted_at", *CREATED),
        "kind": ("type", "survey_type"),
        "score": ("rating", "nps", "nps_score", "csat", "csat_score", "ces", "answer", "value"),
        "contact_id": ("respondent_id", "user_id", "person_id"),
        "text": ("comment", "feedback_text", "feedback", "verbatim"),
    },
    "contacts": {
        "contact_id": ("person_id", "user_id", "id", "email"),
        "role": ("contact_role", "persona", "type"),
        "since": ("start_date", *CREATED, "created_at", "joined_at", "valid_from"),
        "until": ("end_date", "left_at", "valid_to", "valid_until"),
    },
    "milestones": {
        "milestone": ("name", "milestone_name", "goal", "step", "type"),
        "reached_at": ("completed_at", "achieved_at", "done_at", "completed_date", *MOMENT),
    },
    "outcomes": {
        "occurred_at": (
            "churn_date",
            "churned_at",
            "cancellation_date",
            "cancelled_at",
            "canceled_at",
            "withdrawal_date",
            "outcome_date",
            "lapse_date",
            *MOMENT,
        ),
        "kind": ("type", "outcome", "outcome_type", "event_type"),
        "arr_change": ("arr_delta", "delta_arr", "amount", "arr_lost"),
        "reason": ("reason_code", "churn_reason", "cancellation_reason"),
        "voluntary": ("is_voluntary",),
    },
    "interventions": {
        "started_at": ("start_date", "start", "begun_at", *MOMENT, *CREATED),
        "kind": ("type", "intervention", "intervention_type", "action", "playbook"),
        "ended_at": ("end_date", "end", "completed_at"),
        "arm": ("group", "treatment_group", "variant"),
    },
}

# Flags of rows that were taken away in the source.
DELETED = ("is_deleted", "deleted", "fivetran_deleted", "isdeleted", "is_removed", "removed", "is_test")

# Words of the names of files that say something about a table, and are not that table.
BESIDE: tuple[str, ...] = (
    *("history", "tag", "tags", "policy", "policies", "metric", "field", "member", "list", "group", "schedule"),
    *("type", "types", "comment", "chat", "form", "merge", "audit", "card", "method", "line", "item", "discount"),
)

RECORDED = ("loaded_at", "ingested_at", "inserted_at", "received_at", "_loaded_at", "synced_at")

# A required column that a file may well not have: what its rows are, by words of the file's name.
CONSTANT_WORDS: Mapping[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("outcomes", "kind"): (("", "churn"),),
    ("interactions", "kind"): (
        ("email", "email"),
        ("call", "call"),
        ("training", "training"),
        ("webinar", "webinar"),
        ("qbr", "qbr"),
        ("", "meeting"),
    ),
    ("surveys", "kind"): (("csat", "csat"), ("ces", "ces"), ("", "nps")),
    ("contacts", "role"): (
        ("sponsor", "executive_sponsor"),
        ("champion", "champion"),
        ("admin", "admin"),
        ("", "user"),
    ),
    ("interventions", "kind"): (("campaign", "campaign"), ("", "outreach")),
}
