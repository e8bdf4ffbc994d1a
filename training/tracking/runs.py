"""What a training, a backtest and a tuning leave in MLflow: one run each, with nested runs, and the model's version.

Only this file, run_files.py and registry.py import MLflow, inside their functions (registry.py says why), and
pyfunc_model.py, which MLflow itself runs.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from configs.settings import Settings
from training.fit import Fitted
from training.model import ChurnModel
from training.tracking.check_values import CheckValues
from training.tracking.digests import TAG, file_digests
from training.tracking.model_card import data_sheet, model_card
from training.tracking.model_record import ModelRecord
from training.tracking.registry import CANDIDATE, connected, folder_of, versions_by
from training.tracking.reproducibility import TrackedData, save_fitted
from training.tracking.run_content import Nested, model_example, run_facts, run_params
from training.tracking.run_files import log_files, write_files

if TYPE_CHECKING:
    from mlflow import MlflowClient

REQUIREMENTS = ("lightgbm", "mlflow", "numpy", "pandas", "scipy")
TAGGED = ("config_version", "calibrator_version", "data_fingerprint", "data_end")


@dataclass(frozen=True)
class Logged:
    """The run and registered version that a training became."""

    run_id: str
    version: str


def log_training(
    settings: Settings,
    fitted: Fitted,
    dataset: TrackedData,
    metrics: Mapping[str, float] | None = None,
    params: Mapping[str, object] | None = None,
    artifacts: Mapping[str, str | bytes] | None = None,
    nested: Sequence[Nested] = (),
) -> Logged:
    """Logs the run, registers the model under settings.name and points the alias `candidate` at the new version.

    Parameters
    ----------
    settings, fitted, dataset : Settings, Fitted, TrackedData
        What was trained, how and on what.
    metrics : mapping of str to float, optional
        Of out-of-time rows only (see `flat_metrics`); they stand in the model card too.
    params : mapping, optional
        Further parameters of the run.
    artifacts : mapping of str to str or bytes, optional
        Further files of the run by path: the plots of a backtest, whose drawing is no affair of training.
    nested : sequence of Nested
        Child runs.

    Returns
    -------
    Logged
        The run and the version that it became.
    """
    log, given = fitted.churn.fit_log, dict(metrics or {})
    record = ModelRecord(
        config_version=settings.version,
        calibrator_version=fitted.churn.calibrator.version,
        data_fingerprint=dataset.fingerprint,
        data_end=str(dataset.data_end.date()),
        metrics=given,
        log=fitted.churn.log,
    )
    kind = "training" if log.recalibration is None else "recalibration"
    tags = {"kind": kind, "chosen": fitted.churn.chosen, **{name: str(getattr(record, name)) for name in TAGGED}}
    with connected(settings) as client, tempfile.TemporaryDirectory() as temporary:
        import mlflow

        model_folder, pages_folder = Path(temporary) / "forewarn", Path(temporary) / "beside"
        save_fitted(fitted, model_folder)
        record.write(model_folder)
        CheckValues.of(fitted, dataset.signals).write(model_folder)
        _write(model_folder / "schema.json", dataset.schema.to_json())
        card = model_card(fitted.churn, settings, dataset.fingerprint, given)
        pages = {"model_card.md": card, "data_sheet.md": data_sheet(dataset, settings, dataset.fingerprint)}
        write_files(pages_folder, {**pages, **(artifacts or {})})
        experiment = _experiment(settings, client)
        mlflow.set_experiment(experiment_id=experiment)
        with mlflow.start_run(run_name=f"{kind} {log.cut}") as run:
            mlflow.log_params({**run_params(settings, fitted), **(params or {})})
            mlflow.log_metrics({**run_facts(fitted), **given})
            mlflow.set_tags(tags)
            mlflow.log_artifacts(str(pages_folder))
            model = _log_model(model_folder, model_example(dataset, fitted.churn), fitted.churn)
        tags = {**tags, TAG: json.dumps(file_digests(model_folder))}
        for child in nested:
            _log_nested(client, experiment, run.info.run_id, child)
        described = f"{kind} of {log.cut} on data until {record.data_end}; chosen: {fitted.churn.chosen}"
        return Logged(run.info.run_id, _register(settings, client, run.info.run_id, model, (described, tags)))


def _log_model(folder: Path, example: pd.DataFrame, churn: ChurnModel) -> Any:
    """Logs the files of a folder as an MLflow model of the active run."""
    import mlflow

    return mlflow.pyfunc.log_model(
        name="model",
        python_model=str(Path(__file__).with_name("pyfunc_model.py")),
        artifacts={"forewarn": str(folder)},
        signature=_signature(example, churn),
        input_example=example,
        pip_requirements=[f"{name}=={installed(name)}" for name in REQUIREMENTS],
    )


def _register(
    settings: Settings, client: MlflowClient, run_id: str, model: Any, about: tuple[str, dict[str, str]]
) -> str:
    """The version that a logged model becomes, with the alias `candidate`, described and tagged."""
    description, tags = about
    if not client.search_registered_models(f"name='{settings.name}'"):
        client.create_registered_model(settings.name, description="Churn probabilities by horizon, with reasons.")
    # Registered by the client, since log_model's own registration prints.
    registered = client.create_model_version(
        settings.name,
        model.model_uri,
        run_id,
        tags,
        description=description,
        model_id=model.model_id,
        await_creation_for=0,
    )
    version = str(registered.version)
    client.set_registered_model_alias(settings.name, CANDIDATE, version)
    return version


def log_backtest(
    settings: Settings,
    fingerprint: str,
    metrics: Mapping[str, float],
    artifacts: Mapping[str, str | bytes],
    folds: Sequence[Nested],
) -> str | None:
    """Adds a backtest to the newest training of the same data and settings, whose run it returns; None without one.

    Figures, files and a child run a fold; the model card is written anew with the figures. A backtest that is logged
    again replaces its folds.

    Parameters
    ----------
    settings : Settings
        Of the project.
    fingerprint : str
        Of the data.
    metrics : mapping of str to float
        Of out-of-time rows.
    artifacts : mapping of str to str or bytes
        Files of the run by path.
    folds : sequence of Nested
        Child runs.

    Returns
    -------
    str or None
        The run; None where no training of this data and settings is registered.
    """
    with connected(settings) as client:
        experiment = _experiment(settings, client)
        same = {"data_fingerprint": fingerprint, "config_version": settings.version, "kind": "training"}
        asked = " and ".join(f"tags.{name} = '{value}'" for name, value in same.items())
        trainings = client.search_runs([experiment], asked, order_by=["attributes.start_time DESC"], max_results=1)
        known = {version.run_id for version in versions_by(settings, client)}
        if not trainings or trainings[0].info.run_id not in known:
            return None
        run_id = str(trainings[0].info.run_id)
        churn = ChurnModel.load(folder_of(settings, run_id)[0] / "churn")
        card = model_card(churn, settings, fingerprint, metrics)
        _log_metrics(client, run_id, metrics)
        log_files(client, run_id, {**artifacts, "model_card.md": card})
        before = f"tags.mlflow.parentRunId = '{run_id}' and tags.kind = 'fold'"
        for child in client.search_runs([experiment], before):
            client.delete_run(child.info.run_id)
        for fold in folds:
            _log_nested(client, experiment, run_id, replace(fold, tags={**fold.tags, "kind": "fold"}))
        return run_id


def _log_nested(client: MlflowClient, experiment: str, parent: str, child: Nested) -> None:
    from mlflow.entities import Param

    run = client.create_run(experiment, tags={"mlflow.parentRunId": parent, **child.tags}, run_name=child.name)
    client.log_batch(run.info.run_id, params=[Param(key, str(value)) for key, value in child.params.items()])
    _log_metrics(client, run.info.run_id, child.metrics)
    client.set_terminated(run.info.run_id)


def _log_metrics(client: MlflowClient, run_id: str, metrics: Mapping[str, float]) -> None:
    from mlflow.entities import Metric

    at = int(client.get_run(run_id).info.start_time)
    client.log_batch(run_id, [Metric(name, value, at, 0) for name, value in metrics.items()])


def _experiment(settings: Settings, client: MlflowClient) -> str:
    experiment = client.get_experiment_by_name(settings.name)
    if experiment is not None:
        return str(experiment.experiment_id)
    return str(client.create_experiment(settings.name, settings.paths.artifacts.as_uri()))


def _write(path: Path, body: Any) -> None:
    path.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


def _signature(example: pd.DataFrame, churn: ChurnModel) -> Any:
    """Every column optional: a signal may be missing, and is when its feed is not connected."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType
    from mlflow.types import Schema as Columns

    texts = {category.name for category in churn.encoder.categories}
    kinds = {str(name): DataType.string if name in texts else DataType.double for name in example}
    if "as_of" in kinds:
        kinds["as_of"] = DataType.datetime
    inputs = Columns([ColSpec(kind, name, required=False) for name, kind in kinds.items()])
    outputs = Columns([ColSpec(DataType.double, f"p_churn_{horizon}d") for horizon in churn.horizons_days])
    return ModelSignature(inputs=inputs, outputs=outputs)
