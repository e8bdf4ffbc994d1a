"""How right the probabilities are: every figure at every horizon, and the order in which accounts left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from configs.json_object import JsonObject
from evaluation.metrics import (
    METRICS,
    Array,
    Interval,
    Metric,
    bootstrap,
    bootstrap_statistics,
    brier_parts,
    churned_accounts,
    concordance,
    metric_named,
    reliability_bins,
)
from evaluation.report.sections.context import ReportContext
from evaluation.report.sections.groups import levels

MOST_PAIRS = 20_000_000


def horizon_figures(context: ReportContext) -> JsonObject:
    """horizons: every figure at every horizon. order: concordance with the order of leaving. levels: by risk level."""
    horizons_days, frames = context.settings.horizons_days, context.frames
    return {
        "horizons": [horizon_table(context, frames.by_horizon[days], days) for days in horizons_days],
        "order": order_of_leaving(context, frames.scorings, horizons_days),
        "levels": levels(context, frames.rows),
    }


def horizon_draws(context: ReportContext, rows: pd.DataFrame, name: str) -> tuple[Array, Array | None]:
    """The estimate and draws of a metric over these rows, made once; and what noise alone makes, where that counts."""
    draws = metric_named(name).draws()
    values = context.draws_of(rows, draws.names, draws.statistic(context.evaluation.calibration_bins))
    noise = None if draws.noise is None else values[draws.names.index(draws.noise)]
    return values[draws.names.index(name)], noise


def horizon_table(context: ReportContext, rows: pd.DataFrame, horizon_days: int) -> JsonObject:
    """Every figure of one horizon, with its reliability table and the Brier score taken apart; rows: matured at it."""
    bins, where = context.evaluation.calibration_bins, f"{horizon_days} days"
    table: JsonObject = {"days": horizon_days, "rows": len(rows), "accounts": rows["account_id"].nunique()}
    table |= {"churned_rows": int(rows["y"].sum()), "churned_accounts": churned_accounts(rows)}

    y, p = rows["y"].to_numpy(), rows["p"].to_numpy()

    def measured(metric: Metric) -> Interval | float:
        if not metric.has_interval:
            return metric.value(y, p, bins)
        context.require_churned(metric.name, rows)
        values, noise = horizon_draws(context, rows, metric.name)
        return bootstrap.interval_of(values, metric.name, noise)

    for metric in METRICS:
        if metric.has_interval:
            table[metric.name] = context.figure_or_refusal(metric.name, where, partial(measured, metric))
    table["mean_p"] = float(rows["p"].mean()) if len(rows) else None
    table["happened"] = context.figure_or_refusal(
        "happened", where, lambda: context.interval("happened", rows, bootstrap_statistics.ratio("y"))
    )

    def reliability() -> list[JsonObject]:
        context.require_churned("reliability", rows)
        who = rows["account_id"].to_numpy()
        return [line._asdict() for line in reliability_bins(y, p, bins, who)]

    def parts() -> JsonObject:
        context.require_churned("brier_parts", rows)
        return brier_parts(y, p, bins)._asdict()

    table["reliability"] = context.figure_or_refusal("reliability", where, reliability)
    for metric in METRICS:
        if not metric.has_interval:
            table[metric.name] = context.figure_or_refusal(metric.name, where, partial(measured, metric))
    table["brier_parts"] = context.figure_or_refusal("brier_parts", where, parts)
    return table


def order_of_leaving(context: ReportContext, judged: pd.DataFrame, horizons_days: Sequence[int]) -> JsonObject:
    """Concordance of the curve over all horizons with the order in which accounts left, among accounts of one as_of.

    An account is followed to the longest of its windows that has passed. Where the as_ofs hold more than MOST_PAIRS
    pairs, every second one (third, ...) is looked at; `as_ofs` says how many were.
    """
    followed = np.zeros(len(judged))
    for days in horizons_days:
        followed[judged[f"churned_{days}d"].notna().to_numpy()] = days
    rows = judged[followed > 0].assign(followed=followed[followed > 0])
    to_churn = (rows["churn_at"] - rows["as_of"]).dt.days
    rows["left"] = (to_churn < rows["followed"]).astype(float)
    rows["days"] = to_churn.where(rows["left"] == 1, rows["followed"])
    by_day = rows.groupby("as_of")["left"]
    every = max(1, math.ceil(float((by_day.sum() * by_day.size()).sum()) / MOST_PAIRS))
    kept = sorted(rows["as_of"].unique())[::every]
    rows = rows[rows["as_of"].isin(kept)].reset_index(drop=True)

    def figures() -> JsonObject:
        context.require_churned("concordance", rows.assign(y=rows["left"]))
        curve = rows[[f"p_churn_{days}d" for days in horizons_days]].to_numpy(dtype=float)
        days, left, groups = (rows[name].to_numpy() for name in ("days", "left", "as_of"))
        pairs = concordance(days, left, curve, horizons_days, groups)
        gone = pd.DataFrame({"account_id": rows["account_id"].to_numpy()[pairs.rows], "won": pairs.won})
        gone["pairs"] = pairs.pairs
        c: Interval = context.intervals(gone, {"concordance": bootstrap_statistics.ratio("won", "pairs")})[
            "concordance"
        ]
        return {"concordance": c, "pairs": int(pairs.pairs.sum()), "as_ofs": len(kept)}

    return dict(context.figure_or_refusal("concordance", "all horizons", figures))
