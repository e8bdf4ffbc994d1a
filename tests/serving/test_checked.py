"""What `check` found is kept, and found again only while everything that it read is as it was."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

import features.sources
from configs.errors import DataError
from configs.settings import Settings, TableSource
from features.checks import CheckReport, Suspect
from serving.checked import Checked, keep, kept
from serving.commands.data import check
from serving.project import Project
from tests.features.by_hand import project

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
SUSPECT = Suspect("accounts.mood", "why", "do", False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A year of use of five accounts, one of which left; the last row is of the day after NOW."""
    days = pd.date_range("2023-06-01", "2024-06-02", freq="D")
    names = [f"a{number}" for number in range(5)]
    usage = pd.concat([pd.DataFrame({"account_id": name, "occurred_at": days}) for name in names])
    accounts = pd.DataFrame({"account_id": names, "created_at": days[0]})
    outcomes = pd.DataFrame({"account_id": names[:1], "occurred_at": days[200:201], "kind": "churn"})
    return project(tmp_path, {"accounts": accounts, "usage_events": usage, "outcomes": outcomes}, data_end=None)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[datetime | None]:
    """When sources were opened."""
    times: list[datetime | None] = []
    original = features.sources.open_sources

    def opening(settings: Settings, now: datetime | None = None) -> features.sources.Sources:
        times.append(now)
        return original(settings, now)

    monkeypatch.setattr(features.sources, "open_sources", opening)
    return times


def finding(data_end: str, *suspects: Suspect) -> Checked:
    return Checked(CheckReport("p", (), data_end=data_end, suspects=suspects))


@pytest.mark.slow
def test_the_same_is_found_again_without_a_look_at_the_rows(
    settings: Settings, opened: list[datetime | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(now: datetime) -> Checked:
        with Project(settings, now=now) as again:
            return check(again)

    first = found(NOW)
    assert first.passed
    assert first.report.data_end == "2024-06-02"
    assert first.triggers
    assert found(NOW + timedelta(hours=3)) == first
    assert kept(settings, NOW + timedelta(days=1)) is None  # the data reach a day further
    with Project(settings, now=NOW) as training:
        training.require_no_suspects()
    assert opened == [NOW]
    monkeypatch.setattr(Checked, "passed", False)  # what did not pass is looked at again, and named
    with Project(settings, now=NOW) as training:
        training.require_no_suspects()
    assert opened == [NOW, NOW]


@pytest.mark.parametrize("change", ["nothing", "bytes", "settings", "own signals", "code", "day before", "no clock"])
def test_anything_that_has_changed_is_looked_at_anew(
    settings: Settings, change: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    signals = tmp_path / "signals.py"
    signals.write_text("SIGNALS = ()\n")
    settings = settings.model_copy(update={"signals": signals.name})
    keep(settings, finding("2024-05-01"), NOW)
    now: datetime | None = NOW + timedelta(days=90)
    path = settings.folder / "outcomes.csv"
    if change == "nothing":
        os.utime(path, (0, 0))
    elif change == "bytes":
        path.write_text(path.read_text().replace("a0", "a1"))
    elif change == "settings":
        settings = settings.model_copy(update={"allow_leaking": ("accounts.mood",)})
    elif change == "own signals":
        signals.write_text("SIGNALS = ( )\n")
    elif change == "code":
        (tmp_path / "features").mkdir()
        (tmp_path / "features" / "labels.py").write_text("")
        monkeypatch.setattr("features.sources.opened_before.ROOT", tmp_path)
    elif change == "day before":
        now = NOW - timedelta(days=1)  # rows of a future that was no future any more
    else:
        now = None
    assert (kept(settings, now) is not None) == (change == "nothing")


@pytest.mark.parametrize(("data_end", "holds"), [("2024-06-01", True), ("2024-06-02", False)])
def test_data_that_reach_into_today_hold_for_today(settings: Settings, data_end: str, holds: bool) -> None:
    """Rows of the days ahead count once these have come: then the data's end is another."""
    keep(settings, finding(data_end), NOW)
    assert kept(settings, NOW) == finding(data_end)
    assert (kept(settings, NOW + timedelta(days=1)) is not None) == holds


def test_suspects_are_those_of_the_last_check(settings: Settings) -> None:
    keep(settings, finding("2024-05-01", SUSPECT), NOW)
    with Project(settings, now=NOW) as again:
        assert again.suspects == (SUSPECT,)
        with pytest.raises(DataError, match=r"accounts\.mood"):
            again.require_no_suspects()
        # Sources that are handed in may be others.
        assert Project(settings, now=NOW, sources=again.sources).last_check is None


def test_what_is_not_kept_is_no_fault(settings: Settings) -> None:
    """A query tells of no file; a report with faults is none; a folder may be closed, and a file torn."""
    keep(settings, Checked(CheckReport("p", ())), NOW)
    query = TableSource(query="select 'a1' as account_id")
    keep(settings.model_copy(update={"tables": {**settings.tables, "outcomes": query}}), finding("2024-05-01"), NOW)
    assert not settings.paths.checked.exists()
    keep(settings, finding("2024-05-01"), NOW)
    assert kept(settings, NOW) is not None
    settings.paths.checked.write_text("{")
    assert kept(settings, NOW) is None
    settings.paths.checked.unlink()
    settings.paths.cache.rmdir()
    settings.paths.cache.write_text("")  # no folder can be made in its place
    keep(settings, finding("2024-05-01"), NOW)
    assert kept(settings, NOW) is None
