"""The prediction-versus-outcome report written: one HTML file, and the same figures as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from configs.atomic_files import write_text
from configs.settings import Settings
from evaluation.report.page import render
from evaluation.report.sections import ReportInputs
from evaluation.report.summary import summarise


@dataclass(frozen=True)
class ReportFiles:
    """Where a report was written.

    Attributes
    ----------
    html : Path
    json : Path
    """

    html: Path
    json: Path


def write_report(inputs: ReportInputs, settings: Settings, out_dir: Path, meta: Mapping[str, str]) -> ReportFiles:
    """Writes report.html and report.json, each whole or not at all.

    Parameters
    ----------
    inputs : ReportInputs
        Judged predictions, and what is known beside them.
    settings : Settings
        The project's settings.
    out_dir : Path
        Folder of the files; made if absent, and the files replaced if they exist.
    meta : Mapping of str to str
        What only the caller knows, shown as it is: source (backtest or ledger), created, title, versions.

    Returns
    -------
    ReportFiles
        The two paths.

    Raises
    ------
    DataError
        As `summarise` does, before anything is written.
    """
    summary = summarise(inputs, settings)
    # A project has a state folder; to make one for the sake of a script would leave files where nobody asked for any.
    page = render(summary, meta, settings.paths.cache if settings.paths.folder.is_dir() else None)
    body = json.dumps({"meta": dict(meta), **summary}, indent=1, allow_nan=False, ensure_ascii=False)
    files = ReportFiles(out_dir / "report.html", out_dir / "report.json")
    write_text(files.json, body)
    write_text(files.html, page)
    return files
