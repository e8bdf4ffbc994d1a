"""Alembic migrations of the ledger: one file a version, run whenever a ledger is opened that is older than the code.

One more version: `v0002_what.py` with `revision = "0002"`, `down_revision = "0001"`, `upgrade()`; REVISION in
`evaluation.ledger.tables` names the newest. Versions add and rename; no row that was written is changed.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

from configs.errors import Fault, UsageError
from evaluation.ledger.tables import REVISION

_ONE_AT_A_TIME = threading.Lock()  # alembic's `op` and `context` are one per process


def revision_of(connection: Connection) -> str | None:
    """The version of the tables in this database; None when there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("select version_num from alembic_version")).scalar()


def upgrade(connection: Connection) -> None:
    """Brings the ledger of this connection to the newest version, inside the transaction that is open on it.

    The caller holds the database's write lock, so of several first openings one migrates and the others find it done.
    UsageError when a newer forewarn wrote this ledger.
    """
    with _ONE_AT_A_TIME:
        found = revision_of(connection)
        if found == REVISION:
            return
        from alembic.config import Config
        from alembic.runtime.environment import EnvironmentContext
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("path_separator", "os")
        script = ScriptDirectory(str(Path(__file__).parent), version_locations=[str(Path(__file__).parent)])
        if found is not None and found not in {known.revision for known in script.walk_revisions()}:
            where, expected = str(connection.engine.url), f"{REVISION} or older"
            raise UsageError(Fault(where, f"a ledger of version {found}", expected, "install the newest forewarn"))

        def steps(revision: Any, _context: Any) -> Any:
            return script._upgrade_revs(REVISION, revision)

        with EnvironmentContext(config, script, fn=steps) as environment:
            environment.configure(connection=connection)
            environment.run_migrations()


def append_only(connection: Connection, table: str, *keys: tuple[str, ...]) -> None:
    """Triggers that refuse to change or delete a row of `table`, whoever asks; `keys` are its unique keys.

    SQLite's INSERT OR REPLACE deletes without asking the delete trigger, hence the one on inserts of a known key.
    """
    message = f"{table}: the ledger is append-only"
    if connection.dialect.name == "postgresql":
        connection.execute(
            text(
                f"create trigger {table}_append_only before update or delete or truncate on {table} "
                "for each statement execute function forewarn_append_only()"
            )
        )
        return
    known = " or ".join(
        f"exists (select 1 from {table} where {' and '.join(f'{column} = new.{column}' for column in key)})"
        for key in keys
    )
    for event, when in (("update", ""), ("delete", ""), ("insert", f"when {known}")):
        connection.execute(
            text(
                f"create trigger {table}_no_{event} before {event} on {table} "
                f"for each row {when} begin select raise(abort, '{message}'); end"
            )
        )
