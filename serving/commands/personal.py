"""What `personal list`, `export`, `erase` and `expire` do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from configs.atomic_files import write_text
from configs.errors import Fault, UsageError
from configs.settings import Settings
from evaluation.ledger import Subject
from serving.personal import FileRows, Store, erase_files, expired_files, files_about, stores
from serving.project import Project

# Columns of source tables that name a contact; users of the product are contacts too where their ids are the same.
NAMES_CONTACT = ("contact_id", "user_id")


@dataclass(frozen=True)
class Stored:
    """Every place in which something is kept."""

    stores: tuple[Store, ...]
    retention: Mapping[str, int | None]


@dataclass(frozen=True)
class PersonalExported:
    """What was written of somebody: rows by place."""

    subject: str
    out: str
    rows: Mapping[str, int]


@dataclass(frozen=True)
class PersonalErased:
    """What was taken out, or would be.

    Attributes
    ----------
    subject : str
    done : bool
        False: nothing was, it is only told.
    ledger : mapping of str to int
        Rows by entry; their hashes stay.
    files : mapping of str to str
        By path, what is done with it.
    given_up : int
        Messages that were waiting to be sent, and are not any more.
    still_in : mapping of str to int
        Rows of your own tables, from which they come back unless you take them out there.
    """

    subject: str
    done: bool
    ledger: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    given_up: int = 0
    still_in: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Expired:
    """What was older than `retention` allows, and erased; or would be."""

    done: bool
    ledger: Mapping[str, int]
    files: tuple[str, ...]


def stored(settings: Settings) -> Stored:
    """What is stored where."""
    return Stored(stores(settings), settings.retention.model_dump())


def subject_of(account: str | None, contact: str | None) -> Subject:
    """Whom a command is about; UsageError unless it is one of both."""
    if (account is None) == (contact is None):
        found = "both" if account is not None else "neither"
        raise UsageError(Fault("personal", found, "--account ID or --contact ID", "name one of them"))
    return Subject("account", account) if account is not None else Subject("contact", contact or "")


def export(project: Project, subject: Subject, out: Path) -> PersonalExported:
    """Writes all that is stored about somebody as JSON: their rows of the sources, the ledger and the state folder.

    Raises
    ------
    UsageError
        When nothing is.
    """
    project.tell("reading your tables")
    ledger = project.ledger_or_none
    body: dict[str, dict[str, Any]] = {
        "sources": _source_rows(project, subject),
        "ledger": {} if ledger is None else ledger.about(subject),
        "files": {file.path: list(file.rows) for file in files_about(project.paths, subject) if file.rows},
    }
    rows = {f"{part} {name}": len(found) for part, by_name in body.items() for name, found in by_name.items()}
    if not rows:
        raise UsageError(_nobody(subject))
    about = {"subject": {"kind": subject.kind, "id": subject.id}, **body}
    write_text(out, json.dumps(about, indent=1, default=str, ensure_ascii=False))
    return PersonalExported(f"{subject.kind} {subject.id}", str(out), rows)


def erase(project: Project, subject: Subject, reason: str, by: str, now: datetime, do: bool) -> PersonalErased:
    """Takes somebody out of the ledger and the state folder; without `do` only says what would be.

    Raises
    ------
    UsageError
        When nothing is stored about them.
    """
    if subject.is_named_in(reason):
        raise UsageError(Fault("--reason", "the id itself", "words that name nobody", "they are kept for good"))
    ledger = project.ledger_or_none
    found = {} if ledger is None else ledger.about(subject)
    files = files_about(project.paths, subject)
    still_in = {name: len(rows) for name, rows in _source_rows(project, subject).items()}
    # A word of a report proves nobody: ids may be words.
    if not found and not any(file.rows for file in files) and not still_in:
        raise UsageError(_nobody(subject))
    counts, given_up = {name: len(rows) for name, rows in found.items()}, 0
    if do:
        if ledger is not None:
            at = pd.Timestamp(now).tz_convert("UTC").tz_localize(None)
            given_up = ledger.erase(found, reason=reason, asked_by=by, at=at).given_up
        erase_files(files, subject)
    what = {file.path: file.what for file in files}
    return PersonalErased(f"{subject.kind} {subject.id}", do, counts, what, given_up, still_in)


def expire(project: Project, by: str, now: datetime, do: bool) -> Expired:
    """Erases what is older than `retention` allows; without `do` only says what would be.

    Raises
    ------
    UsageError
        When nothing is said under retention.
    """
    keep = project.settings.retention
    if keep.ledger_days is None and keep.files_days is None:
        do_next = "write retention: {ledger_days: 1095, files_days: 365} into the project's file"
        raise UsageError(Fault("retention", "nothing", "after how many days to erase", do_next))
    at = pd.Timestamp(now).tz_convert("UTC").tz_localize(None)
    ledger, counts = project.ledger_or_none, {}
    if keep.ledger_days is not None and ledger is not None:
        old = ledger.older_than(at - pd.Timedelta(days=keep.ledger_days))
        if do:
            counts = dict(ledger.erase(old, reason=f"older than {keep.ledger_days} days", asked_by=by, at=at).rows)
        else:
            counts = {name: len(rows) for name, rows in old.items()}
    files = () if keep.files_days is None else expired_files(project.paths, now.date(), keep.files_days)
    for path in files if do else ():
        path.unlink()
    return Expired(do, counts, tuple(map(str, files)))


def _nobody(subject: Subject) -> Fault:
    found = f"nothing about the {subject.kind} {subject.id!r}"
    return Fault("personal", found, f"the id of a {subject.kind}", "`forewarn personal list` says where to look")


def _source_rows(project: Project, subject: Subject) -> dict[str, list[dict[str, Any]]]:
    """Their rows of the tables that are mapped, in all versions."""
    found = {}
    for name, rows in project.sources.history().tables.items():
        columns = ["account_id"] if subject.kind == "account" else [c for c in NAMES_CONTACT if c in rows.columns]
        if columns:
            condition = rows[columns[0]] == subject.id
            for column in columns[1:]:
                condition |= rows[column] == subject.id
            frame = project.sources.engine.to_pandas(rows.filter(condition))
            if len(frame):
                found[name] = [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]
    return found


__all__ = ["Expired", "FileRows", "PersonalErased", "PersonalExported", "Stored", "erase", "expire", "export", "stored"]
