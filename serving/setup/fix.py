"""Mends of a project's file that `check` refuses: each a change of the text itself, so that comments stay."""

from __future__ import annotations

import difflib
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from configs.atomic_files import write_text
from configs.errors import Fault, InputError
from features.sources import Refusal
from serving.project import Project

ROUNDS = 6  # what is mended may bring another fault to light

_NEAREST = re.compile(r"did you mean '(?P<name>[^']+)'")
_MISSING = re.compile(r"no column '(?P<name>[^']+)' in ")
_SQL = re.compile(r"write query: select \.\.\., (?P<sql>.+) as (?P<ours>\w+) \(DuckDB's SQL\)")


@dataclass(frozen=True)
class Mended:
    """A project's file as it could be.

    Attributes
    ----------
    path : str
    diff : str
        Unified; empty where nothing can be mended without asking.
    written : bool
        Whether the file was changed so.
    left : tuple of str
        Faults and suspicions that need somebody's answer.
    """

    path: str
    diff: str
    written: bool
    left: tuple[str, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether nothing is left to do."""
        return not self.left and (self.written or not self.diff)


def fix(path: Path, now: datetime, write: bool = False) -> Mended:
    """Mends what can be mended without asking, until `check` finds no more of it.

    Parameters
    ----------
    path : Path
        The project's file.
    now : datetime
        With a time zone.
    write : bool
        Whether the file is changed; otherwise only the diff is told.

    Returns
    -------
    Mended
    """
    before = text = path.read_text(encoding="utf-8")
    left: tuple[str, ...] = ()
    for _ in range(ROUNDS):
        changed, left = mended(text, *_complaints(path, text, now))
        if changed == text:
            break
        text = changed
    old, new = before.splitlines(keepends=True), text.splitlines(keepends=True)
    diff = "".join(difflib.unified_diff(old, new, path.name, f"{path.name} (mended)"))
    if write and diff:
        write_text(path, text)
    return Mended(str(path), diff, write and bool(diff), left)


def _complaints(path: Path, text: str, now: datetime) -> tuple[tuple[Fault, ...], dict[str, Refusal]]:
    """Faults of a project with that text, and the columns that it leaves under suspicion."""
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=".forewarn-", suffix=".yaml", encoding="utf-8"
    ) as file:
        file.write(text)
        file.flush()
        try:
            with Project.open(Path(file.name), now=now) as project:
                suspects = [suspect for suspect in project.suspects if not suspect.allowed]
                return (), {suspect.column: Refusal(suspect.why, suspect.known_from) for suspect in suspects}
        except InputError as error:
            return error.faults, {}


def mended(text: str, faults: Iterable[Fault], suspects: Mapping[str, Refusal]) -> tuple[str, tuple[str, ...]]:
    """The text of a project's file without what was found wrong, and what is left for somebody to answer.

    Parameters
    ----------
    text : str
    faults : iterable of Fault
    suspects : mapping of str to Refusal
        Columns that may know the future (table.column), why, and the moment that a measure can be tied to.

    Returns
    -------
    tuple of (str, tuple of str)
    """
    left: list[str] = []
    for fault in faults:
        changed = _of_fault(text, fault)
        left += [str(fault)] if changed is None else []
        text = changed or text
    for where, refusal in suspects.items():
        table, _, column = where.partition(".")
        tied = _tied(text, table, column, refusal.known_from) if refusal.known_from else None
        changed = tied or _without(text, table, column)
        left += [f"{where}: {refusal.why}"] if changed is None else []
        text = changed or text
    return text, tuple(left)


def _of_fault(text: str, fault: Fault) -> str | None:
    """The text without what a fault complains of; None where only somebody who knows can say."""
    table, _, column = fault.where.removeprefix("tables.").partition(".")
    missing, near, sql = _MISSING.match(fault.found), _NEAREST.search(fault.do), _SQL.search(fault.do)
    if missing and near:
        return _renamed(text, table, missing["name"], near["name"])
    if "unknown table" in fault.found and near:
        return _key_renamed(text, table, near["name"])
    theirs = _theirs(text, table, column) or column
    if sql and " or " not in sql["sql"]:
        return _queried(text, table, f"* replace ({sql['sql']} as {_quoted(theirs)})")
    if "there before, alike in every column" in fault.found:
        return _queried(text, table, "distinct *")
    if fault.found.endswith("without a value"):
        return _queried(text, table, "*", f" where {_quoted(theirs)} is not null")
    return None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table_node(text: str, table: str) -> yaml.MappingNode | None:
    root = yaml.compose(text)
    tables = _value(root, "tables")
    node = _value(tables, table)
    return node if isinstance(node, yaml.MappingNode) else None


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _theirs(text: str, table: str, ours: str) -> str | None:
    node = _value(_value(_table_node(text, table), "columns"), ours)
    return node.value if isinstance(node, yaml.ScalarNode) else None


def _put(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def _plain(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else "'" + name.replace("'", "''") + "'"


def _renamed(text: str, table: str, old: str, new: str) -> str | None:
    """A source's column under its right name, wherever the table's mapping names it."""
    node = _table_node(text, table)
    scalars = [
        scalar
        for part in ("columns", "attributes", "measures", "via")
        for scalar in _scalars(_value(node, part))
        if scalar.value == old
    ]
    for scalar in sorted(scalars, key=lambda scalar: -scalar.start_mark.index):
        text = _put(text, scalar.start_mark.index, scalar.end_mark.index, _plain(new))
    return text if scalars else None


def _scalars(node: yaml.Node | None) -> list[yaml.ScalarNode]:
    if isinstance(node, yaml.SequenceNode):
        return [item for item in node.value if isinstance(item, yaml.ScalarNode)]
    if isinstance(node, yaml.MappingNode):
        return [value for _, value in node.value if isinstance(value, yaml.ScalarNode)]
    return []


def _key_renamed(text: str, old: str, new: str) -> str | None:
    tables = _value(yaml.compose(text), "tables")
    if not isinstance(tables, yaml.MappingNode):
        return None
    key = next((name for name, _ in tables.value if name.value == old), None)
    return None if key is None else _put(text, key.start_mark.index, key.end_mark.index, new)


def _queried(text: str, table: str, select: str, rest: str = "") -> str | None:
    """The table's file, or its query, behind another query."""
    node = _table_node(text, table)
    for name, value in node.value if node is not None else ():
        if name.value in ("from", "query") and isinstance(value, yaml.ScalarNode):
            inside = f"'{value.value}'" if name.value == "from" else f"({' '.join(value.value.split())})"
            query = f"select {select} from {inside}{rest}"
            new = 'query: "' + query.replace("\\", "\\\\").replace('"', '\\"') + '"'
            tail = "\n" if text[value.start_mark.index : value.end_mark.index].endswith("\n") else ""  # of a block
            return _put(text, name.start_mark.index, value.end_mark.index, new + tail)
    return None


def _without(text: str, table: str, column: str) -> str | None:
    """The mapping without an attribute, a measure or an optional column."""
    node = _table_node(text, table)
    for part in ("attributes", "measures", "columns"):
        inside = _value(node, part)
        items = inside.value if isinstance(inside, (yaml.SequenceNode, yaml.MappingNode)) else []
        for item in items:
            first, last = item if isinstance(item, tuple) else (item, item)
            if first.value == column and (node is not None):
                return _cut(text, first.start_mark.index, last.end_mark.index, _is_flow(inside))
    return None


def _tied(text: str, table: str, measure: str, moment: str) -> str | None:
    """The mapping with a measure that is known from a moment on; None where it is tied already."""
    node = _table_node(text, table)
    measures, ties = _value(node, "measures"), _value(node, "known_from")
    if measures is None or ties is not None:
        return None
    tie, end = f"known_from: {{{_plain(measure)}: {moment}}}", measures.end_mark.index
    if _is_flow(node):
        return _put(text, end, end, f", {tie}")
    key = next(name for name, value in node.value if value is measures)  # type: ignore[union-attr]
    start = key.start_mark.index
    return _put(text, start, start, f"{tie}\n{' ' * key.start_mark.column}")


def _is_flow(node: yaml.Node | None) -> bool:
    return isinstance(node, yaml.CollectionNode) and bool(node.flow_style)


def _cut(text: str, start: int, end: int, flow: bool) -> str:
    """The text without one item of a list or mapping, and the comma or line that was its own."""
    if not flow:
        begin = text.rfind("\n", 0, start) + 1
        stop = text.find("\n", end)
        return text[:begin] + (text[stop + 1 :] if stop >= 0 else "")
    after = re.match(r"\s*,\s*", text[end:])
    if after:
        return _put(text, start, end + after.end(), "")
    before = re.search(r"\s*,\s*$", text[:start])
    return _put(text, before.start() if before else start, end, "")
