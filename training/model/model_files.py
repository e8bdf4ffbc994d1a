"""A churn model's files: JSON and LightGBM's own text, so that loading them cannot run code."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np

from configs.errors import DataError, Fault
from configs.json_object import JsonObject
from training.calibration import Calibrator
from training.hazard import Blend, Encoder, Explained, Intervals, LinearHazard, TimeEffects, TreeHazard
from training.health import HealthModel
from training.model.members import HazardMembers
from training.serialization import fields_of, read_json, write_json

Loaded = TypeVar("Loaded", bound=HazardMembers)

MODEL_FILE, TREES_FILE = "model.json", "trees.txt"


def save_model(churn: HazardMembers, folder: Path) -> None:
    """Writes model.json; with trees, trees.txt; with rules, health.json."""
    folder.mkdir(parents=True, exist_ok=True)
    body = {
        "name": churn.name,
        "horizons_days": list(churn.horizons_days),
        "main_horizon_days": churn.main_horizon_days,
        "edges": list(churn.intervals.edges),
        "encoder": churn.encoder.to_json(),
        "explained": {"signals": churn.explained.signals, "dimensions": churn.explained.dimensions},
        "linear": churn.linear.to_json(),
        "blend": churn.blend.to_json(),
        "tree_means": churn.tree_means.tolist(),
        "tree_effect_decay": None if churn.trees is None else churn.trees.effect_decay.tolist(),
        "tree_intercepts": None if churn.trees is None else churn.trees.intercepts.tolist(),
        "calibrator": churn.calibrator.to_json(),
        "chosen": churn.chosen,
        "base_rate": churn.base_rate,
        "season": list(churn.season),
        "time": churn.time.to_json(),
        "frailty_sd": churn.frailty_sd,
        "excess_kurtosis": churn.excess_kurtosis,
        "sampling_scale": churn.sampling_scale,
        "log": churn.log,
    }
    write_json(folder / MODEL_FILE, body)
    if churn.trees is not None:
        (folder / TREES_FILE).write_text(churn.trees.booster_text, encoding="utf-8")
    if churn.rules is not None:
        churn.rules.save(folder)


def load_model(cls: type[Loaded], folder: Path) -> Loaded:
    """DataError when the folder holds no model of this format."""
    body = read_json(folder / MODEL_FILE)
    with fields_of(folder / MODEL_FILE):
        return _model_of(cls, body, folder)


def _model_of(cls: type[Loaded], body: JsonObject, folder: Path) -> Loaded:
    intervals = Intervals(tuple(body["edges"]))
    trees_file = folder / TREES_FILE
    blend = Blend(**body["blend"])
    if blend.trees and not trees_file.is_file():
        raise DataError(Fault(str(trees_file), "no such file", "the trees of the model", "log the model again"))
    trees = None
    if blend.trees:
        effect_decay, intercepts = np.array(body["tree_effect_decay"]), np.array(body["tree_intercepts"])
        trees = TreeHazard.from_text(trees_file.read_text(encoding="utf-8"), intervals, effect_decay, intercepts)
    return cls(
        name=body["name"],
        horizons_days=tuple(body["horizons_days"]),
        main_horizon_days=body["main_horizon_days"],
        intervals=intervals,
        encoder=Encoder.from_json(body["encoder"]),
        explained=Explained(tuple(body["explained"]["signals"]), tuple(body["explained"]["dimensions"])),
        linear=LinearHazard.from_json(body["linear"]),
        trees=trees,
        blend=blend,
        tree_means=np.array(body["tree_means"], float),
        calibrator=Calibrator.from_json(body["calibrator"]),
        chosen=body["chosen"],
        base_rate=body["base_rate"],
        season=tuple(body["season"]),
        log=body["log"],
        frailty_sd=body["frailty_sd"],
        excess_kurtosis=body["excess_kurtosis"],
        sampling_scale=body["sampling_scale"],
        rules=HealthModel.load(folder) if blend.rules else None,
        time=TimeEffects.from_json(body["time"]),
    )
