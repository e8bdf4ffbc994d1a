"""What is shipped for running forewarn as a service: commands that are understood, and processes that come up."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from serving.cli.help import commands_of
from serving.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "configs" / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
UNITS = sorted(DEPLOY.glob("*.service"))
START_SECONDS = 120


def require_understood(words: Sequence[str]) -> None:
    """click.UsageError where forewarn does not take the words that follow its name."""
    words = [word for word in words if word != "--config" and not word.endswith("forewarn.yaml")]
    name = next(name for name in commands_of(main) if words[: len(name.split())] == name.split())
    commands_of(main)[name].make_context(name, list(words[len(name.split()) :]))


@pytest.mark.parametrize("service", ["server", "dispatcher"])
def test_commands_of_the_compose_file_are_understood(service: str) -> None:
    command = COMPOSE["services"][service]["command"]
    assert command[0] == "forewarn"
    require_understood(command[1:])


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_commands_of_the_units_are_understood(unit: Path) -> None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit)
    program, *words = parser["Service"]["ExecStart"].split()
    assert program.endswith("/bin/forewarn")
    require_understood(words)


def test_the_project_s_stores_are_those_that_the_compose_file_sets() -> None:
    stores = COMPOSE["x-forewarn"]["environment"]
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert {"FOREWARN_LEDGER", "FOREWARN_TRACKING"} <= set(stores)
    assert set(re.findall(r"\$\{(FOREWARN_\w+)\}", page)) == {"FOREWARN_LEDGER", "FOREWARN_TRACKING"}
    assert "postgres:5432" in stores["FOREWARN_LEDGER"]
    assert ":5000" in stores["FOREWARN_TRACKING"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str], folder: Path, log: Path, variables: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the compose file, ended afterwards with all that it started."""
    words = [sys.executable, "-m", {"forewarn": "serving"}.get(command[0], command[0]), *command[1:]]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(url, timeout=10).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.3)
    pytest.fail(f"{url} did not come up: {log.read_text(errors='replace')[-3000:]}")


@pytest.mark.slow
def test_its_processes_come_up_on_postgresql(demo: Path, postgres_url: str, tmp_path: Path) -> None:
    """Server and dispatcher as the compose file starts them, on a ledger in PostgreSQL; and the MLflow server."""
    project = tmp_path / "project"
    shutil.copytree(demo, project)
    config = project / "forewarn.yaml"
    body = yaml.safe_load(config.read_text())
    body["serving"] = body.get("serving", {}) | {"ledger": "${FOREWARN_LEDGER}"}
    config.write_text(yaml.safe_dump(body))
    variables = {"FOREWARN_LEDGER": postgres_url, "FOREWARN_CONFIG": str(config)}
    services, port, mlflow_port = COMPOSE["services"], str(free_port()), str(free_port())
    serve = [{"3000": port, "0.0.0.0": "127.0.0.1"}.get(word, word) for word in services["server"]["command"]]
    kept = {"5000": mlflow_port, "0.0.0.0": "127.0.0.1"}
    mlflow = [kept.get(word, word.replace("/mlflow", str(tmp_path))) for word in services["mlflow"]["command"]]
    with (
        running(mlflow, tmp_path, tmp_path / "mlflow.log", {}) as tracking,
        running(serve, project, tmp_path / "serve.log", variables) as server,
        running(services["dispatcher"]["command"], project, tmp_path / "alerts.log", variables) as dispatcher,
    ):
        wait_for(f"http://127.0.0.1:{port}/readyz", server, tmp_path / "serve.log")
        wait_for(f"http://127.0.0.1:{mlflow_port}/health", tracking, tmp_path / "mlflow.log")
        assert dispatcher.poll() is None, (tmp_path / "alerts.log").read_text()
