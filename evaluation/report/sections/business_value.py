"""Business value of the predictions: at the CSMs' capacity, and in profit at the user's costs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from configs.json_object import JsonObject
from evaluation.metrics import Array, MetricRefused, bootstrap_statistics, business_value, capacity
from evaluation.report.sections.context import ReportContext
from evaluation.report.sections.frames import beside

GAIN_SHARES = tuple(round(0.05 * step, 2) for step in range(1, 21))
THRESHOLDS = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)


def business_value_figures(context: ReportContext) -> JsonObject:
    """capacity, profit and decision: each of the model, and of the first yardstick on the rows that both have."""
    rows = context.frames.ranked
    at = {"share": context.evaluation.capacity_share, "model": at_capacity(context, rows, "p", "the model")}
    gain: JsonObject = {"model": profit(context, rows, "p", "the model")}
    curve: JsonObject = {"model": decision(context, rows, "p", "the model")}
    for yardstick in context.frames.yardsticks[:1]:
        title = yardstick.title
        both, probability = beside(rows, yardstick.rows, context.main_column)
        at |= {"yardstick": title, "baseline": at_capacity(context, both, "p_other", title)}
        gain |= {"yardstick": title, "baseline": profit(context, both, "p_other", title)}
        if probability:
            curve |= {"yardstick": title, "baseline": decision(context, both, "p_other", title)}
    return {"capacity": at, "profit": gain, "decision": curve}


def at_capacity(context: ReportContext, rows: pd.DataFrame, column: str, where: str) -> JsonObject:
    """Precision, recall and lift of the red band, in accounts and in ARR, and the gains of going further down."""
    share = context.evaluation.capacity_share
    in_band = context.share_in_red_band(rows, column)
    framed = rows.assign(in_band=in_band, caught=in_band * rows["y"])

    def figures() -> JsonObject:
        context.require_churned("capacity", rows)
        y, p, days = rows["y"].to_numpy(), rows[column].to_numpy(dtype=float), rows["as_of"].to_numpy()
        found = capacity.precision_recall_at_capacity(y, p, days, share, in_band)
        asked = {
            "precision": bootstrap_statistics.ratio("caught", "in_band"),
            "recall": bootstrap_statistics.ratio("caught", "y"),
        }
        ends = context.intervals(framed, asked)
        return {**found._asdict(), **ends, "gains": capacity.gains(y, p, days, GAIN_SHARES)}

    def priced() -> JsonObject:
        context.require_churned("capacity in ARR", rows)
        arr = rows["arr"].to_numpy()
        found = business_value.arr_at_capacity(
            rows["y"].to_numpy(), rows[column].to_numpy(dtype=float), arr, rows["as_of"].to_numpy(), share, in_band
        )
        known = framed[~np.isnan(arr)]
        for name in ("in_band", "y"):
            known = known.assign(**{f"{name}_arr": known[name] * known["arr"]})
        known = known.assign(caught_arr=known["caught"] * known["arr"])
        asked = {"precision": bootstrap_statistics.ratio("caught_arr", "in_band_arr")}
        asked |= {
            "recall": bootstrap_statistics.ratio("caught_arr", "y_arr"),
            "auc": bootstrap_statistics.auc(column, weight="arr"),
        }
        return {**found._asdict(), **context.intervals(known, asked)}

    table = dict(context.figure_or_refusal("precision and recall at capacity", where, figures))
    return table | {"in_arr": context.figure_or_refusal("capacity and AUC in ARR", where, priced)}


def profit(context: ReportContext, rows: pd.DataFrame, column: str, where: str) -> JsonObject:
    """Profit an account scored at the user's costs (settings.evaluation.costs), in the currency of the ARR.

    at_capacity: of approaching the red band, a cut fixed beforehand; best: of the best cut, chosen afterwards
    (`best_share` of the accounts); expected: EMPC, averaged over what is not known of success; of_all: of approaching
    everybody. break_even: the probability from which an approach to an account of the mean `value` pays.
    """
    costs = context.evaluation.costs

    def figures() -> JsonObject:
        context.require_churned("profit", rows)
        known = rows[rows["arr"].notna()]
        value = known["arr"].to_numpy() * costs.kept_years
        y, p = known["y"].to_numpy(), known[column].to_numpy(dtype=float)
        mean = float(value.mean()) if value.size else 0.0
        if mean <= costs.offer:
            raise MetricRefused("profit", "kept by saving an average account", int(mean), int(costs.offer) + 1)
        best, spread = (
            business_value.maximum_profit(y, p, value, costs),
            business_value.expected_maximum_profit(y, p, mean, costs),
        )
        fixed = context.share_in_red_band(rows, column)[rows["arr"].notna().to_numpy()]
        earned = business_value.earnings(y, value, costs)
        framed = known.assign(earned=earned, fixed=fixed * earned)
        asked = {
            "at_capacity": bootstrap_statistics.ratio("fixed"),
            "best": bootstrap_statistics.best_cut("earned", column),
        }
        asked |= {"of_all": bootstrap_statistics.ratio("earned")}

        def earned_at(success: float) -> Array:
            return business_value.earnings(y, mean, costs, success)

        successes = business_value.successes(costs)
        asked |= {"expected": bootstrap_statistics.expected_best_cut(earned_at, successes, column)}
        odds = costs.contact + costs.offer
        said = {"value": mean, "best_share": best.share, "expected_share": spread.share}
        said |= {"break_even": odds / (costs.success * (mean - costs.offer) + costs.offer)}
        return {**said, **context.intervals(framed, asked)}

    return dict(context.figure_or_refusal("profit", where, figures))


def decision(context: ReportContext, rows: pd.DataFrame, column: str, where: str) -> JsonObject:
    """Net benefit of acting from each threshold on, with intervals, beside that of approaching everybody."""

    def figures() -> JsonObject:
        context.require_churned("decision curve", rows)
        y, p = rows["y"].to_numpy(), rows[column].to_numpy(dtype=float)
        table = business_value.decision_curve(y, p, [threshold for threshold in THRESHOLDS if threshold <= p.max()])
        acts = {f"{one.threshold}": business_value.net_benefits(y, p, one.threshold) for one in table}
        framed = rows[["account_id"]].assign(**acts)
        ends = context.intervals(framed, {name: bootstrap_statistics.ratio(name) for name in acts})
        return {"curve": [{**one._asdict(), "model": ends[f"{one.threshold}"]} for one in table]}

    return dict(context.figure_or_refusal("decision curve", where, figures))
