"""Settings that have another name now: a file that uses an old name is still read, and its user learns the new one.

To rename a setting: rename its field in `settings.py` (or `framework.py`) and its line in `default.yaml`, and add a
pair (old path, new path) to RENAMED. A path is dotted; `*` stands for every item of a list or every key of a mapping,
and occurs as often in the new path as in the old one.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from configs.errors import ConfigError, Fault

RENAMED: tuple[tuple[str, str], ...] = (
    ("training.trees.leaves", "training.trees.num_leaves"),
    ("training.trees.rounds", "training.trees.n_estimators"),
    ("training.trees.min_child", "training.trees.min_child_samples"),
    ("training.trees.feature_share", "training.trees.feature_fraction"),
    ("training.trees.row_share", "training.trees.bagging_fraction"),
    ("framework.criteria.entry.*.*.says", "framework.criteria.entry.*.*.label"),
    ("framework.triggers.*.says", "framework.triggers.*.description"),
    ("framework.escalations.*.says", "framework.escalations.*.description"),
)

Key = str | int


def with_current_names(
    body: dict[str, Any], file: Path, renamed: tuple[tuple[str, str], ...] = RENAMED
) -> dict[str, Any]:
    """The settings of one file under their current names; the file's own mapping is left as it is.

    Each old name that is used is logged as one line, which goes to stderr where nobody configured logging. ConfigError,
    with every fault, where a file gives a setting under both names.

    >>> logging.disable()
    >>> with_current_names({"training": {"trees": {"leaves": 9}}}, Path("forewarn.yaml"))
    {'training': {'trees': {'num_leaves': 9}}}
    >>> logging.disable(logging.NOTSET)
    """
    body = copy.deepcopy(body)
    faults = []
    for old, new in renamed:
        uses = list(_matches(body, tuple(old.split("."))))
        for keys in uses:
            target = _filled(new, old, keys)
            if next(_matches(body, target), None) is not None:
                where = f"{file}: {_dotted(keys)}"
                expected = "a setting under one name"
                faults.append(Fault(where, f"{_dotted(target)} beside it", expected, f"leave {_dotted(keys)} out"))
            else:
                value = _value(body, keys)
                _put(body, target, value)
                _remove(body, keys)
        if uses:
            logging.getLogger(__name__).warning("%s: the setting %s is now %s; rename it there", file, old, new)
    if faults:
        raise ConfigError(faults)
    return body


def _matches(node: Any, parts: tuple[Key, ...]) -> Iterator[tuple[Key, ...]]:
    """The paths in a body that a pattern matches; a number in it is the index of a list's item."""
    if not parts:
        yield ()
        return
    below: list[tuple[Key, Any]] = []
    if isinstance(node, dict):
        below = list(node.items()) if parts[0] == "*" else [(parts[0], node[parts[0]])] if parts[0] in node else []
    elif isinstance(node, list):
        below = [(index, item) for index, item in enumerate(node) if parts[0] in ("*", index)]
    for key, value in below:
        for rest in _matches(value, parts[1:]):
            yield (key, *rest)


def _filled(new: str, old: str, keys: tuple[Key, ...]) -> tuple[Key, ...]:
    """The new path with what the stars of the old one stood for."""
    stars = iter(key for part, key in zip(old.split("."), keys, strict=True) if part == "*")
    return tuple(next(stars) if part == "*" else part for part in new.split("."))


def _value(node: Any, keys: tuple[Key, ...]) -> Any:
    for key in keys:
        node = node[key]
    return node


def _remove(node: Any, keys: tuple[Key, ...]) -> None:
    """Takes a setting out, and the sections that held nothing else; the items of a list keep their indices."""
    if len(keys) > 1:
        _remove(node[keys[0]], keys[1:])
    if len(keys) == 1 or (node[keys[0]] == {} and isinstance(node, dict)):
        del node[keys[0]]


def _put(node: Any, keys: tuple[Key, ...], value: Any) -> None:
    for key in keys[:-1]:
        node = node.setdefault(key, {}) if isinstance(node, dict) else node[key]
    node[keys[-1]] = value


def _dotted(keys: tuple[Key, ...]) -> str:
    return ".".join(map(str, keys))
