"""What a backtest leaves in the tracking store: figures by horizon, stage and segment, one line a fold, drawn charts.

Out-of-time rows only. Nothing is stored here: who stores it is handed plain numbers and bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from configs.settings import Settings
from evaluation import metrics
from evaluation.backtest import Contributions
from evaluation.metrics import matured
from evaluation.promotion import RULES
from evaluation.report.charts import catalogue, drawing, shap_plots

DRAWN = ("reliability", "gains", "lead")
BY = ("lifecycle_stage", "segment")
GROUP_FIGURES = ("rows", "churned_accounts", "mean_p", "happened", "auc")


def figures(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The plain numbers of a summary, nested, for a tracking store.

    Parameters
    ----------
    summary : mapping
        See evaluation.report.summary.

    Returns
    -------
    dict
        By horizon, against the rules, by stage and segment. A figure that was refused has no number here.
    """
    names = ["rows", "churned_accounts", "mean_p", "happened", *(metric.name for metric in metrics.METRICS)]
    out: dict[str, Any] = {f"{one['days']}d": {name: one[name] for name in names} for one in summary["horizons"]}
    for one in summary["comparisons"]:
        if one["baseline"] == RULES:
            better = {name: one[name]["better_by"] for name in ("auc", "log_loss") if name in one}
            out[f"{one['days']}d"]["better than the rules by"] = better
    for name in BY:
        out[name] = {
            one["group"]: {figure: one[figure] for figure in GROUP_FIGURES if figure in one}
            for one in summary["groups"][name]
        }
    return out


def by_fold(predictions: pd.DataFrame, settings: Settings) -> list[dict[str, Any]]:
    """The figures of each fold of a backtest at the main horizon.

    Parameters
    ----------
    predictions : pd.DataFrame
        Of a backtest: account_id, as_of, fold, p_churn_{h}d, churned_{h}d.
    settings : Settings
        Main horizon h, and `evaluation.min_churned_accounts`.

    Returns
    -------
    list of dict
        A line a fold: its first and last as_of, matured rows, churned accounts, mean p, share churned, log_loss (nats;
        needs a churned row and one that stayed) and auc (needs `min_churned_accounts` besides).
    """
    lines = []
    for fold, rows in predictions.groupby("fold"):
        part = matured(rows, settings.main_horizon_days)
        y, p = part["y"].to_numpy(), part["p"].to_numpy()
        churned = int(part.loc[part["y"] == 1, "account_id"].nunique())
        line: dict[str, Any] = {"fold": str(fold), "rows": len(part), "churned_accounts": churned}
        line |= {"first_as_of": f"{rows['as_of'].min():%Y-%m-%d}", "last_as_of": f"{rows['as_of'].max():%Y-%m-%d}"}
        if len(part):
            line |= {"mean_p": float(p.mean()), "happened": float(y.mean())}
        if 0 < y.sum() < len(y):
            line["log_loss"] = metrics.log_loss(y, p)
            if churned >= settings.evaluation.min_churned_accounts:
                line["auc"] = metrics.auc(y, p)
        lines.append(line)
    return lines


def drawings(summary: Mapping[str, Any], shown: Contributions) -> dict[str, bytes]:
    """Draws the charts of a run as images, as far as the figures allow.

    Parameters
    ----------
    summary : mapping
        See evaluation.report.summary.
    shown : Contributions
        What moves the predictions.

    Returns
    -------
    dict of str to bytes
        plots/<key>.png: reliability, gains, lead time, and what moves predictions.
    """
    found = catalogue.charts(summary)
    images = {key: drawing.png(found[key]) for key in DRAWN if key in found} | shap_plots(shown)
    return {f"plots/{key}.png": image for key, image in images.items()}
