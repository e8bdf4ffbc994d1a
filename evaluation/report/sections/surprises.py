"""What was missed and what came to nothing: the largest surprises with the reasons of the day, and outcomes by arm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from configs.json_object import JsonObject
from evaluation.jsonable import to_jsonable
from evaluation.metrics import Refusal
from evaluation.outcomes import NO_DRAW, TREATED, Effect, by_arm
from evaluation.predictions import BASE, REST
from evaluation.report.sections.context import ReasonsOf, RefusedFigure, ReportContext

EFFECT = "effect of approaching accounts"


def surprise_figures(context: ReportContext) -> JsonObject:
    """surprises: the largest ones either way, with their reasons."""
    frames = context.frames
    return {"surprises": surprises(context, frames.rows, frames.judged, context.inputs.reasons)}


def arm_figures(context: ReportContext) -> JsonObject:
    """arms: what became of the scorings of each arm; None where no interventions are known."""
    rows = context.frames.rows
    return {"arms": outcomes_by_arm(context, rows, context.inputs.effect) if "arm" in rows else None}


def _reasons(text: object) -> list[JsonObject]:
    """The three strongest reasons given at the time, without the base and the remainder."""
    given = json.loads(text) if isinstance(text, str) and text else []
    named = [reason for reason in given if reason.get("signal") not in (BASE, REST)]
    keys = ("signal", "dimension", "value", "sentence", "contribution")
    return [{key: reason.get(key) for key in keys} for reason in named[:3]]


def surprises(
    context: ReportContext, rows: pd.DataFrame, judged: pd.DataFrame, reasons: ReasonsOf | None
) -> dict[str, list[JsonObject]]:
    """The ten least expected losses that were not in the red band at their last scoring, and the five riskiest scorings
    that came to nothing.

    rows: account_id (numbers in the order of the names will do), as_of, churn_at, y and p of what has matured; judged:
    every column of the few that are shown, by the same index. Where the rows have an `arm` it is shown, as it was at
    the end of the window: who was approached and stayed may have been saved.
    """
    held = context.share_in_red_band(rows, "p")
    left = (
        rows.assign(held=held)[rows["y"] == 1]
        .sort_values(["as_of", "account_id"])
        .drop_duplicates(["account_id", "churn_at"], keep="last")
    )
    left = left[left["held"] < 0.5]
    stayed = rows.loc[(rows["y"] == 0) & rows["churn_at"].isna(), ["p", "account_id", "as_of"]]
    riskiest = stayed.groupby("account_id")["p"].max().nlargest(5, keep="all")
    stayed = stayed[stayed["p"] >= riskiest.min()]
    stayed = stayed.sort_values(["p", "account_id", "as_of"], ascending=[False, True, True])
    chosen_index = {
        "left": left.sort_values(["p", "account_id"]).head(10).index,
        "stayed": stayed.drop_duplicates("account_id").head(5).index,
    }
    scores = rows[["p"]]
    if "arm" in rows:
        scores = scores.assign(arm=rows["arm"].mask(rows["approached_later"], TREATED))
    chosen = {name: judged.loc[index].assign(**scores.loc[index]) for name, index in chosen_index.items()}

    def entry(row: Mapping[Any, Any]) -> JsonObject:
        keys = ["account_id", "name", "as_of", "churn_at", "p", "risk_level", "lifecycle_stage", "segment", "owner"]
        keys += ["arr", "arm"]
        shown = {key: row.get(key) for key in keys}
        shown["days_before"] = None if pd.isna(row["churn_at"]) else (row["churn_at"] - row["as_of"]).days
        return dict(to_jsonable({**shown, "reasons": _reasons(row["reasons"])}))

    if reasons is not None:
        chosen = {name: table.assign(reasons=reasons(table)) for name, table in chosen.items()}
    return {name: [entry(row) for row in table.to_dict("records")] for name, table in chosen.items()}


def outcomes_by_arm(context: ReportContext, rows: pd.DataFrame, effect: Effect | Refusal | None) -> JsonObject:
    """What became of the scorings of each `arm`, beside what approaching accounts did where chance drew the arms:
    `effect`, of evaluation.outcomes.arms; None where no draw held on these days."""
    flagged = context.share_in_red_band(rows, "p") >= 0.5
    known_effect = NO_DRAW if effect is None else effect
    if isinstance(known_effect, Refusal):
        context.refused.append(RefusedFigure(EFFECT, "approached and held out", known_effect.refused, None))
    return {"arms": to_jsonable(by_arm(rows.assign(flagged=flagged))), "effect": to_jsonable(known_effect)}
