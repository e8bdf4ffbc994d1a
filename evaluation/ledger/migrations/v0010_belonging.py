"""Predictions say which segment and owner the account had when it was scored; those of before say nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("segment", "owner"):
        op.add_column("predictions", sa.Column(name, sa.String))
