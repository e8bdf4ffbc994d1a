"""CONTRIBUTING's recipe for one more gate, followed to the letter on a copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.copied_project import Copy

GATE = """def _not_certain(inputs: GateInputs) -> GateResult:
    highest = float(inputs.rows.p.max())
    return GateResult("not_certain", highest < 1, highest, "below 1", f"the highest probability is {highest:.3f}")


"""
LINE = "| `not_certain` | an account is certain to leave |\n"
PLANT = """

def test_a_certain_churn_is_refused(clean: Clean) -> None:
    judged, baselines = clean
    judged.loc[0, "p_churn_90d"] = 1.0
    assert "not_certain" in refused(verdict(judged, baselines))
"""


@pytest.mark.slow
def test_one_more_gate(tmp_path: Path) -> None:
    """It judges a promotion beside the others, whose clean candidate it lets through; the page of checks names it."""
    project = Copy(tmp_path / "project")
    gates, page = "evaluation/promotion/gates.py", "docs/checks.md"
    project.put(gates, "GATES: tuple", GATE)
    project.put(gates, '    Gate("newest_level", newest_level)', '    Gate("not_certain", _not_certain),\n')
    laws = ("-m", "pytest", "-q", "-n", "0", "tests/evaluation/promotion/test_gates.py")
    laws = (*laws, "-k", "clean_candidate or page_of_checks or certain_churn")
    assert "not_certain" in project.refused(*laws)
    project.put(page, "| `suspects`, `checks` |", LINE)
    project.add("tests/evaluation/promotion/test_gates.py", PLANT)
    project.run(*laws)
