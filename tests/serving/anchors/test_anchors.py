"""Anchors: what the chain alone cannot notice (its end cut off, all of it written anew) is noticed with them."""

from __future__ import annotations

import http.server
import json
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from configs.errors import DataError, UsageError
from evaluation.ledger.ledger import Ledger
from serving.alerts import is_signed
from serving.anchors import Anchor, anchor, place_of, read_anchors, vouched
from serving.cli.main import main
from serving.daily import ANCHOR, Step, run_daily
from serving.project import Project
from tests.evaluation.ledgers import frame, put

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def day(number: int) -> datetime:
    return datetime(2024, 3, number, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A project with a ledger of three batches."""
    path = tmp_path / "forewarn.yaml"
    path.write_text("tables: {accounts: {from: a.csv}, contracts: {from: c.csv}}\n")
    with Ledger.open(url_of(path)) as ledger:
        for seed in range(3):
            put(ledger, frame(2, seed=seed))
    return path


def url_of(config: Path) -> str:
    return f"sqlite:///{config.parent / '.forewarn' / 'ledger.db'}"


def run(config: Path, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["--config", str(config), "ledger", *arguments], input=stdin)


def cut_the_newest_batch(config: Path) -> None:
    """As somebody does who has the file and reads this code: the batch, its rows, the head, and the triggers again."""
    with closing(sqlite3.connect(config.parent / ".forewarn" / "ledger.db")) as raw, raw:
        triggers = raw.execute("select name, sql from sqlite_master where type = 'trigger'").fetchall()
        for name, _ in triggers:
            raw.execute(f"drop trigger {name}")
        newest = raw.execute("select max(batch_id) from batches").fetchone()[0]
        for table in ("predictions", "prediction_texts", "batches"):
            raw.execute(f"delete from {table} where batch_id = {newest}")
        raw.execute(
            "update head set batch_id = batch_id - 1, hash = (select hash from batches order by 1 desc limit 1)"
        )
        raw.execute("update head set hash = (select hash from batches order by batch_id desc limit 1)")
        for _, sql in triggers:
            raw.execute(sql)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clone whose branch is pushed to another repository."""
    other, clone = tmp_path / "other.git", tmp_path / "clone"
    for command in (
        ["git", "init", "-q", "--bare", "-b", "main", str(other)],
        ["git", "clone", "-q", str(other), str(clone)],
        ["git", "-C", str(clone), "checkout", "-q", "-b", "main"],
        [
            "git",
            "-C",
            str(clone),
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "x",
        ],
        ["git", "-C", str(clone), "push", "-q", "-u", "origin", "main"],
    ):
        subprocess.run(command, check=True, capture_output=True)
    return clone


@pytest.mark.parametrize("kind", ["file", "git"])
def test_cutting_off_the_newest_batch_is_noticed(config: Path, tmp_path: Path, repository: Path, kind: str) -> None:
    place = str(tmp_path / "out" / "anchors.jsonl") if kind == "file" else f"git:{repository}"
    assert run(config, "anchor", "--to", place).exit_code == 0
    proved = run(config, "verify", "--anchors", place)
    assert proved.exit_code == 0, proved.output
    assert "vouched for by 1 of 1 anchors" in proved.output
    assert "batches 1 to 3 stand as they did" in proved.output
    cut_the_newest_batch(config)
    alone = run(config, "verify")
    assert alone.exit_code == 0  # the chain alone cannot know
    assert "no anchors: nothing outside the ledger vouches for it" in alone.output
    found = run(config, "verify", "--anchors", place)
    assert found.exit_code == 1
    assert "batch 3 as it stood on" in found.output
    refused = run(config, "anchor", "--to", place)
    assert refused.exit_code == 1
    assert "refused: batch 3" in refused.output


def test_since_when_which_batches_stand(config: Path, tmp_path: Path) -> None:
    place = place_of(str(tmp_path / "a.jsonl"))
    with Ledger.open(url_of(config)) as ledger:
        for number in (1, 2):
            anchor(ledger, "forewarn", [place], day(number))
            anchor(ledger, "forewarn", [place], day(number))  # nothing new: written once
            put(ledger, frame(2, seed=number + 9))
        proof = vouched(ledger, read_anchors([place], "forewarn"))
    assert (proof.anchors, proof.lost, proof.batches, proof.open_batches) == (2, 0, 4, 1)
    assert (proof.since, proof.newest_at) == (day(1).isoformat(), day(2).isoformat())


def test_a_git_repository_remembers_what_was_taken_out_of_its_file(config: Path, repository: Path) -> None:
    place = place_of(f"git:{repository}")
    with Ledger.open(url_of(config)) as ledger:
        made = anchor(ledger, "forewarn", [place], day(1))
        assert made.places[0].endswith(", pushed")
        (repository / "forewarn-anchors.jsonl").write_text("")
        subprocess.run(
            ["git", "-C", repository, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "away"], check=True
        )
        assert [anchor.batch_id for anchor in read_anchors([place], "forewarn")] == [3]
    pushed = subprocess.run(
        ["git", "-C", repository, "log", "origin/main", "--format=%s"], capture_output=True, text=True
    )
    assert "The ledger of forewarn ends in batch 3" in pushed.stdout


Calls = list[tuple[dict[str, str], bytes]]


@pytest.fixture
def receiver() -> Iterator[tuple[str, Calls, list[int]]]:
    """A webhook's receiver: its URL, the calls that it got, the statuses that it answers."""
    calls: Calls = []
    statuses: list[int] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            calls.append((dict(self.headers), self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(statuses.pop(0) if statuses else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook?token=hidden", calls, statuses
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_webhook_gets_a_signed_line(config: Path, receiver: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    url, calls, statuses = receiver
    unset = run(config, "anchor", "--to", url)
    assert unset.exit_code == 2
    assert "FOREWARN_ANCHOR_SECRET unset" in unset.stderr
    monkeypatch.setenv("FOREWARN_ANCHOR_SECRET", SECRET)
    done = run(config, "anchor", "--to", url)
    assert done.exit_code == 0, done.output
    assert "hidden" not in done.output
    ((headers, body),) = calls
    assert is_signed(headers, body, SECRET, int(datetime.now(UTC).timestamp()))
    kept = run(config, "verify", "--anchors", "-", stdin=body.decode() + "\n")
    assert kept.exit_code == 0, kept.output
    assert "vouched for by 1 of 1" in kept.output
    assert json.loads(body)["batch_id"] == 3
    statuses.append(500)
    failed = run(config, "anchor", "--to", url)
    assert failed.exit_code == 2
    assert "found status 500" in failed.stderr
    assert "hidden" not in failed.stderr


def test_places_of_the_settings(config: Path) -> None:
    nowhere = run(config, "anchor")
    assert nowhere.exit_code == 2
    assert "serving.anchors" in nowhere.stderr
    config.write_text(config.read_text() + "serving: {anchors: [kept/a.jsonl]}\n")
    assert run(config, "anchor").exit_code == 0
    assert (config.parent / "kept" / "a.jsonl").is_file()  # counts from the settings' folder
    assert "vouched for by 1 of 1" in run(config, "verify").output
    cut_the_newest_batch(config)
    assert run(config, "verify").exit_code == 1


def test_a_day_ends_with_an_anchor(config: Path) -> None:
    config.write_text(config.read_text() + "serving: {anchors: [kept/a.jsonl]}\n")
    scored = Step("score", lambda _project, _now: (True, "scored"))
    for number in (1, 2):
        with Project.open(config, now=day(number)) as project:
            result = run_daily(project, day(number), (scored, ANCHOR))
            put(project.ledger, frame(2, seed=number + 9))
        assert (result.exit_code, result.steps[-1].state) == (0, "done")
    cut_the_newest_batch(config)
    cut_the_newest_batch(config)
    with Project.open(config, now=day(3)) as project:
        result = run_daily(project, day(3), (scored, ANCHOR))
    assert (result.exit_code, result.steps[-1].state) == (1, "refused")
    assert "batch 4" in result.steps[-1].summary


def test_a_place_that_fails_keeps_no_other_from_being_written(config: Path, tmp_path: Path) -> None:
    good = tmp_path / "a.jsonl"
    done = run(config, "anchor", "--to", f"git:{tmp_path / 'none'}", "--to", str(good))
    assert done.exit_code == 2  # what cannot be read is told before anything is written
    assert not good.exists()
    with Ledger.open(url_of(config)) as ledger:
        places = [place_of("/proc/nothing/a.jsonl"), place_of(str(good))]
        with pytest.raises(UsageError, match="/proc/nothing"):
            anchor(ledger, "forewarn", places, day(1))
    assert len(read_anchors([place_of(str(good))], "forewarn")) == 1


def test_a_dropped_trigger_ends_verify_with_one(config: Path) -> None:
    with closing(sqlite3.connect(config.parent / ".forewarn" / "ledger.db")) as raw, raw:
        raw.execute("drop trigger batches_no_delete")
    done = run(config, "verify")
    assert done.exit_code == 1
    assert done.output.startswith("intact: 3 batches")
    assert "NOT guarded" in done.output
    assert "batches_no_delete: missing" in done.output


BAD: dict[str, tuple[Callable[[Path], object], type[Exception], str]] = {
    "no file": (Path.unlink, UsageError, "anchors of none; expected an anchor of forewarn"),
    "another ledger's": (
        lambda path: path.write_text(Anchor("theirs", 1, "ab", day(1).isoformat()).line + "\n"),
        UsageError,
        "anchors of theirs",
    ),
    "a line cut short": (lambda path: path.write_text(path.read_text()[:-20]), DataError, "line 1: found"),
    "something else": (lambda path: path.write_text("[1]\nnull\n"), DataError, "2 faults"),
    "no text": (lambda path: path.write_bytes(b"\xff\xfe"), UsageError, "a file of anchors"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_proves_nothing_is_refused(config: Path, tmp_path: Path, name: str) -> None:
    spoil, error, expected = BAD[name]
    path = tmp_path / "a.jsonl"
    with Ledger.open(url_of(config)) as ledger:
        anchor(ledger, "forewarn", [place_of(str(path))], day(1))
    spoil(path)
    with pytest.raises(error, match=expected):
        read_anchors([place_of(str(path))], "forewarn")
