from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from training.fit.fit import fit_models
from training.tracking.reproducibility import save_fitted, verify

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]


def with_workers(settings, workers: int):
    return settings.model_copy(update={"training": settings.training.model_copy(update={"workers": workers})})


@pytest.fixture(scope="module")
def small(simulate):
    return simulate(accounts=250, months=18, seed=5, level=-4.0)[1]


@pytest.fixture(scope="module")
def saved(small, settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    save_fitted(fit_models(small, with_workers(settings, 1)), folder)
    return folder


def test_two_at_once_give_the_same_bytes(small, settings, saved):
    result = verify(saved, small, with_workers(settings, 2))
    assert result.same, str(result)
    assert set(result.files) == {"churn/model.json", "churn/trees.txt", "health/health.json"}
    assert str(result).startswith("rebuilt byte for byte")
    assert with_workers(settings, 1).version == with_workers(settings, 2).version


def test_the_file_that_differs_is_named_and_what_in_it(small, settings, saved):
    churn_at = small.labels["churn_at"].copy()
    account = small.labels.loc[churn_at.notna(), "account_id"].iloc[0]
    churn_at[small.labels["account_id"] == account] = None
    result = verify(saved, replace(small, labels=small.labels.assign(churn_at=churn_at)), settings)
    assert not result.same
    assert any(line.startswith("churn/model.json: ") and "linear" in line for line in result.differences)
    assert any(line.startswith("churn/trees.txt: from line") for line in result.differences)


def test_a_file_too_many_is_named(small, settings, saved):
    extra = saved / "churn" / "extra.txt"
    extra.write_text("x")
    try:
        assert verify(saved, small, settings).differences == ("churn/extra.txt: only in the model",)
    finally:
        extra.unlink()


FIT = """
import importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("conftest_of_training", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = module
spec.loader.exec_module(module)
from training.fit import fit_models
from training.tracking.reproducibility import save_fitted
made = module.simulator.simulate(accounts=250, months=18, seed=5, level=-4.0)
save_fitted(fit_models(module.dataset_of(made), module.project_settings(Path(sys.argv[2]))), Path(sys.argv[2]))
"""


def test_the_same_bytes_in_other_processes_on_one_or_two_threads(saved, tmp_path):
    for threads in ("1", "2"):
        out = tmp_path / threads
        out.mkdir()
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            environment[name] = threads
        command = [sys.executable, "-c", FIT, str(Path(__file__).parents[1] / "conftest.py"), str(out)]
        subprocess.run(command, check=True, env=environment, cwd=ROOT)
        for name in ("churn/model.json", "churn/trees.txt", "health/health.json"):
            assert (out / name).read_bytes() == (saved / name).read_bytes(), (threads, name)
