"""What was judged, by which settings, and what the data cover."""

from __future__ import annotations

import pandas as pd

from configs.framework import DIMENSIONS
from configs.json_object import JsonObject
from evaluation.jsonable import to_jsonable
from evaluation.report.sections.context import ReportContext
from evaluation.report.sections.groups import quarters

FORMAT = 3  # of the report's JSON


def scope_figures(context: ReportContext) -> JsonObject:
    """scope: rows, accounts and days judged; beside it the settings that the figures went by."""
    settings, evaluation = context.settings, context.evaluation
    return {
        "format": FORMAT, "name": settings.name, "currency": settings.currency,
        "main_horizon_days": context.main_horizon_days, "draws": context.draws,
        "min_churned_accounts": evaluation.min_churned_accounts, "ece_limit": evaluation.ece_limit,
        "slope_limits": list(evaluation.slope_limits), "paper": evaluation.paper,
        "costs": evaluation.costs.model_dump(mode="json"),
        "scope": _scope(context, context.frames.judged, context.frames.rows),
    }  # fmt: skip


def _scope(context: ReportContext, judged: pd.DataFrame, rows: pd.DataFrame) -> JsonObject:
    churned = rows.loc[rows["y"] == 1]
    until = rows["as_of"].max() + pd.Timedelta(days=context.main_horizon_days)
    table = {
        "rows": len(rows), "accounts": rows["account_id"].nunique(), "as_ofs": rows["as_of"].nunique(),
        "churned_rows": len(churned), "churned_accounts": churned["account_id"].nunique(),
        "first_as_of": rows["as_of"].min(), "last_as_of": rows["as_of"].max(), "until": until,
        "open_rows": len(judged) - len(rows), "in_hindsight_rows": context.inputs.in_hindsight,
    }  # fmt: skip
    if "has_signal" in rows:
        table["without_signal_rows"] = int((rows["has_signal"] == False).sum())  # noqa: E712 (missing is not False)
    for name in ("model_version", "config_version", "fold"):
        if name in rows:
            table[f"{name}s"] = sorted(map(str, rows[name].dropna().unique()))
    return dict(to_jsonable(table))


def data_figures(context: ReportContext) -> JsonObject:
    """coverage by quarter, and what changed meanwhile: events of the ledger and outages of feeds."""
    inputs = context.inputs
    return {
        "coverage": coverage(context.frames.rows),
        "events": to_jsonable(tuple(inputs.events)),
        "outages": inputs.outages,
    }


def coverage(rows: pd.DataFrame) -> list[JsonObject]:
    """By quarter: the share of the health score's weight that rests on data, and of scorings with data a dimension."""
    columns = {name: f"health_{name}" for name in DIMENSIONS if f"health_{name}" in rows}
    if "coverage" not in rows:
        return []
    known = pd.DataFrame({"quarter": quarters(rows["as_of"]), "coverage": rows["coverage"].astype(float)})
    known = known.assign(**{name: rows[column].notna().astype(float) for name, column in columns.items()})
    return [
        {"quarter": quarter, "rows": len(part), **{name: float(part[name].mean()) for name in ("coverage", *columns)}}
        for quarter, part in known.groupby("quarter")
    ]


def monitoring_figures(context: ReportContext) -> JsonObject:
    """monitoring: what the monitoring found; None where nobody looked."""
    return {"monitoring": to_jsonable(context.inputs.monitoring)}
