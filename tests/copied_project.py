"""A copy of the project that a test may edit, to follow CONTRIBUTING's recipes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("configs", "features", "training", "evaluation", "serving", "docs", "tests")
FILES = ("README.md", "CONTRIBUTING.md", "pyproject.toml", "bentofile.yaml", "requirements.txt", "requirements-dev.txt")


class Copy:
    """A copy of the project that may be edited, and code that runs on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in PARTS:
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        for file in FILES:
            shutil.copy(ROOT / file, folder / file)

    def put(self, file: str, before: str, text: str) -> None:
        """Writes `text` into a file in front of the first `before`; an edit that finds no place for itself fails."""
        path = self.folder / file
        body = path.read_text(encoding="utf-8")
        assert before in body, f"{file} has no {before!r}"
        path.write_text(body.replace(before, text + before, 1), encoding="utf-8")

    def add(self, file: str, text: str) -> None:
        """Writes `text` behind what a file holds."""
        with (self.folder / file).open("a", encoding="utf-8") as body:
            body.write(text)

    def _call(self, *command: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PYTHONPATH": str(self.folder)}
        return subprocess.run(
            [sys.executable, *command], cwd=self.folder, env=env, capture_output=True, text=True, check=False
        )

    def run(self, *command: str) -> str:
        done = self._call(*command)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
        return done.stdout

    def refused(self, *command: str) -> str:
        done = self._call(*command)
        assert done.returncode != 0, done.stdout[-2000:]
        return done.stdout

    def code(self, text: str) -> str:
        return self.run("-c", text)
