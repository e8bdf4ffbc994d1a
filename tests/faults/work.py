"""What is killed: the product's own work, each run in a process that has imported everything and done nothing yet.

A line that such a process puts into its `acks` file is an acknowledgement: whatever happens then, what it speaks of
must be found.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import resource
import signal
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

import evaluation.ledger.migrations as migrations
import serving.backup
import serving.cli.main
import serving.commands.score
from evaluation.ledger import Answered, AnswerWriter, moment, prediction_rows
from evaluation.ledger.database import _write_ahead, connect
from evaluation.ledger.ledger import Ledger
from serving.project import Project
from tests.evaluation.ledgers import frame, hashes

PRELOAD = ["tests.faults.work", "features.dataset", "training.tracking", "pyarrow.parquet", "serving.backup"]
IN_FLIGHT = 4


def acknowledge(acks: str, line: str) -> None:
    handle = os.open(acks, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{line}\n".encode())
    os.close(handle)


def score(config: str, acks: str) -> None:
    """A batch: acknowledged once the command would say what it wrote."""
    now = datetime.now(UTC)

    def tell(message: str) -> None:
        if message.startswith("scoring"):
            acknowledge(acks, "writing")

    with Project.open(Path(config), tell, now) as project:
        done = serving.commands.score.score(project, None, None, now)
    acknowledge(acks, f"done {done.accounts}")


def back_up(config: str, acks: str) -> None:
    now = datetime.now(UTC)
    with Project.open(Path(config), now=now) as project:
        done = serving.backup.backup(project, Path(config), Path(config).parent / "b.tar.gz", now)
    acknowledge(acks, f"done {done.ledger_hash}")


def migrate(url: str, acks: str) -> None:
    Ledger.open(url).close()
    acknowledge(acks, "done")


def make_old(url: str, revision: str) -> None:
    """A ledger as an older forewarn made it."""
    engine = connect(url)
    if engine.dialect.name == "sqlite":
        _write_ahead(engine)
    migrations.REVISION = revision
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        migrations.upgrade(connection)
    engine.dispose()


def answer(url: str, acks: str, name: str) -> None:
    """Answers of a service without end: each is acknowledged once it may be sent to the caller."""
    import queue

    free: queue.SimpleQueue[None] = queue.SimpleQueue()
    for _ in range(IN_FLIGHT):
        free.put(None)

    def done(group: list) -> None:
        for token, answered in group:
            if not isinstance(answered, Exception):
                acknowledge(acks, str(token))
            free.put(None)

    made = frame(6, seed=3)
    rows = [row[1:] for row in prediction_rows(made, hashes(made))]
    writer = AnswerWriter(url, done)
    writer.start()
    number = 0
    starter = multiprocessing.parent_process()
    while starter is None or starter.is_alive():  # whoever was to kill it may have been ended first
        free.get()
        number += 1
        request = f"{name}-{number}"
        at = moment(pd.Timestamp(datetime.now(UTC)).tz_localize(None))
        writer.submit(request, Answered(request, f"key:{name}", "score", at, [rows[number % 6]]))


def command(arguments: list[str], said: str, file_limit: int | None = None, as_nobody: bool = False) -> None:
    """The command line itself, on a disk where no file may grow beyond a limit, or as a user who may not write."""
    out = io.StringIO()
    code: object = 0
    if file_limit is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, resource.RLIM_INFINITY))
    if as_nobody and os.geteuid() == 0:
        os.setuid(65534)
    with redirect_stdout(out), redirect_stderr(out):
        try:
            serving.cli.main.main(arguments)
        except SystemExit as error:
            code = error.code
        except BaseException:
            traceback.print_exc(file=out)
            code = "raised"
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    sys.stdout.flush()
    Path(said).write_text(f"{code or 0}\n{out.getvalue()}")
