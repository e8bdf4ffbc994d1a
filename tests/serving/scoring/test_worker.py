"""The worker's round: it looks when a look is due, however much it is asked meanwhile."""

from __future__ import annotations

import io
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from serving.scoring.worker import Worker


def test_questions_one_after_the_other_do_not_put_the_look_off(monkeypatch: pytest.MonkeyPatch) -> None:
    worker, looks = Worker(Path("forewarn.yaml"), io.StringIO()), []

    def ask_without_a_pause() -> None:
        for number in range(60):
            worker.requests.put({"id": number})
            time.sleep(0.005)
        worker.requests.put(None)

    monkeypatch.setattr(worker, "settings", SimpleNamespace(serving=SimpleNamespace(refresh_seconds=0.03)))
    monkeypatch.setattr(worker, "_read", ask_without_a_pause)
    monkeypatch.setattr(worker, "_answered", lambda request: {"result": request["id"]})
    monkeypatch.setattr(worker, "look", lambda: looks.append(1))
    worker.run()
    assert worker.out.getvalue().count('"result"') == 60
    assert len(looks) >= 4
