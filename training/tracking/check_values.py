"""What a model gave for some accounts when it was logged, kept beside its files: input, probabilities, reasons.

Digests show that the files are the same; these show that they still mean the same, whichever forewarn and libraries
read them. With the libraries and the processor on which they were worked out they must come out equal to the last bit;
elsewhere rounding may differ in it, and a part in a thousand million is allowed.
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from configs.errors import Fault, UsageError
from training.fit import Fitted
from training.health import HealthModel
from training.model import ChurnModel
from training.serialization import JsonObject, fields_of, read_json, write_json
from training.tracking.run_content import FRAME_COLUMNS

CHECK_FILE = "check_values.json"
ACCOUNTS = 5
ELSEWHERE = 1e-9  # relative, and absolute for contributions near 0
LIBRARIES = ("numpy", "pandas", "scipy", "lightgbm")


@dataclass(frozen=True)
class CheckValues:
    """Rows of signals, and what the models gave for them.

    Attributes
    ----------
    made_on : str
        Of libraries and processor, see `machine_mark`.
    rows : JsonObject
        Type and values of each column.
    values : JsonObject
        What came out, by name: probabilities by horizon, the interval, base and contributions of the reasons, the
        health score and its probabilities.
    """

    made_on: str
    rows: JsonObject
    values: JsonObject

    @classmethod
    def of(cls, fitted: Fitted, signals: pd.DataFrame) -> CheckValues:
        """What the models give for the newest snapshots' accounts, from the lowest to the highest probability.

        Parameters
        ----------
        fitted : Fitted
        signals : pd.DataFrame
            Columns account_id and as_of, and those that the models read.

        Returns
        -------
        CheckValues
            Without ids and names of accounts.
        """
        newest = signals[signals.as_of == signals.as_of.max()]
        order = np.argsort(fitted.churn.main_log_odds(newest), kind="stable")
        places = np.unique(np.linspace(0, len(order) - 1, ACCOUNTS).astype(int))
        maps = fitted.health.framework.health_maps
        read = [*fitted.churn.columns, *(one.signal for one in maps), *FRAME_COLUMNS, "as_of"]
        names = [name for name in dict.fromkeys(read) if name in newest]
        rows = _to_json(newest.iloc[order[places]][names])
        return cls(machine_mark(), rows, worked_out(fitted.churn, fitted.health, _to_frame(rows)))

    def write(self, folder: Path) -> None:
        write_json(folder / CHECK_FILE, vars(self))

    @classmethod
    def read(cls, folder: Path) -> CheckValues | None:
        """Of a folder of a model's files; None for a version that an older forewarn logged."""
        if not (folder / CHECK_FILE).is_file():
            return None
        with fields_of(folder / CHECK_FILE):
            body = read_json(folder / CHECK_FILE)
            return cls(**{name: body[name] for name in cls.__dataclass_fields__})

    def check(self, churn: ChurnModel, health: HealthModel, version: str) -> None:
        """Works the values out again; UsageError naming each that is another one.

        Parameters
        ----------
        churn, health : ChurnModel, HealthModel
            As they were loaded.
        version : str
            For the message.
        """
        found = worked_out(churn, health, _to_frame(self.rows))
        exact = self.made_on == machine_mark()
        faults = []
        for name in sorted({*self.values, *found}):
            if (told := _difference(self.values.get(name), found.get(name), exact)) is not None:
                expected = f"{told[1]}, as when it was logged"
                do = "serve it with the forewarn and the libraries that it was logged with, or train again"
                faults.append(Fault(f"version {version}, {name}", told[0], expected, do))
        if faults:
            raise UsageError(faults)


def machine_mark() -> str:
    """Of what a result's last bits may depend on: the libraries that compute, and the processor's own instructions."""
    simd: Any = np.show_config(mode="dicts")
    extensions = simd.get("SIMD Extensions", {}).get("found", [])
    of = [platform.machine(), platform.python_version(), *map(installed, LIBRARIES), *extensions]
    return hashlib.sha256(json.dumps(of).encode()).hexdigest()[:16]


def worked_out(churn: ChurnModel, health: HealthModel, frame: pd.DataFrame) -> JsonObject:
    """What the models give for a frame, by name: lists of numbers, None where there is none."""
    explained = churn.explain(frame, churn.main_horizon_days)
    low, high = churn.interval(frame)
    scores, of_health = health.scores(frame), health.predict(frame)
    named = {
        **{str(name): column.to_numpy() for name, column in churn.predict(frame).items()},
        "p_low": low,
        "p_high": high,
        "reasons, base": explained.base,
        **{f"reasons, {name}": explained.contributions[:, place] for place, name in enumerate(explained.signals)},
        **{str(name): column.to_numpy() for name, column in scores.items()},
        **{f"health, {name}": column.to_numpy() for name, column in of_health.items()},
    }
    return {name: [None if np.isnan(value) else float(value) for value in values] for name, values in named.items()}


def _difference(then: Any, now: Any, exact: bool) -> tuple[str, str] | None:
    """The first two that differ, today's first; None where all are the same."""
    if then is None or now is None or len(then) != len(now):
        return ("nothing", "a value") if now is None else ("a value", "nothing")
    for expected, found in zip(then, now, strict=True):
        near = expected is not None and found is not None and not exact
        if expected != found and not (near and np.isclose(found, expected, rtol=ELSEWHERE, atol=ELSEWHERE)):
            return repr(found), repr(expected)
    return None


def _to_json(frame: pd.DataFrame) -> JsonObject:
    columns: JsonObject = {}
    for name, column in frame.items():
        text = pd.api.types.is_datetime64_any_dtype(column)
        values = [None if pd.isna(value) else value.isoformat() if text else value for value in column.tolist()]
        columns[str(name)] = {"type": str(column.dtype), "values": values}
    return columns


def _to_frame(rows: JsonObject) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(of["values"], dtype=of["type"]) for name, of in rows.items()})
