"""Prepared days: what was written is read, byte for byte; what is damaged is refused; whoever reads one reads on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from configs.errors import DataError
from serving.prepared import PreparedDay, current_day, remove_days, set_current
from tests.serving.prepared_days import ACCOUNTS, header, row_of, write_day


def test_a_day_round_trips(tmp_path: Path) -> None:
    day = PreparedDay.load(write_day(tmp_path / "day", header()))
    assert list(day) == list(ACCOUNTS)
    assert day.header == header()
    assert json.loads(day.score_body("a-2"))["account_id"] == "a-2"
    assert len(json.loads(day.explain_body("a-3"))["all"]) == 2000
    assert day.row_values("a-1") == tuple(row_of("a-1", header()))
    assert day.signals_hash("a-1") == "a-1 2026-01-01"
    assert "nobody" not in day


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "bodies").write_bytes((folder / "bodies").read_bytes()[:-1]),
        lambda folder: (folder / "bodies").write_bytes((folder / "bodies").read_bytes().replace(b"a-2", b"a-9")),
        lambda folder: (folder / "bodies").unlink(),
        lambda folder: (folder / "index.json").write_text("{}"),
        lambda folder: (folder / "index.json").write_text("not json"),
    ],
    ids=["cut short", "changed", "gone", "no index", "no JSON"],
)
def test_a_damaged_day_is_refused(tmp_path: Path, damage: object) -> None:
    folder = write_day(tmp_path / "day", header())
    damage(folder)  # type: ignore[operator]
    with pytest.raises(DataError, match="a prepared day as it was written"):
        PreparedDay.load(folder)


def test_the_newest_day_is_named_and_older_ones_are_removed(tmp_path: Path) -> None:
    assert current_day(tmp_path) is None
    old = PreparedDay.load(write_day(tmp_path / "old", header()))
    new = write_day(tmp_path / "new", header("2"))
    set_current(tmp_path, "new")
    assert current_day(tmp_path) == new
    remove_days(tmp_path, ["new"])
    assert not (tmp_path / "old").exists()
    assert json.loads(old.score_body("a-1"))["model_version"] == "1"  # whoever has it open reads on
