"""Predictions for a ledger, with awkward numbers and words, and how the tests write them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from evaluation.ledger import TaskEvent
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.rows import column_order
from evaluation.ledger.tables import ENTRIES

NOW = pd.Timestamp("2024-02-01 09:30:00.000001")
TABLES = ["batches", *(table.name for entry in ENTRIES for table in entry.tables)]


def frame(
    rows: int = 4,
    seed: int = 0,
    as_of: str = "2024-01-31",
    horizons: tuple[int, ...] = (30, 60, 90, 180),
    main: int = 90,
):
    """Predictions with awkward numbers and words, in the order of a prediction's columns."""
    random = np.random.default_rng(seed)
    p = np.sort(random.random((rows, len(horizons))), axis=1)
    made = pd.DataFrame({"account_id": [f"{number:03d}" for number in range(rows)]})
    made["as_of"] = pd.Timestamp(as_of).as_unit("us")
    for place, days in enumerate(horizons):
        made[f"p_churn_{days}d"] = p[:, place]
    made[f"p_low_{main}d"], made[f"p_high_{main}d"], made[f"p_health_{main}d"] = p[:, 0], np.nan, random.random(rows)
    made["lifecycle_stage"], made["risk_level"] = "adoption", "high"
    for name in ("score", "usage", "engagement", "financial", "relationship"):
        made[f"health_{name}"] = random.normal(50, 10, rows)
    made.loc[0, "health_usage"] = np.nan
    made["coverage"], made["arr"] = 1.0, random.lognormal(9, 1, rows)
    made[f"expected_arr_loss_{main}d"] = made[f"p_churn_{main}d"] * made.arr
    made["reasons"] = [json.dumps([{"signal": "Zürich ✓", "contribution": value}]) for value in p[:, 0]]
    made["triggers"], made["actions"] = "[]", '["call"]'
    made["has_signal"] = random.random(rows) < 0.5
    made["model_version"], made["config_version"] = "3", "abc"
    return made[column_order(horizons, [main])]


def hashes(made: pd.DataFrame) -> list[str]:
    return [f"{number:016x}" for number in range(len(made))]


def put(ledger: Ledger, made: pd.DataFrame, **more):
    arguments = {"kind": "batch", "asked_by": "score", "at": NOW, "signals_hash": hashes(made), **more}
    return ledger.write(made, **arguments)


def put_alerts(ledger: Ledger) -> None:
    """Two alerts, a message with both and an attempt that failed: three batches."""
    alerts = [(0, "a1", "000", "2024-01-31", "trigger", "anna", "2024-W05", "alert", "{}")]
    alerts += [(1, "a2", None, "2024-01-31", "outage", None, "2024-W05", "alert", "{}")]
    ledger.append("alert", alerts, asked_by="alerts", at=NOW)
    message = (0, "m1", "platform", "alerts", '["000"]', '["a1","a2"]', 1, "{}")
    ledger.append("message", [message], asked_by="alerts", at=NOW)
    failed = (0, "platform", "m1", "failed", 1, "2024-02-01T09:30:05.000000", "503")
    ledger.append("delivery", [failed], asked_by="alerts", at=NOW)


def put_entries(ledger: Ledger) -> None:
    """Feedback on a reason, an intervention, an outcome, a task that is done and a note: five batches."""
    at = "2024-02-01T09:30:00.000000"
    said = (0, "000", "2024-01-31", "1", "logins", "known", None, "anna", at)
    ledger.append("feedback", [said], asked_by="key:1", at=NOW)
    ledger.append("intervention", [(0, "000", at, "call", None, None, "a note", "anna")], asked_by="key:1", at=NOW)
    ledger.append("outcome", [(0, "000", at, "contraction", -12.5, None, 1, "anna")], asked_by="key:1", at=NOW)
    ledger.append("task", [(0, *task_event(0).values)], asked_by="key:1", at=NOW)
    ledger.append("note", [(0, "000", "They move.", "anna", at)], asked_by="key:1", at=NOW)


def task_event(number: int, **more) -> TaskEvent:
    """An event of a task of account `number`."""
    at = "2024-02-01T09:30:00.000000"
    of = {"account_id": f"{number:03d}", "task": "renewal", "step": None, "kind": "done", "until": None}
    by = {"assigned_to": None, "comment": "Ü", "owner": "anna", "as_of": "2024-01-31", "model_version": "1"}
    return TaskEvent(**{**of, **by, "p_churn": 0.1, "made_by": "anna", "made_at": at, **more})
