"""The machine's faults are told in words, a reader that has left ends a command without a word, defects keep their
traceback."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from serving.cli.machine_faults import machine_fault
from serving.cli.session import PIPE_CLOSED

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "a.parquet"),
        OSError(errno.EROFS, "Read-only file system", "a.parquet"),
        PermissionError(errno.EACCES, "Permission denied", "a.parquet"),
        sqlite3.OperationalError("database or disk is full"),
        OperationalError("insert", {}, sqlite3.OperationalError("attempt to write a readonly database")),
        OperationalError("insert", {}, Exception("server closed the connection unexpectedly")),
    ],
)
def test_the_machines_faults_say_what_to_do(error: Exception) -> None:
    fault = machine_fault(error)
    assert fault is not None
    assert "run it again" in str(fault)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("ours"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "a"),
        sqlite3.OperationalError("no such column: x"),
        OperationalError("select", {}, sqlite3.OperationalError("no such table: x")),
        IntegrityError("insert", {}, sqlite3.IntegrityError("predictions: the ledger is append-only")),
    ],
)
def test_a_defect_stays_one(error: Exception) -> None:
    assert machine_fault(error) is None


@pytest.mark.parametrize("arguments", [["doctor"], ["--json", "doctor"]])
def test_a_reader_that_has_left_is_no_traceback(tmp_path: Path, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "serving", "--config", str(tmp_path / "none.yaml"), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (PIPE_CLOSED, "")
