"""For whom the predictions hold: by stage, segment, quarter, owner and level, fairness, and stability by month."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from configs.json_object import JsonObject
from evaluation.jsonable import to_jsonable
from evaluation.metrics import (
    FIGURES,
    Array,
    GroupComparison,
    bootstrap_statistics,
    by_label,
    churned_accounts,
    fairness,
    labelled,
    share_interval,
    sizes,
    stability,
)
from evaluation.outcomes import Facts
from evaluation.report.sections.context import ReportContext
from training.health import health_levels

GROUPS: tuple[tuple[str, str], ...] = (
    ("lifecycle_stage", "Lifecycle stage"),
    ("segment", "Segment"),
    ("quarter", "Quarter"),
    ("owner", "Owner"),
)
LARGEST_GROUPS = 25


def _group(context: ReportContext, rows: pd.DataFrame, label: str, where: str) -> JsonObject:
    table: JsonObject = {"group": label, "rows": len(rows), "accounts": rows["account_id"].nunique()}
    table |= {"churned_accounts": churned_accounts(rows), "mean_p": float(rows["p"].mean())}
    low, high = share_interval(rows["y"].to_numpy(), rows["account_id"].to_numpy())
    table["happened"] = {"value": float(rows["y"].mean()), "low": low, "high": high}
    table["auc"] = context.figure_or_refusal(
        "auc", f"{where}: {label}", lambda: context.interval("auc", rows, bootstrap_statistics.auc())
    )
    return table


def group_figures(context: ReportContext) -> JsonObject:
    """groups: figures by stage, segment, quarter and owner. fairness: each group against all other accounts."""
    frames = context.frames
    accounts = frames.judged["account_id"].loc[frames.ranked.index]
    by_region = regions(accounts, context.inputs.company_facts)
    return {"groups": groups(context, frames.rows), "fairness": compare_groups(context, frames.ranked, by_region)}


def stability_figures(context: ReportContext) -> JsonObject:
    """stability: how often levels flip and probabilities move from month to month."""
    return {"stability": month_to_month(context, context.frames.coded)}


def regions(accounts: pd.Series, facts: Facts | None) -> dict[str, Array]:
    """Each column of regions that the sources have -> the label of each of these accounts, (n,)."""
    if facts is None:
        return {}
    of = facts.accounts.set_index("account_id")
    return {name: accounts.map(of[name]).to_numpy(dtype=object) for name in facts.regions}


def groups(context: ReportContext, rows: pd.DataFrame) -> dict[str, list[JsonObject]]:
    """By each of GROUPS: scorings, churned accounts, what was predicted and happened, and the AUC."""
    tables = {}
    for column, title in GROUPS:
        codes, names = labelled(quarters(rows["as_of"]) if column == "quarter" else rows[column])
        codes, shown = _largest(codes, names, LARGEST_GROUPS if column != "quarter" else len(names), "({} smaller)")
        stages = {stage.name: place for place, stage in enumerate(context.settings.framework.stages)}
        parts = dict(zip(shown, by_label(rows[["account_id", "y", "p"]], codes, len(shown)), strict=True))
        if column != "segment":
            shown = sorted(shown, key=lambda name: (stages.get(name, len(stages)), name.startswith("("), name))
        tables[column] = [_group(context, parts[name], name, title) for name in shown]
    return tables


def quarters(as_of: pd.Series) -> pd.Series:
    """The quarter of each day, as text, with the index of the days.

    >>> quarters(pd.Series(pd.to_datetime(["2025-01-31", "2025-12-01"]))).tolist()
    ['2025 Q1', '2025 Q4']
    """
    codes, days = pd.factorize(as_of)
    return pd.Series([f"{day.year} Q{day.quarter}" for day in days]).take(codes).set_axis(as_of.index)


def _largest(codes: Array, names: Array, most: int, rest: str) -> tuple[Array, list[str]]:
    """`labelled` with the label of most rows first, and those after `most` under one name."""
    rows = np.bincount(codes, minlength=len(names))
    order = np.argsort(-rows, kind="stable")[: np.count_nonzero(rows)]
    place = np.zeros(len(names), dtype=int)
    place[order] = np.minimum(np.arange(order.size), most)
    small = [rest.format(order.size - most)] if order.size > most else []
    return place[codes], [*names[order[:most]], *small]


def levels(context: ReportContext, rows: pd.DataFrame) -> list[JsonObject]:
    """How many scorings of each risk level churned, riskiest first."""
    table, counted = [], rows[["account_id", "y", "p"]]
    for level in sorted(context.settings.framework.levels, key=lambda level: -level.p_from):
        at = counted[(rows["risk_level"] == level.name).to_numpy()]
        line: JsonObject = {"level": level.name, "rows": len(at), "share_of_rows": len(at) / len(rows)}
        line |= {
            "churned_rows": int(at["y"].sum()),
            "share_of_churned": float(at["y"].sum() / max(1.0, rows["y"].sum())),
        }
        if len(at):
            low, high = share_interval(at["y"].to_numpy(), at["account_id"].to_numpy())
            line |= {
                "mean_p": float(at["p"].mean()),
                "happened": {"value": float(at["y"].mean()), "low": low, "high": high},
            }
        table.append(line)
    return table


def compare_groups(context: ReportContext, rows: pd.DataFrame, regions: Mapping[str, Array]) -> JsonObject:
    """Each segment, size and region against all other accounts; `regions`: name -> (n,) labels.

    compared: how many groups; differs: by (the grouping), group, figure, value and rest of each that does.
    """
    codes, names = _largest(*labelled(rows["segment"]), LARGEST_GROUPS, "(smaller ones)")
    by: dict[str, Array] = {"segment": np.array(names, dtype=object)[codes]}
    by |= {"size": sizes(rows["arr"].to_numpy(), rows["as_of"].to_numpy())} if rows["arr"].notna().any() else {}
    by |= dict(regions)
    asked = (context.evaluation.capacity_share, context.evaluation.min_churned_accounts, context.draws, context.seed)
    by_group = fairness(rows, by, *asked, held=context.share_in_red_band(rows, "p"))
    differs = [
        {"by": name, "group": line.group, "figure": figure, "value": compared.value, "rest": compared.rest}
        for name, table in by_group.items()
        for line in table
        for figure in FIGURES
        if isinstance(compared := getattr(line, figure), GroupComparison) and compared.differs
    ]
    compared_groups = sum(len(table) for table in by_group.values())
    return dict(to_jsonable({"compared": compared_groups, "differs": differs, "by": by_group}))


def month_to_month(context: ReportContext, judged: pd.DataFrame) -> JsonObject:
    """How often levels flip and probabilities move from month to month: the model's, and beside it the rules'."""
    main = f"{context.main_horizon_days}d"
    rows = judged[["account_id", "as_of"]]
    seen = rows.assign(level=judged["risk_level"], p=judged[f"p_churn_{main}"])
    table: JsonObject = {
        "model": context.figure_or_refusal(
            "stability", "the model", lambda: stability(seen, context.draws, context.seed)
        )
    }
    if f"p_health_{main}" in judged and "health_score" in judged:
        scores = judged["health_score"].to_numpy(dtype=float)
        level = np.array(health_levels(scores, context.settings.framework.levels), dtype=object)
        other = rows.assign(level=level, p=judged[f"p_health_{main}"])[scores == scores]
        table["rules"] = context.figure_or_refusal(
            "stability", "the rules", lambda: stability(other, context.draws, context.seed)
        )
    return table
