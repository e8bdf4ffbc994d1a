"""CONTRIBUTING's recipe for one more kind of alert, followed to the letter on a copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.alerts import AlertKindName
from serving.alerts.kinds import KINDS
from tests.copied_project import Copy

FINDER = """def _gone(pair: ScorePair) -> Iterator[Change]:
    if pair.after.p < 0.01 <= pair.before.p:
        yield Change("gone", "", "Next to no risk is left", is_risk=False)


"""
CASES = """

def test_a_risk_that_is_gone(ledger, alert_settings, monkeypatch):
    score(ledger, "2024-01-01", ["low"], p_churn_90d=0.4)
    score(ledger, "2024-02-01", ["low"], p_churn_90d=0.001)
    raised(ledger, alert_settings())
    assert told(ledger) == {"000": [("gone", "")]}
    score(ledger, "2024-03-01", ["low"], p_churn_90d=0.0009)
    raised(ledger, alert_settings())
    assert len(Outbox(ledger).alerts()) == 1
"""


def test_settings_and_page_know_every_kind() -> None:
    names = [kind.name for kind in KINDS]
    page = (Path(__file__).resolve().parents[3] / "docs" / "alerts.md").read_text(encoding="utf-8")
    assert list(AlertKindName.__args__) == names
    assert [name for name in names if f"| `{name}` |" not in page] == []


@pytest.mark.slow
def test_one_more_kind(tmp_path: Path) -> None:
    project = Copy(tmp_path / "project")
    tests = "tests/serving/alerts"
    laws = ("-m", "pytest", "-q", "-n", "0", f"{tests}/test_raising.py", f"{tests}/test_one_more_kind.py")
    laws = (*laws, "-k", "every_kind or is_gone or test_changes")
    project.put("serving/alerts/kinds.py", "KINDS: tuple", FINDER)
    project.put(
        "serving/alerts/kinds.py", '    AlertKind("outage"', '    AlertKind("gone", "No risk is left", _gone),\n'
    )
    project.refused(*laws)  # neither the settings nor the page know it
    project.put("configs/alerts.py", '"outage"]', '"gone", ')
    project.put("docs/alerts.md", "| `outage` |", "| `gone` | the probability fell below one in a hundred |\n")
    project.add(f"{tests}/test_raising.py", CASES)
    project.run(*laws)
