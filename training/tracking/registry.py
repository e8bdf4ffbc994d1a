"""The MLflow registry: versions, their aliases and files, and the client that every use of MLflow goes through.

MLflow is imported inside the functions: its first import takes seconds, and predicting does not need it. Telemetry and
usage statistics are switched off before it is imported.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from configs.errors import Fault, UsageError
from configs.settings import Settings
from features.signal import Schema
from training.health import HealthModel
from training.model import ChurnModel
from training.serialization import read_json

if TYPE_CHECKING:
    from mlflow import MlflowClient

CANDIDATE = "candidate"
CHAMPION = "champion"


@dataclass(frozen=True)
class LoadedModel:
    """A registered version, ready to score; `meta` is what was recorded with it (meta.json), `size_mb` its files'."""

    churn: ChurnModel
    health: HealthModel
    schema: Schema
    version: str
    run_id: str
    meta: dict[str, Any]
    size_mb: float


@contextmanager
def connected(settings: Settings) -> Iterator[MlflowClient]:
    """A client of the project's own store, quiet and without telemetry; the store is made when it does not exist."""
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own deprecations are not the user's to mend
        import mlflow
        from mlflow import MlflowClient

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        mlflow.set_tracking_uri(settings.tracking_url)
        mlflow.set_registry_uri(settings.tracking_url)
        yield MlflowClient(tracking_uri=settings.tracking_url, registry_uri=settings.tracking_url)


def promote(settings: Settings, version: str | None = None) -> str:
    """Points the alias `champion` at a version (None: the candidate) and returns it; UsageError when there is none."""
    with connected(settings) as client:
        found = _find(settings, client, version or CANDIDATE)
        client.set_registered_model_alias(settings.name, CHAMPION, found.version)
        return str(found.version)


def load_champion(settings: Settings) -> LoadedModel:
    """The model that scores; UsageError when none was promoted yet."""
    return load_version(settings, CHAMPION)


def load_version(settings: Settings, version: str) -> LoadedModel:
    """A registered version by number or alias; UsageError, naming what exists, when it is not there."""
    folder, run_id, number = folder_of(settings, version)
    return LoadedModel(
        churn=ChurnModel.load(folder / "churn"),
        health=HealthModel.load(folder / "health"),
        schema=Schema.from_json(json.loads((folder / "schema.json").read_text(encoding="utf-8"))),
        version=number,
        run_id=run_id,
        meta=read_json(folder / "meta.json"),
        size_mb=sum(one.stat().st_size for one in folder.rglob("*") if one.is_file()) / 1e6,
    )


def recorded(settings: Settings, version: str) -> dict[str, Any]:
    """What was recorded with a registered version (its `meta`), also of one whose model an older forewarn saved."""
    found: dict[str, Any] = json.loads((folder_of(settings, version)[0] / "meta.json").read_text(encoding="utf-8"))
    return found


def folder_of(settings: Settings, version: str) -> tuple[Path, str, str]:
    """(folder of its files, run, number) of a registered version."""
    with connected(settings) as client:
        import mlflow

        found = _find(settings, client, version)
        uri = f"models:/{settings.name}/{found.version}"
        folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri)) / "artifacts" / "forewarn"
        return folder, str(found.run_id), str(found.version)


def versions(settings: Settings) -> list[dict[str, Any]]:
    """Every registered version, oldest first: version, run_id, aliases."""
    with connected(settings) as client:
        return versions_by(settings, client)


def versions_by(settings: Settings, client: MlflowClient) -> list[dict[str, Any]]:
    found = client.search_model_versions(f"name='{settings.name}'")
    aliases: dict[str, list[str]] = {}
    if found:
        for alias, number in client.get_registered_model(settings.name).aliases.items():
            aliases.setdefault(str(number), []).append(alias)
    rows = [
        {"version": str(one.version), "run_id": one.run_id, "aliases": sorted(aliases.get(str(one.version), []))}
        for one in found
    ]
    return sorted(rows, key=lambda row: int(row["version"]))


def _find(settings: Settings, client: MlflowClient, version: str) -> Any:
    known = versions_by(settings, client)
    for row in known:
        if version in (row["version"], row["run_id"], *row["aliases"]):
            return client.get_model_version(settings.name, row["version"])
    if version == CHAMPION and known:
        to_do = "run `forewarn promote`"
        raise UsageError(Fault("model registry", "no champion yet", "a promoted version", to_do))
    names = ", ".join(row["version"] for row in known) or "none"
    to_do = "name one of these" if known else "run `forewarn train`, then `forewarn promote`"
    raise UsageError(Fault("model registry", f"no version {version}", f"a registered version ({names})", to_do))


def keep_file(settings: Settings, run_id: str, name: str, body: bytes) -> None:
    """Adds a file to a run; `kept_file` reads it."""
    with connected(settings) as client:
        log_files(client, run_id, {name: body})


def kept_file(settings: Settings, run_id: str, name: str) -> bytes | None:
    """A file of a run; None when the run has none of that name."""
    with connected(settings) as client, tempfile.TemporaryDirectory() as temporary:
        if name not in {one.path for one in client.list_artifacts(run_id, str(Path(name).parent))}:
            return None
        return Path(client.download_artifacts(run_id, name, temporary)).read_bytes()


def log_files(client: MlflowClient, run_id: str, files: Mapping[str, str | bytes]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        write_files(Path(temporary), files)
        client.log_artifacts(run_id, temporary)


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Files by path below the folder; UsageError for a path that leads out of it."""
    for name, body in files.items():
        path = (folder / name).resolve()
        if folder.resolve() not in path.parents:
            out = "a path that leads out of the run"
            raise UsageError(Fault(f"artifact {name}", out, "a relative path", "rename it"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body if isinstance(body, bytes) else body.encode())
