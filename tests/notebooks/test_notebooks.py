"""Every notebook runs from top to bottom, defines nothing, imports what doors give, and carries no outputs."""

from __future__ import annotations

import ast
import importlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import yaml

from configs.settings_file import merge

# Fewer draws and folds than the product's, to be quick: that every step does its part is what is tested here.
QUICK = {"evaluation": {"bootstrap_draws": 50}, "backtest": {"from": "2025-04-01", "refit": "never"}}
ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").iterdir())
ROOMS = ("configs", "features", "training", "evaluation", "serving")
# Modules beside the rooms' doors that notebooks take from.
OPEN_MODULES = {"configs.settings_file", "features.dataset", "features.signal", "serving.project"}
# What the answers of a notebook must hold.
ANSWERS = {
    "1_data_and_leakage": ("sources are sound", "none suspected", "equal to the last bit"),
    "2_quarterly_retrain": ("matured", "ok=True", "candidate: version", "beats the rules", "accounts scored as of"),
    "3_challenge_a_figure": ("churned", "drawn here", "slope"),
    "4_weights": ("worth taking", "churned accounts, judged from"),
    "5_a_signal_of_your_own": ("reads the future: none", "gain in log loss"),
}


def sources_of(path: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def test_every_notebook_is_known_here() -> None:
    assert [path.name for path in NOTEBOOKS] == [f"{name}.ipynb" for name in sorted(ANSWERS)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_carries_no_outputs(path: Path) -> None:
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    assert len(cells) > 3
    assert [(cell.outputs, cell.execution_count) for cell in cells] == [([], None)] * len(cells)


def imported_from_rooms(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(module, name) of what is taken from the product."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.split(".")[0] in ROOMS:
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] in ROOMS for alias in node.names)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_defines_nothing_and_imports_what_is_public(path: Path) -> None:
    tree = ast.parse("\n".join(sources_of(path)))
    assert not {type(node) for node in ast.walk(tree)} & {ast.FunctionDef, ast.ClassDef, ast.Lambda}
    for module, name in imported_from_rooms(tree):
        opened = importlib.import_module(module)
        if module in OPEN_MODULES or module.startswith("serving.commands."):
            assert name in vars(opened)
        else:
            assert name in opened.__all__, f"{module} does not give {name}"


@pytest.mark.slow
@pytest.mark.timeout(1200)  # a retrain and backtests
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Proactor")  # Jupyter's own, about its event loop
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbclient import NotebookClient

    project = tmp_path / "project"
    shutil.copytree(demo, project)
    config = project / "forewarn.yaml"
    config.write_text(yaml.safe_dump(merge(yaml.safe_load(config.read_text()), QUICK)))
    monkeypatch.setenv("FOREWARN_CONFIG", str(config))
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(path, 4)
    done = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in done.cells if cell.cell_type == "code" for output in cell.outputs]
    text = "\n".join(output.text for output in outputs if output.get("name") == "stdout")
    for answer in ANSWERS[path.stem]:
        assert answer in text, f"{answer!r} is not in:\n{text}"
