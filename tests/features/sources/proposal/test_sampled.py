"""Large files: whole lines from all over them, rows drawn where lines are no rows, and one exact scan."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from features.sources.proposal import sampled
from features.sources.proposal.propose import propose_mapping

ROWS = 30_000


@pytest.fixture(autouse=True)
def small_files_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampled, "LARGE_BYTES", 200_000)
    monkeypatch.setattr(sampled, "SAMPLE_BYTES", 60_000)


@pytest.mark.parametrize("text", ["plain", '"two\nlines, quoted"'])
@pytest.mark.parametrize("ending", ["\n", ""])
def test_a_sample_has_whole_rows_from_all_over(text: str, ending: str, tmp_path: Path) -> None:
    path, out = tmp_path / "a.csv", tmp_path / "sample.csv"
    path.write_text("\n".join(["n,text", *(f"{n},{text}" for n in range(ROWS))]) + ending)
    assert sampled.is_large([str(path)])
    sampled.write_samples([str(path)], {str(path): out})
    assert out.stat().st_size == pytest.approx(60_000, rel=0.2)
    frame = pd.read_csv(out)
    assert set(frame.text) == {text.strip('"')}
    assert frame.n.between(0, ROWS - 1).all()
    assert frame.n.is_unique
    assert frame.n.quantile([0.25, 0.5, 0.75]).tolist() == pytest.approx([7_500, 15_000, 22_500], rel=0.1)


def test_lines_of_json_too_but_nothing_packed(tmp_path: Path) -> None:
    path, out = tmp_path / "a.jsonl", tmp_path / "sample.jsonl"
    path.write_text("".join(json.dumps({"n": n, "said": 'a "word'}) + "\n" for n in range(ROWS)))
    sampled.write_samples([str(path)], {str(path): out})
    assert all(json.loads(line)["said"] == 'a "word' for line in out.read_text().splitlines())
    (tmp_path / "a.csv.gz").write_bytes(b"0" * 300_000)
    assert not sampled.is_large([str(tmp_path / "a.csv.gz")])


def test_the_proposal_counts_all_rows_and_finds_the_empty_one(tmp_path: Path) -> None:
    accounts = [f"c{n},2023-01-0{1 + n % 9}" for n in range(50)]
    (tmp_path / "customers.csv").write_text("\n".join(["customer_id,signup_date", *accounts]))
    usage = [f"c{n % 50},2023-0{1 + n % 9}-11 10:00:00,{n % 7}" for n in range(ROWS)]
    usage[17_123] = ",2023-01-11 10:00:00,1"
    usage[21_000] = "c1,2022-12-31 10:00:00,1"
    (tmp_path / "usage.csv").write_text("\n".join(["customer_id,occurred_at,clicks", *usage]))
    text = propose_mapping(tmp_path).text()
    assert f"# {ROWS:,} rows" in text
    assert "# 1 rows without customer_id are left out" in text
    assert "2022-12-31 to 2023-09-11" in text
    query = yaml.safe_load(text)["tables"]["usage_events"]["query"]
    assert query == "select * from 'usage.csv' where \"customer_id\" is not null"
