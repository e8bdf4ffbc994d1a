"""What a room gives to others is documented as numpydoc: each parameter by name, what comes back, attributes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ("configs", "features", "training", "evaluation", "serving")
DEFINITION = ast.FunctionDef | ast.ClassDef


def definitions(file: Path) -> dict[str, DEFINITION]:
    body = ast.parse(file.read_text(encoding="utf-8")).body
    return {node.name: node for node in body if isinstance(node, DEFINITION)}


def given_by_doors() -> Iterator[tuple[str, DEFINITION]]:
    """(module.name, its definition) of every function and class that the `__init__` of a room re-exports."""
    for floor in FLOORS:
        for door in sorted((ROOT / floor).rglob("__init__.py")):
            for node in ast.parse(door.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ImportFrom) and node.module:
                    file = ROOT / (node.module.replace(".", "/") + ".py")
                    result = definitions(file) if file.exists() else {}
                    for alias in node.names:
                        if alias.name in result:
                            yield f"{node.module}.{alias.name}", result[alias.name]


def missing_in(definition: DEFINITION) -> list[str]:
    """The sections, and the parameters, that a docstring lacks."""
    said = ast.get_docstring(definition) or ""
    if isinstance(definition, ast.ClassDef):
        made = [ast.unparse(part) for part in (*definition.decorator_list, *definition.bases)]
        has_fields = any("dataclass" in part or "NamedTuple" in part for part in made)
        return ["Attributes"] if has_fields and "Attributes\n---" not in said else [] if said else ["a docstring"]
    arguments = [*definition.args.posonlyargs, *definition.args.args, *definition.args.kwonlyargs]
    told = {name.strip(" *") for line in said.splitlines() for name in line.split(" : ")[0].split(",")}
    lacking = [argument.arg for argument in arguments if argument.arg not in told]
    if arguments and "Parameters\n---" not in said:
        lacking.append("Parameters")
    gives = definition.returns is not None and ast.unparse(definition.returns) != "None"
    if gives and "Returns\n---" not in said and "Yields\n---" not in said:
        lacking.append("Returns")
    return lacking


GIVEN = dict(given_by_doors())


def test_doors_give_something() -> None:
    assert len(GIVEN) > 250


@pytest.mark.parametrize("name", GIVEN)
def test_what_doors_give_is_documented(name: str) -> None:
    assert missing_in(GIVEN[name]) == []


def test_a_missing_section_is_found() -> None:
    (bare,) = ast.parse('def share(y, p) -> float:\n    """A share."""').body
    assert isinstance(bare, ast.FunctionDef)
    assert missing_in(bare) == ["y", "p", "Parameters", "Returns"]
