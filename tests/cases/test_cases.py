"""Small companies whose right answer is known, run through the public commands. How to add one: README.md here."""

from __future__ import annotations

import json
import shlex
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner, Result

from configs.settings_file import merge
from serving.cli.main import main
from tests.cases.cases import agrees, cells_of, in_words, read_case, value_at, write_project

HERE = Path(__file__).parent
PATHS = sorted(HERE.glob("*/*.yaml"))
CHANGES = {"day", "settings", "tables"}
NOBODY = "no account in play on "


class TookTooLong(BaseException):
    """Not an Exception: commands would turn it into an exit code."""


def parameters() -> Iterator[Any]:
    for path in PATHS:
        case = read_case(path)
        marks = [pytest.mark.slow] if case.get("slow") else []
        if "wrong_today" in case:
            marks.append(pytest.mark.xfail(strict=True, reason=case["wrong_today"], raises=AssertionError))
        yield pytest.param(case, id=path.relative_to(HERE).with_suffix("").as_posix(), marks=marks)


@pytest.mark.parametrize("case", list(parameters()))
def test_case(case: Mapping[str, Any], tmp_path: Path) -> None:
    write_project(tmp_path, case)
    wrong = [*_cells(case, tmp_path), *_checked(case, tmp_path), *_proposed(case, tmp_path)]
    steps = [{"run": "check", "exit": 2} | case["fails"]] if "fails" in case else []
    for step in [*steps, *case.get("commands", [])]:
        wrong = wrong or list(_step(step, case, tmp_path))  # what follows on a wrong answer says nothing more
    assert not wrong, "\n".join([case["title"], *(f"  {line}" for line in wrong)])


def run(folder: Path, command: str, within: float = 0) -> Result:
    """A command of the project in a folder, in this process."""
    words = ["--config", str(folder / "forewarn.yaml"), "--json", *shlex.split(command.replace("DIR", str(folder)))]
    with _at_most(within):
        return CliRunner().invoke(main, words)


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Ends what takes longer; the test's own alarm goes on afterwards."""
    if not seconds:
        yield
        return

    def ring(*_: object) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, ring)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, left)


def _json(done: Result) -> dict[str, Any]:
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else {}


def _cells(case: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Signals, labels and rules, cell by cell; a day on which nobody is in play has no row, and is no error here."""
    cells = list(cells_of(case))
    days = sorted({day for _, day, _ in cells})
    frame = pd.DataFrame(columns=["account_id", "as_of"])
    while days:
        asked = " ".join(f"--as-of {day}" for day in days)
        done = run(folder, f"features {asked} --labels --rules --out DIR/features.parquet")
        if done.exit_code == 0:
            frame = pd.read_parquet(folder / "features.parquet")
            break
        empty = [fault["found"] for fault in _json(done).get("faults", []) if fault["found"].startswith(NOBODY)]
        if not empty:
            yield f"features: exit {done.exit_code}: {done.stderr}"
            return
        days = [day for day in days if NOBODY + day not in empty]
    rows = {(row["account_id"], f"{row['as_of']:%Y-%m-%d}"): row for row in frame.to_dict("records")}
    for account, day, expected in cells:
        row = rows.get((account, day))
        if expected in ("gone", "in play"):
            if (row is None) != (expected == "gone"):
                yield f"{account} on {day}: must be {expected}"
        elif row is None:
            yield f"{account} on {day}: is not in play"
        else:
            for name, value in expected.items():
                if name not in row:
                    yield f"{account} on {day}: no signal {name}"
                elif not agrees(row[name], value):
                    yield f"{account} on {day}: {name}: {in_words(row[name], value)}"


def _checked(case: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """What `check` says; suspects are named one by one, faults and warnings by a part of their text."""
    if "check" not in case:
        return
    must, done = case["check"], run(folder, "check")
    body = _json(done)
    code = 2 if "faults" in must else 1 if must.get("suspects") else 0
    yield from _said({"exit": code} | {key: must[key] for key in ("exit", "says", "figures") if key in must}, done)
    suspects = {suspect["column"]: suspect["why"] for suspect in body.get("suspects", [])}
    if must.get("suspects") == []:
        yield from (f"check suspects {column}: {why}" for column, why in suspects.items())
    yield from (f"check does not suspect {name}" for name in must.get("suspects", ()) if name not in suspects)
    wronged = [name for name in must.get("not_suspects", ()) if name in suspects]
    yield from (f"check suspects {name}: {suspects[name]}" for name in wronged)
    faults = [" ".join(map(str, fault.values())) for fault in body.get("faults", [])]
    for kind, texts in (("faults", faults), ("warnings", body.get("warnings", []))):
        for part in must.get(kind, ()):
            if not any(part.lower() in text.lower() for text in texts):
                yield f"check has no {kind[:-1]} about {part!r}, but {texts or 'none'}"
    for part in must.get("no_warnings", ()):
        yield from (f"check warns: {text}" for text in body.get("warnings", []) if part.lower() in text.lower())


def _proposed(case: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """What `init` writes, by dotted path."""
    if "init" not in case:
        return
    done = run(folder, "init DIR")
    if done.exit_code:
        yield f"init: exit {done.exit_code}: {done.stderr}"
        return
    body = yaml.safe_load((folder / "forewarn.yaml").read_text())
    for path, expected in case["init"].items():
        result = value_at(body, path)
        if isinstance(result, str) and isinstance(expected, list):
            result = []
        if isinstance(result, str) and expected is None and result.startswith(("nothing", "no entry")):
            continue
        if not agrees(result, expected):
            yield f"init: {path}: {in_words(result, expected)}"


def _step(step: Mapping[str, Any], case: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """A command and what must come of it; day, settings and tables of a step hold until the next that has some."""
    if CHANGES & step.keys():
        write_project(folder, merge(dict(case), {key: step[key] for key in CHANGES & step.keys()}))
    yield from _cells(step, folder)
    if "run" not in step:
        return
    try:
        done = run(folder, step["run"], step.get("within", 0))
    except TookTooLong:
        yield f"{step['run']}: took more than {step['within']} seconds"
        return
    yield from (f"{step['run']}: {line}" for line in _said({"exit": 0} | dict(step), done))
    yield from (f"{step['run']}: wrote {name}" for name in step.get("no_files", ()) if (folder / name).exists())


def _said(must: Mapping[str, Any], done: Result) -> Iterator[str]:
    """Exit code, parts of the text, and figures of the JSON answer."""
    text = done.stdout + done.stderr
    if done.exit_code != must["exit"]:
        yield f"exit {done.exit_code}, must be {must['exit']}: {done.stderr[-1500:]}"
    for part in map(str, must.get("says", ())):
        if part.lower() not in text.lower():
            yield f"does not say {part!r}: {done.stderr[-1500:]}"
    for part in map(str, must.get("never_says", ())):
        if part.lower() in text.lower():
            yield f"says {part!r}"
    body = _json(done)
    for path, expected in must.get("figures", {}).items():
        if not agrees(result := value_at(body, path), expected):
            yield f"{path}: {in_words(result, expected)}"
