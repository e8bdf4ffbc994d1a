"""The MLflow registry: versions, their aliases and files, and the client that every use of MLflow goes through.

MLflow is imported inside the functions: its first import takes seconds, and predicting does not need it, nor reading
which version is the champion (training/tracking/registry_tables.py). Telemetry and
usage statistics are switched off before it is imported.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from configs.errors import Fault, UsageError
from configs.settings import Settings
from features.signal import Schema
from training.health import HealthModel
from training.model import ChurnModel, Cuts
from training.tracking.check_values import CheckValues
from training.tracking.digests import TAG, check_files, digest_of, file_digests
from training.tracking.model_record import RECORD_FILE, ModelRecord
from training.tracking.own_store import heal
from training.tracking.registry_tables import Version, digests_in, read_versions

if TYPE_CHECKING:
    from mlflow import MlflowClient

CANDIDATE = "candidate"
CHAMPION = "champion"
# MLflow by itself asks a server that is away for many minutes.
_UNLESS_SET = {
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


@dataclass(frozen=True)
class LoadedModel:
    """A registered version, ready to score.

    Attributes
    ----------
    churn, health : ChurnModel, HealthModel
        As they were saved.
    schema : Schema
        Of the signals.
    version, run_id : str
        In the registry.
    digest : str
        SHA-256 over all its files' own.
    record : ModelRecord
        What was recorded with it.
    size_mb : float
        Of its files.
    check_values : CheckValues or None
        What it gave for some accounts when it was logged; None of a version that an older forewarn logged.
    """

    churn: ChurnModel
    health: HealthModel
    schema: Schema
    version: str
    digest: str
    run_id: str
    record: ModelRecord
    size_mb: float
    check_values: CheckValues | None = None

    def self_test(self) -> None:
        """Works out again what it gave for some accounts when it was logged; UsageError where that is another value."""
        if self.check_values is not None:
            self.check_values.check(self.churn, self.health, self.version)


@contextmanager
def connected(settings: Settings) -> Iterator[MlflowClient]:
    """A client of the project's store, quiet and without telemetry; one of its own is made when it does not exist.

    UsageError where MLflow refuses or does not answer.
    """
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    for name, value in _UNLESS_SET.items():
        os.environ.setdefault(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own deprecations are not the user's to fix
        try:
            import mlflow
            from mlflow import MlflowClient
        except ModuleNotFoundError:
            do = "pip install mlflow; without it a registry in the project's own folder can be read, and nothing else"
            raise UsageError(Fault("mlflow", "it is not installed", "the package", do)) from None

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        settings.paths.folder.mkdir(parents=True, exist_ok=True)
        if settings.serving.tracking is None:
            heal(settings.paths)
        if mlflow.get_tracking_uri() != settings.tracking_url:
            from mlflow.tracking._tracking_service import utils

            # By run alone, and a copy of a project has the same runs: its files would go to the original's.
            utils._artifact_repos_cache.clear()
        mlflow.set_tracking_uri(settings.tracking_url)
        mlflow.set_registry_uri(settings.tracking_url)
        try:
            yield MlflowClient(tracking_uri=settings.tracking_url, registry_uri=settings.tracking_url)
        except mlflow.exceptions.MlflowException as error:
            found = " ".join(str(error).split())[:300]
            raise UsageError(Fault("MLflow", found, "a store that answers", "check serving.tracking")) from error


def promote(settings: Settings, version: str | None = None) -> str:
    """Points the alias `champion` at a version (None: the candidate) and returns it; UsageError when there is none.

    Parameters
    ----------
    settings : Settings
        Of the project.
    version : str, optional
        By default the candidate.

    Returns
    -------
    str
        The version's number.

    Raises
    ------
    UsageError
        When there is none.
    """
    with connected(settings) as client:
        promoted = find_version(versions_by(settings, client), version or CANDIDATE)
        client.set_registered_model_alias(settings.name, CHAMPION, promoted.number)
        return promoted.number


def load_champion(settings: Settings) -> LoadedModel:
    """The model that scores; UsageError when none was promoted yet.

    Parameters
    ----------
    settings : Settings
        Of the project.

    Returns
    -------
    LoadedModel
        Ready to score.

    Raises
    ------
    UsageError
        When none was promoted yet.
    """
    return load_version(settings, CHAMPION)


def load_version(settings: Settings, version: str) -> LoadedModel:
    """A registered version by number or alias; UsageError, naming what exists, when it is not there.

    Parameters
    ----------
    settings : Settings
        Of the project.
    version : str
        Number, alias or run.

    Returns
    -------
    LoadedModel
        Ready to score.

    Raises
    ------
    UsageError
        Naming what exists, when it is not there; with every file that is not as it was registered.
    """
    folder, run_id, number = folder_of(settings, version)
    return LoadedModel(
        churn=ChurnModel.load(folder / "churn"),
        health=HealthModel.load(folder / "health"),
        schema=Schema.from_json(json.loads((folder / "schema.json").read_text(encoding="utf-8"))),
        version=number,
        digest=digest_of(file_digests(folder)),
        run_id=run_id,
        record=ModelRecord.read(folder),
        size_mb=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6,
        check_values=CheckValues.read(folder),
    )


def cuts_of_version(settings: Settings, version: str) -> Cuts:
    """The days up to which a registered version had learnt, also of one whose model an older forewarn saved.

    Parameters
    ----------
    settings : Settings
        Of the project.
    version : str
        Number, alias or run.

    Returns
    -------
    Cuts
        Of its learners and of its calibrator.
    """
    body = json.loads((folder_of(settings, version)[0] / RECORD_FILE).read_text(encoding="utf-8"))
    return Cuts.of(body["log"])


def folder_of(settings: Settings, version: str) -> tuple[Path, str, str]:
    """The files of a registered version, compared with what was registered before anything parses one of them.

    Parameters
    ----------
    settings : Settings
        Of the project.
    version : str
        Number, alias or run.

    Returns
    -------
    folder : Path
    run_id, number : str

    Raises
    ------
    UsageError
        Naming what exists, when it is not there; with every file that is not as it was registered.
    """
    registered = find_version(versions(settings), version)
    folder = registered.folder
    if folder is not None and not folder.is_dir():
        if settings.serving.tracking is None:
            do = "bring them back (`forewarn restore`), or `forewarn train` and `forewarn promote` another version"
            raise UsageError(Fault(f"version {registered.number}", f"no folder {folder}", "its files", do))
        folder = None
    if folder is None:
        with connected(settings):
            import mlflow

            uri = f"models:/{settings.name}/{registered.number}"
            folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
    files = folder / "artifacts" / "forewarn"
    check_files(files, registered.digests, registered.number)
    return files, registered.run_id, registered.number


def versions(settings: Settings) -> tuple[Version, ...]:
    """Every registered version, oldest first.

    Parameters
    ----------
    settings : Settings
        Of the project whose registry it is.

    Returns
    -------
    tuple of Version
        Empty while nothing was registered.
    """
    own = settings.paths.artifacts if settings.serving.tracking is None else None
    known = read_versions(settings.tracking_url, settings.name, own)
    if known is not None:
        return known
    with connected(settings) as client:
        return versions_by(settings, client)


def versions_by(settings: Settings, client: MlflowClient) -> tuple[Version, ...]:
    """What `versions` returns, asked of MLflow itself."""
    registered = client.search_model_versions(f"name='{settings.name}'")
    aliases: dict[str, list[str]] = {}
    if registered:
        for alias, number in client.get_registered_model(settings.name).aliases.items():
            aliases.setdefault(str(number), []).append(alias)
    every = [
        Version(
            str(entry.version),
            str(entry.run_id),
            tuple(sorted(aliases.get(str(entry.version), ()))),
            None,
            digests_in(entry.tags.get(TAG)),
        )
        for entry in registered
    ]
    return tuple(sorted(every, key=lambda version: int(version.number)))


def find_version(known: Sequence[Version], version: str) -> Version:
    """The version of that number, run or alias; UsageError, naming what exists, when it is not there."""
    for candidate in known:
        if version in (candidate.number, candidate.run_id, *candidate.aliases):
            return candidate
    if version == CHAMPION and known:
        to_do = "run `forewarn promote`"
        raise UsageError(Fault("model registry", "no champion yet", "a promoted version", to_do))
    names = ", ".join(candidate.number for candidate in known) or "none"
    to_do = "name one of these" if known else "run `forewarn train`, then `forewarn promote`"
    raise UsageError(Fault("model registry", f"no version {version}", f"a registered version ({names})", to_do))
