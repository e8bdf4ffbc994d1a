"""Faults that are really caused, and what must hold after each.

Nothing acknowledged is lost, nothing stands twice, files are whole or absent, a rerun completes. Every scenario returns
what it counted, and raises where one of these fails.
"""

from __future__ import annotations

import multiprocessing
import random
import re
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from configs.errors import UsageError
from configs.settings_file import load_settings
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.tables import REVISION
from serving.backup import restore
from tests.evaluation.ledgers import frame, put
from tests.faults import work
from tests.faults.server import Server
from training.tracking import load_champion
from training.tracking.registry import folder_of

Counts = Counter[str]


@dataclass(frozen=True)
class Bench:
    """What scenarios work on: a project with a champion that may be written to, a folder, and a source of chance."""

    config: Path
    folder: Path
    chance: random.Random

    @property
    def state(self) -> Path:
        return self.config.parent / ".forewarn"

    def process(self, target: Callable[..., None], *arguments: object) -> BaseProcess:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(work.PRELOAD)
        started = context.Process(target=target, args=arguments)
        started.start()
        return started

    def acks(self) -> Path:
        path = self.folder / "acks"
        path.unlink(missing_ok=True)
        return path


def finished(process: BaseProcess, seconds: float = 180) -> None:
    process.join(seconds)
    assert process.exitcode == 0, process.exitcode


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def wait_for(acks: Path, count: int, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while len(lines_of(acks)) < count:
        assert time.monotonic() < end, f"{count} lines in {acks}"
        time.sleep(0.001)


def killed_scoring(bench: Bench, times: int) -> Counts:
    """A batch killed at random moments, half of them after the first byte could be written."""
    base, ledger, counts = bench.folder / "base.db", bench.state / "ledger.db", Counter[str]()
    finished(bench.process(work.score, str(bench.config), str(bench.acks())))
    with Ledger.open(load_settings(bench.config)) as opened:
        day = opened.predictions().as_of.max()
    file = bench.state / "scores" / f"{day:%Y-%m-%d}.parquet"
    rows = pq.read_metadata(file).num_rows
    _without_newest_scoring(ledger, base)
    before = _batches(base)
    whole, writing = _timed(bench, base, ledger, file)
    for number in range(times):
        _back_to(base, ledger, file)
        acks = bench.acks()
        process = bench.process(work.score, str(bench.config), str(acks))
        if number % 2:
            wait_for(acks, 1)
            time.sleep(bench.chance.uniform(0, writing * 1.1))
        else:
            time.sleep(bench.chance.uniform(0, whole * 1.1))
        process.kill()
        process.join()
        added, is_there, said = _batches(ledger) - before, file.exists(), lines_of(acks)
        assert added in (0, 1), added
        assert not is_there or (added == 1 and pq.read_table(file).num_rows == rows)
        assert is_there or f"done {rows}" not in said
        counts["in the ledger, no file" if added and not is_there else "both" if added else "neither"] += 1
        finished(bench.process(work.score, str(bench.config), str(acks)))
        assert _batches(ledger) - before == 1
        assert pq.read_table(file).num_rows == rows
        counts["killed, and whole after a rerun"] += 1
    return counts


def _without_newest_scoring(ledger: Path, base: Path) -> None:
    """A ledger in which today's scoring is yet to be written: a new one, which the project's history is no part of."""
    base.unlink(missing_ok=True)
    with Ledger.open(f"sqlite:///{base}") as opened:
        put(opened, frame(5))
    _settle(base)


def _settle(ledger: Path) -> None:
    with closing(sqlite3.connect(ledger)) as raw:
        raw.execute("pragma wal_checkpoint(truncate)")


def _back_to(base: Path, ledger: Path, file: Path) -> None:
    for path in (ledger, ledger.with_name("ledger.db-wal"), ledger.with_name("ledger.db-shm"), file):
        path.unlink(missing_ok=True)
    shutil.copy(base, ledger)


def _timed(bench: Bench, base: Path, ledger: Path, file: Path) -> tuple[float, float]:
    """How long a scoring takes, and how long its part that writes."""
    _back_to(base, ledger, file)
    acks, begun = bench.acks(), time.monotonic()
    process = bench.process(work.score, str(bench.config), str(acks))
    wait_for(acks, 1)
    marked = time.monotonic()
    finished(process)
    return time.monotonic() - begun, time.monotonic() - marked


def _batches(ledger: Path) -> int:
    with Ledger.open(f"sqlite:///{ledger}") as opened:
        verified = opened.verify()
    assert verified.ok, verified.faults[:3]
    return verified.batches


def two_scorings_at_once(bench: Bench, times: int) -> Counts:
    """Two batches of the same day side by side: one of them writes, both end well."""
    base, ledger, counts = bench.folder / "base.db", bench.state / "ledger.db", Counter[str]()
    _without_newest_scoring(ledger, base)
    for _ in range(times):
        _back_to(base, ledger, bench.folder / "none")
        acks = bench.acks()
        both = [bench.process(work.score, str(bench.config), str(acks)) for _ in range(2)]
        for process in both:
            finished(process)
        assert _batches(ledger) == _batches(base) + 1
        assert len([line for line in lines_of(acks) if line.startswith("done")]) == 2
        counts["pairs that wrote one batch"] += 1
    return counts


def killed_answering(bench: Bench, times: int) -> Counts:
    """The service's writer killed under load; the ledger goes on from kill to kill."""
    return _answers_survive(bench, f"sqlite:///{bench.folder / 'answers.db'}", times, lambda: None)


def _answers_survive(bench: Bench, url: str, times: int, fault: Callable[[], None]) -> Counts:
    acks, counts = bench.acks(), Counter[str]()
    for number in range(times):
        seen = len(lines_of(acks))
        process = bench.process(work.answer, url, str(acks), f"run{number}")
        wait_for(acks, seen + 1)
        time.sleep(bench.chance.uniform(0, 0.2))
        fault()
        process.kill()
        process.join()
        counts["killed"] += 1
    acknowledged = lines_of(acks)
    with Ledger.open(url) as ledger:
        assert ledger.verify().ok
        stored = ledger.answers().request_id.tolist()
        predictions = ledger.predictions()
    assert len(stored) == len(set(stored)), "an answer stands twice"
    assert set(acknowledged) <= set(stored), "an acknowledged answer is lost"
    assert not predictions.duplicated(["account_id", "as_of", "model_version", "config_version", "signals_hash"]).any()
    return counts + Counter({"answers acknowledged, lost: 0, doubled: 0": len(acknowledged)})


def killed_migrating(bench: Bench, times: int) -> Counts:
    """An older ledger's upgrade killed: it is the old one or the new one, and the next opening completes."""
    counts = Counter[str]()
    old = bench.folder / "old.db"
    finished(bench.process(work.make_old, f"sqlite:///{old}", "0004"))
    _settle(old)
    begun = time.monotonic()
    _back_to(old, bench.folder / "ledger.db", bench.folder / "none")
    url = f"sqlite:///{bench.folder / 'ledger.db'}"
    finished(bench.process(work.migrate, url, str(bench.acks())))
    whole = time.monotonic() - begun
    for _ in range(times):
        _back_to(old, bench.folder / "ledger.db", bench.folder / "none")
        process = bench.process(work.migrate, url, str(bench.acks()))
        time.sleep(bench.chance.uniform(0, whole * 1.1))
        process.kill()
        process.join()
        with closing(sqlite3.connect(bench.folder / "ledger.db")) as raw:
            (revision,) = raw.execute("select version_num from alembic_version").fetchone()
        assert revision in ("0004", REVISION), revision
        counts[f"killed at version {revision}, complete after a rerun"] += 1
        with Ledger.open(url) as ledger:
            put(ledger, frame(2))
            verified = ledger.verify()
        assert (verified.ok, verified.unguarded) == (True, ())
    return counts


def killed_backup(bench: Bench, times: int) -> Counts:
    """A backup killed: its file is the one before, or a whole one."""
    out, counts = bench.config.parent / "b.tar.gz", Counter[str]()
    out.unlink(missing_ok=True)
    begun = time.monotonic()
    finished(bench.process(work.back_up, str(bench.config), str(bench.acks())))
    whole = time.monotonic() - begun
    for number in range(times):
        out.unlink(missing_ok=True)
        process = bench.process(work.back_up, str(bench.config), str(bench.acks()))
        time.sleep(bench.chance.uniform(0, whole * 1.1))
        process.kill()
        process.join()
        counts["whole" if out.exists() else "absent"] += 1
        if out.exists():
            assert restore(out, bench.folder / f"restored{number}").intact
            shutil.rmtree(bench.folder / f"restored{number}")
    for left in bench.config.parent.glob(".backup-*"):
        shutil.rmtree(left)
    return counts


def disk_full(bench: Bench, times: int) -> Counts:
    """No file may grow beyond a random size: the command says so in words, and completes once there is room."""
    base, ledger, counts = bench.folder / "base.db", bench.state / "ledger.db", Counter[str]()
    _without_newest_scoring(ledger, base)
    for _ in range(times):
        _back_to(base, ledger, bench.folder / "none")
        limit = int(2 ** bench.chance.uniform(10, 18))
        code, said = _command(bench, ["--config", str(bench.config), "score"], limit)
        assert "Traceback" not in said, said
        assert code in ("0", "2"), (code, said)
        assert code == "0" or "to do: " in said, said
        counts["refused in words" if code == "2" else "had room enough"] += 1
        assert _batches(ledger) - _batches(base) in (0, 1)
        code, said = _command(bench, ["--config", str(bench.config), "score"])
        assert code == "0", said
        assert _batches(ledger) - _batches(base) == 1
    return counts


def _command(bench: Bench, arguments: list[str], limit: int | None = None, as_nobody: bool = False) -> tuple[str, str]:
    said = bench.folder / "said"
    said.write_text("")
    said.chmod(0o666)
    finished(bench.process(work.command, arguments, str(said), limit, as_nobody))
    code, _, text = said.read_text().partition("\n")
    return code, text


def damaged_model(bench: Bench, times: int) -> Counts:
    """A byte of a model's file changed, its end cut off, or another file in its place: refused before it is parsed."""
    settings, counts = load_settings(bench.config), Counter[str]()
    folder = folder_of(settings, "champion")[0]
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for _ in range(times):
        file, how = bench.chance.choice(files), bench.chance.choice(["changed", "cut short", "swapped", "gone"])
        kept = file.read_bytes()
        at = bench.chance.randrange(len(kept))
        if how == "changed":
            file.write_bytes(kept[:at] + bytes([kept[at] ^ (1 << bench.chance.randrange(8))]) + kept[at + 1 :])
        elif how == "cut short":
            file.write_bytes(kept[:at])
        elif how == "swapped":
            file.write_bytes(next(other for other in files if other != file).read_bytes())
        else:
            file.unlink()
        with pytest.raises(UsageError, match=re.escape(file.relative_to(folder).as_posix())):
            load_champion(settings)
        counts[f"{how}, refused by name"] += 1
        file.write_bytes(kept)
    load_champion(settings)
    return counts


def ledger_locked_or_read_only(bench: Bench, times: int) -> Counts:
    """Another writer holds the ledger for a while, or it may not be written to."""
    counts, ledger = Counter[str](), bench.state / "ledger.db"
    for _ in range(times):
        acks = bench.acks()
        with closing(sqlite3.connect(ledger, isolation_level=None)) as other:
            other.execute("begin immediate")
            process = bench.process(work.score, str(bench.config), str(acks))
            wait_for(acks, 1)
            time.sleep(0.3)
            assert not [line for line in lines_of(acks) if line.startswith("done")]
            other.execute("rollback")
        finished(process)
        counts["waited for the lock, then wrote"] += 1
    for path in bench.config.parent.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o444)
    before = _batches(ledger)
    code, said = _command(bench, ["--config", str(bench.config), "score"], as_nobody=True)
    assert (code, "Traceback" in said) == ("2", False), said
    assert "readonly" in said or "Permission denied" in said or "unable to open" in said, said
    assert _batches(ledger) == before
    counts["read-only, refused in words"] += 1
    for path in bench.config.parent.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return counts


def postgresql_restarted(bench: Bench, times: int) -> Counts:
    """PostgreSQL ended as a crash ends it while answers are written to it, and started again."""
    server = Server()
    try:
        server.start()
        Ledger.open(server.url).close()
        acks = bench.acks()
        process = bench.process(work.answer, server.url, str(acks), "load")
        for _ in range(times):
            wait_for(acks, len(lines_of(acks)) + 20, 60)
            time.sleep(bench.chance.uniform(0, 0.2))
            server.crash()
            time.sleep(bench.chance.uniform(0, 0.5))
            server.start()
        wait_for(acks, len(lines_of(acks)) + 20, 60)
        process.kill()
        process.join()
        acknowledged = lines_of(acks)
        with Ledger.open(server.url) as ledger:
            assert ledger.verify().ok
            stored = ledger.answers().request_id.tolist()
        assert len(stored) == len(set(stored)), "an answer stands twice"
        assert set(acknowledged) <= set(stored), "an acknowledged answer is lost"
        return Counter({"crashes": times, "answers acknowledged, lost: 0, doubled: 0": len(acknowledged)})
    finally:
        server.close()


# Each with how many of the times asked for it runs: those that take seconds a time run fewer.
SCENARIOS: tuple[tuple[Callable[[Bench, int], Counts], float], ...] = (
    (killed_scoring, 1),
    (killed_answering, 1),
    (killed_migrating, 1),
    (killed_backup, 0.5),
    (damaged_model, 1),
    (disk_full, 0.2),
    (two_scorings_at_once, 0.1),
    (ledger_locked_or_read_only, 0.05),
    (postgresql_restarted, 0.1),
)
