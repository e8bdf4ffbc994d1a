"""The model beside its yardsticks, each pair on identical rows and identical draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import pandas as pd

from configs.json_object import JsonObject
from evaluation.jsonable import to_jsonable
from evaluation.metrics import (
    Array,
    MetricRefused,
    Statistic,
    bootstrap,
    bootstrap_statistics,
    business_value,
    capacity,
)
from evaluation.report.document import BeyondContracts, Comparison
from evaluation.report.sections.context import ReportContext
from evaluation.report.sections.frames import Yardstick, beside
from evaluation.report.sections.horizons import horizon_draws
from evaluation.report.text import CONTRACTS, comparison_sentence, contracts_sentence

FACTORIES = {
    "auc": bootstrap_statistics.auc,
    "log_loss": bootstrap_statistics.log_loss,
    "brier": bootstrap_statistics.brier,
}


LEAD_DAYS = 90
SIDES = {"model": "p", "baseline": "p_other"}


def comparison_figures(context: ReportContext) -> JsonObject:
    """comparisons: the model beside each yardstick at each horizon for which it has a probability or a ranking.

    beyond_contracts: that with a model on contract columns only at the main horizon; None without baselines.
    """
    frames = context.frames
    pairs = [
        compare(context, frames.by_horizon[days], yardstick, days)
        for days in context.settings.horizons_days
        for yardstick in frames.yardsticks
        if days == context.main_horizon_days
        or f"p_churn_{days}d" in yardstick.rows
        or not any(str(name).startswith("p_churn_") for name in yardstick.rows)
    ]
    beyond = None if context.inputs.baselines.empty else beyond_contracts(pairs, context.main_horizon_days)
    return {
        "comparisons": pairs,
        "beyond_contracts": beyond,
        "random_split": to_jsonable(context.inputs.random_split),
    }


def beyond_contracts(pairs: Sequence[JsonObject], main_horizon_days: int) -> JsonObject:
    """What the model says beyond the contracts: verdict, AUCs, their paired difference and a sentence."""
    for pair in pairs:
        if pair["baseline"] == CONTRACTS and pair["days"] == main_horizon_days:
            kept = ("rows", "verdict", "auc", "refused")
            return {
                **{name: pair[name] for name in kept if name in pair},
                "sentence": contracts_sentence(cast("BeyondContracts", pair)),
            }
    why = "no signal is made of contracts alone"
    pair = {"verdict": "refused", "refused": why}
    return {**pair, "sentence": contracts_sentence(cast("BeyondContracts", pair))}


def compare(context: ReportContext, rows: pd.DataFrame, yardstick: Yardstick, days: int) -> JsonObject:
    """One pair on the rows that both have judged; the verdict needs an interval of the AUC's difference clear of 0."""
    title = yardstick.title
    both, probability = beside(rows, yardstick.rows, f"p_churn_{days}d")
    table: JsonObject = {"days": days, "baseline": yardstick.name, "title": title}
    table |= {"rows": len(both), "all_rows": len(rows)}
    names = ("auc", "log_loss", "brier") if probability else ("auc",)

    def figures() -> JsonObject:
        context.require_churned(f"comparison with {title}", both)
        statistics = {name: FACTORIES[name]("p_other") for name in names}
        theirs_of = bootstrap.draw(both, statistics, context.draws, context.seed)
        if len(both) == len(rows):  # on all rows the model's draws are those of its own figures
            ours_of = {name: horizon_draws(context, rows, name)[0] for name in names}
        else:
            statistics = {name: FACTORIES[name]() for name in names}
            ours_of = bootstrap.draw(both, statistics, context.draws, context.seed)
        out: JsonObject = {}
        for name in names:
            ours, theirs = ours_of[name], theirs_of[name]
            better = ours - theirs if name == "auc" else theirs - ours
            parts = {"model": ours, "baseline": theirs, "better_by": better}
            out[name] = {part: bootstrap.interval_of(values, name) for part, values in parts.items()}
        return out

    found = context.figure_or_refusal(f"comparison with {title}", f"{days} days", figures)
    table |= found
    if "refused" in found:
        table["verdict"] = "refused"
    else:
        gap = found["auc"]["better_by"]
        table["verdict"] = "beats" if gap["low"] > 0 else "worse" if gap["high"] < 0 else "level"
    table["sentence"] = comparison_sentence(cast("Comparison", table))
    return table


def beside_rules_figures(context: ReportContext) -> JsonObject:
    """beside_rules: recall, lead and profit of the red band; `model`, `baseline` and `better_by` of each.

    Of the first yardstick, on the rows that both have; None without one. The intervals of `better_by` are of the
    difference on the same draws of accounts.
    """
    if not context.frames.yardsticks:
        return {"beside_rules": None}
    yardstick = context.frames.yardsticks[0]
    rows, _ = beside(context.frames.ranked, yardstick.rows, context.main_column)
    scorings, _ = beside(context.frames.scorings, yardstick.rows, context.main_column)
    scorings = scorings.assign(p=scorings[context.main_column])
    parts = {
        "recall": lambda: _recall(context, rows),
        "lead": lambda: _lead(context, scorings),
        "profit": lambda: _profit(context, rows),
    }
    where = f"the model beside {yardstick.title}"
    figures = {name: context.figure_or_refusal(name, where, part) for name, part in parts.items()}
    return {"beside_rules": {"title": yardstick.title, "lead_days": LEAD_DAYS, **figures}}


def _paired(context: ReportContext, frame: pd.DataFrame, statistics: Mapping[str, Statistic], name: str) -> JsonObject:
    """A statistic of both sides and by how much the model's is higher, on the same draws."""
    drawn = bootstrap.draw(frame, statistics, context.draws, context.seed)
    values = {**drawn, "better_by": drawn["model"] - drawn["baseline"]}
    return {side: bootstrap.interval_of(draws, name) for side, draws in values.items()}


def _recall(context: ReportContext, rows: pd.DataFrame) -> JsonObject:
    context.require_churned("recall beside the rules", rows)
    caught = {f"caught_{side}": context.share_in_red_band(rows, column) * rows["y"] for side, column in SIDES.items()}
    statistics = {side: bootstrap_statistics.ratio(f"caught_{side}", "y") for side in SIDES}
    return _paired(context, rows.assign(**caught), statistics, "recall")


def _lead(context: ReportContext, scorings: pd.DataFrame) -> JsonObject:
    """Of the churned accounts, the share in the red band at the last scoring LEAD_DAYS or more before they left."""
    left = scorings["churn_at"].notna().to_numpy()
    who, day, churn_at = (scorings.loc[left, name].to_numpy() for name in ("account_id", "as_of", "churn_at"))
    places: dict[str, Array] = {}
    accounts = np.zeros(0)
    for side, column in SIDES.items():
        in_band = context.share_in_red_band(scorings, column)[left]
        lead = capacity.lead_time(who, day, churn_at, in_band, [LEAD_DAYS])[0]
        accounts, places[side] = lead.accounts, lead.places
    frame = pd.DataFrame({"account_id": accounts, "y": 1.0, **places})
    context.require_churned("lead time beside the rules", frame)
    return _paired(context, frame, {side: bootstrap_statistics.ratio(side) for side in SIDES}, "lead time")


def _profit(context: ReportContext, rows: pd.DataFrame) -> JsonObject:
    """An account scored, of approaching the red band, at the user's costs."""
    context.require_churned("profit beside the rules", rows)
    is_known, costs = rows["arr"].notna().to_numpy(), context.evaluation.costs
    known = rows[is_known]
    value = known["arr"].to_numpy() * costs.kept_years
    mean = float(value.mean()) if value.size else 0.0
    if mean <= costs.offer:
        raise MetricRefused("profit", "kept by saving an average account", int(mean), int(costs.offer) + 1)
    earned = business_value.earnings(known["y"].to_numpy(), value, costs)
    fixed = {side: context.share_in_red_band(rows, column)[is_known] * earned for side, column in SIDES.items()}
    return _paired(context, known.assign(**fixed), {side: bootstrap_statistics.ratio(side) for side in SIDES}, "profit")
