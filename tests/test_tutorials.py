"""Each tutorial is run as it is read: its commands in order, in one shell, in the demo's folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import yaml

from configs.settings_file import merge
from tests.serving.running import running_service

ROOT = Path(__file__).resolve().parents[1]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
QUICK = {"evaluation": {"bootstrap_draws": 50}, "backtest": {"from": "2025-04-01", "refit": "never"}}
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def script_of(text: str) -> str:
    """A shell script of the blocks of a page: commands after `$`, Python by heredoc; what they print is not in them."""
    lines = ["set -eu"]
    for kind, body in BLOCK.findall(text):
        if kind == "python":
            lines += ["python - <<'END'", body.rstrip(), "END"]
        else:
            lines += [line.removeprefix("$ ") for line in body.splitlines() if line.startswith("$ ")]
    return "\n".join(lines)


def test_a_script_holds_the_commands_alone() -> None:
    page = "say\n```console\n$ forewarn check\nsound\n```\n```python\nprint(1)\n```\n```text\nno\n```\n"
    assert script_of(page) == "set -eu\nforewarn check\npython - <<'END'\nprint(1)\nEND"


def test_there_is_one_for_each_reader() -> None:
    assert [path.stem for path in TUTORIALS] == ["csm", "leader", "platform", "scientist"]


@pytest.mark.slow
@pytest.mark.timeout(900)  # a retrain
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_runs(page: Path, demo: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(demo, project)
    config = project / "forewarn.yaml"
    config.write_text(yaml.safe_dump(merge(yaml.safe_load(config.read_text()), QUICK)))
    command = tmp_path / "bin" / "forewarn"  # the installed one may be that of another checkout
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m serving "$@"\n')
    command.chmod(0o755)
    path = [str(command.parent), str(Path(sys.executable).parent), os.environ["PATH"]]
    script = script_of(page.read_text(encoding="utf-8"))
    with running_service(project, ROOT) if "$URL" in script else nullcontext("") as url:
        variables = {"PATH": os.pathsep.join(path), "PYTHONPATH": str(ROOT), "URL": url}
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=project,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            timeout=800,
            check=False,
        )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
