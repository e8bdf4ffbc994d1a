"""What a backtest leaves in the tracking store: figures by horizon, stage and segment, one line a fold, drawn charts.

Out-of-time rows only. Nothing is stored here: who stores it is handed plain numbers and bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from configs.json_object import JsonObject
from configs.settings import Settings
from evaluation import metrics
from evaluation.backtest import Contributions
from evaluation.metrics import matured
from evaluation.promotion import RULES
from evaluation.report.charts import catalogue, drawing, shap_plots
from evaluation.report.document import Summary
from evaluation.report.text import CONTRACTS
from training.tracking import WITHOUT_SIGNAL

DRAWN = ("reliability", "gains", "lead")
BY = ("lifecycle_stage", "segment")
BETTER_THAN = {RULES: "better than the rules by", CONTRACTS: "better than the contracts alone by"}
GROUP_FIGURES = ("rows", "churned_accounts", "mean_p", "happened", "auc")


def figures(summary: Summary) -> JsonObject:
    """The plain numbers of a summary, nested, for a tracking store.

    Parameters
    ----------
    summary : Summary
        See evaluation.report.summary.

    Returns
    -------
    dict
        The share without a usable signal; by horizon, against the rules and the contracts alone; by stage and segment.
        A figure that was refused has no number here.
    """
    names = {"rows", "churned_accounts", "mean_p", "happened", *(metric.name for metric in metrics.METRICS)}
    out: JsonObject = {
        f"{horizon['days']}d": {name: figure for name, figure in horizon.items() if name in names}
        for horizon in summary["horizons"]
    }
    if "without_signal_rows" in summary["scope"]:
        out[WITHOUT_SIGNAL] = summary["scope"]["without_signal_rows"] / summary["scope"]["rows"]
    for pair in summary["comparisons"]:
        if pair["baseline"] in BETTER_THAN:
            better = {name: pair[name]["better_by"] for name in ("auc", "log_loss") if name in pair}
            out[f"{pair['days']}d"][BETTER_THAN[pair["baseline"]]] = better
    for name in BY:
        out[name] = {
            group["group"]: {figure: value for figure, value in group.items() if figure in GROUP_FIGURES}
            for group in summary["groups"][name]
        }
    return out


@dataclass(frozen=True)
class FoldFigures:
    """The figures of one fold of a backtest at the main horizon; None where its rows do not support one.

    Attributes
    ----------
    fold : str
        Its origin, as an ISO day.
    rows, churned_accounts : int
        Matured rows, and the accounts among them that churned.
    first_as_of, last_as_of : str
        ISO days.
    mean_p, happened : float or None
        Mean predicted probability and share that churned, 0-1; None without a matured row.
    log_loss : float or None
        In nats; None unless a row churned and one stayed.
    auc : float or None
        None also with fewer churned accounts than `evaluation.min_churned_accounts`.
    """

    fold: str
    rows: int
    churned_accounts: int
    first_as_of: str
    last_as_of: str
    mean_p: float | None = None
    happened: float | None = None
    log_loss: float | None = None
    auc: float | None = None

    def to_json(self) -> JsonObject:
        """What there is; a tracking store takes no null for a number."""
        return {name: value for name, value in vars(self).items() if value is not None}


def by_fold(predictions: pd.DataFrame, settings: Settings) -> list[FoldFigures]:
    """The figures of each fold of a backtest at the main horizon.

    Parameters
    ----------
    predictions : pd.DataFrame
        Of a backtest: account_id, as_of, fold, p_churn_{h}d, churned_{h}d.
    settings : Settings
        Main horizon h, and `evaluation.min_churned_accounts`.

    Returns
    -------
    list of FoldFigures
        One a fold, in order.
    """
    folds = []
    for fold, rows in predictions.groupby("fold"):
        part = matured(rows, settings.main_horizon_days)
        y, p = part["y"].to_numpy(), part["p"].to_numpy()
        churned = int(part.loc[part["y"] == 1, "account_id"].nunique())
        both = 0 < y.sum() < len(y)
        enough = both and churned >= settings.evaluation.min_churned_accounts
        folds.append(
            FoldFigures(
                fold=str(fold),
                rows=len(part),
                churned_accounts=churned,
                first_as_of=f"{rows['as_of'].min():%Y-%m-%d}",
                last_as_of=f"{rows['as_of'].max():%Y-%m-%d}",
                mean_p=float(p.mean()) if len(part) else None,
                happened=float(y.mean()) if len(part) else None,
                log_loss=metrics.log_loss(y, p) if both else None,
                auc=metrics.auc(y, p) if enough else None,
            )
        )
    return folds


def drawings(summary: Summary, shown: Contributions) -> dict[str, bytes]:
    """Draws the charts of a run as images, as far as the figures allow.

    Parameters
    ----------
    summary : Summary
        See evaluation.report.summary.
    shown : Contributions
        What moves the predictions.

    Returns
    -------
    dict of str to bytes
        plots/<key>.png: reliability, gains, lead time, and what moves predictions.
    """
    charts = catalogue.charts(summary)
    images = {key: drawing.png(charts[key]) for key in DRAWN if key in charts} | shap_plots(shown)
    return {f"plots/{key}.png": image for key, image in images.items()}
