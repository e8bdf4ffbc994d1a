"""How early a churn was seen: whether the account was in the red band so many days before it left."""

from __future__ import annotations

import pandas as pd

from configs.json_object import JsonObject
from evaluation.metrics import bootstrap_statistics, capacity
from evaluation.report.sections.context import ReportContext
from evaluation.report.sections.frames import beside

LEAD_DAYS = (30, 60, 90, 180)


def lead_time_figures(context: ReportContext) -> JsonObject:
    """lead_time: of the model, the first yardstick and, where it is known, of the true probabilities (the ceiling)."""
    frames, column = context.frames, context.main_column
    table: JsonObject = {"model": lead_time(context, frames.scorings, column, "the model")}
    table["first"] = first_flag(context, frames.scorings)
    for yardstick in frames.yardsticks[:1]:
        both, _ = beside(frames.scorings, yardstick.rows, column)
        table["baseline"] = lead_time(context, both, "p_other", yardstick.title)
    true = f"p_true_{context.main_horizon_days}d"
    if true in frames.coded:
        table["ceiling"] = lead_time(context, frames.coded, true, "the true probabilities")
    return {"lead_time": table}


def lead_time(context: ReportContext, judged: pd.DataFrame, column: str, where: str) -> list[JsonObject]:
    """Point-in-time lead per least number of days, over all rows (a churn seen has matured, whatever the horizon)."""
    in_band, table = context.share_in_red_band(judged, column), []
    left = judged["churn_at"].notna().to_numpy()
    chance = capacity.chance_of(in_band, judged["as_of"].to_numpy())[left]
    gone, gone_in_band = judged.loc[left, ["account_id", "as_of", "churn_at"]], in_band[left]
    for least in LEAD_DAYS:

        def figures(least: int = least) -> JsonObject:
            who, day, churn_at = (gone[name].to_numpy() for name in ("account_id", "as_of", "churn_at"))
            at_least = capacity.lead_time(who, day, churn_at, gone_in_band, [least], chance)[0]
            rows = pd.DataFrame({"account_id": at_least.accounts, "in_band": at_least.places, "y": 1.0})
            share = context.interval("lead time", rows, bootstrap_statistics.ratio("in_band"))
            known = {"churned": at_least.churned, "share": share, "chance": at_least.by_chance}
            return {**known, "median_days": at_least.median_days}

        table.append({"days": least, **context.figure_or_refusal("lead time", f"{where}, {least} days", figures)})
    return table


def first_flag(context: ReportContext, judged: pd.DataFrame) -> JsonObject:
    """Days from the first scoring in the band to the churn, and the share ever in it, which chance flatters too."""
    in_band = context.share_in_red_band(judged, context.main_column)

    def figures() -> JsonObject:
        who, left = judged["account_id"].to_numpy(), judged["churn_at"].to_numpy()
        first = capacity.first_flagged(who, judged["as_of"].to_numpy(), left, in_band, max(LEAD_DAYS))
        rows = pd.DataFrame({"account_id": first.accounts, "flagged": first.flagged.astype(float), "y": 1.0})
        ever = context.interval("first flag", rows, bootstrap_statistics.ratio("flagged"))
        known = {"churned": first.churned, "ever": ever, "chance": first.by_chance}
        return {**known, "median_days": first.median_days, "within_days": max(LEAD_DAYS)}

    return dict(context.figure_or_refusal("first flag", "the model", figures))
