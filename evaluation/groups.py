"""For whom the predictions hold: by stage, segment, quarter, owner and level, fairness, and how steady they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from evaluation import metrics, uncertainty
from evaluation.desk import Desk, Figure, churned_accounts
from evaluation.fairness import FIGURES, fairness, sizes
from evaluation.metrics import Array
from evaluation.stability import stability
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
    low, high = metrics.share_interval(rows["y"].to_numpy(), rows["account_id"].to_numpy())
    table["happened"] = {"value": float(rows["y"].mean()), "low": low, "high": high}
    table["auc"] = desk.figure("auc", f"{where}: {label}", lambda: desk.interval("auc", rows, uncertainty.auc()))
    return table


def groups(desk: Desk, rows: pd.DataFrame) -> dict[str, list[Figure]]:
    quarter = rows["as_of"].dt.year.astype(str) + " Q" + rows["as_of"].dt.quarter.astype(str)
    rows = rows[["account_id", "y", "p", "lifecycle_stage", "segment", "owner"]].assign(quarter=quarter)
    tables = {}
    for column, title in GROUPS:
        label = rows[column].astype(object).where(rows[column].notna(), "(unknown)").astype(str)
        order = list(label.value_counts(sort=True).index)
        rest = order[LARGEST_GROUPS:] if column != "quarter" else []
        if rest:
            label = label.where(~label.isin(rest), f"({len(rest)} smaller)")
        stages = {stage.name: place for place, stage in enumerate(desk.settings.framework.stages)}
        shown = [*(one for one in order if one not in rest), *([f"({len(rest)} smaller)"] if rest else [])]
        if column != "segment":
            shown = sorted(shown, key=lambda name: (stages.get(name, len(stages)), name.startswith("("), name))
        tables[column] = [_group(desk, rows[label == name], name, title) for name in shown]
    return tables


def levels(desk: Desk, rows: pd.DataFrame) -> list[Figure]:
    """How many scorings of each risk level churned, riskiest first."""
    table = []
    for level in sorted(desk.settings.framework.levels, key=lambda one: -one.p_from):
        at = rows[rows["risk_level"] == level.name]
        line: Figure = {"level": level.name, "rows": len(at), "share_of_rows": len(at) / len(rows)}
        line |= {
            "churned_rows": int(at["y"].sum()),
            "share_of_churned": float(at["y"].sum() / max(1.0, rows["y"].sum())),
        }
        if len(at):
            low, high = metrics.share_interval(at["y"].to_numpy(), at["account_id"].to_numpy())
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
    label = rows["segment"].astype(object).where(rows["segment"].notna(), "(unknown)").astype(str)
    few = label.map(label.value_counts().iloc[LARGEST_GROUPS:]).notna()
    by: dict[str, Array] = {"segment": label.mask(few, "(smaller ones)").to_numpy(dtype=object)}
    by |= {"size": sizes(rows["arr"].to_numpy(), rows["as_of"].to_numpy())} if rows["arr"].notna().any() else {}
    by |= dict(regions)
    asked = (desk.evaluation.capacity_share, desk.evaluation.min_churned_accounts, desk.draws, desk.seed)
    found = fairness(rows, by, *asked)
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
