"""Templates in a real Spark, which reads their SQL as translated; all by `tests/benchmarks/spark_templates.py`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[4]


def test_spark_reads_a_template() -> None:
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'forewarn[spark]'")
    if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        pytest.skip("no Java here, on which Spark runs (Debian: default-jre-headless)")
    script = ROOT / "tests" / "benchmarks" / "spark_templates.py"
    done = subprocess.run([sys.executable, script, "zendesk"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert "queries of 1 templates, 0 refused" in done.stdout
    assert not done.stdout.startswith("0 queries")
