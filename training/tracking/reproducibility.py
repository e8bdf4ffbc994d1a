"""Building a model again to show that it comes from the data and settings that it names: file by file, byte by byte."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from configs.settings import Settings, Trees
from training.fit import Data, Fitted, fit_models
from training.model import ChurnModel

SHOWN = 8


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


def verify(folder: Path, dataset: Data, settings: Settings) -> Verification:
    """Fits again, at the cut and with the trees that folder/churn names, and compares with what `save_fitted` wrote.

    DataError when the folder holds no model. A renewed calibration is not rebuilt: it shows as a difference.
    """
    log = ChurnModel.load(folder / "churn").log
    training = settings.training.model_copy(update={"trees": Trees(**log["trees"])})
    fitted = fit_models(dataset, settings.model_copy(update={"training": training}), pd.Timestamp(log["cut"]))
    with tempfile.TemporaryDirectory() as temporary:
        again = Path(temporary)
        save_fitted(fitted, again)
        return compare(folder, again)


def compare(one: Path, two: Path) -> Verification:
    """The files of churn/ and health/ below two folders."""
    names = sorted(
        {
            path.relative_to(root).as_posix()
            for root in (one, two)
            for part in ("churn", "health")
            for path in (root / part).rglob("*")
            if path.is_file()
        }
    )
    found = []
    for name in names:
        first, second = one / name, two / name
        if not first.is_file() or not second.is_file():
            found.append(f"{name}: only in {'the rebuilt model' if second.is_file() else 'the model'}")
        elif first.read_bytes() != second.read_bytes():
            found.append(f"{name}: {_what_differs(first, second)}")
    return Verification(tuple(names), tuple(found))


def _what_differs(one: Path, two: Path) -> str:
    if one.suffix == ".json":
        keys = list(_keys(json.loads(one.read_text(encoding="utf-8")), json.loads(two.read_text(encoding="utf-8")), ""))
        more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
        return ", ".join(keys[:SHOWN]) + more if keys else "its layout"
    lines = zip(
        one.read_text(encoding="utf-8").splitlines(), two.read_text(encoding="utf-8").splitlines(), strict=False
    )
    first = next((number for number, (a, b) in enumerate(lines, 1) if a != b), None)
    return "its length" if first is None else f"from line {first} on"


def _keys(one: Any, two: Any, where: str) -> list[str]:
    """Dotted keys at which two JSON bodies differ."""
    if isinstance(one, dict) and isinstance(two, dict):
        out = []
        for key in sorted({*one, *two}):
            out += _keys(one.get(key), two.get(key), f"{where}.{key}" if where else str(key))
        return out
    return [] if one == two else [where]
