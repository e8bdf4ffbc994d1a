"""For whom the predictions hold: by stage, segment, quarter, owner and level, fairness, and how steady they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from evaluation.metrics import (
    FIGURES,
    Array,
    bootstrap_statistics,
    by_label,
    churned_accounts,
    fairness,
    labelled,
    share_interval,
    sizes,
    stability,
)
from evaluation.report.sections.context import Desk, Figure
from training.health import health_levels

GROUPS: tuple[tuple[str, str], ...] = (
    ("lifecycle_stage", "Lifecycle stage"),
    ("segment", "Segment"),
    ("quarter", "Quarter"),
    ("owner", "Owner"),
)
LARGEST_GROUPS = 25


def _group(desk: Desk, rows: pd.DataFrame, label: str, where: str) -> Figure:
    table: Figure = {"group": label, "rows": len(rows), "accounts": rows["account_id"].nunique()}
    table |= {"churned_accounts": churned_accounts(rows), "mean_p": float(rows["p"].mean())}
    low, high = share_interval(rows["y"].to_numpy(), rows["account_id"].to_numpy())
    table["happened"] = {"value": float(rows["y"].mean()), "low": low, "high": high}
    table["auc"] = desk.figure(
        "auc", f"{where}: {label}", lambda: desk.interval("auc", rows, bootstrap_statistics.auc())
    )
    return table


def groups(desk: Desk, rows: pd.DataFrame) -> dict[str, list[Figure]]:
    tables = {}
    for column, title in GROUPS:
        codes, names = labelled(quarters(rows["as_of"]) if column == "quarter" else rows[column])
        codes, shown = _largest(codes, names, LARGEST_GROUPS if column != "quarter" else len(names), "({} smaller)")
        stages = {stage.name: place for place, stage in enumerate(desk.settings.framework.stages)}
        parts = dict(zip(shown, by_label(rows[["account_id", "y", "p"]], codes, len(shown)), strict=True))
        if column != "segment":
            shown = sorted(shown, key=lambda name: (stages.get(name, len(stages)), name.startswith("("), name))
        tables[column] = [_group(desk, parts[name], name, title) for name in shown]
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


def levels(desk: Desk, rows: pd.DataFrame) -> list[Figure]:
    """How many scorings of each risk level churned, riskiest first."""
    table, counted = [], rows[["account_id", "y", "p"]]
    for level in sorted(desk.settings.framework.levels, key=lambda one: -one.p_from):
        at = counted[(rows["risk_level"] == level.name).to_numpy()]
        line: Figure = {"level": level.name, "rows": len(at), "share_of_rows": len(at) / len(rows)}
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


def fair(desk: Desk, rows: pd.DataFrame, regions: Mapping[str, Array]) -> Figure:
    """Each segment, size and region against all other accounts (evaluation.fairness); `regions`: name -> (n,) labels.

    compared: how many groups; differs: by (the grouping), group, figure, value and rest of each that does.
    """
    codes, names = _largest(*labelled(rows["segment"]), LARGEST_GROUPS, "(smaller ones)")
    by: dict[str, Array] = {"segment": np.array(names, dtype=object)[codes]}
    by |= {"size": sizes(rows["arr"].to_numpy(), rows["as_of"].to_numpy())} if rows["arr"].notna().any() else {}
    by |= dict(regions)
    asked = (desk.evaluation.capacity_share, desk.evaluation.min_churned_accounts, desk.draws, desk.seed)
    found = fairness(rows, by, *asked, held=desk.held(rows, "p"))
    differs = [
        {"by": name, "group": one["group"], "figure": figure} | {part: one[figure][part] for part in ("value", "rest")}
        for name, table in found.items()
        for one in table
        for figure in FIGURES
        if one[figure].get("differs")
    ]
    return {"compared": sum(len(table) for table in found.values()), "differs": differs, "by": found}


def steadiness(desk: Desk, judged: pd.DataFrame) -> Figure:
    """How often levels flip and probabilities move from month to month: the model's, and beside it the rules'."""
    main = f"{desk.main}d"
    rows = judged[["account_id", "as_of"]]
    seen = rows.assign(level=judged["risk_level"], p=judged[f"p_churn_{main}"])
    table: Figure = {"model": desk.figure("stability", "the model", lambda: stability(seen, desk.draws, desk.seed))}
    if f"p_health_{main}" in judged and "health_score" in judged:
        scores = judged["health_score"].to_numpy(dtype=float)
        level = np.array(health_levels(scores, desk.settings.framework.levels), dtype=object)
        other = rows.assign(level=level, p=judged[f"p_health_{main}"])[scores == scores]
        table["rules"] = desk.figure("stability", "the rules", lambda: stability(other, desk.draws, desk.seed))
    return table
