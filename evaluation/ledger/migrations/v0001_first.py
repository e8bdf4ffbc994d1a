"""The first tables: batches and their head, predictions, judgements, marks; all but the head refuse any change."""

import sqlalchemy as sa
from alembic import op

from evaluation.ledger.migrations import append_only

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROW_KEY = ("batch_id", "row")

ADVANCE_ONLY = "the head only moves to the next batch"


def _row_key() -> list[sa.Column[int]]:
    return [
        sa.Column("batch_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
    ]


def upgrade() -> None:
    _batches()
    _predictions()
    _beside_predictions()
    op.execute("insert into head (one, batch_id, hash) values (1, 0, '')")
    _triggers(op.get_bind())


def _batches() -> None:
    """Batches, and the head that says which is the newest."""
    op.create_table(
        "batches",
        sa.Column("batch_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("format", sa.Integer, nullable=False),
        sa.Column("asked_by", sa.String, nullable=False),
        sa.Column("requested_at", sa.String, nullable=False),
        sa.Column("idempotency_key", sa.String, unique=True),
        sa.Column("calibrator_version", sa.String),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("rows_hash", sa.String, nullable=False),
        sa.Column("previous_hash", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
    )
    op.create_table(
        "head",
        sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("batch_id", sa.Integer, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
    )


def _predictions() -> None:
    op.create_table(
        "predictions",
        *_row_key(),
        sa.Column("account_id", sa.String, nullable=False),
        sa.Column("as_of", sa.String, nullable=False),
        sa.Column("lifecycle_stage", sa.String),
        sa.Column("curve", sa.String, nullable=False),
        sa.Column("main_horizon_days", sa.Integer, nullable=False),
        sa.Column("p_churn", sa.Double, nullable=False),
        sa.Column("p_low", sa.Double),
        sa.Column("p_high", sa.Double),
        sa.Column("p_health", sa.Double),
        sa.Column("expected_arr_loss", sa.Double),
        sa.Column("risk_level", sa.String),
        sa.Column("health_score", sa.Double),
        sa.Column("health_usage", sa.Double),
        sa.Column("health_engagement", sa.Double),
        sa.Column("health_financial", sa.Double),
        sa.Column("health_relationship", sa.Double),
        sa.Column("coverage", sa.Double),
        sa.Column("arr", sa.Double),
        sa.Column("model_version", sa.String, nullable=False),
        sa.Column("config_version", sa.String, nullable=False),
        sa.Column("signals_hash", sa.String, nullable=False),
        sa.Column("row_hash", sa.String, nullable=False),
    )
    op.create_index("ix_predictions_account_as_of", "predictions", ["account_id", "as_of"])
    op.create_index("ix_predictions_as_of", "predictions", ["as_of"])


def _beside_predictions() -> None:
    """Texts of predictions, judgements and marks."""
    op.create_table(
        "prediction_texts",
        *_row_key(),
        sa.Column("reasons", sa.String),
        sa.Column("triggers", sa.String),
        sa.Column("actions", sa.String),
    )
    op.create_table(
        "judgements",
        *_row_key(),
        sa.Column("account_id", sa.String, nullable=False),
        sa.Column("as_of", sa.String, nullable=False),
        sa.Column("matured_days", sa.Integer, nullable=False),
        sa.Column("churn_at", sa.String),
        sa.Column("voluntary", sa.Integer),
        sa.Column("row_hash", sa.String, nullable=False),
    )
    op.create_index("ix_judgements_account_as_of", "judgements", ["account_id", "as_of"])
    op.create_table(
        "marks",
        *_row_key(),
        sa.Column("mark", sa.String, nullable=False),
        sa.Column("body", sa.String, nullable=False),
        sa.Column("row_hash", sa.String, nullable=False),
    )


def _triggers(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(
            sa.text(
                "create function forewarn_append_only() returns trigger language plpgsql as $$ begin "
                "raise exception '%: the ledger is append-only', tg_table_name; end $$"
            )
        )
        connection.execute(
            sa.text(
                "create function forewarn_head_advances() returns trigger language plpgsql as $$ begin "
                "if tg_op = 'UPDATE' and new.batch_id = old.batch_id + 1 and new.one = old.one "
                "then return new; end if; "
                f"raise exception '{ADVANCE_ONLY}'; end $$"
            )
        )
        connection.execute(
            sa.text(
                "create trigger head_advances before update or delete on head "
                "for each row execute function forewarn_head_advances()"
            )
        )
    else:
        connection.execute(
            sa.text(
                "create trigger head_advances before update on head for each row "
                "when new.batch_id <> old.batch_id + 1 or new.one <> old.one "
                f"begin select raise(abort, '{ADVANCE_ONLY}'); end"
            )
        )
        for event in ("delete", "insert"):
            connection.execute(
                sa.text(
                    f"create trigger head_no_{event} before {event} on head for each row "
                    f"begin select raise(abort, '{ADVANCE_ONLY}'); end"
                )
            )
    append_only(connection, "batches", ("batch_id",), ("idempotency_key",))
    for table in ("predictions", "prediction_texts", "judgements", "marks"):
        append_only(connection, table, ROW_KEY)
