"""The SQL of a template for the tables that are there, in the dialect of the engine that holds them.

Each table is read in one place, where every column that the template knows gets its type and a column that was not
landed is null; from there on the SQL is the template's own. What can only be null is not selected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from configs.tables import table
from features.sources.templates.landed import Landed
from features.sources.templates.staging import TYPES, staged_rows
from features.sources.templates.template import Fill, Part, Template

WIDTH = 110
# A connector's first load brings years at once: a sync later than that says when the connector came, not when a fact
# was known.
FIRST_LOAD_DAYS = 10


@dataclass(frozen=True)
class FilledQuery:
    """The SQL that fills a canonical table.

    Attributes
    ----------
    sql : str
    columns : tuple of str
        What it selects.
    tables : tuple of str
        The system's tables that it reads.
    missing : tuple of str
        Canonical columns that the template would fill and these tables do not have.
    """

    sql: str
    columns: tuple[str, ...]
    tables: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class AccountIds:
    """Whose ids accounts have.

    Attributes
    ----------
    leads : bool
        Whether they are this system's own.
    key : str
        SQL of `{id}` that brings an id to the form of the system that leads.
    """

    leads: bool = True
    key: str = "{id}"


def filled(
    system: Template, fill: Fill, tables: Mapping[str, Landed], dialect: str, ids: AccountIds
) -> FilledQuery | None:
    """The query of one canonical table.

    Parameters
    ----------
    system : Template
    fill : Fill
        Of that system.
    tables : mapping of str to Landed
        The system's tables that there are.
    dialect : str
        One of `DIALECTS`.
    ids : AccountIds

    Returns
    -------
    FilledQuery or None
        None where no part can be used with these tables, or a column is missing that the canonical table needs.
    """
    parts = [part for part in fill.parts if _usable(system, part, tables, ids)]
    if not parts:
        return None
    ctes: dict[str, exp.Query] = {}
    selects = []
    for part in parts:
        tree = _parsed(part.sql)
        assert isinstance(tree, exp.Select), f"{system.name}: a UNION belongs in a part of its own, or in a WITH"
        for cte in tree.ctes:
            ctes[cte.alias] = cte.this
        tree.set("with_", None)
        selects.append(tree)
    account_of = _parsed(
        f"select own_id, {ids.key.format(id='account_id')} as account_id from ({_ids(system, ids)}) as ids"
    )
    trees = [*ctes.values(), *selects, account_of]
    used = _read_by(trees, system)
    wanted = {node.name for tree in trees for node in tree.find_all(exp.Column)}
    staged = {name: staged_rows(system.reads[name], tables.get(name), dialect, wanted) for name in used}
    void = {f"{name}_rows": columns for name, (_, columns) in staged.items()}
    for name, tree in {"account_of": account_of, **ctes}.items():
        void[name] = _void_columns(tree, void)
    void_parts = [_void_columns(select, void) for select in selects]
    names = list(dict.fromkeys(column for select in selects for column in select.named_selects))
    empty = {
        name
        for name in names
        if all(
            name not in select.named_selects or name in gone for select, gone in zip(selects, void_parts, strict=True)
        )
    }
    kept = [name for name in names if name not in empty]
    if {column.name for column in table(fill.table).columns if column.required} - set(kept):
        return None
    whole = _together(fill, selects, kept)
    steps: list[tuple[str, exp.Query]] = [(f"{name}_rows", tree) for name, (tree, _) in staged.items()]
    steps += [("account_of", account_of), *ctes.items()]
    for tree in (whole, account_of, *ctes.values()):
        _rename_tables(tree, used)
    for name, tree in reversed(steps):
        whole = whole.with_(name, as_=tree, copy=False, append=True)
    whole.args["with_"].set("expressions", whole.args["with_"].expressions[::-1])
    done = whole.transform(_replaced)
    if dialect == "postgres":  # sqlglot has no word for it there
        done = done.transform(_split_in_postgres)
    sql = done.sql(dialect, pretty=True, max_text_width=WIDTH)
    return FilledQuery(sql, tuple(kept), tuple(used), tuple(sorted(empty)))


def _parsed(sql: str) -> exp.Query:
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    assert isinstance(tree, exp.Query), sql
    return tree


def _ids(system: Template, ids: AccountIds) -> str:
    return system.own_ids if ids.leads else system.shared_ids


def _usable(system: Template, part: Part, tables: Mapping[str, Landed], ids: AccountIds) -> bool:
    if any(name in tables for name in part.unless):
        return False
    return set(_read_by([_parsed(part.sql), _parsed(_ids(system, ids))], system)) - system.optional <= set(tables)


def _read_by(trees: Iterable[exp.Expr], system: Template) -> list[str]:
    """The system's tables that queries name, in the order of the template."""
    named = {node.name for tree in trees for node in tree.find_all(exp.Table)}
    return [name for name in system.reads if name in named]


def _rename_tables(tree: exp.Expr, used: Sequence[str]) -> None:
    for node in tree.find_all(exp.Table):
        if node.name in used:
            alias = node.alias or node.name
            node.set("this", exp.to_identifier(f"{node.name}_rows"))
            node.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))


def _void_columns(tree: exp.Query, void: Mapping[str, set[str]]) -> set[str]:
    """Columns that can only be null, given those of what is read: made of such columns, and no choice between them."""
    if isinstance(tree, exp.SetOperation):
        return _void_columns(tree.left, void) & _void_columns(tree.right, void)
    known = dict(void)
    sources: dict[str, set[str]] = {}
    for node in [*tree.find_all(exp.Table)]:
        sources[node.alias or node.name] = known.get(node.name, known.get(f"{node.name}_rows", set()))
    empty = set()
    for shown in tree.selects:
        if shown.is_star:
            empty |= sources.get(shown.table if isinstance(shown, exp.Column) else next(iter(sources)), set())
            continue
        columns = list(shown.find_all(exp.Column))
        chooses = any(case.args.get("default") for case in shown.find_all(exp.Case)) or shown.find(exp.Is)
        counts = shown.find(exp.Count)
        if columns and not chooses and not counts and all(_is_void(column, sources) for column in columns):
            empty.add(shown.alias_or_name)
    return empty


def _is_void(column: exp.Column, sources: Mapping[str, set[str]]) -> bool:
    if column.table:
        return column.name in sources.get(column.table, set())
    return len(sources) == 1 and column.name in next(iter(sources.values()))


def _together(fill: Fill, selects: Sequence[exp.Query], kept: Sequence[str]) -> exp.Query:
    """One SELECT of the columns that are kept, or several of them one after another."""
    kinds = {column.name: column.kind for column in table(fill.table).columns}
    shown = []
    for select in selects:
        by_name = {one.alias_or_name: one for one in select.selects}
        columns = [by_name.get(name, exp.cast(exp.null(), TYPES[kinds.get(name, "text")]).as_(name)) for name in kept]
        shown.append(select.select(*columns, append=False, copy=False))
    whole = shown[0]
    for other in shown[1:]:
        whole = exp.union(whole, other, distinct=False, copy=False)
    return whole


def _split_in_postgres(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Split):
        return exp.Anonymous(this="string_to_array", expressions=[node.this, node.expression])
    return node


def _replaced(node: exp.Expr) -> exp.Expr:
    """`first_landed(at, synced)`: when the connector brought a row, if that was soon after it happened; else null."""
    if isinstance(node, exp.Anonymous) and node.name.lower() == "first_landed":
        at, synced = (expression.sql("duckdb") for expression in node.expressions)
        return sqlglot.parse_one(
            f"case when {synced} > {at} and {synced} <= {at} + interval '{FIRST_LOAD_DAYS}' day then {synced} end",
            dialect="duckdb",
        )
    return node
