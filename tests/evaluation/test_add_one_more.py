"""What CONTRIBUTING promises: one function and one entry, and the new figure stands in the report and in the gates."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SHARE_OF_HALF = '''

def right_side(y: Array, p: Array) -> float:
    """Share of rows whose probability lies on the side of one half that came true."""
    return float(((p >= 0.5) == (y == 1)).mean())


METRICS = (*METRICS, Metric("right_side", "On the right side of one half", "higher", 0, 1, right_side))
'''
RUN = """
import json, sys
from pathlib import Path
from configs.settings import MetricLimit
from evaluation.promotion import Measured, evaluate_gates
from evaluation.report import ReportInputs, write_report
from tests.evaluation.simulated import company, settings

judged, baselines = company(150)
project = settings()
meta = {"source": "backtest", "created": "2026-01-01"}
write_report(ReportInputs(judged, baselines), project, Path(sys.argv[1]), meta)
limits = {"right_side": MetricLimit(at_least=0.999)}
gated = project.model_copy(update={"evaluation": project.evaluation.model_copy(update={"metric_limits": limits})})
rules = judged[["account_id", "as_of", "p_churn_90d"]].assign(model="rules")
verdict = evaluate_gates(judged, rules, gated, Measured(), "logistic")
(answer,) = [gate for gate in verdict.gates if gate.name == "right_side"]
print(json.dumps({"passed": answer.passed, "figure": answer.figure, "limit": answer.limit}))
"""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code as a contributor has it, where a file may be changed."""
    root = tmp_path_factory.mktemp("copy")
    for name in ("configs", "features", "training", "evaluation", "tests"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def run(root: Path, *arguments: str) -> Any:
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", RUN, *arguments]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_a_metric_that_is_registered_stands_in_the_report_and_in_a_gate(copied: Path, tmp_path: Path) -> None:
    registry = copied / "evaluation/metrics/registry.py"
    registry.write_text(registry.read_text(encoding="utf-8") + SHARE_OF_HALF, encoding="utf-8")
    answer = run(copied, str(tmp_path))
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    figures = {horizon["days"]: horizon["right_side"] for horizon in report["horizons"]}
    assert set(figures[90]) == {"value", "low", "high"}
    assert figures[90]["low"] < figures[90]["value"] < figures[90]["high"]
    assert "On the right side of one half" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert answer == {"passed": False, "figure": pytest.approx(figures[90]["value"]), "limit": "at least 0.999"}
