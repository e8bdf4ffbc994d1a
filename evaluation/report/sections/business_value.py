"""What the predictions were worth: at the CSMs' capacity, in lead time, in ARR, and in profit at the user's costs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from evaluation.jsonable import to_jsonable
from evaluation.metrics import Array, MetricRefused, bootstrap_statistics, business_value, capacity, loss_days
from evaluation.report.sections.context import Desk, Figure

LEAD_DAYS = (30, 60, 90, 180)
GAIN_SHARES = tuple(round(0.05 * step, 2) for step in range(1, 21))
THRESHOLDS = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)


def at_capacity(desk: Desk, rows: pd.DataFrame, column: str, where: str) -> Figure:
    """Precision, recall and lift of the red band, in accounts and in ARR, and the gains of going further down."""
    share = desk.evaluation.capacity_share
    held = desk.held(rows, column)
    framed = rows.assign(held=held, caught=held * rows["y"])

    def figures() -> Figure:
        desk.enough("capacity", rows)
        y, p, days = rows["y"].to_numpy(), rows[column].to_numpy(dtype=float), rows["as_of"].to_numpy()
        found = capacity.precision_recall_at_capacity(y, p, days, share, held)
        asked = {
            "precision": bootstrap_statistics.ratio("caught", "held"),
            "recall": bootstrap_statistics.ratio("caught", "y"),
        }
        ends = desk.intervals(framed, asked)
        return {**found._asdict(), **ends, "gains": capacity.gains(y, p, days, GAIN_SHARES)}

    def priced() -> Figure:
        desk.enough("capacity in ARR", rows)
        arr = rows["arr"].to_numpy()
        found = business_value.arr_at_capacity(
            rows["y"].to_numpy(), rows[column].to_numpy(dtype=float), arr, rows["as_of"].to_numpy(), share, held
        )
        known = framed[~np.isnan(arr)]
        for name in ("held", "y"):
            known = known.assign(**{f"{name}_arr": known[name] * known["arr"]})
        known = known.assign(caught_arr=known["caught"] * known["arr"])
        asked = {"precision": bootstrap_statistics.ratio("caught_arr", "held_arr")}
        asked |= {
            "recall": bootstrap_statistics.ratio("caught_arr", "y_arr"),
            "auc": bootstrap_statistics.auc(column, weight="arr"),
        }
        return {**found._asdict(), **desk.intervals(known, asked)}

    table = dict(desk.figure("precision and recall at capacity", where, figures))
    return table | {"in_arr": desk.figure("capacity and AUC in ARR", where, priced)}


def lead(desk: Desk, judged: pd.DataFrame, column: str, where: str) -> list[Figure]:
    """Point-in-time lead per least number of days, over all rows (a churn seen has matured, whatever the horizon)."""
    held, table = desk.held(judged, column), []
    left = judged["churn_at"].notna().to_numpy()
    chance = capacity.chance_of(held, judged["as_of"].to_numpy())[left]
    gone, there = judged.loc[left, ["account_id", "as_of", "churn_at"]], held[left]
    for least in LEAD_DAYS:

        def figures(least: int = least) -> Figure:
            who, day, churn_at = (gone[name].to_numpy() for name in ("account_id", "as_of", "churn_at"))
            found = capacity.lead_time(who, day, churn_at, there, [least], chance)[0]
            rows = pd.DataFrame({"account_id": found.accounts, "held": found.places, "y": 1.0})
            share = desk.interval("lead time", rows, bootstrap_statistics.ratio("held"))
            said = {"churned": found.churned, "share": share, "chance": found.by_chance}
            return {**said, "median_days": found.median_days}

        table.append({"days": least, **desk.figure("lead time", f"{where}, {least} days", figures)})
    return table


def first_flag(desk: Desk, judged: pd.DataFrame) -> Figure:
    """Days from the first scoring in the band to the churn, and the share ever in it, which chance flatters too."""
    held = desk.held(judged, f"p_churn_{desk.main}d")

    def figures() -> Figure:
        who, left = judged["account_id"].to_numpy(), judged["churn_at"].to_numpy()
        found = capacity.first_flagged(who, judged["as_of"].to_numpy(), left, held, max(LEAD_DAYS))
        rows = pd.DataFrame({"account_id": found.accounts, "flagged": found.flagged.astype(float), "y": 1.0})
        ever = desk.interval("first flag", rows, bootstrap_statistics.ratio("flagged"))
        said = {"churned": found.churned, "ever": ever, "chance": found.by_chance}
        return {**said, "median_days": found.median_days, "within_days": max(LEAD_DAYS)}

    return dict(desk.figure("first flag", "the model", figures))


def arr_at_risk(desk: Desk, rows: pd.DataFrame) -> Figure:
    """ARR expected to be lost, with the range of chance, beside ARR lost, a window; `variance`: sum of p (1 - p)."""
    windows = []
    for day in loss_days(list(rows["as_of"].unique()), desk.main):
        at = rows[rows["as_of"] == day]
        window: dict[str, Any] = {"as_of": day, "until": day + pd.Timedelta(days=desk.main), "accounts": len(at)}
        window |= {"expected_churns": at["p"].sum(), "churns": int(at["y"].sum()), "arr": at["arr"].sum()}
        window["variance"] = float((at["p"] * (1 - at["p"])).sum())

        def loss(at: pd.DataFrame = at) -> Figure:
            found = business_value.arr_loss(at["y"].to_numpy(), at["p"].to_numpy(), at["arr"].to_numpy(dtype=float))
            return {**found._asdict(), "within": found.low <= found.realised <= found.high}

        windows.append(to_jsonable(window | desk.figure("ARR at risk", f"{day:%Y-%m-%d}", loss)))
    said = [one for one in windows if "refused" not in one]
    if not said:
        return {"windows": windows, "refused": "no account has a known ARR"}
    totals = {
        name: sum(one[name] for one in said) for name in ("expected", "realised", "arr", "churns", "expected_churns")
    }
    unknown = sum(one["arr_unknown"] for one in said) / sum(one["accounts"] for one in said)
    half = math.sqrt(sum((one["high"] - one["expected"]) ** 2 for one in said))
    totals |= {"low": max(0.0, totals["expected"] - half), "high": totals["expected"] + half}
    return {"windows": windows, **totals, "within": sum(one["within"] for one in said), "unknown_share": unknown}


def profit(desk: Desk, rows: pd.DataFrame, column: str, where: str) -> Figure:
    """Profit an account scored at the user's costs (settings.evaluation.costs), in the currency of the ARR.

    at_capacity: of approaching the red band, a cut fixed beforehand; best: of the best cut, chosen afterwards
    (`best_share` of the accounts); expected: EMPC, averaged over what is not known of success; of_all: of approaching
    everybody. break_even: the probability from which an approach to an account of the mean `value` pays.
    """
    costs = desk.evaluation.costs

    def figures() -> Figure:
        desk.enough("profit", rows)
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
        fixed = desk.held(rows, column)[rows["arr"].notna().to_numpy()]
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
        return {**said, **desk.intervals(framed, asked)}

    return dict(desk.figure("profit", where, figures))


def decision(desk: Desk, rows: pd.DataFrame, column: str, where: str) -> Figure:
    """Net benefit of acting from each threshold on, with intervals, beside that of approaching everybody."""

    def figures() -> Figure:
        desk.enough("decision curve", rows)
        y, p = rows["y"].to_numpy(), rows[column].to_numpy(dtype=float)
        table = business_value.decision_curve(y, p, [one for one in THRESHOLDS if one <= p.max()])
        acts = {f"{one.threshold}": business_value.net_benefits(y, p, one.threshold) for one in table}
        framed = rows[["account_id"]].assign(**acts)
        ends = desk.intervals(framed, {name: bootstrap_statistics.ratio(name) for name in acts})
        return {"curve": [{**one._asdict(), "model": ends[f"{one.threshold}"]} for one in table]}

    return dict(desk.figure("decision curve", where, figures))
