"""Building a model again to show that it comes from the data and settings that it names: file by file, byte by byte."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from configs.errors import Fault, UsageError
from configs.settings import Settings, Trees
from training.fit import Data, Fitted, fit_models
from training.model import ChurnModel, FitLog
from training.tracking.model_record import ModelRecord
from training.tracking.registry import folder_of

SHOWN = 8


class TrackedData(Data, Protocol):
    """A dataset that has a fingerprint, so that a model can name the data it comes from."""

    @property
    def fingerprint(self) -> str: ...


@dataclass(frozen=True)
class Verification:
    """`files` that were compared; `differences`: a line for each that is not the same, naming what in it is not."""

    files: tuple[str, ...]
    differences: tuple[str, ...]

    @property
    def same(self) -> bool:
        return not self.differences

    def __str__(self) -> str:
        if self.same:
            return f"rebuilt byte for byte: {', '.join(self.files)}"
        return "\n".join(["rebuilt, and different:", *self.differences])


def save_fitted(fitted: Fitted, folder: Path) -> None:
    """folder/churn and folder/health, as they are logged and compared."""
    fitted.churn.save(folder / "churn")
    fitted.health.save(folder / "health")


def verify_version(settings: Settings, version: str, dataset: TrackedData) -> Verification:
    """Rebuilds a version (number, alias or run) from today's data and settings and compares churn/ and health/.

    UsageError where data or settings are not those that it names, or where its calibration was renewed since.

    Parameters
    ----------
    settings : Settings
        Of the project.
    version : str
        Number, alias or run.
    dataset : TrackedData
        As it is today.

    Returns
    -------
    Verification
        File by file.

    Raises
    ------
    UsageError
        Where data or settings are not those that it names, or its calibration was renewed since.
    """
    folder, _, number = folder_of(settings, version)
    record = ModelRecord.read(folder)
    faults = [
        Fault(f"version {number}: {what}", f"trained on {then}", f"today's {now}", "give the ones it was trained on")
        for what, then, now in (
            ("data", record.data_fingerprint, dataset.fingerprint),
            ("settings", record.config_version, settings.version),
        )
        if then != now
    ]
    recalibration = FitLog.of(record.log).recalibration
    if recalibration is not None:
        renewed = f"a calibration renewed at {recalibration.as_of}"
        faults.append(
            Fault(f"version {number}", renewed, "a model as it was trained", "verify the version it came from")
        )
    if faults:
        raise UsageError(faults)
    return verify(folder, dataset, settings)


def verify(folder: Path, dataset: Data, settings: Settings) -> Verification:
    """Fits again, at the cut and with the trees that folder/churn names, and compares with what `save_fitted` wrote.

    DataError when the folder holds no model. A renewed calibration is not rebuilt: it shows as a difference.
    """
    log = ChurnModel.load(folder / "churn").fit_log
    training = settings.training.model_copy(update={"trees": Trees(**log.trees)})
    fitted = fit_models(dataset, settings.model_copy(update={"training": training}), pd.Timestamp(log.cut))
    with tempfile.TemporaryDirectory() as temporary:
        again = Path(temporary)
        save_fitted(fitted, again)
        return compare(folder, again)


def compare(logged: Path, rebuilt: Path) -> Verification:
    """The files of churn/ and health/ below two folders."""
    names = sorted(
        {
            path.relative_to(root).as_posix()
            for root in (logged, rebuilt)
            for part in ("churn", "health")
            for path in (root / part).rglob("*")
            if path.is_file()
        }
    )
    differences = []
    for name in names:
        first, second = logged / name, rebuilt / name
        if not first.is_file() or not second.is_file():
            differences.append(f"{name}: only in {'the rebuilt model' if second.is_file() else 'the model'}")
        elif first.read_bytes() != second.read_bytes():
            differences.append(f"{name}: {_what_differs(first, second)}")
    return Verification(tuple(names), tuple(differences))


def _what_differs(logged: Path, rebuilt: Path) -> str:
    first, second = logged.read_text(encoding="utf-8"), rebuilt.read_text(encoding="utf-8")
    if logged.suffix == ".json":
        keys = _keys(json.loads(first), json.loads(second), "")
        more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
        return ", ".join(keys[:SHOWN]) + more if keys else "its layout"
    lines = zip(first.splitlines(), second.splitlines(), strict=False)
    line = next((number for number, (a, b) in enumerate(lines, 1) if a != b), None)
    return "its length" if line is None else f"from line {line} on"


def _keys(first: Any, second: Any, path: str) -> list[str]:
    """Dotted keys at which two JSON bodies differ."""
    if isinstance(first, dict) and isinstance(second, dict):
        out = []
        for key in sorted({*first, *second}):
            out += _keys(first.get(key), second.get(key), f"{path}.{key}" if path else str(key))
        return out
    return [] if first == second else [path]
