"""`check --fix`: the mend of a mapping as a diff of its own text, applied on demand, its comments kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from features.sources import Refusal
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
    text, left = mended(YAML, (), {"accounts.is_churned": Refusal("sounds like after the fact")})
    assert yaml.safe_load(text)["tables"]["accounts"]["attributes"] == ["industry"]
    suspects = {"accounts.segment": Refusal("x"), "tickets.ticket_id": Refusal("y"), "contracts.arr": Refusal("z")}
    text, left = mended(YAML, (), suspects)
    assert yaml.safe_load(text)["tables"]["accounts"]["columns"] == {"created_at": "signup_dat"}
    assert yaml.safe_load(text)["tables"]["tickets"]["columns"] == {"opened_at": "opened"}
    assert left == ("contracts.arr: z",)


@pytest.mark.parametrize("measures", ["measures: [effort, length]", "measures:\n      - effort\n      - length"])
def test_a_measure_that_is_known_later_is_tied_to_its_moment(measures: str, path: Path) -> None:
    days = range(10, 28)
    resolved = [f"a,2023-03-{day},2023-03-{day + 3},t{day},72,{day}\n" for day in days]
    (path.parent / "tickets.csv").write_text("account_id,opened,solved,id,effort,length\n" + "".join(resolved))
    contracts = "account_id,starts_at,ends_at\na,2023-01-01,2024-01-01\nb,2023-01-01,2024-01-01\n"
    (path.parent / "contracts.csv").write_text(contracts)
    text = YAML.replace(", is_churned", "").replace("signup_dat", "signup_date")
    path.write_text(
        text.replace("      ticket_id: id", f"      ticket_id: id\n      resolved_at: solved\n    {measures}")
    )
    done = fix(path, NOW, write=True)
    assert done.is_sound, done.left
    tickets = yaml.safe_load(path.read_text())["tables"]["tickets"]
    assert (tickets["measures"], tickets["known_from"]) == (["effort", "length"], {"effort": "resolved_at"})
    assert "# of the CRM" in path.read_text()


def test_what_only_somebody_can_say_is_left(path: Path) -> None:
    (path.parent / "tickets.csv").write_text("account_id,opened,id\na,31/01/2023,1\nb,01/02/2023,2\n")
    shown = fix(path, NOW)
    assert any("day and month with slashes" in one for one in shown.left)
