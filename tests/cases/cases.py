"""A case read from its file, put into a folder as a project, and what came out compared with what must."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from configs.settings_file import merge
from tests.cases.companies import as_csv, tables_of

KEYS = {
    *("title", "wrong_today", "slow", "day", "settings", "yaml", "tables", "files"),
    *("signals", "labels", "check", "init", "fails", "commands"),
}
CHECK_KEYS = {"exit", "suspects", "not_suspects", "faults", "warnings", "no_warnings", "figures", "says"}
COMMAND_KEYS = {
    "run",
    "exit",
    "says",
    "never_says",
    "figures",
    "within",
    "no_files",
    "day",
    "settings",
    "tables",
    "signals",
}
NAMES = ("table", "dimension", "column", "code", "name", "as_of", "account_id", "days")  # tell entries of a list apart
OR_MISSING = " or missing"
TOLERANCE = 1e-3  # of a number, as a share of it or absolute, whichever allows more


class Loader(yaml.CSafeLoader):
    """A case that says a key twice is a mistake."""


def _mapping(loader: Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    twice = {str(key) for key in keys if keys.count(key) > 1}
    if twice:
        raise ValueError(f"{node.start_mark}: {', '.join(sorted(twice))} twice")
    return loader.construct_mapping(node, deep=True)


Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def read_case(path: Path) -> dict[str, Any]:
    """A case, or ValueError for a key that no case has."""
    case = yaml.load(path.read_text(encoding="utf-8"), Loader)
    steps = [*case.get("commands", []), case.get("fails", {})]
    unknown = (
        {*case} - KEYS | {*case.get("check", ())} - CHECK_KEYS | {key for step in steps for key in step} - COMMAND_KEYS
    )
    if unknown or "title" not in case:
        raise ValueError(f"{path}: {', '.join(sorted(unknown)) or 'no title'}")
    return case


def write_project(folder: Path, case: Mapping[str, Any]) -> None:
    """The tables as CSV files, raw files as they are, and forewarn.yaml, unless `init` shall propose it."""
    tables = tables_of(case)
    for name, (columns, rows) in tables.items():
        (folder / f"{name}.csv").write_text(as_csv(columns, rows), encoding="utf-8")
    for name, text in case.get("files", {}).items():
        (folder / name).write_text(text, encoding="utf-8")
    if "init" in case:
        return
    names = [*tables, *(Path(name).stem for name in case.get("files", {}) if name.endswith(".csv"))]
    body: dict[str, Any] = {"extends": "default", "tables": {name: {"from": f"{name}.csv"} for name in names}}
    if "day" in case:
        body["data_end"] = case["day"]
    settings = merge(body, case.get("settings", {}))
    for source in settings["tables"].values():
        if "query" in source:
            source.pop("from", None)
    (folder / "forewarn.yaml").write_text(case.get("yaml") or yaml.safe_dump(settings), encoding="utf-8")


def value_at(body: Any, path: str) -> Any:
    """What stands at a dotted path; an entry of a list is found by its place or by its name.

    >>> value_at({"feeds": [{"table": "tickets", "rows": 3}]}, "feeds.tickets.rows")
    3
    """
    for part in path.split("."):
        if isinstance(body, Mapping):
            if part not in body:
                return f"nothing of the name {part!r}"
            body = body[part]
        elif isinstance(body, list):
            named = [entry for entry in body if any(str(entry.get(name)) == part for name in NAMES)]
            named = named or body[int(part) :][:1] if part.isdigit() else named
            if not named:
                return f"no entry {part!r}"
            body = named[0]
        else:
            return f"nothing below {body!r}"
    return body


def agrees(found: Any, expected: Any) -> bool:
    """Whether a value is what it must be: near enough for a number, equal for anything else.

    `2..5` is a range, `... or missing` allows that as well; a list names all entries, or with `+a` and `-b` some that
    must be there and some that must not.

    >>> agrees(1.0001, 1), agrees(math.nan, None), agrees(3, "2..5"), agrees(["a", "b"], ["+a", "-c"])
    (True, True, True, True)
    """
    if isinstance(found, str) and isinstance(expected, list):
        found = json.loads(found)
    if isinstance(expected, list):
        names, marked = set(map(str, found or ())), [str(name) for name in expected]
        if all(name[:1] in "+-" for name in marked) and marked:
            return all((name[1:] in names) == (name[0] == "+") for name in marked)
        return names == set(marked)
    missing = found is None or found != found
    if isinstance(expected, str) and expected.endswith(OR_MISSING):
        return missing or agrees(found, yaml.safe_load(expected.removesuffix(OR_MISSING)))
    if expected is None or missing:
        return missing and expected is None
    if isinstance(expected, str) and ".." in expected:
        low, high = map(float, expected.split(".."))
        return isinstance(found, (int, float)) and low <= found <= high
    if isinstance(expected, bool) or isinstance(found, bool):
        return bool(found) is bool(expected)
    if isinstance(expected, (int, float)):
        return isinstance(found, (int, float)) and math.isclose(found, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    if isinstance(expected, date):
        return str(found)[:10] == expected.isoformat()
    return str(found) == str(expected)


def cells_of(case: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(account, day, what must come out of it) of everything that `features` shows."""
    for section in ("signals", "labels"):  # of a case, or of a step of it
        for account, days in case.get(section, {}).items():
            yield from ((str(account), str(day), expected) for day, expected in days.items())


def in_words(found: Any, expected: Any) -> str:
    """One line of what is wrong."""
    shown = f"{found:.6g}" if isinstance(found, float) else str(found)
    return f"found {shown}, must be {'missing' if expected is None else expected}"
