"""Files of a run in MLflow: added to it, read back, and written into a folder on the way there."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from configs.errors import Fault, UsageError
from configs.settings import Settings
from training.tracking.registry import connected

if TYPE_CHECKING:
    from mlflow import MlflowClient


def keep_file(settings: Settings, run_id: str, name: str, body: bytes) -> None:
    """Adds a file to a run; `kept_file` reads it.

    Parameters
    ----------
    settings : Settings
        Of the project.
    run_id : str
        Of the run.
    name : str
        Path within it.
    body : bytes
        The content.
    """
    with connected(settings) as client:
        log_files(client, run_id, {name: body})


def kept_file(settings: Settings, run_id: str, name: str) -> bytes | None:
    """A file of a run; None when the run has none of that name.

    Parameters
    ----------
    settings : Settings
        Of the project.
    run_id : str
        Of the run.
    name : str
        Path within it.

    Returns
    -------
    bytes or None
        The content.
    """
    with connected(settings) as client, tempfile.TemporaryDirectory() as temporary:
        if name not in {file.path for file in client.list_artifacts(run_id, str(Path(name).parent))}:
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
