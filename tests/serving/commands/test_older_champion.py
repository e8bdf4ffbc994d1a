"""A champion that another version of forewarn saved: the new one is judged without it, and says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from configs.errors import DataError
from serving.commands import promote
from training.serialization import FORMAT, OtherFormat, read_json


@pytest.mark.parametrize(("form", "is_other"), [(FORMAT - 1, True), ("nine", False), (None, False)])
def test_another_format_is_told_from_a_damaged_file(tmp_path: Path, form: object, is_other: bool) -> None:
    file = tmp_path / "model.json"
    file.write_text(json.dumps({"format": form}))
    with pytest.raises(DataError) as refused:
        read_json(file)
    assert isinstance(refused.value, OtherFormat) == is_other


class Asked(Exception):
    """Ends a promotion once the gates' measures have been asked for."""


def test_it_is_not_compared_with_and_the_gate_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    file.write_text('{"format": 1}')

    class Upgraded:
        settings = None
        champion_version = "1"

        @property
        def champion(self) -> object:
            return read_json(file)

        def __getattr__(self, name: str) -> object:
            return type("Anything", (), {"fingerprint": "", "version": "2"})()

        def model(self, _version: str) -> object:
            return self

    given: dict[str, object] = {}

    def measured(_project: object, _model: object, champion: object, _kept: object, unread: str | None) -> None:
        given.update(champion=champion, unread=unread)
        raise Asked

    for name, replacement in {
        "read_backtest": lambda _settings: type("Kept", (), {"mark": {"fingerprint": "", "settings": ""}})(),
        "_require_same": lambda *_given: None,
        "measure": measured,
    }.items():
        monkeypatch.setattr(promote, name, replacement)
    with pytest.raises(Asked):
        promote.promote(Upgraded(), None, None, "user:kim")  # type: ignore[arg-type]
    assert given == {"champion": None, "unread": "the champion, version 1, is saved in another form (format 1)"}
