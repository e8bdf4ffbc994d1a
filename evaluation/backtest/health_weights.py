"""What other weights of the health score would have been worth, and what the score itself has meant so far.

A step is worth taking only if its gain in log loss over the last step that was is above 0 in the whole 95 % interval,
on rows that came after its fit (`training.fit.out_of_time`). Rows are snapshots; intervals are over accounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from configs.framework import Level
from configs.settings import Settings
from evaluation import metrics
from evaluation.metrics import Interval, bootstrap_statistics, draw, interval_of, share_interval
from features.health import STAGE
from training.health import STEPS, Step, health_levels

TITLES: dict[Step, str] = {
    "published": "published weights",
    "intercepts": "intercepts by stage",
    "dimensions": "dimension weights by stage",
    "signals": "signal weights within dimensions",
}
BAND_POINTS = 5
BAND_ACCOUNTS = 30  # with fewer, a band is pooled with the next one

Figure = dict[str, Any]


def gains(rows: pd.DataFrame, settings: Settings) -> Figure:
    """What each step of learnt health weights gains over the steps below, and which is worth taking.

    Parameters
    ----------
    rows : pd.DataFrame
        account_id, y (0 or 1) and p_{step} (0-1), out of time.
    settings : Settings
        Draws and seed of the bootstrap.

    Returns
    -------
    dict
        `steps`: log loss in nats, AUC and gains with intervals of each; `worth`: the step to take, or None; `answer`:
        sentences.

    Raises
    ------
    MetricRefused
        When too many draws of accounts have no churned one among them.
    """
    statistics = {f"loss_{step}": bootstrap_statistics.log_loss(f"p_{step}") for step in STEPS}
    statistics |= {f"auc_{step}": bootstrap_statistics.auc(f"p_{step}") for step in STEPS}
    drawn = draw(rows, statistics, settings.evaluation.bootstrap_draws, settings.training.seed)
    taken: Step = STEPS[0]
    table: list[Figure] = []
    answer: list[str] = []
    for place, step in enumerate(STEPS):
        loss, area = f"loss_{step}", f"auc_{step}"
        entry: Figure = {"step": step, "title": TITLES[step]}
        entry |= {"log_loss": float(drawn[loss][0]), "auc": float(drawn[area][0]), "gains": []}
        for other in STEPS[:place]:
            less = interval_of(drawn[f"loss_{other}"] - drawn[loss])
            more = interval_of(drawn[area] - drawn[f"auc_{other}"])
            entry["gains"].append({"over": other, "log_loss": vars(less), "auc": vars(more)})
        if place:
            own = next(one for one in entry["gains"] if one["over"] == taken)
            gained = Interval(**own["log_loss"])
            entry |= {"compared_with": taken, "worth_taking": gained.low > 0}
            answer.append(_verdict(step, taken, gained))
            taken = step if gained.low > 0 else taken
        table.append(entry)
    worth = None if taken == STEPS[0] else taken
    if worth is None:
        answer.append("Nothing to gain: keep the published weights.")
    if worth == "intercepts":
        answer.append("`forewarn train` learns the intercepts with every calibration: the configuration stays.")
    return {"steps": table, "worth": worth, "answer": answer}


def _verdict(step: Step, taken: Step, gained: Interval) -> str:
    said = f"{gained.value:.4f} ({gained.low:.4f} to {gained.high:.4f})"
    judged = "worth taking" if gained.low > 0 else "not worth taking"
    return f"{TITLES[step].capitalize()}: {judged}, a gain in log loss of {said} over {TITLES[taken]}."


def newest_window(rows: pd.DataFrame, before: Step, after: Step, settings: Settings) -> Figure:
    """Log loss and AUC before and after a change of weights, on the newest windows.

    Parameters
    ----------
    rows : pd.DataFrame
        account_id, as_of, fold, y and p_{step}, out of time.
    before, after : Step
        The steps to compare.
    settings : Settings
        As many windows are taken as it takes to have `evaluation.min_churned_accounts` in them.

    Returns
    -------
    dict
        from, to, rows, accounts, churned_accounts, and for `before` and `after` step, log_loss (nats) and auc.
    """
    for start in sorted(rows.fold.unique(), reverse=True):
        window = rows[rows.fold >= start]
        churned = int(window.account_id[window.y == 1].nunique())
        if churned >= settings.evaluation.min_churned_accounts:
            break
    y = window.y.to_numpy()
    figures: Figure = {"from": f"{window.as_of.min():%Y-%m-%d}", "to": f"{window.as_of.max():%Y-%m-%d}"}
    figures |= {"rows": len(window), "accounts": int(window.account_id.nunique()), "churned_accounts": churned}
    for name, step in (("before", before), ("after", after)):
        p = window[f"p_{step}"].to_numpy()
        figures[name] = {"step": step, "log_loss": metrics.log_loss(y, p), "auc": metrics.auc(y, p)}
    return figures


def level_changes(frame: pd.DataFrame, before: np.ndarray, after: np.ndarray, levels: Sequence[Level]) -> Figure:
    """Which accounts' health score would stand in another level, the largest changes of score first.

    Parameters
    ----------
    frame : pd.DataFrame
        account_id and as_of of n accounts.
    before, after : array, (n,)
        Health scores, 0-100; NaN: none.
    levels : sequence of Level
        The health levels.

    Returns
    -------
    dict
        as_of, scored, changed, `moves` (accounts by level before and after) and `accounts`.
    """
    rows = pd.DataFrame({"account_id": frame.account_id.to_numpy(), "before": before, "after": after})
    rows["level_before"], rows["level_after"] = health_levels(before, levels), health_levels(after, levels)
    moved = rows[rows.level_before.notna() & (rows.level_before != rows.level_after)]
    order = (moved.after - moved.before).abs().sort_values(ascending=False, kind="stable").index
    table = moved.value_counts(["level_before", "level_after"]).reset_index(name="accounts")
    return {
        "as_of": f"{frame.as_of.max():%Y-%m-%d}",
        "scored": int(np.isfinite(before).sum()),
        "changed": len(moved),
        "moves": table.to_dict("records"),
        "accounts": moved.loc[order].round({"before": 1, "after": 1}).to_dict("records"),
    }


def score_bands(rows: pd.DataFrame, settings: Settings) -> list[Figure]:
    """What share of the accounts of a stage with such a health score really left within the main horizon.

    Parameters
    ----------
    rows : pd.DataFrame
        Snapshots whose window has passed: account_id, lifecycle_stage, health (0-100) and y (0 or 1).
    settings : Settings
        Stages, and `evaluation.min_churned_accounts`.

    Returns
    -------
    list of dict
        A line a band, with its share and interval. Bands of BAND_POINTS are pooled from the lowest up until each has
        BAND_ACCOUNTS accounts; a stage with fewer of these, or with too few churned ones, has `refused` instead.
    """
    out: list[Figure] = []
    least = settings.evaluation.min_churned_accounts
    for stage in settings.framework.stages:
        own = rows[(rows[STAGE] == stage.name) & rows.health.notna()]
        accounts, churned = own.account_id.nunique(), own.account_id[own.y == 1].nunique()
        if accounts < BAND_ACCOUNTS or churned < least:
            refused = f"{churned} churned of {accounts} accounts; at least {least} of {BAND_ACCOUNTS} needed"
            out.append({"stage": stage.name, "refused": refused})
            continue
        band = (own.health // BAND_POINTS).clip(upper=100 // BAND_POINTS - 1)
        for first, last in _pooled(band, own.account_id):
            inside = own[(band >= first) & (band <= last)]
            low, high = share_interval(inside.y.to_numpy(), inside.account_id.to_numpy())
            entry = {"stage": stage.name, "from": first * BAND_POINTS, "to": (last + 1) * BAND_POINTS}
            entry |= {"rows": len(inside), "accounts": int(inside.account_id.nunique())}
            entry |= {"churned_accounts": int(inside.account_id[inside.y == 1].nunique())}
            out.append({**entry, "share": {"value": float(inside.y.mean()), "low": low, "high": high}})
    return out


def _pooled(band: pd.Series, account: pd.Series) -> list[tuple[int, int]]:
    """(first, last) of each run of bands that has BAND_ACCOUNTS accounts; what is left over joins the last run."""
    runs: list[tuple[int, int]] = []
    start = 0
    for last in range(100 // BAND_POINTS):
        if account[(band >= start) & (band <= last)].nunique() >= BAND_ACCOUNTS:
            runs.append((start, last))
            start = last + 1
    if start < 100 // BAND_POINTS:
        runs[-1] = (runs[-1][0], 100 // BAND_POINTS - 1)
    return runs
