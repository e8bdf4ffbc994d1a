"""The newest report as pages read it: its figures are those of report.json, and no page works one out again."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from evaluation.report import Summary

JSON_FILE = "report.json"


@lru_cache(maxsize=4)
def _read(path: Path, _modified_ns: int) -> Summary | None:
    try:
        return cast("Summary", json.loads(path.read_text(encoding="utf-8")))
    except ValueError:  # not whole, or not a report's
        return None


def newest_report(folder: Path) -> Summary | None:
    """The figures of the report in a folder; None where there is none. Read in a thread: it is a file.

    Parameters
    ----------
    folder : Path
        Of the reports.

    Returns
    -------
    Summary or None
        As `evaluation.report.summarise` made them, with `meta` beside them.
    """
    path = folder / JSON_FILE
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError:
        return None


def created(report: Summary) -> str:
    """When a report was made, as it says itself."""
    return str(cast("dict[str, dict[str, str]]", report).get("meta", {}).get("created", "at an unknown time"))
