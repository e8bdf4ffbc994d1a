"""The model beside its yardsticks, each pair on identical rows and identical draws."""

from __future__ import annotations

import pandas as pd

from configs.settings import Settings
from evaluation.metrics import bootstrap, bootstrap_statistics
from evaluation.report.sections.context import Desk, Figure
from evaluation.report.sections.horizons import drawn
from evaluation.report.text import comparison_sentence

BASELINES: tuple[tuple[str, str], ...] = (
    ("rules", "the rules"),
    ("rules_calibrated", "the calibrated rules"),
    ("health_score", "the plain health score"),
    ("logistic", "logistic regression"),
    ("renewal_nearness", "days to renewal alone"),
    ("days_to_renewal", "a hazard of days to renewal"),
    ("base_rate", "the base rate"),
)


def yardsticks(
    judged: pd.DataFrame, baselines: pd.DataFrame, settings: Settings
) -> dict[str, tuple[str, pd.DataFrame]]:
    """Baseline name -> (how it is called in a sentence, its rows with account_id, as_of, p_churn_{h}d and score).

    Where `baselines` has none, the rules are read from the predictions themselves (p_health, and the plain health score
    for its ranking). `score` rises with risk, and is all that is used of a baseline without probabilities.
    """
    main = f"{settings.main_horizon_days}d"
    found = {str(name): rows for name, rows in baselines.groupby("model")} if len(baselines) else {}
    keys = judged[["account_id", "as_of"]]
    if "rules" not in found and "rules_calibrated" not in found and f"p_health_{main}" in judged:
        found["rules"] = keys.assign(**{f"p_churn_{main}": judged[f"p_health_{main}"]})
    if "health_score" not in found and "health_score" in judged:
        found["health_score"] = keys.assign(score=-judged["health_score"].astype(float))
    titles = dict(BASELINES)
    order = [name for name, _ in BASELINES if name in found] + sorted(set(found) - set(titles))
    return {name: (titles.get(name, name.replace("_", " ")), found[name]) for name in order}


def beside(rows: pd.DataFrame, baseline: pd.DataFrame, column: str) -> tuple[pd.DataFrame, bool]:
    """Rows that both have judged, the baseline's as p_other, and whether that is a probability."""
    probability = column in baseline and bool(baseline[column].notna().any())
    chosen = column if probability else "score"
    if chosen not in baseline:
        return rows.iloc[:0].assign(p_other=[]), False
    both = _aligned(rows, baseline, chosen)
    if both is None:
        other = baseline[["account_id", "as_of", chosen]].rename(columns={chosen: "p_other"})
        both = rows.merge(other, on=["account_id", "as_of"], how="inner", validate="one_to_one")
    return both[both["p_other"].notna()], probability


def _aligned(rows: pd.DataFrame, baseline: pd.DataFrame, chosen: str) -> pd.DataFrame | None:
    """What a merge would give where each row has the baseline's at its own index, as the yardsticks that are read from
    the predictions themselves do; None where one has not."""
    if len(baseline) < len(rows) or not baseline.index.is_unique:
        return None
    other = baseline.reindex(rows.index)
    same = all((other[name].to_numpy() == rows[name].to_numpy()).all() for name in ("account_id", "as_of"))
    return rows.assign(p_other=other[chosen].to_numpy()) if same else None


def comparison(desk: Desk, rows: pd.DataFrame, name: str, title: str, baseline: pd.DataFrame, days: int) -> Figure:
    both, probability = beside(rows, baseline, f"p_churn_{days}d")
    table: Figure = {"days": days, "baseline": name, "title": title, "rows": len(both), "all_rows": len(rows)}
    names = ("auc", "log_loss", "brier") if probability else ("auc",)
    factories = {
        "auc": bootstrap_statistics.auc,
        "log_loss": bootstrap_statistics.log_loss,
        "brier": bootstrap_statistics.brier,
    }

    def figures() -> Figure:
        desk.enough(f"comparison with {title}", both)
        theirs_of = bootstrap.draw(both, {one: factories[one]("p_other") for one in names}, desk.draws, desk.seed)
        if len(both) == len(rows):  # on all rows the model's draws are those of its own figures
            ours_of = {one: drawn(desk, rows, one)[0] for one in names}
        else:
            ours_of = bootstrap.draw(both, {one: factories[one]() for one in names}, desk.draws, desk.seed)
        out: Figure = {}
        for one in names:
            ours, theirs = ours_of[one], theirs_of[one]
            better = ours - theirs if one == "auc" else theirs - ours
            parts = {"model": ours, "baseline": theirs, "better_by": better}
            out[one] = {part: bootstrap.interval_of(values, one) for part, values in parts.items()}
        return out

    found = desk.figure(f"comparison with {title}", f"{days} days", figures)
    table |= found
    if "refused" in found:
        table["verdict"] = "refused"
    else:
        gap = found["auc"]["better_by"]
        table["verdict"] = "beats" if gap["low"] > 0 else "worse" if gap["high"] < 0 else "level"
    table["sentence"] = comparison_sentence(table)
    return table
