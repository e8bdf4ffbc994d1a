"""CSMs' overrides, beside the model's levels."""

import sqlalchemy as sa
from alembic import op

from evaluation.ledger.migrations import append_only

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "overrides",
        sa.Column("batch_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("account_id", sa.String, nullable=False),
        sa.Column("made_at", sa.String, nullable=False),
        sa.Column("level", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("made_by", sa.String, nullable=False),
        sa.Column("expires_at", sa.String),
        sa.Column("row_hash", sa.String, nullable=False),
    )
    op.create_index("ix_overrides_account_made_at", "overrides", ["account_id", "made_at", "batch_id", "row"])
    append_only(op.get_bind(), "overrides", ("batch_id", "row"))
