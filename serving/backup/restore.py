"""`forewarn restore`: a project made of a backup's file, in a folder of its own."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from configs.atomic_files import write_text
from configs.errors import Fault, UsageError
from configs.settings_file import read_body
from evaluation.ledger import Ledger, Verification
from evaluation.ledger.transfer import copy_ledger
from serving.backup.archive import PROJECT, STATE, Manifest, extract

LEDGER_VARIABLE = "FOREWARN_LEDGER"
KEPT_SUFFIX = ".backed_up.yaml"


@dataclass(frozen=True)
class Restored:
    """A project that was restored.

    Attributes
    ----------
    folder, config : str
    files : int
        How many were written.
    taken_at : str
        When the backup was.
    ledger : str or None
        Where it is now, without a password.
    ledger_batches : int
    ledger_hash : str or None
        Of the newest batch.
    intact : bool
        Whether its ledger verifies and ends in the batch that the backup names.
    faults : tuple of str
        Why it is not.
    set_variable : str or None
        The environment variable that the ledger's URL is read from, where it holds a password.
    """

    folder: str
    config: str
    files: int
    taken_at: str
    ledger: str | None
    ledger_batches: int
    ledger_hash: str | None
    intact: bool
    faults: tuple[str, ...]
    set_variable: str | None


def restore(file: Path, folder: Path, ledger_url: str | None = None) -> Restored:
    """Makes a project of a backup, whole or not at all.

    Parameters
    ----------
    file : Path
        Of `forewarn backup`.
    folder : Path
        Absent or empty.
    ledger_url : str, optional
        An empty database for the ledger, of SQLite or PostgreSQL; by default a file in the state folder, also where the
        project had its ledger on a server: what was backed up is not touched by what is restored.

    Returns
    -------
    Restored

    Raises
    ------
    UsageError
        When the folder or the database holds something already.
    DataError
        When the file is no backup, or not as it was written.
    """
    folder = folder.resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(Fault(str(folder), "something that exists", "a new or empty folder", "name another one"))
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        manifest = extract(file, temporary)
        made = temporary / PROJECT
        made.mkdir(exist_ok=True)
        state = made / manifest.state
        if (temporary / STATE).is_dir():
            state.parent.mkdir(parents=True, exist_ok=True)
            (temporary / STATE).rename(state)
        variable = _settings(made / manifest.config, manifest, ledger_url)
        verified = _ledger(state / "ledger.db", ledger_url)
        made.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        made.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    where = None if verified is None else _shown(ledger_url) or str(folder / manifest.state / "ledger.db")
    faults = () if verified is None else (*map(str, verified.faults), *verified.unguarded)
    if verified is not None and manifest.ledger_hash not in (None, verified.hash):
        faults += (f"ledger: ends in {verified.hash}, and the backup names {manifest.ledger_hash}",)
    return Restored(
        folder=str(folder),
        config=str(folder / manifest.config),
        files=len(manifest.files),
        taken_at=manifest.taken_at,
        ledger=where,
        ledger_batches=0 if verified is None else verified.batches,
        ledger_hash=None if verified is None else verified.hash,
        intact=not faults,
        faults=faults,
        set_variable=variable,
    )


def _ledger(path: Path, url: str | None) -> Verification | None:
    """The restored ledger, verified where it will be used; None where the project had none."""
    if not path.exists():
        return None
    if url is None:
        with Ledger.open(f"sqlite:///{path}") as ledger:
            return ledger.verify()
    verified = copy_ledger(f"sqlite:///{path}", url)
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    return verified


def _settings(config: Path, manifest: Manifest, ledger_url: str | None) -> str | None:
    """Where the settings name another ledger or state folder than the restored one, a file over them that does not."""
    body = read_body(config)
    over: dict[str, object] = {}
    variable = None
    if ledger_url is not None:
        over["serving"] = {"ledger": ledger_url}
        if make_url(ledger_url).password is not None:
            variable = LEDGER_VARIABLE
            over["serving"] = {"ledger": f"${{{variable}}}"}
    elif (body.get("serving") or {}).get("ledger") is not None:
        over["serving"] = {"ledger": None}
    if body.get("state") != manifest.state:
        over["state"] = manifest.state
    if over:
        kept = config.with_name(config.stem + KEPT_SUFFIX)
        config.rename(kept)
        said = f"# Restored: what follows counts, before what was backed up ({kept.name}).\n"
        write_text(config, said + yaml.safe_dump({"extends": kept.name, **over}, sort_keys=False))
    return variable


def _shown(url: str | None) -> str | None:
    if url is None:
        return None
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "no URL"
