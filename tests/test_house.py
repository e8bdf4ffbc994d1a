"""The house itself: which way imports go, that importing does nothing, that the documents name what there is."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ("configs", "features", "training", "evaluation", "serving")
MODULES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))
# What alone may import a heavy or telling package: the seam that keeps it replaceable and off everybody else's path.
ONLY_IN = {
    "mlflow": {"training/tracking/registry.py", "training/tracking/runs.py", "training/tracking/pyfunc_model.py"},
    "bentoml": {"serving/api/service.py"},
    "click": {"serving/cli/main.py", "serving/cli/keys.py", "serving/cli/outcomes.py", "serving/cli/session.py"},
}
UNSAFE = {"pickle", "cloudpickle", "joblib", "dill", "marshal", "shelve"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports_of(path: Path) -> list[tuple[int, str]]:
    """(line, top-level package) of every import in a file, those inside functions too."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name.split(".")[0]) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: relative import"
            found.append((node.lineno, (node.module or "").split(".")[0]))
    return found


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

    found = set()
    for name, command in main.commands.items():
        if isinstance(command, click.Group):
            found |= {f"{name} {below}" for below in command.commands}
        else:
            found.add(name)
    return found


def documented() -> set[str]:
    rows = re.findall(r"^\| `([a-z]+(?: [a-z]+)?)(?: [A-Z]+)?` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    return set(rows)


def test_readme_names_every_command_and_no_other() -> None:
    assert documented() == commands()


def test_readme_names_every_option() -> None:
    from serving.cli.main import main

    text = (ROOT / "README.md").read_text()
    below = [
        one for group in main.commands.values() if isinstance(group, click.Group) for one in group.commands.values()
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
    for file in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / file).read_text()
        assert "://" not in text, file
        pinned = re.findall(r"^[\w.-]+(?:\[[\w,-]+\])?==", text, re.MULTILINE)
        assert len(pinned) > 50
        assert text.count("--hash=sha256:") >= len(pinned)


def test_help_is_quick() -> None:
    """`forewarn --help` loads no library of the model."""
    code = (
        "import sys; from serving.cli.main import main; "
        "print([m for m in ('pandas', 'mlflow', 'ibis') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
