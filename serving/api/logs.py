"""The service's log: one JSON line an event, so that a machine can read it; no traceback of what a caller did wrong."""

from __future__ import annotations

import json
import sys
import time
import traceback
from datetime import UTC, datetime
from typing import Any

_ENCODER = json.JSONEncoder(separators=(",", ":"), default=str)


def log(event: str, **fields: Any) -> None:
    """Writes a line to stderr: `at`, `event`, and what else there is to say of it.

    Parameters
    ----------
    event : str
        What happened, in a word.
    fields : object
        Whatever else the line says, by name.
    """
    line = _ENCODER.encode({"at": _moment(), "event": event, **fields})
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def log_error(event: str, error: BaseException, **fields: Any) -> None:
    """The same of a failure of our own, with its traceback in the line."""
    log(event, error=f"{type(error).__name__}: {error}", traceback="".join(traceback.format_exception(error)), **fields)


def _moment() -> str:
    now = time.time()
    return f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%S}.{int(now % 1 * 1000):03d}Z"
