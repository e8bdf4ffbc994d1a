"""Reads a settings file written by hand, and refuses what YAML allows and nobody means.

A key that is given twice (the last would count, without a word), aliases that multiply, nesting without end, a file of
another kind by mistake: each is a fault, with its line where it has one, found before anything is built of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from configs.errors import ConfigError, Fault

# The same safe constructors over libyaml where PyYAML was built with it: the defaults are read in a tenth of the time.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_BYTES = 1_000_000
MAX_DEPTH = 50  # of mappings and lists in each other; the defaults have 8
MAX_VALUES = 100_000  # with each alias counted as what it stands for
MERGE = "tag:yaml.org,2002:merge"


def read_yaml(path: Path) -> Any:
    """What a YAML file holds.

    Parameters
    ----------
    path : Path
        A file of UTF-8 text.

    Returns
    -------
    Any
        Mappings, lists and scalars; None for an empty file.

    Raises
    ------
    ConfigError
        When the file cannot be read, is larger than MAX_BYTES, is no valid YAML, is nested deeper than MAX_DEPTH, or
        its aliases stand for more than MAX_VALUES values; with every fault at once where keys are given twice or
        values cannot be read.
    """
    text = _text(path)
    try:
        _bounded(text, path)
        loader = LOADER(text)
        try:
            root = loader.get_single_node()
            faults = [] if root is None else list(_node_faults(loader, root, path))
            if faults:
                raise ConfigError(faults)
            return None if root is None else loader.construct_document(root)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        found = " ".join(str(error).replace('in "<unicode string>", ', "in ").split())
        raise ConfigError(Fault(str(path), found, "valid YAML", "fix the line named")) from None


def _text(path: Path) -> str:
    expected = "a YAML file"
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            do = "give --config the settings; data belong in files that the settings name"
            raise ConfigError(Fault(str(path), f"{size:,} bytes", f"settings of at most {MAX_BYTES:,} bytes", do))
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        fault = Fault(str(path), "no such file", expected, "run `forewarn init DIR`, or give --config")
    except UnicodeDecodeError as error:
        fault = Fault(str(path), f"byte {error.start} is no UTF-8", f"{expected} in UTF-8", "save it as UTF-8")
    except OSError as error:
        fault = Fault(str(path), str(error.strerror), f"{expected} that can be read", "name a file")
    raise ConfigError(fault)


@dataclass
class _Open:
    """A mapping or list whose end has not been read yet: its anchor, and how many values it stands for so far."""

    anchor: str | None
    values: int = 1


@dataclass
class _Size:
    """Counts the values of a file as its aliases would unfold them."""

    opened: list[_Open] = field(default_factory=lambda: [_Open(None)])
    anchored: dict[str, int] = field(default_factory=dict)

    def add(self, anchor: str | None, values: int) -> None:
        self.opened[-1].values += values
        if anchor is not None:
            self.anchored[anchor] = values

    def close(self) -> None:
        ended = self.opened.pop()
        self.add(ended.anchor, ended.values)


def _bounded(text: str, path: Path) -> None:
    """ConfigError where a file is nested too deep or stands for too many values; read event by event, which takes no
    more than its length."""
    size = _Size()
    for event in yaml.parse(text, LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.CollectionStartEvent):
            size.opened.append(_Open(event.anchor))
            if len(size.opened) > MAX_DEPTH + 1:
                found = f"mappings and lists nested more than {MAX_DEPTH} deep in line {line}"
                raise ConfigError(
                    Fault(str(path), found, f"at most {MAX_DEPTH}", "look for a bracket that is not closed")
                )
        elif isinstance(event, yaml.CollectionEndEvent):
            size.close()
        elif isinstance(event, yaml.ScalarEvent):
            size.add(event.anchor, 1)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor in {entry.anchor for entry in size.opened}:
                found = f"the alias *{event.anchor} within what it stands for, in line {line}"
                raise ConfigError(Fault(str(path), found, "values that end", "write out what is meant"))
            size.add(None, size.anchored.get(str(event.anchor), 1))
        if size.opened[-1].values > MAX_VALUES:
            found = f"more than {MAX_VALUES:,} values by line {line}, each alias counted as what it stands for"
            raise ConfigError(Fault(str(path), found, "settings", "take out the aliases (&name, *name)"))


def _node_faults(loader: Any, root: yaml.Node, path: Path) -> Iterator[Fault]:
    """Keys that a mapping has twice, and scalars that are no value of their kind, such as a 30 February."""
    waiting: list[tuple[str, yaml.Node]] = [("", root)]
    visited: set[int] = set()  # an alias's node is looked at once
    while waiting:
        where, node = waiting.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            _, fault = _scalar(loader, node, f"{path}: {where}")
            yield from [fault] if fault else []
        elif isinstance(node, yaml.SequenceNode):
            waiting += reversed([(f"{where}[{index}]", item) for index, item in enumerate(node.value)])
        elif isinstance(node, yaml.MappingNode):
            yield from _key_faults(loader, node, path, where)
            below = [(f"{where}.{key.value}" if where else str(key.value), value) for key, value in node.value]
            waiting += reversed(below)


def _key_faults(loader: Any, node: yaml.MappingNode, path: Path, where: str) -> Iterator[Fault]:
    """Keys of one mapping that are given more than once, or are no text (`no`, `on` and `1` are none in YAML)."""
    lines: dict[str, list[int]] = {}
    for key, _ in node.value:
        if key.tag == MERGE:
            continue
        value, fault = _scalar(loader, key, f"{path}: {where}") if isinstance(key, yaml.ScalarNode) else (None, None)
        line = key.start_mark.line + 1
        if fault:
            yield fault
        elif not isinstance(value, str):
            name = repr(key.value)[:80] if isinstance(key, yaml.ScalarNode) else "of several values"
            found = f"the key {name} in line {line}"
            yield Fault(f"{path}: {where}" if where else str(path), found, "a name", "put it in quotes")
        else:
            lines.setdefault(value, []).append(line)
    for name, found_in in lines.items():
        if len(found_in) > 1:
            times = "twice" if len(found_in) == 2 else f"{len(found_in)} times"
            listed = ", ".join(map(str, found_in[:-1])) + f" and {found_in[-1]}"
            dotted = f"{where}.{name}" if where else name
            found = f"the key {name} {times}, in lines {listed}"
            yield Fault(f"{path}: {dotted}", found, "each key once", "keep one of them")


def _scalar(loader: Any, node: yaml.ScalarNode, where: str) -> tuple[Any, Fault | None]:
    """A scalar's value, or the fault of one that cannot be read."""
    try:
        return loader.construct_object(node), None
    except (ValueError, OverflowError, LookupError, AttributeError) as error:  # all of them PyYAML's own, by the kind
        why = f" ({error})" if isinstance(error, ValueError) else ""
        found = f"{node.value[:80]!r} in line {node.start_mark.line + 1}{why}"
        return None, Fault(where, found, "a value of its kind", "correct it, or put it in quotes where text is meant")
