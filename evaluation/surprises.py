"""What was missed and what came to nothing: the largest surprises with the reasons of the day, and outcomes by arm."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import pandas as pd

from evaluation.desk import Desk, Figure, plain
from evaluation.holdout import HOLDOUT, TREATED, NotRandom, by_arm, effect
from evaluation.prediction import BASE, REST
from evaluation.worth import band, loss_days

EFFECT = "effect of approaching accounts"
ReasonsOf: TypeAlias = Callable[[pd.DataFrame], pd.Series]


def _reasons(text: object) -> list[Figure]:
    """The three strongest reasons given at the time, without the base and the remainder."""
    given = json.loads(text) if isinstance(text, str) and text else []
    named = [one for one in given if one.get("signal") not in (BASE, REST)]
    keys = ("signal", "dimension", "value", "sentence", "contribution")
    return [{key: one.get(key) for key in keys} for one in named[:3]]


def surprises(desk: Desk, rows: pd.DataFrame, reasons: ReasonsOf | None) -> dict[str, list[Figure]]:
    """The ten least expected losses that were not in the red band at their last scoring, and the five riskiest scorings
    that came to nothing.

    Where the rows have an `arm` (evaluation.holdout) it is told: who was approached and stayed may have been saved.
    """
    rows = rows.assign(held=band(rows, "p", desk.evaluation.capacity_share))
    left = (
        rows[rows["y"] == 1]
        .sort_values(["as_of", "account_id"])
        .drop_duplicates(["account_id", "churn_at"], keep="last")
    )
    left = left[left["held"] < 0.5]
    stayed = rows[(rows["y"] == 0) & rows["churn_at"].isna()].sort_values(
        ["p", "account_id", "as_of"], ascending=[False, True, True]
    )
    chosen = {
        "left": left.sort_values(["p", "account_id"]).head(10),
        "stayed": stayed.drop_duplicates("account_id").head(5),
    }

    def entry(row: Mapping[Any, Any]) -> Figure:
        keys = ["account_id", "name", "as_of", "churn_at", "p", "risk_level", "lifecycle_stage", "segment", "owner"]
        keys += ["arr", "arm"]
        shown = {key: row.get(key) for key in keys}
        shown["days_before"] = None if pd.isna(row["churn_at"]) else (row["churn_at"] - row["as_of"]).days
        return dict(plain({**shown, "reasons": _reasons(row["reasons"])}))

    if reasons is not None:
        chosen = {name: table.assign(reasons=reasons(table)) for name, table in chosen.items()}
    return {name: [entry(row) for row in table.to_dict("records")] for name, table in chosen.items()}


def apart(desk: Desk, rows: pd.DataFrame) -> Figure:
    """What became of the scorings of each `arm`, and what approaching accounts did where chance drew the arms.

    An effect needs `evaluation.holdout` (the salt and share by which accounts were held out); it is refused where the
    arms are not those of that draw. It is taken from as_ofs a horizon apart, so that no churn counts twice.
    """
    flagged = band(rows, "p", desk.evaluation.capacity_share) >= 0.5
    table: Figure = {"arms": plain(by_arm(rows.assign(flagged=flagged)))}
    drawn = desk.evaluation.holdout
    if drawn is None:
        why = "nothing says that chance drew the arms; evaluation.holdout would"
        return table | {"effect": _refused(desk, why)}
    days = loss_days(list(rows["as_of"].unique()), desk.main)
    part = rows[rows["as_of"].isin(days) & rows["arm"].isin([TREATED, HOLDOUT])]
    try:
        found = desk.figure(
            EFFECT,
            "approached and held out",
            lambda: effect(part, drawn.salt, drawn.share, desk.draws, desk.seed).to_json(),
        )
    except NotRandom as fault:
        why = "; ".join(f"{one.where}: {one.found}, expected {one.expected}" for one in fault.faults)
        found = _refused(desk, why)
    return table | {"effect": found}


def _refused(desk: Desk, why: str) -> Figure:
    desk.refused.append({"figure": EFFECT, "where": "approached and held out", "why": why, "needed": None})
    return {"refused": why}
