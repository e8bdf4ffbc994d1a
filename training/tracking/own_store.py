"""The paths in a project's own MLflow store, which MLflow writes as absolute ones: read as if they were relative.

The store lies in the state folder beside the artifacts that it names, so a location counts from where the artifacts lie
now. That is how versions are read, which writes nothing; before MLflow itself opens the store, what it holds is moved
there for good. So a project folder can be moved, copied and mounted elsewhere, and a copy never touches the original.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from configs.state_paths import StatePaths

_FOLDER = "/artifacts"  # how the location of every experiment that forewarn makes ends
_LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)
_ROOTS = text("select distinct artifact_location from experiments where experiment_id <> 0")


def artifact_roots(connection: Connection) -> tuple[str, ...]:
    """The locations under which the store's artifacts lay when they were written; the longest first."""
    found = {str(location) for (location,) in connection.execute(_ROOTS) if location}
    local = [root for root in found if root.startswith("file:///") and root.endswith(_FOLDER)]
    return tuple(sorted(local, key=lambda root: (-len(root), root)))


def folder_at(location: str | None, roots: Sequence[str], artifacts: Path | None) -> Path | None:
    """The folder that a location names.

    Parameters
    ----------
    location : str or None
        As the store holds it.
    roots : sequence of str
        See `artifact_roots`.
    artifacts : Path or None
        Where the artifacts lie now; None for a store that is not the project's own.

    Returns
    -------
    Path or None
        None where it is not of this machine.

    Examples
    --------
    >>> folder_at("file:///then/artifacts/m/1", ["file:///then/artifacts"], Path("/now/artifacts")).as_posix()
    '/now/artifacts/m/1'
    """
    if location and artifacts is not None:
        for root in roots:
            if location.startswith(f"{root}/"):
                return artifacts / unquote(location.removeprefix(f"{root}/"))
    parts = urlsplit(location or "")
    if parts.scheme not in ("", "file") or parts.netloc or not parts.path:
        return None
    return Path(unquote(parts.path))


def heal(paths: StatePaths) -> bool:
    """Moves every location of a project's own store to where its artifacts lie now; whether any had to be moved.

    Nothing is done where there is no store, or none of the tables as they are known here.
    """
    if not paths.tracking.is_file():
        return False
    here = paths.artifacts.as_uri()
    engine = create_engine(f"sqlite:///{paths.tracking}")
    try:
        with engine.begin() as connection:
            elsewhere = [root for root in artifact_roots(connection) if root != here]
            for root in elsewhere:
                for table, column in _LOCATIONS:
                    moved = text(
                        f"update {table} set {column} = :here || substr({column}, length(:root) + 1)"
                        f" where {column} = :root or substr({column}, 1, length(:root) + 1) = :root || '/'"
                    )
                    connection.execute(moved, {"here": here, "root": root})
            # MLflow names the folder in which it was first run as that of its own experiment, which nobody uses.
            default = text(
                "update experiments set artifact_location = :at where experiment_id = 0 and :at <> artifact_location"
            )
            changed = connection.execute(default, {"at": f"{here}/0"}).rowcount
            return bool(elsewhere) or changed > 0
    except SQLAlchemyError:
        return False
    finally:
        engine.dispose()
