from __future__ import annotations

import os
import sqlite3
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from configs.errors import UsageError
from configs.settings import Trees
from training.fit.fit import fit_models
from training.fit.tuning_result import Study, Trial, Tuned
from training.tracking import registry, reproducibility, run_content, run_files, runs
from training.tracking.model_card import data_sheet
from training.tracking.registry_tables import read_versions
from training.tracking.run_content import model_example

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(settings, tmp_path_factory):
    return settings.model_copy(update={"folder": tmp_path_factory.mktemp("tracked")})


@pytest.fixture(scope="module")
def logged(project, fitted, dataset):
    with pytest.raises(UsageError, match="forewarn train"):
        registry.load_champion(project)
    plots = {"plots/reliability.svg": "<svg/>", "plots/gains.png": b"\x89PNG"}
    nested = [run_content.Nested("fold 2023-01-01", {"origin": "2023-01-01"}, {"auc_90d": 0.79}, {"kind": "fold"})]
    one = runs.log_training(project, fitted, dataset, {"auc_90d": 0.8}, None, plots, nested)
    with pytest.raises(UsageError, match="run `forewarn promote`"):
        registry.load_champion(project)
    return one


def test_the_champion_predicts_what_was_logged(project, logged, fitted, dataset, later):
    assert registry.promote(project) == logged.version == "1"
    champion = registry.load_champion(project)
    assert (champion.version, champion.run_id) == ("1", logged.run_id)
    assert np.array_equal(champion.churn.predict(later).to_numpy(), fitted.churn.predict(later).to_numpy())
    assert np.array_equal(champion.health.predict(later).to_numpy(), fitted.health.predict(later).to_numpy())
    assert champion.schema == dataset.schema
    assert champion.record.metrics == {"auc_90d": 0.8}
    assert champion.record.data_fingerprint == dataset.fingerprint
    assert champion.record.config_version == project.version


def test_a_second_training_is_a_candidate_until_promoted(project, logged, fitted, dataset):
    registry.promote(project, logged.version)
    second = runs.log_training(project, fitted, dataset)
    assert second.version == "2"
    assert registry.load_champion(project).version == "1"
    assert registry.load_version(project, "candidate").version == "2"
    assert [version.aliases for version in registry.versions(project)] == [("champion",), ("candidate",)]
    with pytest.raises(UsageError, match=r"no version 9.*1, 2"):
        registry.promote(project, "9")


def test_nothing_is_pickled(project, logged):
    files = [path for path in project.paths.artifacts.rglob("*") if path.is_file()]
    assert {"model.json", "trees.txt", "health.json", "schema.json", "meta.json", "MLmodel"} <= {
        path.name for path in files
    }
    assert not [path for path in files if path.suffix in {".pkl", ".pickle", ".joblib", ".cloudpickle"}]
    assert not [path for path in files if path.read_bytes()[:1] == b"\x80"]  # how a pickle begins


def test_mlflow_serves_the_same_probabilities(project, logged, fitted, later):
    with registry.connected(project):
        import mlflow

        model = mlflow.pyfunc.load_model(f"models:/{project.name}@candidate")
        rows = later.head(20)
        example = model_example(type("Rows", (), {"signals": rows}), fitted.churn)
        result = model.predict(example)
    assert np.array_equal(result.to_numpy(), fitted.churn.predict(rows.tail(3)).to_numpy())
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_a_run_holds_parameters_fingerprints_figures_pages_and_plots(project, logged, fitted, dataset):
    with registry.connected(project) as client:
        run = client.get_run(logged.run_id)
        top = {artifact.path for artifact in client.list_artifacts(logged.run_id)}
        plots = {artifact.path for artifact in client.list_artifacts(logged.run_id, "plots")}
        card = (project.paths.artifacts / logged.run_id / "artifacts" / "model_card.md").read_text()
        children = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{logged.run_id}'")
    assert run.data.params["trees_num_leaves"] == "4"
    assert run.data.params["chosen"] == fitted.churn.chosen
    assert run.data.tags["data_fingerprint"] == dataset.fingerprint
    assert run.data.tags["config_version"] == project.version
    assert run.data.tags["calibrator_version"] == fitted.churn.calibrator.version
    assert run.data.metrics["auc_90d"] == 0.8
    assert run.data.metrics["purged_log_loss/blend"] == fitted.churn.log["purged_log_loss"]["blend"]
    assert top >= {"model_card.md", "data_sheet.md", "plots"}
    assert plots == {"plots/reliability.svg", "plots/gains.png"}
    assert "| auc_90d | 0.8 |" in card
    for stage, shown in fitted.churn.log["events_by"]["lifecycle_stage"].items():
        assert f"| {stage} | {shown['accounts']} | {shown['churned_accounts']} |" in card
    assert [(child.data.params, child.data.metrics) for child in children] == [
        ({"origin": "2023-01-01"}, {"auc_90d": 0.79})
    ]
    assert children[0].info.status == "FINISHED"


def test_a_backtest_is_added_to_the_run_of_its_data_and_settings(project, fitted, dataset):
    elsewhere = project.model_copy(update={"name": "judged"})
    made = runs.log_training(elsewhere, fitted, dataset)
    folds = [run_content.Nested(f"fold {day}", {"fold": day}, {"auc": auc}) for day, auc in (("a", 0.7), ("b", 0.8))]
    figures = {"90d/auc/value": 0.81, "90d/auc/low": 0.7, "90d/auc/high": 0.9, "90d/rows": 12.0}
    plots = {"plots/reliability.png": b"\x89PNG"}
    for other in (dataset.fingerprint[::-1], dataset.fingerprint):
        run = runs.log_backtest(elsewhere, other, figures, plots, folds)
        assert run == (made.run_id if other == dataset.fingerprint else None)
    seed = elsewhere.training.model_copy(update={"seed": 99})
    changed = elsewhere.model_copy(update={"training": seed})
    assert runs.log_backtest(changed, dataset.fingerprint, figures, plots, folds) is None
    runs.log_backtest(elsewhere, dataset.fingerprint, figures, plots, folds)  # again: its folds are replaced
    with registry.connected(elsewhere) as client:
        run = client.get_run(made.run_id)
        children = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{made.run_id}'")
    assert {name: run.data.metrics[name] for name in figures} == figures
    assert sorted((child.data.params["fold"], child.data.metrics["auc"]) for child in children) == [
        ("a", 0.7),
        ("b", 0.8),
    ]
    assert {child.data.tags["kind"] for child in children} == {"fold"}
    card = run_files.kept_file(elsewhere, made.run_id, "model_card.md").decode()
    assert "| 90d/auc | 0.81 (0.7 to 0.9) |" in card
    assert "| 90d/rows | 12 |" in card
    assert "Not judged yet" not in card
    assert "Interventions are shown beside the signals and are none of them" in card


RENEWED = {
    "as_of": "2024-01-01",
    "churned_accounts_since": 60,
    "from_version": "one",
    "to_version": "two",
    "method": "platt",
}


def test_a_backtest_is_not_added_to_a_renewed_calibration(project, fitted, dataset):
    """It judges the method with learners of its own, and the renewed one has those of another day."""
    elsewhere = project.model_copy(update={"name": "renewed"})
    churn = replace(fitted.churn, log={**fitted.churn.log, "recalibration": RENEWED})
    runs.log_training(elsewhere, replace(fitted, churn=churn), dataset)
    assert runs.log_backtest(elsewhere, dataset.fingerprint, {}, {}, []) is None


def test_a_file_is_kept_with_its_run(project, logged):
    assert run_files.kept_file(project, logged.run_id, "promoted/judged.parquet") is None
    run_files.keep_file(project, logged.run_id, "promoted/judged.parquet", b"rows")
    assert run_files.kept_file(project, logged.run_id, "promoted/judged.parquet") == b"rows"
    with pytest.raises(UsageError, match="leads out of the run"):
        run_files.keep_file(project, logged.run_id, "../rows", b"rows")


def test_the_size_is_that_of_the_files(project, logged):
    model = registry.load_version(project, logged.version)
    files = registry.folder_of(project, logged.version)[0]
    assert model.size_mb == pytest.approx(sum(path.stat().st_size for path in files.rglob("*") if path.is_file()) / 1e6)


def test_an_artifact_stays_within_its_run(project, fitted, dataset):
    with pytest.raises(UsageError, match="leads out of the run"):
        runs.log_training(project, fitted, dataset, artifacts={"../../elsewhere.txt": "x"})


def test_a_version_is_rebuilt_from_what_it_names(project, simulate):
    small = simulate(accounts=250, months=18, seed=5, level=-4.0)[1]
    elsewhere = project.model_copy(update={"name": "small"})
    made = runs.log_training(elsewhere, fit_models(small, elsewhere), small)
    result = reproducibility.verify_version(elsewhere, made.run_id, small)
    assert result.same, str(result)
    other = replace(small, fingerprint="fedcba9876543210")
    training = elsewhere.training.model_copy(update={"seed": 8})
    with pytest.raises(UsageError, match=r"data: found trained on 0123.*[\s\S]*settings: found"):
        reproducibility.verify_version(elsewhere.model_copy(update={"training": training}), made.version, other)
    model = registry.folder_of(elsewhere, made.version)[0] / "churn" / "model.json"
    model.write_text(model.read_text() + " ")
    for parse in (
        lambda: reproducibility.verify_version(elsewhere, made.run_id, small),
        lambda: runs.log_backtest(elsewhere, small.fingerprint, {}, {}, []),
        lambda: registry.cuts_of_version(elsewhere, made.version),
        lambda: registry.load_version(elsewhere, made.version),
    ):
        with pytest.raises(UsageError, match=r"churn/model\.json: .*as it was registered"):
            parse()


def test_the_trials_of_a_tuning_are_child_runs():
    trials = (
        Trial(0, "COMPLETE", 0.5, {"num_leaves": 4}),
        Trial(1, "PRUNED", 0.4, {"num_leaves": 9}),
        Trial(2, "FAIL", None, {"num_leaves": 5}),
    )
    study = Study("s", 3, 1, Trees(), 0.5, Trees(), 0.5, 0.0, 0.0, False, "no better", ())
    result = run_content.trial_runs(Tuned(Trees(), False, study, trials))
    # The loss of fewer origins does not stand beside those of all of them.
    assert [run.metrics for run in result] == [{"purged_log_loss": 0.5}, {"purged_log_loss_until_pruned": 0.4}, {}]
    states = {run.name: run.tags["state"] for run in result}
    assert states == {"trial 0": "COMPLETE", "trial 1": "PRUNED", "trial 2": "FAIL"}


def test_the_data_sheet_counts_only_labels_that_have_matured(dataset, project):
    text = data_sheet(dataset, project, dataset.fingerprint)
    end = dataset.labels["as_of"] + pd.Timedelta(days=180)
    known = end <= dataset.data_end
    churned = known & (dataset.labels["churn_at"] < end)
    assert f"| 180 days | {known.sum():,} | {churned.sum():,} | {churned.sum() / known.sum():.4f} |" in text
    missing = dataset.signals["nps"].isna().mean()
    assert f"| nps | relationship | number | {missing:.1%} |" in text


def test_versions_read_from_the_tables_are_those_that_mlflow_tells(project, logged, fitted, dataset):
    registry.promote(project, logged.version)
    runs.log_training(project, fitted, dataset)
    with registry.connected(project) as client:
        told = registry.versions_by(project, client)
        client.delete_model_version(project.name, runs.log_training(project, fitted, dataset).version)
        after = registry.versions_by(project, client)
    read = registry.versions(project)
    assert [replace(version, folder=None) for version in read] == list(after)
    assert [(version.number, version.run_id) for version in read] == [(one.number, one.run_id) for one in told]
    assert all(version.folder is not None for version in read)
    assert registry.folder_of(project, "champion")[0].is_dir()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "sqlite:///{folder}/none.db", "sqlite:///{folder}/other.db"])
def test_what_is_no_database_of_mlflow_is_left_to_mlflow(tmp_path, url):
    sqlite3.connect(tmp_path / "other.db").close()
    assert read_versions(url.format(folder=tmp_path), "forewarn") is None
