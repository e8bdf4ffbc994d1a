"""What a project opens, it opens once, and closes; what it was given, it leaves open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

import features.checks
import features.sources
from configs.errors import DataError, UsageError
from configs.settings import Settings
from configs.settings_file import load_settings
from evaluation.ledger import Ledger
from features.checks import Suspect
from serving.cli.main import main
from serving.project import Project

TABLES = {"accounts": {"from": "accounts.csv"}, "contracts": {"from": "contracts.csv"}}


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(tables=TABLES)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often sources and ledgers were opened, and columns looked through for what knows the future."""
    opened: Counter[str] = Counter()

    def watch(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def counting(*arguments: Any, **named: Any) -> Any:
            opened[name] += 1
            return original(*arguments, **named)

        monkeypatch.setattr(owner, name, counting)

    watch(features.sources, "open_sources")
    watch(features.checks, "find_suspects")
    watch(Ledger, "open")
    return opened


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "ledgers"),
    [
        (["check"], 0),
        (["train"], 0),
        (["backtest"], 1),
        (["promote"], 1),
        (["weights"], 0),
        (["score"], 1),
        (["outcomes"], 1),
        (["monitor"], 1),
        (["report"], 1),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_opens_each_thing_once(
    project: Path, counted: Counter[str], arguments: list[str], ledgers: int
) -> None:
    load_settings(project / "forewarn.yaml").paths.checked.unlink(missing_ok=True)  # what `check` found spares a look
    done = CliRunner().invoke(main, ["--config", str(project / "forewarn.yaml"), *arguments])
    assert done.exit_code in (0, 1), done.output
    assert counted["open_sources"] == 1
    assert counted["open"] == ledgers
    assert counted["find_suspects"] == (1 if arguments[0] in ("train", "backtest", "promote", "weights") else 0)


def test_nothing_is_opened_before_it_is_asked_for(settings: Settings, counted: Counter[str]) -> None:
    with Project(settings) as project:
        assert not project.has_ledger
        assert project.ledger_or_none is None
        with pytest.raises(UsageError, match="forewarn score"):
            _ = project.written_ledger
    assert counted == Counter()


def test_signals_that_were_kept_know_their_tables_as_those_just_built(
    settings: Settings, write_tables: Callable[..., None]
) -> None:
    """Drift puts a move down to an outage by a signal's tables and window: a report reads them from the kept file."""
    days = pd.date_range("2023-01-01", periods=6, freq="60D")
    accounts = pd.DataFrame({"account_id": list("abcdef"), "created_at": days})
    contracts = accounts.rename(columns={"created_at": "starts_at"})
    contracts = contracts.assign(ends_at=contracts.starts_at + pd.Timedelta(days=730), arr=100.0)
    write_tables({"accounts": accounts, "contracts": contracts})
    with Project(settings) as project:
        built = project.dataset
    with Project(settings) as project:
        frame, schema = project.history
        assert "dataset" not in project.__dict__  # read, not built again
    assert schema == built.schema
    assert any(info.tables == ("contracts",) and info.windows_days for info in schema.signals)
    pd.testing.assert_frame_equal(frame, built.signals)


def test_the_ledger_is_made_once_and_closed(settings: Settings, counted: Counter[str]) -> None:
    with Project(settings) as project:
        assert project.ledger is project.ledger is project.written_ledger
        assert project.has_ledger
    assert counted["open"] == 1


def test_a_borrowed_project_shares_and_closes_nothing(settings: Settings, counted: Counter[str]) -> None:
    closed: list[str] = []
    sources: Any = SimpleNamespace(close=lambda: closed.append("sources"))
    with Project(settings, sources=sources) as project:
        other = settings.model_copy(update={"name": "other"})
        with project.borrowed(settings=other) as borrowed:
            assert borrowed.settings.name == "other"
            assert borrowed.sources is sources
            assert borrowed.ledger is project.ledger
        assert closed == []
    assert closed == []  # it was given, so whoever opened it closes it
    assert counted["open"] == 1


def test_every_suspect_that_is_not_allowed_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    suspects = (Suspect("accounts.mood", "why", "do", False), Suspect("accounts.plan", "why", "do", True))
    monkeypatch.setattr(Project, "suspects", suspects)
    with pytest.raises(DataError) as refused:
        Project(settings, sources=SimpleNamespace()).require_no_suspects()  # type: ignore[arg-type]
    assert [fault.where for fault in refused.value.faults] == ["accounts.mood"]
