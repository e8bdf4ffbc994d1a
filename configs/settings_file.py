"""How a YAML file becomes the settings of a project.

A file states only what differs from `default.yaml` (`extends: default`); mappings are merged key by key, lists and
scalars replaced. `${NAME}` is read from the environment. Paths count from the folder of the project's own file, also
those of a file that it extends; what `extends` names counts from the file that says so.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from configs.errors import ConfigError, Fault, nearest
from configs.helper_tables import BESIDE, CANONICAL_KEYS, mapped_table
from configs.renamed_settings import with_current_names
from configs.settings import Settings
from configs.tables import TABLE_NAMES, TABLES
from configs.yaml_file import read_yaml

DEFAULT_FILE = Path(__file__).with_name("default.yaml")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` on top of `base`, mappings merged key by key.

    >>> merge({"a": {"x": 1, "y": 2}, "b": [1]}, {"a": {"y": 3}, "b": [2]})
    {'a': {'x': 1, 'y': 3}, 'b': [2]}
    """
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _expand(node: Any, where: str, faults: list[Fault]) -> Any:
    if isinstance(node, dict):
        return {key: _expand(value, f"{where}.{key}" if where else str(key), faults) for key, value in node.items()}
    if isinstance(node, list):
        return [_expand(value, f"{where}[{index}]", faults) for index, value in enumerate(node)]
    if not isinstance(node, str):
        return node

    def replace(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if value is None:
            faults.append(Fault(where, f"${{{match[1]}}} unset", "an environment variable", f"export {match[1]}=..."))
        return value or ""

    return _VARIABLE.sub(replace, node)


def read_body(path: Path) -> dict[str, Any]:
    """Reads a YAML file and merges it over the file that it extends; nothing is validated yet.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        Settings under their current names, as the files write them.

    Raises
    ------
    ConfigError
        When a file is missing, is no mapping in valid YAML (`configs.yaml_file.read_yaml`), extends itself, directly or
        through others, or something that is no name of a file, or gives a setting under its old name and its new one.
    """
    return _read_body(path, ())


def _read_body(path: Path, extending: tuple[Path, ...]) -> dict[str, Any]:
    """The body of a file; `extending`: the files that led to it, each of which extends the next."""
    if path in extending:
        chain = " -> ".join(file.name for file in (*extending[extending.index(path) :], path))
        do = "take `extends` out of one of them, or write `extends: default`"
        raise ConfigError(Fault(f"{extending[-1]}: extends", chain, "a file that does not lead back to itself", do))
    body = read_yaml(path)
    if not isinstance(body, dict):
        found = "nothing" if body is None else f"a {type(body).__name__}"
        raise ConfigError(Fault(str(path), found, "a mapping of settings", "see the README's example"))
    body = with_current_names(body, path)
    extends = body.pop("extends", "default")
    if path == DEFAULT_FILE:
        return body
    if not isinstance(extends, str):
        fault = Fault(f"{path}: extends", repr(extends)[:80], "`default`, or the name of one file", "name one file")
        raise ConfigError(fault)
    parent = DEFAULT_FILE if extends == "default" else (path.parent / extends).resolve()
    return merge(_read_body(parent, (*extending, path)), body)


def files_of(path: Path) -> list[Path]:
    """The settings' file and those that it extends, but for the defaults; absolute.

    Parameters
    ----------
    path : Path
        A file that `read_body` reads.

    Returns
    -------
    list of Path
        The file itself first.
    """
    files = [path.resolve()]
    while isinstance(extends := (read_yaml(files[-1]) or {}).get("extends"), str) and extends != "default":
        files.append((files[-1].parent / extends).resolve())
    return files


def _via(source: Any) -> list[str]:
    """The table through which another one finds its accounts; at most one where the file is right."""
    given = source.get("via") if isinstance(source, dict) else None
    return [str(name) for name in given] if isinstance(given, dict) else []


def _named_by_via(tables: dict[str, Any]) -> set[str]:
    return {name for source in tables.values() for name in _via(source)}


def _mapping_faults(body: dict[str, Any]) -> list[Fault]:
    """Misspelt tables and canonical columns, with the nearest name."""
    faults = []
    tables = body.get("tables") or {}
    if not isinstance(tables, dict):
        return []  # the validation says so
    for name, source in tables.items():
        known = (*TABLE_NAMES, *(beside.name for beside in BESIDE))
        if name not in (*known, *_named_by_via(tables)):
            do = nearest(name, known)
            faults.append(
                Fault(f"tables.{name}", "an unknown table", "a canonical table, or one that a via: names", do)
            )
            continue
        names = mapped_table(name).column_names
        for helper in _via(source):
            if helper not in tables or (helper in TABLE_NAMES and helper not in CANONICAL_KEYS):
                others = [other for other in tables if other in CANONICAL_KEYS or other not in (*known, name)]
                do = nearest(helper, others) if others else f"map it: tables.{helper} with its key and account_id"
                faults.append(Fault(f"tables.{name}.via", repr(helper), "another table with a key of its own", do))
        for part in ("columns", "constants"):
            given = source.get(part) if isinstance(source, dict) else None
            faults += [
                Fault(f"tables.{name}.{part}.{column}", "an unknown column", f"one of {name}", nearest(column, names))
                for column in (given if isinstance(given, dict) else ())
                if column not in names
            ]
    if "accounts" not in tables:
        do = "map a table of accounts with account_id and created_at"
        faults.append(Fault("tables", "no accounts table", "accounts", do))
    others = ["contracts", "outcomes", *(known.name for known in TABLES if known.activity)]
    if not any(name in tables for name in others):
        faults.append(Fault("tables", "nothing but attributes", "one of " + ", ".join(others), "map one of them"))
    return faults


def _needs_faults(settings: Settings) -> list[Fault]:
    kind = settings.churn.kind
    needed = {"contract_end": "contracts", "outcome": "outcomes", "silence": settings.churn.silence.of}[kind]
    if needed in settings.tables:
        return []
    do = "map it, or choose another churn.kind"
    return [Fault("churn.kind", f"{kind} without a table {needed}", f"tables.{needed}", do)]


def settings_from(body: dict[str, Any], folder: Path) -> Settings:
    """Validates settings that are already merged with the defaults.

    Parameters
    ----------
    body : dict
        As `read_body` returns it.
    folder : Path
        What relative paths of the settings are relative to.

    Returns
    -------
    Settings

    Raises
    ------
    ConfigError
        With every fault at once.
    """
    faults: list[Fault] = []
    body = _expand(body, "", faults)
    faults += _mapping_faults(body)
    if body.pop("folder", None) is not None:
        faults.append(Fault("folder", "a setting", "no such setting", "take it out: paths count from the file"))
    settings = None
    try:
        settings = Settings(folder=folder.resolve(), **body)
    except ValidationError as error:
        for detail in error.errors():
            location, kind = detail["loc"], detail["type"]
            where = ".".join(str(part) for part in location) or "settings"
            found = kind.replace("_", " ") if kind in {"missing", "value_error"} else repr(detail["input"])[:80]
            known = list(Settings.model_fields) if len(location) == 1 and kind == "extra_forbidden" else []
            to_do = nearest(str(location[0]), known) if known else "see configs/default.yaml for every setting"
            faults.append(Fault(where, found, detail["msg"], to_do))
    if settings is not None:
        faults += _needs_faults(settings)
    if faults or settings is None:
        raise ConfigError(faults)
    return settings


def load_settings(path: str | Path) -> Settings:
    """Reads, merges and validates the settings file of a project.

    Parameters
    ----------
    path : str or Path
        The YAML file; its folder is what its paths are relative to.

    Returns
    -------
    Settings

    Raises
    ------
    ConfigError
        When the file cannot be read, or with every fault of its settings at once.
    """
    path = Path(path).resolve()
    return settings_from(read_body(path), path.parent)
