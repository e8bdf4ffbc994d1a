"""What callers enter beside overrides: feedback on reasons, interventions, outcomes; and their first answers for a
day."""

import sqlalchemy as sa
from alembic import op

from evaluation.ledger.migrations import append_only

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# The columns behind batch and row: name, type, whether it must be there.
TABLES = {
    "feedback": (
        ("account_id", sa.String, True),
        ("as_of", sa.String, True),
        ("model_version", sa.String, True),
        ("signal", sa.String, True),
        ("verdict", sa.String, True),
        ("comment", sa.String, False),
        ("given_by", sa.String, True),
        ("given_at", sa.String, True),
    ),
    "interventions": (
        ("account_id", sa.String, True),
        ("started_at", sa.String, True),
        ("kind", sa.String, True),
        ("ended_at", sa.String, False),
        ("arm", sa.String, False),
        ("note", sa.String, False),
        ("reported_by", sa.String, True),
    ),
    "outcomes": (
        ("account_id", sa.String, True),
        ("occurred_at", sa.String, True),
        ("kind", sa.String, True),
        ("arr_change", sa.Double, False),
        ("reason", sa.String, False),
        ("voluntary", sa.Integer, False),
        ("reported_by", sa.String, True),
    ),
}


def upgrade() -> None:
    for table, columns in TABLES.items():
        op.create_table(
            table,
            sa.Column("batch_id", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
            *(sa.Column(name, kind, nullable=not needed) for name, kind, needed in columns),
            sa.Column("row_hash", sa.String, nullable=False),
        )
        op.create_index(f"ix_{table}_account", table, ["account_id", "batch_id", "row"])
        append_only(op.get_bind(), table, ("batch_id", "row"))
    op.create_table(
        "replies",
        sa.Column("asked_by", sa.String, primary_key=True),
        sa.Column("idempotency_key", sa.String, primary_key=True),
        sa.Column("fingerprint", sa.String, nullable=False),
        sa.Column("answered_at", sa.String, nullable=False),
        sa.Column("body", sa.String, nullable=False),
    )
    op.create_index("ix_replies_answered_at", "replies", ["answered_at"])
