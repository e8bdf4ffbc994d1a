"""Answers of the service, which point to the predictions that they gave."""

import sqlalchemy as sa
from alembic import op

from evaluation.ledger.migrations import append_only

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("batch_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("request_id", sa.String, nullable=False),
        sa.Column("asked_by", sa.String, nullable=False),
        sa.Column("answered_at", sa.String, nullable=False),
        sa.Column("route", sa.String, nullable=False),
        sa.Column("pointers", sa.String, nullable=False),
        sa.Column("row_hash", sa.String, nullable=False),
    )
    append_only(op.get_bind(), "answers", ("batch_id", "row"))
