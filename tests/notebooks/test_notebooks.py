"""Every notebook runs from top to bottom, imports and defines nothing, and carries no outputs."""

from __future__ import annotations

import ast
import os
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from configs.settings_file import merge

# Fewer draws than the product's, to be quick: that every command does its part is what is tested here.
QUICK = {"evaluation": {"bootstrap_draws": 50}}
ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").iterdir())


def test_notebooks_are_text() -> None:
    assert [path.suffix for path in NOTEBOOKS] == [".md"] * len(NOTEBOOKS)
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_imports_and_defines_nothing(path: Path) -> None:
    import jupytext

    cells = [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "code"]
    assert len(cells) > 3
    for source in cells:
        if source.startswith("%%bash"):
            continue
        kinds = {type(node) for node in ast.walk(ast.parse(source))}
        assert not kinds & {ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Lambda}, source


@pytest.mark.slow
@pytest.mark.timeout(1200)  # a retrain and a backtest
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Proactor")  # Jupyter's own, about its event loop
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import jupytext
    from nbclient import NotebookClient

    project = tmp_path / "project"
    shutil.copytree(demo, project)
    config = project / "forewarn.yaml"
    config.write_text(yaml.safe_dump(merge(yaml.safe_load(config.read_text()), QUICK)))
    monkeypatch.setenv("FOREWARN_CONFIG", str(config))
    command = tmp_path / "bin" / "forewarn"  # the installed one may be that of another checkout
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m serving "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = jupytext.read(path)
    done = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = [
        "".join(output.get("text", "") for output in cell.outputs if output.get("name") == "stdout")
        for cell in done.cells
        if cell.cell_type == "code"
    ]
    assert all(said), "every command says something"
    everything = "\n".join(said)
    for result in (
        "matured",
        "intact",
        "is the candidate",
        "out-of-time rows only",
        "is the champion",
        "accounts scored",
    ):
        assert result in everything, result
