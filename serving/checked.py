"""What `check` finds, and the last finding of a project, which holds while nothing that it read has changed."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from configs.atomic_files import write_text
from configs.json_object import JsonObject
from configs.settings import Settings

if TYPE_CHECKING:
    from evaluation.outcomes import TriggerValue
    from features.checks import CheckReport

ROOT = Path(__file__).resolve().parent.parent
READ_BY = ("configs", "features", "training", "evaluation", "serving")  # whose code has a say in what is found
READERS = ("duckdb", "ibis-framework", "pandas", "pyarrow")  # and the libraries that read the files
UNREAD = {"state", "serving", "alerts"}  # settings that `check` does not read


@dataclass(frozen=True)
class Checked:
    """What the sources hold; not `passed` while a column that may know the future is neither fixed nor allowed, or a
    signal of the project's own reads it."""

    report: CheckReport
    triggers: tuple[TriggerValue, ...] = ()

    @property
    def open_suspects(self) -> tuple[str, ...]:
        """Suspected columns that `allow_leaking` does not name."""
        return tuple(suspect.column for suspect in self.report.suspects if not suspect.allowed)

    @property
    def leaking_signals(self) -> tuple[str, ...]:
        """Signals of the project's own that read the future."""
        return tuple(leak.name for leak in self.report.own_signals.leaking)

    @property
    def passed(self) -> bool:
        return not self.open_suspects and not self.leaking_signals

    def to_json(self) -> JsonObject:
        refused_for = {"open_suspects": self.open_suspects, "leaking_signals": self.leaking_signals}
        triggers = [asdict(value) for value in self.triggers]
        summary = {"summary": str(self.report), **self.report.to_json(), "triggers": triggers}
        return {"passed": self.passed, **refused_for, **summary}


def keep(settings: Settings, checked: Checked, now: datetime | None) -> None:
    """Keeps what was found in the state folder, where its sources are files and the folder can be written.

    Parameters
    ----------
    settings : Settings
    checked : Checked
    now : datetime or None
        When it was found; None keeps nothing.
    """
    mark = _mark(settings)
    if mark is None or now is None or checked.report.data_end is None:
        return
    # Rows of the days ahead move the data's end on with the day; without any, it stays where it is.
    grows = settings.data_end is None and checked.report.data_end > f"{now:%Y-%m-%d}"
    body = {
        "mark": mark,
        "day": f"{now:%Y-%m-%d}",
        "only_on_that_day": grows,
        "report": asdict(checked.report),
        "triggers": [asdict(value) for value in checked.triggers],
    }
    with suppress(OSError):
        write_text(settings.paths.checked, json.dumps(body))


def kept(settings: Settings, now: datetime | None) -> Checked | None:
    """What was found last, if it would be found again: the same bytes, settings and code, and no earlier day.

    Parameters
    ----------
    settings : Settings
    now : datetime or None
        None finds nothing kept.

    Returns
    -------
    Checked or None
        None where nothing is kept, or anything has changed.
    """
    if now is None or not settings.paths.checked.is_file():
        return None
    try:
        body = json.loads(settings.paths.checked.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    today = f"{now:%Y-%m-%d}"
    if today < body["day"] or (body["only_on_that_day"] and today != body["day"]) or body["mark"] != _mark(settings):
        return None
    from pydantic import TypeAdapter

    from evaluation.outcomes import TriggerValue
    from features.checks import CheckReport

    report = TypeAdapter(CheckReport).validate_python(body["report"])
    return Checked(report, TypeAdapter(tuple[TriggerValue, ...]).validate_python(tuple(body["triggers"])))


def _mark(settings: Settings) -> str | None:
    """Changes whenever anything does that could change what is found; None where no file tells of a change."""
    from features.sources import source_files

    files = source_files(settings)
    if files is None or not all(path.is_file() for path in files):
        return None
    if settings.signals is not None:
        files = [*files, settings.path(settings.signals)]
    total = hashlib.sha256(json.dumps(settings.model_dump(mode="json", exclude=UNREAD), sort_keys=True).encode())
    for path in files:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    total.update(json.dumps([version(name) for name in READERS]).encode())
    for path in sorted(path for name in READ_BY for path in (ROOT / name).rglob("*.py")):
        stat = path.stat()
        total.update(f"{path.relative_to(ROOT)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return total.hexdigest()
