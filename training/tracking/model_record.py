"""What is recorded beside a model's files, in meta.json: the data and settings it comes from, its figures, its log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from training.serialization import JsonObject, read_json, write_json

RECORD_FILE = "meta.json"


@dataclass(frozen=True)
class ModelRecord:
    """Where a stored model comes from: data, settings and calibration, with its figures and its log.

    Attributes
    ----------
    config_version, calibrator_version : str
        Of the settings that it was trained with; of what calibrates it.
    data_fingerprint, data_end : str
        Of the data that it was trained on; the day on which they end.
    metrics : mapping of str to float
        Figures of out-of-time rows that were known when it was logged.
    log : JsonObject
        What it was fitted on, and why it is what it is (`ChurnModel.log`).
    """

    config_version: str
    calibrator_version: str
    data_fingerprint: str
    data_end: str
    metrics: Mapping[str, float]
    log: JsonObject

    def write(self, folder: Path) -> None:
        """Writes meta.json into the folder."""
        write_json(folder / RECORD_FILE, vars(self))

    @classmethod
    def read(cls, folder: Path) -> ModelRecord:
        """What `write` wrote; DataError when there is none of this format."""
        body = read_json(folder / RECORD_FILE)
        return cls(**{name: body[name] for name in cls.__dataclass_fields__})
