"""Fixtures of the command line's tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def project(demo: Path, tmp_path: Path) -> Path:
    """A copy of the demo that may be written to."""
    folder = tmp_path / "project"
    shutil.copytree(demo, folder)
    return folder
