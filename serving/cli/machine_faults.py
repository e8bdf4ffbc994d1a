"""Errors of the machine, in words: a disk without room, a file that may not be written, a database that went away."""

from __future__ import annotations

import errno
import sqlite3
import sys

from configs.errors import Fault, UsageError

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE}
# What SQLite says of the same; anything else of it is a defect of ours.
_SQLITE = ("disk is full", "disk I/O error", "readonly database", "unable to open database", "database is locked")


def machine_fault(error: BaseException) -> UsageError | None:
    """The error in words, where it is the machine's; None where it is a defect.

    >>> fault = machine_fault(OSError(28, "No space left on device", "a.parquet")).faults[0]
    >>> fault.where, fault.found, fault.expected
    ('a.parquet', 'No space left on device', 'a place with room that can be written to')
    >>> machine_fault(ValueError("ours")) is None
    True
    """
    do = "make room, or name another place, then run it again: what was written is whole"
    expected = "a place with room that can be written to"
    if isinstance(error, OSError) and error.errno in _DISK:
        said = str(error.strerror or error).strip()
        return UsageError(Fault(str(error.filename or "a file"), said, expected, do))
    reason = _of_database(error)
    if reason is None:
        return None
    if any(known in reason for known in _SQLITE):
        return UsageError(Fault("the project's databases", reason, expected, do))
    return UsageError(Fault("the database", reason, "one that answers", "run it again once it does"))


def _of_database(error: BaseException) -> str | None:
    """What a database said that could not be reached or written to; None for any other error.

    SQLAlchemy is looked at only where a command has loaded it.
    """
    exceptions = sys.modules.get("sqlalchemy.exc")
    kinds = (exceptions.OperationalError, exceptions.InterfaceError) if exceptions is not None else ()
    if isinstance(error, kinds):
        error = getattr(error, "orig", None) or error
        if not isinstance(error, sqlite3.Error):
            return " ".join(str(error).split())[:300]
    if isinstance(error, sqlite3.OperationalError) and any(known in str(error) for known in _SQLITE):
        return str(error)
    return None
