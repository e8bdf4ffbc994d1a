"""Personal data through its commands: listed, written out, erased everywhere, and the ledger still verifies."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner, Result

from serving.cli.main import main

pytestmark = pytest.mark.slow


def on(project: Path, *arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["--config", str(project / "forewarn.yaml"), *map(str, arguments)])


def as_json(project: Path, *arguments: str | Path) -> dict:
    done = on(project, "--json", *arguments)
    assert done.exit_code == 0, done.output
    return yaml.safe_load(done.stdout)


def scored(project: Path) -> str:
    path = next((project / ".forewarn" / "scores").glob("*.parquet"))
    return str(pd.read_parquet(path).account_id.iloc[3])


def test_an_account_is_written_out_and_erased(project: Path) -> None:
    account, out = scored(project), project / "export.json"
    files = [path for path in (project / ".forewarn").rglob("*") if path.is_file()]
    written = as_json(project, "personal", "export", "--account", account, "--out", out)
    body = json.loads(out.read_text())
    assert body["subject"] == {"kind": "account", "id": account}
    assert {row["account_id"] for rows in body["sources"].values() for row in rows} == {account}
    assert len(body["ledger"]["predictions"]) == written["rows"]["ledger predictions"] > 0
    told = as_json(project, "personal", "erase", "--account", account)
    assert not told["done"]
    assert as_json(project, "personal", "export", "--account", account, "--out", out)["rows"] == written["rows"]
    done = as_json(project, "personal", "erase", "--account", account, "--yes")
    assert done["done"]
    assert (done["ledger"], done["files"]) == (told["ledger"], told["files"])
    assert done["still_in"]["accounts"] == 1
    verified = as_json(project, "ledger", "verify")
    assert (verified["intact"], verified["erased"]) == (True, sum(done["ledger"].values()))
    # Not a byte of it is left in what is kept, and everything else is.
    for path in files:
        if path.exists():
            assert account.encode() not in path.read_bytes(), path
    assert [path for path in files if not path.exists() and path.suffix not in (".html", ".json")] == []
    assert set(as_json(project, "personal", "export", "--account", account, "--out", out)["rows"]) == {
        f"sources {name}" for name in done["still_in"]
    }
    for refused in (("--account", "nobody"), ("--account", account, "--contact", "c"), ()):
        assert on(project, "personal", "erase", *refused).exit_code == 2
    assert on(project, "personal", "erase", "--account", account, "--reason", f"{account} left").exit_code == 2


def test_what_is_kept_too_long_expires(project: Path) -> None:
    assert on(project, "personal", "expire", "--yes").exit_code == 2
    path = project / "forewarn.yaml"
    path.write_text(path.read_text() + "\nretention: {ledger_days: 36500, files_days: 30}\n")
    scores = list((project / ".forewarn" / "scores").glob("*.parquet"))
    told = as_json(project, "personal", "expire")
    assert set(map(str, scores)) <= set(told["files"])
    assert all(one.exists() for one in scores)
    done = as_json(project, "personal", "expire", "--yes")
    assert (done["ledger"], done["files"]) == ({}, told["files"])
    assert not any(one.exists() for one in scores)
    assert (project / ".forewarn" / "signals" / "history.parquet").exists()


def test_every_place_is_listed_and_a_reader_may_stop(project: Path) -> None:
    listed = as_json(project, "personal", "list")
    places = {store["where"] for store in listed["stores"]}
    for path in (project / ".forewarn").iterdir():
        if path.name not in ("ledger.db-shm", "ledger.db-wal"):
            assert any(str(path) in place or place in str(path) for place in places), path
    command = f"{sys.executable} -m serving --config {project / 'forewarn.yaml'} personal list | head -1"
    root = str(Path(__file__).resolve().parents[3])
    done = subprocess.run(command, shell=True, cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("your table")
    assert done.stderr == ""
