"""What people expect of a good command: examples, completion, quiet, verbose, a log, a pipe that may be closed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from serving.cli.help import EXAMPLES, commands_of, describe
from serving.cli.main import main
from serving.cli.progress import Verbosity

ROOT = Path(__file__).resolve().parents[3]
LINES = [(name, typed) for name, examples in EXAMPLES for typed, _ in examples]


def test_every_command_has_an_example() -> None:
    assert sorted(name for name, _ in EXAMPLES) == sorted(commands_of(main))


@pytest.mark.parametrize(("name", "typed"), LINES, ids=[f"{name} {typed}".strip() for name, typed in LINES])
def test_an_example_is_understood(name: str, typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exports").mkdir()
    (tmp_path / "landed").mkdir()
    (tmp_path / "project.zip").touch()
    commands_of(main)[name].make_context(name, shlex.split(typed))  # click.UsageError for what it does not take


def test_a_wrong_example_is_not_understood() -> None:
    with pytest.raises(click.UsageError):
        commands_of(main)["train"].make_context("train", ["--retrain"])


def test_the_help_ends_with_them() -> None:
    said = CliRunner().invoke(main, ["keys", "create", "--help"]).output
    assert "  forewarn keys create --role csm --owner csm-01\n" in said


def test_the_page_of_commands_is_current() -> None:
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == describe.page()


def test_a_name_that_is_nearly_one_is_suggested() -> None:
    assert "Did you mean 'train'?" in CliRunner().invoke(main, ["trian"]).output


@pytest.mark.parametrize("shell", ["zsh", "fish"])  # bash is asked for its version first
def test_completion(shell: str) -> None:
    assert "_FOREWARN_COMPLETE" in CliRunner().invoke(main, ["completion", shell]).output


@pytest.mark.parametrize(
    ("says", "shown"),
    [
        (Verbosity(), r"^ +0\.\d s  fitting\n$"),
        (Verbosity(verbose=True), r"^ +0\.\d s +\d+\.\d cpu s +\d+ MB  fitting\n$"),
        (Verbosity(quiet=True), r"^$"),
    ],
)
def test_what_is_said_of_a_step(says: Verbosity, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    with says.progress() as tell:
        tell("fitting")
    answer = capsys.readouterr()
    assert answer.out == ""
    assert re.match(shown, answer.err)


def test_the_log_has_the_steps_the_faults_and_the_end(tmp_path: Path) -> None:
    log = tmp_path / "forewarn.log"
    with Verbosity(quiet=True, log=log).progress() as tell:
        tell("fitting")
    CliRunner().invoke(main, ["--log", str(log), "--config", str(tmp_path / "none.yaml"), "check"])
    lines = log.read_text(encoding="utf-8").splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00  ", line) for line in lines[:3])
    assert lines[0].endswith("  fitting")
    assert lines[1].endswith("  begins: check")
    assert "none.yaml" in "".join(lines[2:-1])
    assert lines[-1].endswith("  ends with 2")


@pytest.mark.parametrize(
    ("code", "ended"), [(0, "ends with 0"), (1, "ends with 1"), (ValueError("no"), "ends with 70")]
)
def test_the_log_says_how_a_command_ended(
    code: int | Exception, ended: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def doctor(_config: Path) -> None:
        if isinstance(code, Exception):
            raise code
        sys.exit(code)

    monkeypatch.setattr("serving.commands.machine.doctor", doctor)
    done = CliRunner().invoke(main, ["--log", str(tmp_path / "log"), "doctor"])
    lines = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert lines[-1].endswith(f"  {ended}")
    assert done.exit_code == int(ended.split()[-1])


def test_a_log_holds_no_argument_of_a_command(tmp_path: Path) -> None:
    log, secret = tmp_path / "log", "postgresql://ledger:hush@host/db"
    CliRunner().invoke(
        main, ["--log", str(log), "restore", str(tmp_path / "none.zip"), str(tmp_path / "d"), "--ledger", secret]
    )
    assert "begins: restore" in log.read_text(encoding="utf-8")
    assert "hush" not in log.read_text(encoding="utf-8")


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["--log", str(tmp_path / "none" / "log"), "doctor"])
    assert done.exit_code == 2
    assert "--log: found" in done.output


def test_quiet_and_verbose_together_are_refused() -> None:
    assert "at most one of them" in CliRunner().invoke(main, ["--quiet", "--verbose", "doctor"]).output


def test_a_reader_that_has_seen_enough_is_no_defect() -> None:
    """As `forewarn ... | head -0`: the pipe is closed before the first line."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", "from serving.cli.main import main; main()", "doctor"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    os.close(write)
    assert (done.returncode, "Traceback" in done.stderr, "defect" in done.stderr) == (141, False, False), done.stderr
