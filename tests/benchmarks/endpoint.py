"""The endpoint beside a bare BentoML echo, in one run on one machine: `python tests/benchmarks/endpoint.py PROJECT`.

PROJECT is the folder of a project with a champion; it is copied. Load comes from wrk (Debian: wrk). Three rounds, the
two servers taking turns; what is printed are medians of rounds, and ratios. Parts may be named: speed, batch, memory,
start, overload (default: all).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import yaml

from serving.commands.machine import QUIET
from serving.keys import KeyStore

ROOT = Path(__file__).resolve().parents[2]
SECONDS, ROUNDS, CONNECTIONS = 5, 3, (1, 8, 64)
SERVING = {"requests_per_minute": 1_000_000_000, "max_waiting": 256}
ECHO = """
import bentoml

@bentoml.service(name="echo", workers=1, traffic={"timeout": 60})
class Echo:
    @bentoml.api
    async def echo(self, account_ids: list[str]) -> list[str]:
        return account_ids
"""
WRK = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer %s"
local bodies = {%s}
local turn = 0
request = function()
  turn = turn + 1
  return wrk.format(nil, nil, nil, bodies[turn %% #bodies + 1])
end
local refused = 0
response = function(status, headers, body)
  if status == 429 or status == 503 then
    if headers["retry-after"] == nil and headers["Retry-After"] == nil then print("no Retry-After") end
  end
end
done = function(summary, latency, requests)
  io.write(string.format("RESULT %%d %%d %%d %%d %%d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), summary.errors.status))
end
"""


@dataclass(frozen=True)
class Load:
    """What one wrk run saw: answers a second, milliseconds at the median and the 99th percentile, refused ones."""

    rate: float
    p50: float
    p99: float
    refused: int


# By what stands in its command line.
PROCESSES = {"service": "_bentoml_impl.worker.service", "worker": "serving.scoring.worker", "bentoml": ""}


@dataclass
class Server:
    """A server that runs: its address, the process, and the seconds from its start until it was ready."""

    url: str
    process: subprocess.Popen[bytes]
    ready_seconds: float

    def memory_mb(self) -> dict[str, float]:
        """Resident memory of the process that answers, of the worker beside it, and of BentoML's own that started
        them."""
        found = dict.fromkeys(PROCESSES, 0.0)
        started = psutil.Process(self.process.pid)
        for one in (started, *started.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                command = " ".join(one.cmdline())
                name = next((name for name, part in PROCESSES.items() if part in command), "bentoml")
                found[name] += one.memory_info().rss / 2**20
        return found


@contextmanager
def running(command: list[str], folder: Path, port: int, env: dict[str, str]) -> Iterator[Server]:
    url = f"http://127.0.0.1:{port}"
    began = time.monotonic()
    with (folder / f"log-{port}").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=folder, env={**os.environ, **QUIET, **env}, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        while not answers(f"{url}/readyz"):
            if process.poll() is not None or time.monotonic() - began > 300:
                raise SystemExit((folder / f"log-{port}").read_text()[-3000:])
            time.sleep(0.05)
        yield Server(url, process, time.monotonic() - began)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Bench:
    """A copy of the project, an echo beside it, and a key."""

    def __init__(self, project: Path, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "project"
        shutil.copytree(project, self.project)
        path = self.project / "forewarn.yaml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "serving": SERVING}))
        self.key = KeyStore(self.project / ".forewarn" / "keys.db").create("admin", datetime.now(UTC))
        (folder / "echo.py").write_text(ECHO)

    def ours(self) -> list[str]:
        self.port = free_port()
        return ["serving", "--config", str(self.project / "forewarn.yaml"), "serve", "--port", str(self.port)]

    @contextmanager
    def serve(self) -> Iterator[Server]:
        with running(self.ours(), self.folder, self.port, {"PYTHONPATH": str(ROOT)}) as server:
            yield server

    @contextmanager
    def echo(self) -> Iterator[Server]:
        port = free_port()
        command = ["bentoml", "serve", "echo:Echo", "--port", str(port)]
        with running(command, self.folder, port, {"BENTOML_HOME": str(self.folder / "home")}) as server:
            yield server

    def accounts(self, server: Server) -> list[str]:
        files = sorted((self.project / ".forewarn" / "served").glob("*/index.json"))
        return [row[0] for row in json.loads(files[-1].read_text())["summaries"]]

    def load(self, url: str, bodies: list[list[str]], connections: int, seconds: float = SECONDS) -> Load:
        script = self.folder / "load.lua"
        lua = ", ".join(f"'{json.dumps({'account_ids': body})}'" for body in bodies)
        script.write_text(WRK % (self.key, lua))
        threads = str(min(2, connections))
        command = ["wrk", "-t", threads, "-c", str(connections), "-d", f"{seconds}s", "--timeout", "30s"]
        done = subprocess.run([*command, "-s", str(script), url], capture_output=True, text=True, check=True)
        if "no Retry-After" in done.stdout:
            print("  refused without Retry-After")
        found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", done.stdout)
        assert found is not None, done.stdout
        requests, micros, p50, p99, refused = map(int, found.groups())
        return Load(requests / micros * 1e6, p50 / 1000, p99 / 1000, refused)


def median_of(loads: list[Load]) -> Load:
    rate, p50, p99 = (statistics.median(getattr(load, name) for load in loads) for name in ("rate", "p50", "p99"))
    return Load(rate, p50, p99, 0)


def speed(bench: Bench) -> None:
    """Score and explain one account by id, beside the echo."""
    with bench.echo() as echo, bench.serve() as ours:
        accounts = bench.accounts(ours)
        bodies = [[account] for account in accounts[:50]]
        paths = {"echo": f"{echo.url}/echo", "score": f"{ours.url}/v1/score", "explain": f"{ours.url}/v1/explain"}
        for path in paths.values():
            bench.load(path, bodies, 8, 2)
        for connections in CONNECTIONS:
            rounds: dict[str, list[Load]] = {name: [] for name in paths}
            for _ in range(ROUNDS):
                for name, path in paths.items():
                    rounds[name].append(bench.load(path, bodies, connections))
            base = median_of(rounds["echo"])
            for name in paths:
                of = median_of(rounds[name])
                shown = f"{of.rate:7.0f}/s  p50 {of.p50:6.1f} ms  p99 {of.p99:6.1f} ms"
                ratios = f"rate {of.rate / base.rate:4.2f}  p99 {of.p99 / base.p99:4.2f} of the echo's"
                print(f"{connections:3d} connections  {name:8s} {shown}   {ratios}", flush=True)


def batch(bench: Bench) -> None:
    """A hundred accounts a call beside one."""
    with bench.serve() as ours:
        accounts = bench.accounts(ours)
        hundred = (accounts * (100 // len(accounts) + 1))[:100]
        distinct = len(set(hundred))
        single, many = [], []
        for _ in range(ROUNDS):
            single.append(bench.load(f"{ours.url}/v1/score", [[account] for account in accounts[:50]], 8))
            many.append(bench.load(f"{ours.url}/v1/score", [hundred], 8))
        one, of = median_of(single), median_of(many)
        rate = 100 * of.rate
        print(f"a call: {one.rate:.0f} accounts/s; 100 ({distinct} distinct) a call: {rate:.0f} accounts/s,", end=" ")
        print(f"{rate / one.rate:.1f} times; p99 {of.p99:.1f} ms", flush=True)


def memory(bench: Bench) -> None:
    """Resident memory over 50,000 requests, process by process, from when the worker has looked."""
    with bench.serve() as ours:
        bodies = [[account] for account in bench.accounts(ours)[:50]]
        time.sleep(20)
        print(f"  before any request: {told(ours.memory_mb())}", flush=True)
        bench.load(f"{ours.url}/v1/score", bodies, 8, 3)
        before, done, printed = ours.memory_mb(), 0.0, 0.0
        while done < 50_000:
            found = bench.load(f"{ours.url}/v1/score", bodies, 8, 10)
            done += found.rate * 10
            if done // 10_000 > printed:
                printed = done // 10_000
                print(f"  {done:7.0f} requests: {told(ours.memory_mb())}", flush=True)
        print(f"memory: {told(before)}; after {done:.0f} requests {told(ours.memory_mb())}", flush=True)


def told(megabytes: dict[str, float]) -> str:
    return ", ".join(f"{name} {size:.1f} MB" for name, size in megabytes.items())


def start(bench: Bench) -> None:
    """Start to ready, with a day that was prepared before."""
    with bench.serve() as first:
        print(f"first start, with the day still to prepare: {first.ready_seconds:.1f} s", flush=True)
    ours, echoes = [], []
    for _ in range(ROUNDS):
        with bench.serve() as server:
            ours.append(server.ready_seconds)
        with bench.echo() as server:
            echoes.append(server.ready_seconds)
    one, of = statistics.median(ours), statistics.median(echoes)
    print(f"start to ready: {one:.1f} s, echo {of:.1f} s, {one / of:.2f} times", flush=True)


def overload(bench: Bench) -> None:
    """Ten times as many connections as are answered well, without a pause: what is shed, and how long /livez takes.

    The same for the echo, whose /livez is BentoML's own; and beside each the /livez of the other, which has nothing to
    do meanwhile: so long does the machine itself keep a probe waiting.
    """
    path = bench.project / "forewarn.yaml"
    body = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**body, "serving": {"requests_per_minute": 1_000_000_000}}))
    with bench.echo() as echo, bench.serve() as ours:
        bodies = [[account] for account in bench.accounts(ours)[:50]]
        time.sleep(15)  # until the worker has looked
        loaded = ((ours, "forewarn", f"{ours.url}/v1/score", echo), (echo, "echo", f"{echo.url}/echo", ours))
        for server, name, url, other in loaded:
            sustained = bench.load(url, bodies, 32)
            for _ in range(ROUNDS):
                with probing(server.url) as waits, probing(other.url) as idle:
                    found = bench.load(url, bodies, 640, 10)
                print(f"{name}: sustained {sustained.rate:.0f}/s; under 640 connections {found.rate:.0f}/s,", end=" ")
                print(f"{100 * found.refused / (found.rate * 10):.0f} % shed; /livez {spread(waits)};", end=" ")
                print(f"of the other, idle: {spread(idle)}; load average {os.getloadavg()[0]:.1f}", flush=True)


@contextmanager
def probing(url: str) -> Iterator[list[float]]:
    """Asks /livez twenty times a second; the seconds of each answer, 99 where there was none."""
    waits: list[float] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.05):
            began = time.perf_counter()
            ok = answers(f"{url}/livez")
            waits.append(time.perf_counter() - began if ok else 99.0)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield waits
    finally:
        stop.set()
        watcher.join()


def spread(seconds: list[float]) -> str:
    ordered = sorted(1000 * second for second in seconds)
    p95 = ordered[int(0.95 * (len(ordered) - 1))]
    over = 100 * sum(one > 50 for one in ordered) / len(ordered)
    return f"{statistics.median(ordered):.0f} ms (95 % {p95:.0f}, most {ordered[-1]:.0f}, over 50 ms {over:.0f} %)"


PARTS = {"speed": speed, "batch": batch, "memory": memory, "start": start, "overload": overload}


def main() -> None:
    project, *named = sys.argv[1:]
    for name in named or PARTS:
        with tempfile.TemporaryDirectory(prefix="forewarn-endpoint-") as folder:
            PARTS[name](Bench(Path(project), Path(folder)))


if __name__ == "__main__":
    main()
