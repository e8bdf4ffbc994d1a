"""Registered versions, read from the tables in which MLflow keeps them.

To import MLflow takes longer than to score a company, and reading which version is the champion needs three of its
tables. Where they are not as they are known here, or not in a database, the answer is None and MLflow itself is asked
(training/tracking/registry.py); nothing is ever written here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from training.tracking.digests import TAG
from training.tracking.own_store import artifact_roots, folder_at

_VERSIONS = text(
    "select version, run_id, storage_location from model_versions"
    " where name = :name and current_stage <> 'Deleted_Internal' order by version"
)
_DIGESTS = text("select version, value from model_version_tags where name = :name and key = :key")
_ALIASES = text("select alias, version from registered_model_aliases where name = :name")


@dataclass(frozen=True)
class Version:
    """A registered version of the model.

    Attributes
    ----------
    number : str
        Its version number, counted from 1.
    run_id : str
        The run that made it.
    aliases : tuple of str
        What it is called now (`champion`, `candidate`), in alphabetical order.
    folder : Path or None
        Its files, where they lie on this machine or ought to.
    digests : mapping of str to str
        SHA-256 of its files by path, as they were registered; empty for a version of an older forewarn.
    """

    number: str
    run_id: str
    aliases: tuple[str, ...]
    folder: Path | None
    digests: Mapping[str, str] = field(default_factory=dict)


def digests_in(tag: str | None) -> dict[str, str]:
    """The digests in a version's tag; empty for a version without one."""
    return {} if tag is None else {str(name): str(digest) for name, digest in json.loads(tag).items()}


def read_versions(tracking_url: str, name: str, artifacts: Path | None = None) -> tuple[Version, ...] | None:
    """Every version of a registered model, oldest first; None where only MLflow itself can tell.

    Parameters
    ----------
    tracking_url : str
        MLflow's tracking URL.
    name : str
        The registered model's name.
    artifacts : Path, optional
        Where the files of a project's own store lie now.

    Returns
    -------
    tuple of Version or None
        Empty while nothing was registered.
    """
    try:
        url = make_url(tracking_url)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
            return None
        engine = create_engine(url)
    except (SQLAlchemyError, ImportError):  # an HTTP server, or a driver that is not installed
        return None
    try:
        with engine.connect() as connection:
            return tuple(_versions(connection, name, artifacts))
    except SQLAlchemyError:  # tables of another MLflow
        return None
    finally:
        engine.dispose()


def _versions(connection: Connection, name: str, artifacts: Path | None) -> Sequence[Version]:
    roots = artifact_roots(connection)
    aliases: dict[str, list[str]] = {}
    for alias, number in connection.execute(_ALIASES, {"name": name}):
        aliases.setdefault(str(number), []).append(str(alias))
    tags = {str(number): str(value) for number, value in connection.execute(_DIGESTS, {"name": name, "key": TAG})}
    return [
        Version(
            str(number),
            str(run_id),
            tuple(sorted(aliases.get(str(number), ()))),
            folder_at(location, roots, artifacts),
            digests_in(tags.get(str(number))),
        )
        for number, run_id, location in connection.execute(_VERSIONS, {"name": name})
    ]
