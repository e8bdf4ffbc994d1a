"""Checks of figures: whether the predictions are probabilities, better than none, and not too good to be true."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from evaluation import metrics
from evaluation.metrics import bootstrap, bootstrap_statistics, observed_expected
from evaluation.validity.evidence import BASE_RATE, KEY, Detection, Evidence

FALSE_ALARMS = 0.05  # chance that a churn level that holds is called drifting, over all quarters together


def too_good(evidence: Evidence) -> Detection | None:
    rows = evidence.judged()
    if rows["y"].nunique() < 2:
        return None  # FW205 says so
    auc = metrics.auc(rows["y"].to_numpy(), rows["p"].to_numpy())
    if auc < metrics.TOO_GOOD_AUC:
        return None
    return Detection(auc, f"the AUC of tested predictions is {auc:.3f}: something in them knows the outcome")


def worse_than_base_rate(evidence: Evidence) -> Detection | None:
    """In all, and in each stage with enough churned accounts; intervals widened for their number."""
    settings = evidence.settings
    column = f"p_churn_{settings.main_horizon_days}d"
    base = evidence.baselines[(evidence.baselines["model"] == BASE_RATE).to_numpy()]
    other = base[[*KEY, column]].drop_duplicates(KEY).rename(columns={column: "p_base"})
    rows = evidence.judged().merge(other, on=KEY)
    parts = {"all": rows} | {str(stage): part for stage, part in rows.groupby("lifecycle_stage")}
    least = settings.evaluation.min_churned_accounts
    parts = {name: part for name, part in parts.items() if part.loc[part["y"] == 1, "account_id"].nunique() >= least}
    if not parts:
        return None
    wide = -float(ndtri(0.025 / len(parts)))
    losses = {"p": bootstrap_statistics.log_loss("p"), "p_base": bootstrap_statistics.log_loss("p_base")}
    worse = {}
    for name, part in parts.items():
        drawn = bootstrap.draw(part, losses, settings.evaluation.bootstrap_draws, settings.training.seed)
        gap = drawn["p"] - drawn["p_base"]
        if gap[0] > wide * gap[1:].std():
            worse[name] = float(gap[0])
    if not worse:
        return None
    stages = ", ".join(f"{name} (by {gap:.4f})" for name, gap in worse.items())
    return Detection(
        max(worse.values()),
        f"the log loss out of time is worse than that of the base rate of each stage in: {stages}; the same probability"
        " for everybody would serve better",
    )


def level_drifts(evidence: Evidence) -> Detection | None:
    """Observed over expected churns a quarter of as_ofs, with account-clustered intervals for all quarters together."""
    rows = evidence.judged()
    quarters = {str(name): part for name, part in rows.groupby(rows["as_of"].dt.to_period("Q"))}
    drifting = {}
    for name, part in quarters.items():
        if not part["p"].sum() > 0:
            continue
        y, p, who = part["y"].to_numpy(), part["p"].to_numpy(), part["account_id"].to_numpy(dtype=str)
        ratio = observed_expected(y, p, who, level=1 - FALSE_ALARMS / len(quarters))
        if not ratio.low <= 1 <= ratio.high:
            drifting[name] = ratio
    if not drifting:
        return None
    worst = max(drifting, key=lambda name: abs(np.log(max(drifting[name].ratio, 1e-3))))
    ratio = drifting[worst]
    return Detection(
        ratio.ratio,
        f"in {len(drifting)} of {len(quarters)} quarters ({', '.join(drifting)}) more or fewer left than predicted; in"
        f" {worst} {ratio.observed} against {ratio.expected:.1f}, {ratio.ratio:.2f} times as many ({ratio.low:.2f} to"
        f" {ratio.high:.2f})",
    )


def no_probability(evidence: Evidence) -> Detection | None:
    columns = [f"p_churn_{days}d" for days in evidence.settings.horizons_days]
    p = evidence.predictions[columns].to_numpy(dtype=float)
    wrong = ~((p >= 0) & (p <= 1)).all(axis=1)
    if not wrong.any():
        return None
    first = evidence.predictions.iloc[int(np.argmax(wrong))]
    return Detection(
        float(wrong.sum()),
        f"{wrong.sum()} of {len(p)} predictions hold a value outside [0, 1] or none at all, for instance"
        f" {first.account_id} as of {pd.Timestamp(first.as_of):%Y-%m-%d}",
    )


def falls_with_horizon(evidence: Evidence) -> Detection | None:
    columns = [f"p_churn_{days}d" for days in sorted(evidence.settings.horizons_days)]
    steps = np.diff(evidence.predictions[columns].to_numpy(dtype=float), axis=1)
    falls = np.atleast_1d((steps < 0).any(axis=1))
    if not falls.any():
        return None
    first = evidence.predictions.iloc[int(np.argmax(falls))]
    return Detection(
        float(falls.sum()),
        f"{falls.sum()} of {len(falls)} predictions fall as the horizon grows, for instance {first.account_id} as of"
        f" {pd.Timestamp(first.as_of):%Y-%m-%d}: who has left within 30 days has left within 60",
    )


def random_split(evidence: Evidence) -> Detection | None:
    gap = evidence.random_split
    if gap is None or not gap.worth_saying:
        return None
    return Detection(gap.auc_gap, gap.sentence.rstrip("."))
