"""What is known of the sources from when they were opened last spares its queries, and changes nothing that is read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from configs.errors import SourceError
from configs.settings import Settings
from configs.settings_file import DEFAULT_FILE, merge, read_body, settings_from
from features.sources import account_ids, reading, validation
from features.sources.row_answers import RowAnswers
from features.sources.sources import Sources, open_sources

NOW = pd.Timestamp("2024-06-01 12:00", tz="UTC")
DAYS = pd.date_range("2024-01-01", "2024-05-01", freq="D")


def write(folder: Path, **changes: object) -> None:
    """Typed tables without a fault: an attribute in words, users' ids with a blank, facts of a millisecond."""
    names = [f"a{number}" for number in range(4)]
    tables = {
        "accounts": pd.DataFrame({"account_id": names, "created_at": DAYS[0], "industry": ["x", "y", "x", None]}),
        "usage_events": pd.DataFrame(
            {"account_id": [names[0]] * len(DAYS), "occurred_at": DAYS + pd.Timedelta("1ms"), "user_id": " u1 "}
        ),
        "outcomes": pd.DataFrame({"account_id": names[1:2], "occurred_at": DAYS[9:10], "kind": "churn"}),
    }
    for name, table in tables.items():
        table.assign(**changes.get(name, {})).to_parquet(folder / f"{name}.parquet")  # type: ignore[arg-type]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / ".forewarn").mkdir()
    write(tmp_path)
    tables: dict[str, object] = {name: {"from": f"{name}.parquet"} for name in ("usage_events", "outcomes")}
    tables["accounts"] = {"from": "accounts.parquet", "attributes": ["industry"]}
    return settings_from(merge(read_body(DEFAULT_FILE), {"tables": tables, "churn": {"kind": "outcome"}}), tmp_path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which of the questions were put, and of what."""
    put: list[str] = []
    ask, versions, known = validation._ask, reading.versions_of, account_ids._other_spelling
    monkeypatch.setattr(validation, "_ask", lambda *given: (put.append("values"), ask(*given))[1])
    monkeypatch.setattr(reading, "versions_of", lambda *given: (put.append("versions"), versions(*given))[1])
    monkeypatch.setattr(account_ids, "_other_spelling", lambda *given: (put.append("spellings"), known(*given))[1])
    return put


def content(sources: Sources) -> dict[str, object]:
    rows = {name: sources.engine.to_pandas(table).to_csv() for name, table in sources.tables.items()}
    facts = {"end": sources.data_end, "unit": sources.data_end.unit, "fingerprint": sources.fingerprint}
    return {**rows, **facts, "warnings": sources.warnings, "attributes": sources.attributes}


def test_nothing_is_asked_twice_and_everything_read_is_the_same(settings: Settings, asked: list[str]) -> None:
    first = content(open_sources(settings, NOW))
    assert {"values", "versions", "spellings"} == set(asked)
    asked.clear()
    assert content(open_sources(settings, NOW + pd.Timedelta(days=3))) == first
    assert content(open_sources(settings)) == first  # who has no clock asks less
    assert asked == []


@pytest.mark.parametrize("change", ["bytes", "settings", "day before", "state folder"])
def test_anything_that_has_changed_is_asked_anew(settings: Settings, asked: list[str], change: str) -> None:
    open_sources(settings, NOW)
    asked.clear()
    now = NOW
    if change == "bytes":
        write(settings.folder, outcomes={"account_id": "a2"})
    elif change == "settings":
        settings = settings.model_copy(update={"timezone": "Europe/Berlin"})
    elif change == "day before":
        now = NOW - pd.Timedelta(days=1)
    else:
        settings.paths.opened.write_text("[")
    open_sources(settings, now)
    assert "values" in asked


def test_a_fault_is_found_however_often_it_is_looked_for(settings: Settings) -> None:
    open_sources(settings, NOW)
    write(settings.folder, usage_events={"occurred_at": NOW.tz_localize(None) + pd.Timedelta(days=9)})
    for _ in range(2):
        with pytest.raises(SourceError, match="dated after today"):
            open_sources(settings, NOW)


def test_without_a_clock_nothing_is_kept_for_one(settings: Settings, asked: list[str]) -> None:
    """Rows of the future are sound for whoever does not ask what day it is, and for nobody else."""
    write(settings.folder, usage_events={"occurred_at": NOW.tz_localize(None) + pd.Timedelta(days=9)})
    open_sources(settings)
    with pytest.raises(SourceError, match="dated after today"):
        open_sources(settings, NOW)


def test_no_state_folder_is_made(settings: Settings) -> None:
    settings.paths.folder.rmdir()
    open_sources(settings, NOW)
    assert not settings.paths.folder.exists()


def test_answers_round_trip() -> None:
    times = {"oldest": pd.Timestamp("2024-01-01 00:00:00.000001"), "newest": pd.Timestamp("2024-02-01").as_unit("ns")}
    answers = RowAnswers(3, **times, counts={"plan|odd": 0}, examples={"plan|odd": "x"})
    read = RowAnswers.from_json(answers.to_json())
    assert read == answers
    assert read.newest is not None
    assert read.newest.unit == "ns"
    assert RowAnswers.from_json(RowAnswers().to_json()) == RowAnswers()
