"""The house itself: which way imports go, that importing does nothing, that the documents name what there is."""

from __future__ import annotations

import ast
import graphlib
import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ("configs", "features", "training", "evaluation", "serving")
MODULES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))
# What alone may import a heavy or telling package: the seam that keeps it replaceable and off everybody else's path.
ONLY_IN = {
    "mlflow": {f"training/tracking/{name}.py" for name in ("registry", "run_files", "runs", "pyfunc_model")},
    "bentoml": {"serving/service.py"},
    "click": {
        *(f"serving/cli/{name}.py" for name in ("main", "alerts", "backup", "keys", "outcomes", "personal", "session")),
        *(f"serving/cli/help/{name}.py" for name in ("describe", "examples")),
    },
}
UNSAFE = {"pickle", "cloudpickle", "joblib", "dill", "marshal", "shelve"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports_of(path: Path) -> list[tuple[int, str]]:
    """(line, top-level package) of every import in a file, those inside functions too."""
    result = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            result += [(node.lineno, alias.name.split(".")[0]) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: relative import"
            result.append((node.lineno, (node.module or "").split(".")[0]))
    return result


def faults_in(path: Path, floor: str) -> list[str]:
    """Imports of a file that stands on `floor` which run up the stairs."""
    above = FLOORS[FLOORS.index(floor) + 1 :]
    return [f"{name_of(path)}:{line} imports {package}" for line, package in imports_of(path) if package in above]


def test_every_floor_has_rooms() -> None:
    for floor in FLOORS:
        assert [path for path in MODULES if name_of(path).startswith(f"{floor}/")], floor


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_flow_one_way(path: Path) -> None:
    assert faults_in(path, name_of(path).split("/")[0]) == []


def test_an_import_that_runs_back_is_found() -> None:
    assert faults_in(ROOT / "serving/cli/main.py", "configs") != []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_packages_with_one_door(path: Path) -> None:
    packages = {package for _, package in imports_of(path)}
    for package, doors in ONLY_IN.items():
        assert package not in packages or name_of(path) in doors, package
    assert not packages & UNSAFE


PACKAGES = {path.parent for path in MODULES if path.name == "__init__.py"}
# Rooms that nobody imports from but by file: each command loads only what it needs.
NO_DOOR = {"serving.cli", "serving.commands", "serving.demo", "serving.promotion", "evaluation.ledger.migrations"}


def dotted(path: Path) -> str:
    return name_of(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def room_of(module: str) -> str:
    """The room that a module stands in: its package, or the module itself where it stands on the floor."""
    if (ROOT / module.replace(".", "/")).is_dir():
        return module
    return module.rpartition(".")[0] if module.count(".") > 1 else module


def room_imports(path: Path) -> list[tuple[int, str, str]]:
    """(line, module named, room it belongs to) for each import of ours from another room."""
    here, known = room_of(dotted(path)), {dotted(module) for module in MODULES}
    result = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in FLOORS:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                of = room_of(full) if full in known and node.module not in known - ROOMS else room_of(node.module or "")
                if of != here and not f"{here}.".startswith(f"{of}."):
                    result.append((node.lineno, full if full == of else node.module or "", of))
    return result


ROOMS = {room_of(dotted(path)) for path in MODULES}


def test_no_two_rooms_import_each_other() -> None:
    """The rooms have an order: no way along imports, those inside functions too, comes back to where it began."""
    graph: dict[str, set[str]] = {room: set() for room in ROOMS}
    for path in MODULES:
        graph[room_of(dotted(path))] |= {of for _, _, of in room_imports(path)}
    assert sum(map(len, graph.values())) > 100
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_a_circle_would_be_found() -> None:
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_other_rooms_are_entered_by_the_door(path: Path) -> None:
    """What another room gives stands in its `__init__`; its files are its own affair."""
    assert [
        f"{name_of(path)}:{line} imports from {module}"
        for line, module, of in room_imports(path)
        if module != of and of not in NO_DOOR and (ROOT / of.replace(".", "/")).is_dir()
    ] == []


def test_every_door_says_what_belongs_there() -> None:
    for package in PACKAGES:
        said = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8")))
        assert said is not None, name_of(package)
        assert said.endswith("."), name_of(package)


def test_rooms_and_files_are_of_a_size() -> None:
    """At most fifteen files a folder, none over 350 lines, the median under 170."""
    for package in PACKAGES:
        assert len([path for path in package.glob("*.py") if path.name != "__init__.py"]) <= 15, name_of(package)
    lines = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}
    assert statistics.median(lines.values()) < 170


MOST_LINES, MOST_FUNCTION_LINES, MOST_PARAMETERS = 350, 60, 7
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


def functions_of(path: Path) -> Iterator[FUNCTION]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, FUNCTION):
            yield node


def lines_of(function: FUNCTION) -> int:
    """Its lines beside those of its docstring, which may hold a table of parameters and a reference."""
    said = function.body[0] if ast.get_docstring(function) else None
    told = 0 if said is None else (said.end_lineno or 0) - said.lineno + 1
    return (function.end_lineno or 0) - function.lineno + 1 - told


def parameters_of(function: FUNCTION) -> int:
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return len([one for one in every if one.arg not in ("self", "cls")])


def is_a_command(function: FUNCTION) -> bool:
    """A click command has a parameter for each of its options."""
    return any("command(" in ast.unparse(decorator) for decorator in function.decorator_list)


def test_functions_are_of_a_size() -> None:
    """None over 60 lines beside its docstring, or seven parameters: what needs more gets an object that has a name."""
    for path in MODULES:
        for function in functions_of(path):
            where = f"{name_of(path)}:{function.lineno} {function.name}"
            assert lines_of(function) <= MOST_FUNCTION_LINES, where
            assert is_a_command(function) or parameters_of(function) <= MOST_PARAMETERS, where


def test_every_room_is_installed() -> None:
    """setuptools installs the packages that are listed, and no other."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        listed = set(tomllib.load(file)["tool"]["setuptools"]["packages"])
    assert {name_of(path.parent).replace("/", ".") for path in MODULES} == listed
    for package in listed:
        assert (ROOT / package.replace(".", "/") / "__init__.py").exists(), package


def test_tests_are_no_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


WATCH = """
import builtins, importlib, pathlib, socket, subprocess, sys
for early in sys.argv[2].split():
    importlib.import_module(early)
root = pathlib.Path(sys.argv[1])
import configs
real = builtins.open
def watched(file, mode="r", *rest, **more):
    if set(mode) & set("wax+"):
        raise AssertionError(f"writes {file} at import")
    return real(file, mode, *rest, **more)
builtins.open = watched
def refuse(*_args, **_more):
    raise AssertionError("connects or starts something at import")
socket.socket.connect = refuse
subprocess.Popen.__init__ = refuse
for name in sys.argv[3:]:
    importlib.import_module(name)
"""


# Loaded before the watch begins: what they do when they are imported is theirs.
OTHERS = (
    "pandas numpy sqlalchemy ibis duckdb lightgbm scipy.special scipy.stats scipy.optimize sklearn pydantic yaml click "
    "jinja2 altair vl_convert pyarrow.parquet pyarrow.json alembic.op rich.progress mlflow mlflow.pyfunc bentoml"
)


def test_importing_does_no_work() -> None:
    """No module writes a file, connects or starts a process when it is imported."""
    names = [name_of(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__") for path in MODULES]
    skip = {name for name in names if name.startswith("evaluation.ledger.migrations.v")}
    names = [name for name in names if name not in skip]
    command = [sys.executable, "-c", WATCH, str(ROOT), OTHERS, *names]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def commands() -> set[str]:
    from serving.cli.main import main

    result = set()
    for name, command in main.commands.items():
        if isinstance(command, click.Group):
            result |= {f"{name} {below}" for below in command.commands}
        else:
            result.add(name)
    return result


def documented() -> set[str]:
    rows = re.findall(r"^\| `([a-z]+(?: [a-z]+)?)(?: [A-Z]+)?` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    return set(rows)


def test_readme_names_every_command_and_no_other() -> None:
    assert documented() == commands()


def test_readme_names_every_option() -> None:
    from serving.cli.main import main

    text = (ROOT / "README.md").read_text()
    below = [
        command
        for group in main.commands.values()
        if isinstance(group, click.Group)
        for command in group.commands.values()
    ]
    for command in (main, *main.commands.values(), *below):
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.opts[0] in text, f"{command.name} {option.opts[0]}"


def test_contributing_names_files_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"`((?:configs|features|training|evaluation|serving|tests)/[\w/.]+\.\w+)`", text))
    assert len(named) > 10
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_bentofile_and_command_name_the_same_service() -> None:
    import yaml

    from serving.commands.machine import SERVICE

    bentofile = yaml.safe_load((ROOT / "bentofile.yaml").read_text())
    assert bentofile["service"] == SERVICE
    module, name = SERVICE.split(":")
    source = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text())
    assert name in {node.name for node in source.body if isinstance(node, ast.ClassDef)}


def test_no_path_of_a_machine_and_no_registry_in_the_requirements() -> None:
    for file in ("requirements.txt", "requirements-dev.txt", "requirements-serve.txt"):
        text = (ROOT / file).read_text()
        assert "://" not in text, file
        pinned = re.findall(r"^[\w.-]+(?:\[[\w,-]+\])?==", text, re.MULTILINE)
        assert len(pinned) > 50
        assert text.count("--hash=sha256:") >= len(pinned)


def test_a_bento_needs_some_of_the_dependencies_and_none_of_training() -> None:
    body = tomllib.loads((ROOT / "pyproject.toml").read_text())
    serve = body["dependency-groups"]["serve"]
    assert set(serve) <= set(body["project"]["dependencies"])
    pinned = {
        file: set(re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", (ROOT / file).read_text(), re.MULTILINE))
        for file in ("requirements.txt", "requirements-serve.txt")
    }
    assert pinned["requirements-serve.txt"] <= pinned["requirements.txt"]
    for name in ("optuna", "mlflow", "pyspark", "ipykernel", "shap", "altair"):
        assert name not in dict(pinned["requirements-serve.txt"])


def test_help_is_quick() -> None:
    """`forewarn --help` loads no library of the model."""
    code = (
        "import sys; from serving.cli.main import main; "
        "print([m for m in ('pandas', 'mlflow', 'ibis') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
