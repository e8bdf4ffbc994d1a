"""Backups: taken while others write, restored elsewhere to the last byte, from SQLite to PostgreSQL and back."""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import sqlite3
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, make_url, text

from configs.errors import DataError, UsageError
from configs.settings_file import load_settings
from evaluation.ledger.ledger import Ledger
from serving.backup import BackedUp, backup, restore
from serving.cli.main import main
from serving.project import Project
from tests.evaluation.ledgers import frame, put, put_alerts, put_entries

NOW = datetime(2024, 2, 2, tzinfo=UTC)
SETTINGS = """# Ours.
extends: {extends}
tables: {{accounts: {{from: raw/accounts.csv}}, contracts: {{from: raw/contracts.csv}}}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A project with a ledger, keys, a store, artifacts, and what a backup leaves out."""
    folder = tmp_path / "project"
    state = folder / ".forewarn"
    for name in ("artifacts/models", "served", "cache", "scores"):
        (state / name).mkdir(parents=True)
    (folder / "raw").mkdir()
    (folder / "raw" / "accounts.csv").write_text("account_id,created_at\na,2020-01-01\n")
    (folder / "raw" / "contracts.csv").write_text("account_id,starts_at\na,2020-01-01\n")
    (folder / "forewarn.yaml").write_text(SETTINGS.format(extends="default"))
    (state / "artifacts" / "models" / "trees.txt").write_bytes(bytes(range(256)))
    (state / "scores" / "2024-01-31.parquet").write_bytes(b"whole")
    (state / "scores" / ".2024-01-31.parquet.x").write_bytes(b"half")
    (state / "served" / "bodies").write_bytes(b"made again")
    for name in ("keys.db", "mlflow.db"):
        with closing(sqlite3.connect(state / name)) as store, store:
            store.execute("create table of (name)")
            store.execute("insert into of values (?)", (name,))
    with Ledger.open(f"sqlite:///{state / 'ledger.db'}") as ledger:
        put(ledger, frame(4))
        put_alerts(ledger)
        put_entries(ledger)
        ledger.record_event("promotion", {"version": "1"}, pd.Timestamp(NOW))
    return folder / "forewarn.yaml"


def taken(config: Path, with_data: bool = False) -> BackedUp:
    with Project.open(config, now=NOW) as project:
        return backup(project, config, config.parents[1] / "b.tar.gz", NOW, with_data)


def content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


def rows_of(url: str) -> list[list[tuple]]:
    with Ledger.open(url) as ledger:
        names = ["account_id", "as_of", "p_churn_90d", "arr", "reasons", "batch_id", "row", "signals_hash"]
        return [ledger.predictions()[names].values.tolist(), ledger.batches().values.tolist()]


def test_what_is_restored_is_what_was_backed_up(config: Path, tmp_path: Path) -> None:
    before = content(config.parent)
    made = taken(config, with_data=True)
    assert content(config.parent) == before
    assert made.left_out == ()
    restored = restore(Path(made.file), tmp_path / "new")
    assert (restored.intact, restored.ledger_batches, restored.ledger_hash) == (
        True,
        made.ledger_batches,
        made.ledger_hash,
    )
    found = content(tmp_path / "new")
    assert set(before) - set(found) == {".forewarn/scores/.2024-01-31.parquet.x", ".forewarn/served/bodies"}
    databases = {name for name in found if name.endswith(".db")}
    assert {name: found[name] for name in set(found) - databases} == {
        name: before[name] for name in set(found) - databases
    }
    with closing(sqlite3.connect(tmp_path / "new" / ".forewarn" / "keys.db")) as keys:
        assert keys.execute("select * from of").fetchall() == [("keys.db",)]
    here, there = (f"sqlite:///{folder / '.forewarn' / 'ledger.db'}" for folder in (config.parent, tmp_path / "new"))
    assert rows_of(here) == rows_of(there)


def test_a_backup_while_others_write_holds_whole_batches(config: Path, tmp_path: Path) -> None:
    url, stop, written = f"sqlite:///{config.parent / '.forewarn' / 'ledger.db'}", threading.Event(), []

    def write() -> None:
        with Ledger.open(url) as ledger:
            while not stop.is_set():
                written.append(put(ledger, frame(3)).hash)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            seen = len(written)
            made = taken(config)
            restored = restore(Path(made.file), tmp_path / f"new{number}")
            assert restored.intact
            assert restored.ledger_batches > seen + 1  # whatever was acknowledged before it began
    finally:
        stop.set()
        writer.join()
    assert len(written) > 3


def test_the_settings_that_lie_elsewhere_are_merged(config: Path, tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("name: ours\nserving: {ledger: '${SOME_LEDGER}', max_accounts: 7}\n")
    config.write_text(SETTINGS.format(extends="../base.yaml"))
    import os

    os.environ["SOME_LEDGER"] = f"sqlite:///{tmp_path / 'server' / 'l.db'}"
    try:
        with Ledger.open(os.environ["SOME_LEDGER"]) as ledger:
            put(ledger, frame(5))
        made = taken(config)
    finally:
        del os.environ["SOME_LEDGER"]
    assert any("merged" in said for said in made.left_out)
    restored = restore(Path(made.file), tmp_path / "new")
    settings = load_settings(Path(restored.config))
    assert (settings.name, settings.serving.max_accounts, settings.serving.ledger) == ("ours", 7, None)
    with Ledger.open(settings) as ledger:
        assert len(ledger.predictions()) == 5  # of its own now: the original's ledger is not touched


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[str]:
    server = make_url(postgres_url).set(drivername="postgresql+psycopg")
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("create schema restored"))
    try:
        there = server.update_query_dict({"options": "-csearch_path=restored"})
        yield there.render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text("drop schema restored cascade"))
        engine.dispose()


def test_from_sqlite_to_postgresql_and_back(config: Path, tmp_path: Path, postgres: str) -> None:
    made = taken(config)
    there = restore(Path(made.file), tmp_path / "there", postgres)
    assert (there.intact, there.ledger_hash, there.ledger_batches) == (True, made.ledger_hash, made.ledger_batches)
    assert not (tmp_path / "there" / ".forewarn" / "ledger.db").exists()
    assert rows_of(postgres) == rows_of(f"sqlite:///{config.parent / '.forewarn' / 'ledger.db'}")
    moved = Path(there.config)
    assert load_settings(moved).ledger_url == postgres
    assert "# Ours." in moved.with_name("forewarn.backed_up.yaml").read_text()
    with Ledger.open(postgres) as ledger:  # the chain goes on
        put(ledger, frame(2, as_of="2024-02-29"))
    back = restore(Path(taken(moved).file), tmp_path / "back")
    assert (back.intact, back.ledger_batches) == (True, made.ledger_batches + 1)
    assert rows_of(f"sqlite:///{tmp_path / 'back' / '.forewarn' / 'ledger.db'}") == rows_of(postgres)
    with pytest.raises(UsageError, match=r"a ledger of \d+ batches; expected an empty database"):
        restore(Path(made.file), tmp_path / "again", postgres)
    assert not (tmp_path / "again").exists()


def test_a_password_stays_out_of_the_file(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = taken(config)
    monkeypatch.setattr(sys.modules["serving.backup.restore"], "copy_ledger", lambda _source, _target: None)
    restored = restore(Path(made.file), tmp_path / "new", "postgresql://me:hunter2@db/forewarn")
    assert restored.set_variable == "FOREWARN_LEDGER"
    assert not [path for path in (tmp_path / "new").rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]
    monkeypatch.setenv("FOREWARN_LEDGER", "postgresql://me:hunter2@db/forewarn")
    assert load_settings(Path(restored.config)).ledger_url == "postgresql://me:hunter2@db/forewarn"


def repacked(
    file: Path, change: Callable[[str, bytes], tuple[str, bytes] | None], kind: bytes = tarfile.REGTYPE
) -> None:
    """The backup again, each of its files as `change` gives it."""
    with tarfile.open(file, "r:gz") as tar:
        members = [(member.name, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]
    with tarfile.open(file, "w:gz") as tar:
        for name, body in filter(None, (change(*member) for member in members)):
            info = tarfile.TarInfo(name)
            info.size, info.type = len(body), kind if "escape" in name else tarfile.REGTYPE
            info.linkname = "/etc/passwd"
            tar.addfile(info, io.BytesIO(body))


def swapped(name: str, body: bytes) -> tuple[str, bytes]:
    return (name, body[::-1]) if name.endswith("trees.txt") else (name, body)


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "absent": (Path.unlink, "no such file"),
    "empty": (lambda file: file.write_bytes(b""), "whole file of `forewarn backup`"),
    "cut short": (lambda file: file.write_bytes(file.read_bytes()[:-900]), "whole file of `forewarn backup`"),
    "something else": (lambda file: file.write_bytes(gzip.compress(b"text" * 999)), "whole file of `forewarn backup`"),
    "another byte": (lambda file: repacked(file, swapped), r"state/artifacts/models/trees\.txt: found other bytes"),
    "a file less": (
        lambda file: repacked(file, lambda name, body: None if name.endswith(".parquet") else (name, body)),
        r"2024-01-31\.parquet: found no such file",
    ),
    "a way out": (
        lambda file: repacked(file, lambda name, body: (name.replace("trees.txt", "../../../../escape"), body)),
        "an entry",
    ),
    "a link": (
        lambda file: repacked(file, lambda name, body: (name.replace("trees.txt", "escape"), body), tarfile.SYMTYPE),
        "an entry",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_damaged_backup_makes_nothing(config: Path, tmp_path: Path, name: str) -> None:
    damage, expected = FAULTS[name]
    file = Path(taken(config).file)
    damage(file)
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(DataError, match=expected):
        restore(file, tmp_path / "new")
    assert {path.name for path in tmp_path.iterdir()} == before


def test_what_is_there_already_is_left_alone(config: Path) -> None:
    file = Path(taken(config).file)
    before = content(config.parent)
    with pytest.raises(UsageError, match="a new or empty folder"):
        restore(file, config.parent)
    assert content(config.parent) == before


def test_a_ledger_that_does_not_verify_is_restored_and_told(config: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(config.parent / ".forewarn" / "ledger.db")) as raw, raw:
        raw.execute("drop trigger predictions_no_update")
        raw.execute("update predictions set p_churn = 0.5 where row = 1")
    file = taken(config).file
    done = CliRunner().invoke(main, ["restore", file, str(tmp_path / "new")])
    assert done.exit_code == 1
    assert "NOT INTACT" in done.output
    assert "batch 1, row 1 (predictions)" in done.output


@pytest.mark.slow
def test_a_demo_that_was_restored_scores_as_before(project: Path, tmp_path: Path) -> None:
    """Across folders through the commands: the original is gone by then."""

    def run(folder: Path, *arguments: str) -> str:
        done = CliRunner().invoke(main, ["--config", str(folder / "forewarn.yaml"), *arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    scores = pd.read_parquet(project / ".forewarn" / "scores" / "2026-01-01.parquet")
    assert "not in it" not in run(project, "backup", str(tmp_path / "b.tar.gz"), "--data")
    shutil.rmtree(project)
    run(project, "restore", str(tmp_path / "b.tar.gz"), str(tmp_path / "new"))
    assert "in the ledger already" in run(tmp_path / "new", "score")
    again = pd.read_parquet(tmp_path / "new" / ".forewarn" / "scores" / "2026-01-01.parquet")
    pd.testing.assert_frame_equal(scores, again, check_exact=True)
    assert "champion: version" in run(tmp_path / "new", "doctor")
