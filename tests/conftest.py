"""What several parts' tests share: the shared data sets where they are, a PostgreSQL server, and small projects."""

from __future__ import annotations

import fcntl
import gc
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
import yaml

from configs.settings import Settings
from configs.settings_file import merge, settings_from

ROOT = Path(__file__).resolve().parents[1]
DEFAULTS = yaml.safe_load((ROOT / "configs" / "default.yaml").read_text(encoding="utf-8"))


# What a test that asks for one of these waits for, or stands in such a folder, takes more than a few seconds.
SLOW_FIXTURES = {"demo", "demo_run", "shared_data", "postgres_url", "spark_url", "spark", "browser", "page"}
SLOW_FOLDERS = {"browser", "figures", "notebooks", "faults"}


@pytest.hookimpl(tryfirst=True)  # before pytest takes out what `-m` leaves out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())) or SLOW_FOLDERS & set(item.path.parts):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def shared_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the three public data sets; FOREWARN_DATA points there for the test."""
    folder = Path(os.environ.get("FOREWARN_DATA") or ROOT.parent / "shared" / "data").resolve()
    if not (folder / "oulad" / "accounts.parquet").is_file():
        pytest.skip("the public data sets are not here: set FOREWARN_DATA to the folder that holds oulad/")
    monkeypatch.setenv("FOREWARN_DATA", str(folder))
    return folder


@pytest.fixture
def in_sorts() -> Callable[[Callable[[], object]], float]:
    """Processor time of a task in multiples of plain Python's for sorting 200,000 numbers: any machine can judge it."""
    numbers = np.random.default_rng(1).random(200_000).tolist()

    def spent(task: Callable[[], object]) -> float:
        began = time.process_time()
        task()
        return time.process_time() - began

    return lambda task: spent(task) / min(spent(lambda: sorted(numbers)) for _ in range(3))


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Settings of a project in tmp_path from what differs from the defaults."""

    def make(**body: Any) -> Settings:
        return settings_from(merge(DEFAULTS, body), tmp_path)

    return make


@pytest.fixture
def write_tables(tmp_path: Path) -> Callable[..., None]:
    """Writes frames as {name}.{ending} into tmp_path."""

    def write(frames: Mapping[str, pd.DataFrame], ending: str = "csv") -> None:
        for name, frame in frames.items():
            path = tmp_path / f"{name}.{ending}"
            if ending == "csv":
                frame.to_csv(path, index=False)
            elif ending == "parquet":
                frame.to_parquet(path, index=False)
            else:
                frame.to_json(path, orient="records", lines=True, date_format="iso", date_unit="us")

    return write


def _binaries() -> Path | None:
    result = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    on_path = shutil.which("initdb")
    return result[-1] if result else Path(on_path).parent if on_path else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(150):
        if server.poll() is not None:
            break
        try:
            with psycopg.connect(url):
                return
        except psycopg.OperationalError:
            time.sleep(0.1)
    pytest.fail(f"PostgreSQL did not come up: {log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL server for the session, on a free local port, with an empty database."""
    binaries = _binaries()
    if binaries is None or not (binaries / "postgres").exists():
        pytest.skip("no PostgreSQL server binaries here (Debian: postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="forewarn-postgres-"))
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        as_user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        shutil.chown(folder, "postgres", "postgres")
    data, log, port = folder / "data", folder / "log", _free_port()
    initdb = [binaries / "initdb", "-D", data, "-U", "forewarn", "--auth=trust", "--encoding=UTF8", "--locale=C", "-N"]
    quiet: dict[str, Any] = {"cwd": folder, "env": {"PATH": os.environ["PATH"], "TZ": "UTC"}, **as_user}
    subprocess.run(initdb, check=True, capture_output=True, **quiet)
    options = [f"-p{port}", f"-k{folder}", "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    with log.open("wb") as output:
        server = subprocess.Popen([binaries / "postgres", "-D", data, *options], stdout=output, stderr=output, **quiet)
    url = f"postgres://forewarn@127.0.0.1:{port}/postgres"
    try:
        _wait_until_up(url, server, log)
        yield url
    finally:
        server.terminate()  # SIGTERM waits for clients that forgot to leave; SIGINT (fast) does not
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


SPARK_DEFAULTS = """
spark.sql.adaptive.enabled false
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
spark.default.parallelism 1
"""


@pytest.fixture
def spark_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A Spark in this process that compiles as little as it can: small data take a third less time so."""
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'forewarn[spark]'")
    if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        pytest.skip("no Java here, on which Spark runs (Debian: default-jre-headless)")
    folder = tmp_path / "spark"
    folder.mkdir()
    (folder / "spark-defaults.conf").write_text(SPARK_DEFAULTS)
    monkeypatch.setenv("SPARK_CONF_DIR", str(folder))
    monkeypatch.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    yield "spark://local[2]"
    gc.collect()  # pyspark leaves sockets to be closed so: here, and not in some later test to which they are a warning


Forewarn = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def forewarn() -> Forewarn:
    """Runs the command in a process of its own: forewarn("score", "--as-of", day) gives its exit code and output."""

    def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "serving", *map(str, arguments)]
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, "PYTHONPATH": path}
        return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)

    return run


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory, forewarn: Forewarn) -> subprocess.CompletedProcess[str]:
    """The demo as it comes, run for real once; where tests run side by side, all wait for the first to have run it."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    told = shared / "demo.json"
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            done = forewarn("demo", "--dir", shared / "demo", cwd=shared)
            told.write_text(json.dumps([done.args, done.returncode, done.stdout, done.stderr]))
    done = subprocess.CompletedProcess(*json.loads(told.read_text()))
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    return done


@pytest.fixture(scope="session")
def demo(demo_run: subprocess.CompletedProcess[str]) -> Path:
    """The folder of that demo: forewarn.yaml, the tables, .forewarn/. Only read it; copy it to write."""
    return Path(demo_run.args[-1])
