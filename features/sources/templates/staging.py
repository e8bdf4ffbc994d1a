"""How a system's table is read: every column with its type, in one SELECT in which an engine's dialect matters."""

from __future__ import annotations

from collections.abc import Sequence

import sqlglot
from sqlglot import exp

from features.sources.templates.landed import Landed
from features.sources.templates.template import SourceColumn

DIALECTS = ("duckdb", "postgres", "spark", "snowflake", "bigquery")
TYPES = {"key": "text", "text": "text", "time": "timestamp", "number": "double", "cents": "double", "flag": "boolean"}
ZERO_DECIMALS = tuple("bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split())  # noqa: SIM905
THREE_DECIMALS = ("bhd", "jod", "kwd", "omr", "tnd")
# Seconds, or milliseconds where they are too many for seconds.
UNIX_TIME = {
    "duckdb": "make_timestamp(cast(({x}) * (case when abs({x}) > 1e11 then 1000 else 1000000 end) as bigint))",
    "postgres": "timestamp '1970-01-01' + ({x}) / (case when abs({x}) > 1e11 then 1000 else 1 end) * "
    "interval '1 second'",
    "spark": "timestamp_millis(cast(({x}) * (case when abs({x}) > 1e11 then 1 else 1000 end) as bigint))",
    "snowflake": "to_timestamp_ntz(cast(({x}) * (case when abs({x}) > 1e11 then 1 else 1000 end) as bigint), 3)",
    "bigquery": "timestamp_millis(cast(({x}) * (case when abs({x}) > 1e11 then 1 else 1000 end) as int64))",
}
INSIDE = {
    "duckdb": "cast(nullif(cast({json} as text), '') as json) ->> '$.{name}'",
    "postgres": "cast(nullif(cast({json} as text), '') as json) ->> '{name}'",
    "spark": "get_json_object(cast({json} as string), '$.{name}')",
    "snowflake": "get_path(try_parse_json(cast({json} as varchar)), '{name}')",
    "bigquery": "json_value(cast({json} as string), '$.{name}')",
}
# Names that some engine would read as a word of its language.
RESERVED = {"interval", "end", "start", "timestamp", "value", "type", "order", "user", "group", "case", "role", "date"}
LIKE_A_FILE = (".csv", ".parquet", ".json", ".jsonl", ".tsv", ".pq", ".gz", ".zst", ".xlsx")


def staged_rows(
    columns: Sequence[SourceColumn], landed: Landed | None, dialect: str, wanted: set[str]
) -> tuple[exp.Select, set[str]]:
    """A table of a system with its columns typed, and those of them that it does not have.

    Parameters
    ----------
    columns : sequence of SourceColumn
        Those that the template knows.
    landed : Landed or None
        None: a table that was not landed, which has no rows.
    dialect : str
    wanted : set of str
        Names that the template's SQL uses.

    Returns
    -------
    tuple of sqlglot Select and set of str
    """
    there = {column.lower(): column for column in landed.columns} if landed else {}
    shown, void = [], set()
    for column in (one for one in columns if (one.alias or one.name) in wanted):
        source = there.get((column.inside or column.name).lower())
        if landed is None or source is None:
            void.add(column.alias or column.name)
            shown.append(exp.alias_(exp.cast(exp.null(), TYPES[column.kind]), column.alias or column.name))
            continue
        value = _typed(column, source, landed.columns[source], dialect, "currency" in there)
        shown.append(exp.alias_(value, column.alias or column.name))
    if landed is None:
        return exp.select(*shown).from_(exp.select("1 as nothing").subquery("nowhere")).where("1 = 0"), void
    return exp.select(*shown).from_(_origin(landed.origin)), void


def _origin(origin: str) -> exp.Table:
    if "/" in origin or origin.lower().endswith(LIKE_A_FILE):
        return exp.Table(this=exp.to_identifier(origin, quoted=True))
    return exp.to_table(origin)


def _typed(column: SourceColumn, source: str, holds: str, dialect: str, has_currency: bool) -> exp.Expr:
    name = exp.column(_identifier(source, dialect))
    if column.inside:
        raw = sqlglot.parse_one(INSIDE[dialect].format(json=name.sql(dialect), name=column.name), dialect=dialect)
        return exp.cast(exp.paren(raw), TYPES[column.kind])
    if column.kind == "time" and holds == "number":
        number = exp.cast(name, "double").sql(dialect)
        return sqlglot.parse_one(UNIX_TIME[dialect].format(x=number), dialect=dialect)
    if column.kind == "time" and holds == "zoned":
        return exp.cast(exp.AtTimeZone(this=name, zone=exp.Literal.string("UTC")), "timestamp")
    value: exp.Expr = exp.cast(name, TYPES[column.kind])
    if column.kind == "cents":
        currency = exp.column(_identifier("currency", dialect))
        value = exp.Div(this=value, expression=_decimals(currency) if has_currency else exp.Literal.number("100.0"))
    return value


def _decimals(currency: exp.Expr) -> exp.Expr:
    """How many of the smallest unit make one of the currency."""
    code = exp.Lower(this=exp.cast(currency, "text"))
    case = exp.Case()
    for codes, factor in ((ZERO_DECIMALS, "1.0"), (THREE_DECIMALS, "1000.0")):
        case = case.when(exp.In(this=code.copy(), expressions=[exp.Literal.string(one) for one in codes]), factor)
    return case.else_("100.0")


def _identifier(name: str, dialect: str) -> exp.Identifier:
    """Quoted where it must be; what was landed in lower case stands in upper case in Snowflake."""
    plain = name.replace("_", "a").isalnum() and not name[0].isdigit() and name.lower() not in RESERVED
    if plain and (name == name.lower() or dialect != "postgres"):
        return exp.to_identifier(name)
    return exp.to_identifier(name.upper() if dialect == "snowflake" and name == name.lower() else name, quoted=True)
