"""What became of tasks (done, snoozed, assigned, a step ticked, reopened), and notes on accounts."""

import sqlalchemy as sa
from alembic import op

from evaluation.ledger.migrations import append_only

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# The columns behind batch and row: name, type, whether it must be there.
TABLES = {
    "task_events": (
        ("account_id", sa.String, True),
        ("task", sa.String, True),
        ("step", sa.String, False),
        ("kind", sa.String, True),
        ("until", sa.String, False),
        ("assigned_to", sa.String, False),
        ("comment", sa.String, False),
        ("owner", sa.String, False),
        ("as_of", sa.String, False),
        ("model_version", sa.String, False),
        ("p_churn", sa.Double, False),
        ("made_by", sa.String, True),
        ("made_at", sa.String, True),
    ),
    "notes": (
        ("account_id", sa.String, True),
        ("text", sa.String, True),
        ("written_by", sa.String, True),
        ("written_at", sa.String, True),
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
    op.create_index("ix_task_events_owner", "task_events", ["owner", "batch_id", "row"])
