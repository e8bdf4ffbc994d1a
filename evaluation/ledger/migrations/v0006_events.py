"""Events are called so: the table `marks` becomes `events`, its column `mark` `kind`. No row changes.

A row's hash covers its values and no name, so that the proof holds as it did. Batches that were entered before keep
their kind `mark`, which their hash covers.
"""

import sqlalchemy as sa
from alembic import op

from evaluation.ledger.migrations import append_only

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("drop trigger marks_append_only on marks"))
    else:
        for event in ("update", "delete", "insert"):
            connection.execute(sa.text(f"drop trigger marks_no_{event}"))
    op.rename_table("marks", "events")
    connection.execute(sa.text("alter table events rename column mark to kind"))
    append_only(connection, "events", ("batch_id", "row"))
