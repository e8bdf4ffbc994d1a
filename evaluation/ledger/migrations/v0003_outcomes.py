"""Judgements tell of contractions and returns; indexes that answer first and newest without reading the rows."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("judgements", sa.Column("contraction_days", sa.Integer))
    op.add_column("judgements", sa.Column("contraction_at", sa.String))
    op.add_column("judgements", sa.Column("reactivated_at", sa.String))
    for table, columns in (
        ("predictions", ["account_id", "as_of", "model_version", "batch_id", "row"]),
        ("judgements", ["account_id", "as_of", "batch_id", "row"]),
    ):
        op.drop_index(f"ix_{table}_account_as_of", table)
        op.create_index(f"ix_{table}_account_as_of", table, columns)
