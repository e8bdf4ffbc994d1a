"""Whether the triggers that refuse changes are in force: all of them, on every table, as the migrations made them."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Connection, create_engine, text

from evaluation.ledger import migrations
from evaluation.ledger.tables import ENTRIES, batches, head

# Bits of pg_trigger.tgtype.
_EACH_ROW, _BEFORE, _DELETE, _UPDATE, _TRUNCATE = 1, 2, 8, 16, 32
# What PostgreSQL's functions must hold to refuse anything; see v0001.
_REFUSALS = {
    "forewarn_append_only": "begin raise exception '%: the ledger is append-only', tg_table_name; end",
    "forewarn_head_advances": "begin if tg_op = 'UPDATE' and new.batch_id = old.batch_id + 1 and new.one = old.one "
    "then return new; end if; raise exception 'the head only moves to the next batch'; end",
}
_IN_FORCE = text(
    "select c.relname, p.proname, t.tgtype, p.prosrc from pg_trigger t join pg_class c on c.oid = t.tgrelid "
    "join pg_proc p on p.oid = t.tgfoid where c.oid = any(:tables) and not t.tgisinternal "
    "and t.tgenabled in ('O', 'A') and t.tgqual is null and t.tgattr = ''"
)


def guarded_tables() -> tuple[str, ...]:
    """Every table whose rows may never change.

    Returns
    -------
    tuple of str
        Their names.
    """
    return (batches.name, *(table.name for entry in ENTRIES for table in entry.tables))


def missing_guards(connection: Connection) -> tuple[str, ...]:
    """Names, in a sentence each, the triggers of an open ledger that are missing, changed or switched off.

    Parameters
    ----------
    connection : Connection
        To a ledger of the newest version.

    Returns
    -------
    tuple of str
        Empty where every change would be refused.
    """
    if connection.dialect.name == "postgresql":
        return _missing_in_postgresql(connection)
    found = _sqlite_triggers(connection)
    return tuple(
        f"{name}: {'missing' if name not in found else 'not as it was made'}"
        for name, sql in expected_triggers().items()
        if found.get(name) != sql
    )


def _sqlite_triggers(connection: Connection) -> dict[str, str]:
    rows = connection.execute(text("select name, sql from sqlite_master where type = 'trigger' order by name"))
    return {str(name): " ".join(str(sql).split()) for name, sql in rows}


@cache
def expected_triggers() -> dict[str, str]:
    """SQLite's triggers by name, as a ledger has them that was made a moment ago."""
    engine = create_engine("sqlite://")
    try:
        with engine.connect() as connection, connection.begin():
            migrations.upgrade(connection)
            return _sqlite_triggers(connection)
    finally:
        engine.dispose()


def _missing_in_postgresql(connection: Connection) -> tuple[str, ...]:
    wanted = dict.fromkeys(guarded_tables(), ("forewarn_append_only", _BEFORE | _DELETE | _UPDATE | _TRUNCATE))
    wanted[head.name] = ("forewarn_head_advances", _BEFORE | _DELETE | _UPDATE | _EACH_ROW)
    oids = {name: connection.execute(text("select to_regclass(:n)::oid"), {"n": name}).scalar() for name in wanted}
    rows = connection.execute(_IN_FORCE, {"tables": [oid for oid in oids.values() if oid is not None]}).fetchall()
    missing = []
    for table, (function, events) in wanted.items():
        here = [row for row in rows if row[0] == table and row[1] == function and row[2] & events == events]
        if not here:
            missing.append(f"{table}: no trigger that refuses changes is in force")
        elif any(" ".join(row[3].split()) != _REFUSALS[function] for row in here):
            missing.append(f"{table}: the function {function} is not as it was made")
    return tuple(missing)
