"""Writers of one ledger: a key writes once, a failed write leaves nothing, threads and processes make one chain."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest

from evaluation.ledger import database
from evaluation.ledger.ledger import Ledger
from tests.evaluation.ledgers import NOW, frame, put

# -- once, all or nothing, one chain -------------------------------------------------------------------------------


def test_the_same_key_writes_once(ledger: Ledger) -> None:
    first = put(ledger, frame(3), idempotency_key="march")
    again = put(ledger, frame(3), idempotency_key="march", at=NOW + pd.Timedelta(days=1))
    other = put(ledger, frame(3, seed=9), idempotency_key="march")
    assert (again.repeated, again.differs) == (True, False)
    assert (other.repeated, other.differs) == (True, True)
    assert (first.batch_id, first.rows, first.hash) == (other.batch_id, other.rows, other.hash)
    assert not first.repeated
    assert put(ledger, frame(3), idempotency_key="april").batch_id == 2
    assert put(ledger, frame(3)).batch_id == put(ledger, frame(3)).batch_id - 1
    pd.testing.assert_frame_equal(ledger.predictions(batch_id=1)[frame().columns], frame(3))


def test_a_failed_write_leaves_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    put(ledger, frame(2))
    whole = database.insert_rows

    def fails_late(*arguments: object) -> None:
        whole(*arguments)
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr("evaluation.ledger.append.insert_rows", fails_late)
        with pytest.raises(RuntimeError, match="power cut"):
            put(ledger, frame(3))
    assert len(ledger.predictions()) == 2
    assert put(ledger, frame(1)).batch_id == 2
    assert ledger.verify().ok


def test_threads_make_one_chain(url: str) -> None:
    """First openings, writes with and without a shared key, and verifications, all at once."""
    threads, writes, faults, shared = 6, 4, [], []
    start = threading.Barrier(threads)

    def work(number: int) -> None:
        try:
            start.wait()
            with Ledger.open(url) as ledger:
                for turn in range(writes):
                    put(ledger, frame(3, seed=number), asked_by=f"worker {number}", idempotency_key=f"{number}/{turn}")
                    shared.append(put(ledger, frame(2), idempotency_key=f"shared {turn}"))
                    assert ledger.verify().ok
        except Exception as error:
            faults.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert faults == []
    assert sum(not one.repeated for one in shared) == writes
    with Ledger.open(url) as ledger:
        result = ledger.verify()
        assert (result.ok, result.batches, result.rows) == (
            True,
            threads * writes + writes,
            threads * writes * 3 + writes * 2,
        )
        assert len({one.batch_id for one in shared}) == writes
        assert ledger.batches().previous_hash.tolist() == ["", *ledger.batches().hash.tolist()[:-1]]


WRITER = """
import sys
import pandas as pd
from evaluation.ledger import Ledger
made = pd.read_parquet(sys.argv[2])
for turn in range(5):
    with Ledger.open(sys.argv[1]) as ledger:
        ledger.write(made, kind="api", asked_by=sys.argv[3], at=pd.Timestamp("2024-02-01"),
                     signals_hash=["0"] * len(made), idempotency_key=f"{sys.argv[3]} {turn}")
"""


def test_processes_make_one_chain(url: str, tmp_path: Path) -> None:
    made = tmp_path / "made.parquet"
    frame(3).to_parquet(made)
    root = Path(__file__).resolve().parents[3]
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, url, str(made), f"process {number}"], cwd=root)
        for number in range(2)
    ]
    assert [one.wait(timeout=120) for one in running] == [0, 0]
    with Ledger.open(url) as ledger:
        result = ledger.verify()
        assert (result.ok, result.batches, result.rows) == (True, 10, 30)
