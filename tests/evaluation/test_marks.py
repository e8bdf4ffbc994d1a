"""Promotions leave a mark that says in words what changed when, and a report shows it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from evaluation.gates import Gate, Verdict
from evaluation.ledger import Ledger
from evaluation.marks import FORCED, PROMOTION, mark_promotion, marks_told
from evaluation.report import write_report
from evaluation.summary import summarise

NOW = pd.Timestamp("2026-03-31 09:30")
GOOD = Verdict((Gate("size", True, 1.0, "at most 50 MB", "small"),))
BAD = Verdict((*GOOD.gates, Gate("auc_alarm", False, 0.99, "below", "too good"), Gate("latency", False, 99, "x", "y")))


@pytest.fixture
def ledger(tmp_path: Path):
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        yield opened


def test_a_promotion_is_marked_in_the_chain(ledger: Ledger) -> None:
    said = mark_promotion(ledger, "3", None, GOOD, None, "user:kim", NOW)
    assert said == "2026-03-31: Version 3 became the champion; every gate let it pass. (user:kim)"
    (row,) = ledger.marks().to_dict("records")
    assert (row["kind"], row["body"], row["asked_by"]) == (PROMOTION, {"version": "3", "before": None}, "user:kim")
    assert ledger.verify().ok


def test_a_forced_one_names_the_gates_the_reason_and_who(ledger: Ledger) -> None:
    mark_promotion(ledger, "3", None, GOOD, None, "user:kim", NOW)
    said = mark_promotion(ledger, "4", "3", BAD, "the feed is mended by Friday", "user:lou", NOW)
    assert said == (
        "2026-03-31: Version 4 was made the champion after version 3 by force, although the gates refused it"
        " (auc alarm, latency). The reason given: the feed is mended by Friday (user:lou)"
    )
    row = ledger.marks(FORCED).to_dict("records")[0]
    assert row["body"]["refused"] == ["auc_alarm", "latency"]
    assert [(one["says"] == said, one["against"]) for one in marks_told(ledger)] == [(False, False), (True, True)]


def test_a_mark_that_nobody_wrote_a_sentence_for_is_still_told(ledger: Ledger) -> None:
    ledger.mark("audit", {"rows": 3}, at=NOW, asked_by="user:kim")
    assert [one["says"] for one in marks_told(ledger)] == ["2026-03-31: audit (rows 3), by user:kim."]


def simulated() -> ModuleType:
    spec = importlib.util.spec_from_file_location("simulated_for_marks", Path(__file__).with_name("simulated.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_report_shows_marks_in_words_and_escaped(ledger: Ledger, tmp_path: Path) -> None:
    made = simulated()
    mark_promotion(ledger, "4", "3", BAD, "<script>alert(1)</script>", "user:kim", NOW)
    judged, baselines = made.company(accounts=200)
    judged["has_signal"] = [row % 4 > 0 for row in range(len(judged))]
    marks = marks_told(ledger)
    files = write_report(judged, baselines, made.settings(tmp_path), tmp_path / "with", {"title": "t"}, marks)
    page, body = files.html.read_text(), json.loads(files.json.read_text())
    assert "by force, although the gates refused it (auc alarm, latency)" in page
    assert "<script>alert" not in page
    assert page.index("Marks: what changed when") < page.index('id="versus"')
    assert body["marks"] == marks
    without = int((~judged.has_signal[judged.churned_90d.notna()]).sum())
    assert any(one.startswith(f"{without:,} of ") and "without a usable signal" in one for one in body["warnings"])
    plain = summarise(judged.drop(columns="has_signal"), baselines, made.settings(tmp_path))
    assert not any("without a usable signal" in one for one in plain["warnings"])
