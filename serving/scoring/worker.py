"""The process beside the service that works answers out: `python -m serving.scoring.worker forewarn.yaml`.

It looks every few seconds whether the settings, the champion, the data or the CSMs' overrides are others than before,
prepares the day anew where they are (for overrides it has only these to tell), and says so: one JSON line an event on
stdout, requests likewise on stdin. It holds the model and the frames, so that the service holds neither: loading a
model cannot stop an answer on its way, nor can a model that ends the process end the service.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from configs.errors import ForewarnError, UsageError
from configs.settings import Settings
from configs.settings_file import load_settings
from evaluation.ledger import Ledger
from evaluation.outcomes import levels_in_force
from features.sources import source_files
from serving.messages import LevelInForce, faults_of
from serving.prepared import remove_days
from serving.scoring.prepare import prepare
from serving.scoring.questions import Questions, asked_in
from training.tracking import CHAMPION, versions


class Worker:
    """Looks, prepares and tells; one thread reads requests, the main one does everything else."""

    def __init__(self, config: Path, out: TextIO) -> None:
        self.config = config
        self.out = out
        self.requests: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.seen: str | None = None
        self.levels: dict[str, Any] | None = None
        self.settings: Settings | None = None
        self.ledger: Ledger | None = None
        self.questions: Questions | None = None

    def run(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()
        due = time.monotonic()
        while True:
            if time.monotonic() >= due:  # before the next question, so that many of them do not put the look off
                self.look()
                due = time.monotonic() + (5.0 if self.settings is None else self.settings.serving.refresh_seconds)
            try:
                request = self.requests.get(timeout=max(0.0, due - time.monotonic()))
            except queue.Empty:
                continue
            if request is None:
                return
            self.tell({"event": "done", "id": request.get("id"), **self._answered(request)})

    def _answered(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a question about the day that serves, or why there is none."""
        try:
            if self.questions is None or self.questions.common != request["common"]:
                self.questions = Questions(self.config, datetime.now(UTC))
            if self.questions.common != request["common"]:
                title = "another day, model or setting is about to serve; ask again"
                return {"problem": {"status": 503, "title": title, "faults": []}}
            return {"result": self.questions.answer(asked_in(request))}
        except UsageError as error:
            faults = [fault.model_dump() for fault in faults_of(error)]
            return {"problem": {"status": 422, "title": error.title, "faults": faults}}
        except ForewarnError as error:  # of the project, not of the request: its faults name files, and are for the log
            print(error, file=sys.stderr, flush=True)
            return {"problem": {"status": 503, "title": f"{error.title}; the service's log says why", "faults": []}}
        except Exception:
            traceback.print_exc()
            title = "the worker could not answer; the service's log says why"
            return {"problem": {"status": 500, "title": title, "faults": []}}

    def _read(self) -> None:
        for line in sys.stdin:
            self.requests.put(json.loads(line))
        self.requests.put(None)  # the service is gone
        time.sleep(5)
        os._exit(0)  # and nobody waits for what is being prepared

    def tell(self, event: Mapping[str, Any]) -> None:
        self.out.write(json.dumps(event, separators=(",", ":"), default=str) + "\n")
        self.out.flush()

    def look(self) -> None:
        """One look at everything; what cannot be loaded is told once, and what served before serves on."""
        for what, task in (("day", self._look_for_a_day), ("overrides", self._look_for_overrides)):
            try:
                task()
            except ForewarnError as error:
                self._refuse(what, error.title, [fault.model_dump() for fault in faults_of(error)])
            except Exception as error:  # whatever it is, the service serves on and says so
                traceback.print_exc()
                fault = {"where": what, "found": f"{type(error).__name__}: {error}", "expected": "that it loads"}
                self._refuse(what, "it could not be loaded", [fault | {"do": "see the service's log"}])

    def _refuse(self, what: str, title: str, faults: list[dict[str, str]]) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self.tell({"event": "refused", "what": what, "at": at, "title": title, "faults": faults})

    def _look_for_a_day(self) -> None:
        settings = load_settings(self.config)
        mark = _mark(self.config, settings)
        if mark == self.seen:
            return
        self.seen = mark  # also where it is refused: it is tried again once something changed
        folder = prepare(self.config, datetime.now(UTC))
        self._use(settings)
        self.questions = None
        self.tell({"event": "day", "folder": str(folder), "serving": settings.serving.model_dump(mode="json")})
        remove_days(settings.paths.served, [folder.name])

    def _use(self, settings: Settings) -> None:
        if self.settings is None or self.settings.ledger_url != settings.ledger_url:
            if self.ledger is not None:
                self.ledger.close()
            self.ledger = Ledger.open(settings)
        self.settings = settings

    def _look_for_overrides(self) -> None:
        """CSMs' levels in force, by account; told where they are others than before."""
        if self.ledger is None:
            return
        at = pd.Timestamp(datetime.now(UTC)).tz_localize(None)
        overrides = self.ledger.overrides(at)
        accounts = overrides.account_id.drop_duplicates()
        unknown = pd.DataFrame({"account_id": accounts, "risk_level": ""})
        levels = {}
        for level in levels_in_force(unknown, overrides, at) if len(accounts) else ():
            if level.csm is not None:
                told = LevelInForce(
                    automated="",
                    csm=level.csm,
                    final=level.final,
                    counts="csm",
                    made_at=None if level.made_at is None else level.made_at.isoformat(),
                    made_by=level.made_by,
                    reason=level.reason,
                    expires_at=None if level.expires_at is None else level.expires_at.isoformat(),
                )
                levels[level.account_id] = told.model_dump()
        if levels != self.levels:
            self.levels = levels
            self.tell({"event": "overrides", "levels": levels})


def _mark(config: Path, settings: Settings) -> str:
    """What can be seen without reading any data: settings, champion, and the files of the sources as they stand.

    Sources on a server show nothing so, and are read anew every minute.
    """
    champions = [version for version in versions(settings) if CHAMPION in version.aliases]
    champion = [[version.number, version.run_id, dict(version.digests)] for version in champions]
    files = source_files(settings)
    folders = [version.folder for version in champions if version.folder is not None]
    looked_at = [*(files or ()), *(path for folder in folders for path in sorted(folder.rglob("*")))]
    stats = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in looked_at if path.is_file()]
    minute = int(time.time() // 60) if files is None else 0
    body = [
        settings.model_dump(mode="json"),
        settings.version,
        champion,
        stats,
        minute,
    ]
    return hashlib.sha256(json.dumps(body, default=str).encode()).hexdigest()


def main() -> None:
    """Serves one project's file; stdout is kept for events alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the service ends it
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    Worker(Path(sys.argv[1]), out).run()


if __name__ == "__main__":
    main()
