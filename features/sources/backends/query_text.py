"""What `query:` may hold: one SELECT, which reads and does nothing else."""

from __future__ import annotations

import logging

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from configs.errors import Fault, SourceError

# Functions by which a SELECT writes, runs programs, locks, or leaves the connection that it was given.
REFUSED = frozenset(
    (
        "checkpoint",
        "force_checkpoint",
        "write_log",
        "query",
        "query_table",
        "postgres_execute",
        "postgres_query",
        "sqlite_query",
        "mysql_execute",
        "mysql_query",
        "getenv",
        "pg_read_file",
        "pg_read_binary_file",
        "pg_ls_dir",
        "pg_stat_file",
        "pg_terminate_backend",
        "pg_cancel_backend",
        "pg_reload_conf",
        "pg_rotate_logfile",
        "pg_switch_wal",
        "pg_advisory_lock",
        "pg_advisory_xact_lock",
        "pg_sleep",
        "pg_notify",
        "lo_import",
        "lo_export",
        "lo_unlink",
        "lo_create",
        "lo_from_bytea",
        "lo_put",
        "dblink",
        "dblink_exec",
        "dblink_connect",
        "dblink_send_query",
        "set_config",
        "setval",
        "nextval",
        "query_to_xml",
        "database_to_xml",
        "reflect",
        "java_method",
        "try_reflect",
    )
)
_WRITES = (
    exp.Insert,
    exp.Update,
    exp.Delete,
    exp.Merge,
    exp.Create,
    exp.Drop,
    exp.Alter,
    exp.Copy,
    exp.Attach,
    exp.Detach,
    exp.Pragma,
    exp.Set,
    exp.Command,
    exp.Into,
    exp.Lock,
)


def one_select(where: str, query: str, dialect: str) -> str:
    """The query, when it is one SELECT (a UNION or a WITH of them too).

    Parameters
    ----------
    where : str
        What messages call it.
    query : str
        As the settings give it.
    dialect : str
        sqlglot's name of the engine.

    Returns
    -------
    str
        Without the semicolon at its end.

    Raises
    ------
    SourceError
        For several statements, any other, and one that calls a function that does more than read.

    Examples
    --------
    >>> one_select("tables.a.query", "select 1 as a;", "duckdb")
    'select 1 as a'
    >>> one_select("tables.a.query", "select 1; drop table a", "duckdb")
    Traceback (most recent call last):
    configs.errors.SourceError: ...
    """
    expected, do = "one select statement, which reads and does nothing else", "write the query as one select"
    logger = logging.getLogger("sqlglot")
    level, logger.disabled = logger.disabled, True  # it warns of what it reads as a command; so do we, in the fault
    try:
        statements = [statement for statement in sqlglot.parse(query, dialect=dialect) if statement is not None]
    except SqlglotError as error:
        found = str(error).splitlines()[0][:200]
        raise SourceError(Fault(where, f"a syntax error: {found}", expected, do)) from None
    finally:
        logger.disabled = level
    statements = [statement for statement in statements if not isinstance(statement, exp.Semicolon)]
    if len(statements) != 1:
        raise SourceError(Fault(where, f"{len(statements)} statements", expected, do))
    (statement,) = statements
    if not isinstance(statement, (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)):
        raise SourceError(Fault(where, f"a statement of another kind ({statement.key})", expected, do))
    writing = next((node for node in statement.walk() if isinstance(node, _WRITES)), None)
    if writing is not None:
        raise SourceError(Fault(where, f"a select with {writing.key} in it", expected, do))
    called = {_name(node) for node in statement.find_all(exp.Func)} & REFUSED
    if called:
        raise SourceError(Fault(where, f"a call of {', '.join(sorted(called))}", expected, do))
    return query.strip().rstrip(";")


def _name(function: exp.Func) -> str:
    named = function.name if isinstance(function, exp.Anonymous) else function.sql_name()
    return str(named).lower()
