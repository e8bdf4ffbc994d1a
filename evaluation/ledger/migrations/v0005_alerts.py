"""Alerts, the messages that they leave in, and every attempt to deliver one."""

import sqlalchemy as sa
from alembic import op

from evaluation.ledger.migrations import append_only

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _key() -> list[sa.Column[int]]:
    return [
        sa.Column("batch_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
    ]


def _table(name: str, *columns: sa.Column[object]) -> None:
    op.create_table(name, *_key(), *columns, sa.Column("row_hash", sa.String, nullable=False))


def upgrade() -> None:
    _table(
        "alerts",
        sa.Column("alert_id", sa.String, nullable=False, unique=True),
        sa.Column("account_id", sa.String),
        sa.Column("as_of", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("owner", sa.String),
        sa.Column("week", sa.String, nullable=False),
        sa.Column("route", sa.String, nullable=False),
        sa.Column("body", sa.String, nullable=False),
    )
    op.create_index("ix_alerts_week", "alerts", ["week"])
    op.create_index("ix_alerts_as_of", "alerts", ["as_of"])
    _table(
        "messages",
        sa.Column("message_id", sa.String, nullable=False, unique=True),
        sa.Column("receiver", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("accounts", sa.String, nullable=False),
        sa.Column("alert_ids", sa.String, nullable=False),
        sa.Column("upto_batch", sa.Integer, nullable=False),
        sa.Column("body", sa.String, nullable=False),
    )
    op.create_index("ix_messages_receiver", "messages", ["receiver", "upto_batch"])
    _table(
        "deliveries",
        sa.Column("receiver", sa.String, nullable=False),
        sa.Column("message_id", sa.String),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("next_at", sa.String),
        sa.Column("detail", sa.String, nullable=False),
    )
    op.create_index("ix_deliveries_message", "deliveries", ["message_id", "batch_id", "row"])
    op.create_index("ix_deliveries_receiver", "deliveries", ["receiver", "batch_id", "row"])
    append_only(op.get_bind(), "alerts", ("batch_id", "row"), ("alert_id",))
    append_only(op.get_bind(), "messages", ("batch_id", "row"), ("message_id",))
    append_only(op.get_bind(), "deliveries", ("batch_id", "row"))
