"""`check --fix`: the mend of a mapping as a diff of its own text, applied on demand, its comments kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from serving.setup import fix
from serving.setup.fix import mended

NOW = datetime(2026, 11, 29, tzinfo=UTC)
YAML = """# ours
tables:
  accounts:
    from: accounts.csv          # of the CRM
    columns: {created_at: signup_dat, segment: tier}
    attributes: [industry, is_churned]
  contracts:
    from: contracts.csv
  tickets:
    from: tickets.csv
    columns:
      opened_at: opened
      ticket_id: id
"""
FILES = {
    "accounts": "account_id,signup_date,tier,industry\na,2023-01-01,x,bank\nb,2023-01-02,y,shop\n",
    "contracts": "account_id,starts_at,ends_at\na,2023-01-01,2024-01-01\na,2023-01-01,2024-01-01\nb,,2024-01-01\n",
    "tickets": "account_id,opened,id\na,31.01.2023,1\nb,01.02.2023,2\n",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / f"{name}.csv").write_text(text)
    (tmp_path / "forewarn.yaml").write_text(YAML.replace(", is_churned", ""))
    return tmp_path / "forewarn.yaml"


def test_faults_are_mended_as_a_diff_and_written_on_demand(path: Path) -> None:
    before = path.read_text()
    shown = fix(path, NOW)
    assert path.read_text() == before
    assert "-    columns: {created_at: signup_dat, segment: tier}" in shown.diff
    assert "+    columns: {created_at: signup_date, segment: tier}" in shown.diff
    assert "strptime" in shown.diff
    assert not shown.is_sound
    done = fix(path, NOW, write=True)
    assert done.is_sound, done.left
    assert "# of the CRM" in path.read_text()
    again = fix(path, NOW)
    assert (again.diff, again.left) == ("", ())
    assert [one.name for one in path.parent.iterdir() if one.name.startswith(".forewarn-")] == []


def test_a_column_under_suspicion_is_taken_out() -> None:
    text, left = mended(YAML, (), {"accounts.is_churned": "sounds like after the fact"})
    assert yaml.safe_load(text)["tables"]["accounts"]["attributes"] == ["industry"]
    text, left = mended(YAML, (), {"accounts.segment": "x", "tickets.ticket_id": "y", "contracts.arr": "z"})
    assert yaml.safe_load(text)["tables"]["accounts"]["columns"] == {"created_at": "signup_dat"}
    assert yaml.safe_load(text)["tables"]["tickets"]["columns"] == {"opened_at": "opened"}
    assert left == ("contracts.arr: z",)


def test_what_only_somebody_can_say_is_left(path: Path) -> None:
    (path.parent / "tickets.csv").write_text("account_id,opened,id\na,31/01/2023,1\nb,01/02/2023,2\n")
    shown = fix(path, NOW)
    assert any("day and month with slashes" in one for one in shown.left)
