"""The model beside its yardsticks, each pair on identical rows and identical draws."""

from __future__ import annotations

import pandas as pd

from evaluation.jsonable import to_jsonable
from evaluation.metrics import bootstrap, bootstrap_statistics
from evaluation.report.sections.context import Figure, ReportContext
from evaluation.report.sections.frames import Yardstick, beside
from evaluation.report.sections.horizons import horizon_draws
from evaluation.report.text import comparison_sentence

FACTORIES = {
    "auc": bootstrap_statistics.auc,
    "log_loss": bootstrap_statistics.log_loss,
    "brier": bootstrap_statistics.brier,
}


def comparison_figures(context: ReportContext) -> Figure:
    """comparisons: the model beside each yardstick at each horizon for which it has a probability or a ranking."""
    frames = context.frames
    pairs = [
        compare(context, frames.by_horizon[days], yardstick, days)
        for days in context.settings.horizons_days
        for yardstick in frames.yardsticks
        if days == context.main_horizon_days
        or f"p_churn_{days}d" in yardstick.rows
        or not any(str(name).startswith("p_churn_") for name in yardstick.rows)
    ]
    return {"comparisons": pairs, "random_split": to_jsonable(context.inputs.random_split)}


def compare(context: ReportContext, rows: pd.DataFrame, yardstick: Yardstick, days: int) -> Figure:
    """One pair on the rows that both have judged; the verdict needs an interval of the AUC's difference clear of 0."""
    title = yardstick.title
    both, probability = beside(rows, yardstick.rows, f"p_churn_{days}d")
    table: Figure = {"days": days, "baseline": yardstick.name, "title": title}
    table |= {"rows": len(both), "all_rows": len(rows)}
    names = ("auc", "log_loss", "brier") if probability else ("auc",)

    def figures() -> Figure:
        context.require_churned(f"comparison with {title}", both)
        statistics = {name: FACTORIES[name]("p_other") for name in names}
        theirs_of = bootstrap.draw(both, statistics, context.draws, context.seed)
        if len(both) == len(rows):  # on all rows the model's draws are those of its own figures
            ours_of = {name: horizon_draws(context, rows, name)[0] for name in names}
        else:
            statistics = {name: FACTORIES[name]() for name in names}
            ours_of = bootstrap.draw(both, statistics, context.draws, context.seed)
        out: Figure = {}
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
    table["sentence"] = comparison_sentence(table)
    return table
