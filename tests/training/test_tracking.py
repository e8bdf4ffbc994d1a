from __future__ import annotations

import os

import numpy as np
import pytest

from configs.errors import UsageError
from training import tracking


@pytest.fixture(scope="module")
def project(settings, tmp_path_factory):
    return settings.model_copy(update={"folder": tmp_path_factory.mktemp("tracked")})


@pytest.fixture(scope="module")
def logged(project, fitted, dataset):
    with pytest.raises(UsageError, match="forewarn train"):
        tracking.load_champion(project)
    one = tracking.log_training(project, fitted, dataset, {"auc_90d": 0.8})
    with pytest.raises(UsageError, match="run `forewarn promote`"):
        tracking.load_champion(project)
    return one


def test_the_champion_predicts_what_was_logged(project, logged, fitted, dataset, later):
    assert tracking.promote(project) == logged.version == "1"
    champion = tracking.load_champion(project)
    assert (champion.version, champion.run_id) == ("1", logged.run_id)
    assert np.array_equal(champion.churn.predict(later).to_numpy(), fitted.churn.predict(later).to_numpy())
    assert np.array_equal(champion.health.predict(later).to_numpy(), fitted.health.predict(later).to_numpy())
    assert champion.schema == dataset.schema
    assert champion.meta["metrics"] == {"auc_90d": 0.8}
    assert champion.meta["data_fingerprint"] == dataset.fingerprint
    assert champion.meta["config_version"] == project.version


def test_a_second_training_is_a_candidate_until_promoted(project, logged, fitted, dataset):
    tracking.promote(project, logged.version)
    second = tracking.log_training(project, fitted, dataset)
    assert second.version == "2"
    assert tracking.load_champion(project).version == "1"
    assert tracking.load_version(project, "candidate").version == "2"
    assert [row["aliases"] for row in tracking.versions(project)] == [["champion"], ["candidate"]]
    with pytest.raises(UsageError, match=r"no version 9.*1, 2"):
        tracking.promote(project, "9")


def test_nothing_is_pickled(project, logged):
    files = [path for path in (project.state_dir / "artifacts").rglob("*") if path.is_file()]
    assert {"model.json", "trees.txt", "health.json", "schema.json", "meta.json", "MLmodel"} <= {
        path.name for path in files
    }
    assert not [path for path in files if path.suffix in {".pkl", ".pickle", ".joblib", ".cloudpickle"}]
    assert not [path for path in files if path.read_bytes()[:1] == b"\x80"]  # how a pickle begins


def test_mlflow_serves_the_same_probabilities(project, logged, fitted, later):
    with tracking._client(project):
        import mlflow

        model = mlflow.pyfunc.load_model(f"models:/{project.name}@candidate")
        rows = later.head(20)
        example = tracking._example(type("Rows", (), {"signals": rows}), fitted.churn)
        found = model.predict(example)
    assert np.array_equal(found.to_numpy(), fitted.churn.predict(rows.tail(3)).to_numpy())
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
