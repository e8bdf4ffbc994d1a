"""What `check` finds, and the last finding of a project, which holds while nothing that it read has changed."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from configs.atomic_files import write_text
from configs.json_object import JsonObject
from configs.settings import Settings

if TYPE_CHECKING:
    from evaluation.outcomes import TriggerValue
    from features.checks import CheckReport


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
    from features.sources import content_mark

    mark = content_mark(settings)
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
    from features.sources import content_mark

    today = f"{now:%Y-%m-%d}"
    is_past = today < body["day"] or (body["only_on_that_day"] and today != body["day"])
    if is_past or body["mark"] != content_mark(settings):
        return None
    from pydantic import TypeAdapter

    from evaluation.outcomes import TriggerValue
    from features.checks import CheckReport

    report = TypeAdapter(CheckReport).validate_python(body["report"])
    return Checked(report, TypeAdapter(tuple[TriggerValue, ...]).validate_python(tuple(body["triggers"])))
