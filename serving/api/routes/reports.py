"""The files that `forewarn report` wrote: of the report on the backtest, and in ledger/ of that on what was served."""

from __future__ import annotations

import asyncio
import mimetypes
from datetime import UTC, datetime
from pathlib import Path

from serving.api.routing import Answer, Call, ProblemRaised, Role, Route
from serving.messages import ReportFile, ReportList, problem

READERS: tuple[Role, ...] = ("leader", "scientist", "admin")
TYPES = {".html": "text/html", ".json": "application/json", ".pdf": "application/pdf", ".md": "text/markdown"}
OTHER = "application/octet-stream"
LEDGER = "ledger"  # the folder of the report on what was served


async def reports(call: Call) -> Answer:
    """Which files there are."""
    found = await asyncio.to_thread(report_files, call.live.settings.paths.reports)
    return Answer.of(ReportList(reports=[_described(name, path) for name, path in found.items()]))


async def report(call: Call) -> Answer:
    """One of them, as it is."""
    name = call.path["name"]

    return await report_answer(call.live.settings.paths.reports, name)


async def report_answer(folder: Path, name: str) -> Answer:
    """A file of a folder of reports, shut in: it can neither act for whoever opens it nor reach anything else.

    Parameters
    ----------
    folder : Path
        Of the reports.
    name : str
        Of the file, as it was asked for.

    Returns
    -------
    Answer
        With a policy that shuts it in.

    Raises
    ------
    ProblemRaised
        404 for a name that is not there.
    """

    def read() -> tuple[bytes, str] | None:
        path = report_files(folder).get(name)
        return None if path is None else (path.read_bytes(), _type(path))

    found = await asyncio.to_thread(read)
    if found is None:
        raise ProblemRaised(problem(404, f"no report {name!r}; GET /v1/reports lists them"))
    body, media_type = found
    # A page from here must not act with the key of whoever opens it, nor load anything from elsewhere.
    policy = "sandbox allow-scripts; default-src 'unsafe-inline' 'unsafe-eval' data: blob:"
    headers = {"content-security-policy": policy, "x-content-type-options": "nosniff"}
    return Answer(body, media_type=media_type, headers=headers)


def report_files(folder: Path) -> dict[str, Path]:
    """Files by name, those on what was served as `ledger/NAME`. What is asked for is looked up here, never a path.

    Parameters
    ----------
    folder : Path
        Need not exist.

    Returns
    -------
    dict of str to Path
        In the order of their names, those of the folder itself first.
    """
    return {**_files_in(folder, ""), **_files_in(folder / LEDGER, f"{LEDGER}/")}


def _files_in(folder: Path, before: str) -> dict[str, Path]:
    if not folder.is_dir() or folder.is_symlink():
        return {}
    inside = folder.resolve()
    files = (path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith("."))
    return {f"{before}{path.name}": path for path in files if path.resolve().parent == inside}


def _described(name: str, path: Path) -> ReportFile:
    about = path.stat()
    modified = datetime.fromtimestamp(about.st_mtime, UTC).isoformat(timespec="seconds")
    return ReportFile(name=name, media_type=_type(path), bytes=about.st_size, modified_at=modified)


def _type(path: Path) -> str:
    return TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or OTHER


ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/v1/reports",
        READERS,
        reports,
        "The files of the newest reports.",
        gives=ReportList,
        tag="reports",
        of_all=True,
    ),
    Route(
        "GET",
        "/v1/reports/{name}",
        READERS,
        report,
        "A file of the report, with its own media type.",
        statuses=(404,),
        tag="reports",
        gives_type="*/*",
        of_all=True,
    ),
)
