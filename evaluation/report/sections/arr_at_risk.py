"""ARR expected to be lost beside ARR lost, in windows that do not overlap."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from configs.json_object import JsonObject
from evaluation.jsonable import to_jsonable
from evaluation.metrics import business_value, quarterly_loss_as_ofs
from evaluation.report.sections.context import ReportContext


def arr_figures(context: ReportContext) -> JsonObject:
    """arr: by window and in all."""
    return {"arr": arr_at_risk(context, context.frames.ranked)}


def arr_at_risk(context: ReportContext, rows: pd.DataFrame) -> JsonObject:
    """ARR expected to be lost, with the range of chance, beside ARR lost, a window; `variance`: sum of p (1 - p)."""
    windows = []
    for day in quarterly_loss_as_ofs(list(rows["as_of"].unique()), context.main_horizon_days):
        at = rows[rows["as_of"] == day]
        window: dict[str, Any] = {
            "as_of": day,
            "until": day + pd.Timedelta(days=context.main_horizon_days),
            "accounts": len(at),
        }
        window |= {"expected_churns": at["p"].sum(), "churns": int(at["y"].sum()), "arr": at["arr"].sum()}
        window["variance"] = float((at["p"] * (1 - at["p"])).sum())

        def expected_and_lost(at: pd.DataFrame = at) -> JsonObject:
            loss = business_value.arr_loss(at["y"].to_numpy(), at["p"].to_numpy(), at["arr"].to_numpy(dtype=float))
            return {**loss._asdict(), "within": loss.low <= loss.realised <= loss.high}

        windows.append(
            to_jsonable(window | context.figure_or_refusal("ARR at risk", f"{day:%Y-%m-%d}", expected_and_lost))
        )
    known = [line for line in windows if "refused" not in line]
    if not known:
        return {"windows": windows, "refused": "no account has a known ARR"}
    totals = {
        name: sum(line[name] for line in known) for name in ("expected", "realised", "arr", "churns", "expected_churns")
    }
    unknown = sum(line["arr_unknown"] for line in known) / sum(line["accounts"] for line in known)
    half = math.sqrt(sum((line["high"] - line["expected"]) ** 2 for line in known))
    totals |= {"low": max(0.0, totals["expected"] - half), "high": totals["expected"] + half}
    return {"windows": windows, **totals, "within": sum(line["within"] for line in known), "unknown_share": unknown}
