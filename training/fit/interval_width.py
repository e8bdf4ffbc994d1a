"""How wide the interval is: what a model left open when it was fitted, measured on the rows that taught it.

What the signals do not show of an account, and how heavy its tails are: residual_heterogeneity.py. What they did not
teach: the chosen learner is fitted again on each half of the accounts. The halves differ by chance alone, so a quarter
of their mean squared difference is the sampling variance S of the whole, as far as it falls with the accounts. And
half-sample fits shrink more: the whole tells accounts apart by the variance V, a half by V_half. With slope 1 of the
true log-odds on the served ones, V is the variance that is explained, and V - V_half what the second half of the
accounts taught. Where errors fall with the root of their number, as those of learners that are held back do (ridge, few
and shallow trees), what all accounts there could be would teach beyond is

    missing = (V - V_half) / (sqrt 2 - 1).

The other estimate is the linear learner's account-clustered sandwich, stretched by STANDS_IN where it stands for a
blend, whose trees, rules' weights and choice of members were drawn from the same accounts: steady, and blind to the
learner that serves. Each is rough, so the mean of the two variances is taken; over rows, the error differs as the
sandwich does. STANDS_IN was set on two generators that are built differently (tests/benchmarks/interval.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from training.calibration import identity
from training.fit.baselines import Parts, assemble
from training.fit.learners import FittedLearners
from training.fit.rolling_origin import Rolling
from training.hazard import INTERVAL, RENEWAL, SEASON, STAGE
from training.model import CHUNK, ChurnModel, excess_kurtosis, frailty_sd
from training.splits import days, evenly

PANEL = 100_000  # about so many snapshots, all of an account or none, show how far the signals see its state
COMPARED = 4_000  # of these, on which the halves are held against the whole
LEAST = 10  # churned accounts in a half
ROOT_RATE = 1.0 / (np.sqrt(2.0) - 1.0)
STANDS_IN = 1.25


def with_interval_width(
    churn: ChurnModel, learners: FittedLearners, rolling: Rolling, parts: Parts, frame: pd.DataFrame, half_samples: bool
) -> ChurnModel:
    """The model with `frailty_sd`, `excess_kurtosis` and `sampling_scale`; `frame` holds the snapshots before its cut.

    Without `half_samples` the last is STANDS_IN, which saves the two fits, as it is with fewer than LEAST churned
    accounts in a half. Without trees it is 1: the sandwich is the learner's own.
    """
    if not churn.has_signal:
        return churn
    seed = parts.settings.training.seed
    panel = _panel(learners, frame)
    seen = views(churn, panel)
    account, _ = pd.factorize(panel["account_id"])
    found = replace(
        churn,
        frailty_sd=frailty_sd(seen, account, days(panel["as_of"]), seed),
        excess_kurtosis=excess_kurtosis(seen, seed),
        sampling_scale=1.0 if churn.trees is None else STANDS_IN,
    )
    sides = _sides(learners, frame, rolling, seed) if half_samples and churn.trees is not None else None
    if sides is None:
        return found
    rows = np.linspace(0, len(panel) - 1, min(COMPARED, len(panel))).astype(int)
    fitted = [assemble("half", churn.chosen, one, parts, identity()) for one in rolling.subsample_fits(learners, sides)]
    plain = replace(found, calibrator=identity(), frailty_sd=0.0, sampling_scale=1.0)
    scale, log = _scale(plain, fitted, panel.iloc[rows], seen[rows])
    return replace(found, sampling_scale=scale, log={**churn.log, "half_samples": log})


def _scale(
    whole: ChurnModel, halves: list[ChurnModel], frame: pd.DataFrame, seen: np.ndarray
) -> tuple[float, dict[str, Any]]:
    """(stretch of the linear learner's error, what it comes from), of models without calibrator; `seen`: views of
    the whole, (n, views)."""
    one, two = (half.main_log_odds(frame) for half in halves)
    sampling = float(((one - two) ** 2).mean()) / 4.0
    explained = [float(np.var(views(half, frame).sum(axis=1))) for half in halves]
    gain = float(np.var(seen.sum(axis=1))) - float(np.mean(explained))
    missing = ROOT_RATE * max(gain, 0.0)
    sandwich = float((whole.spread(frame)[1] ** 2).mean())
    log = {"sampling_variance": sampling, "missing_variance": missing, "sandwich_variance": sandwich}
    if sandwich == 0:
        return STANDS_IN, log
    return float(np.sqrt(((sampling + missing) / sandwich + STANDS_IN**2) / 2.0)), log


def _sides(
    learners: FittedLearners, frame: pd.DataFrame, rolling: Rolling, seed: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """The accounts of each of two random halves, those that churned dealt evenly; None with too few of these."""
    churned = frame["account_id"].iloc[np.unique(learners.rows.snapshot[learners.rows.churned > 0])].unique()
    if len(churned) < 2 * LEAST:
        return None
    accounts = pd.Series(frame["account_id"].unique())
    accounts = accounts.iloc[np.random.default_rng(seed).permutation(len(accounts))]
    dealt = pd.concat([accounts[accounts.isin(churned)], accounts[~accounts.isin(churned)]])
    every = rolling.dataset.labels["account_id"]
    one = every.isin(dealt.iloc[::2]).to_numpy()
    return one, ~one


def views(churn: ChurnModel, frame: pd.DataFrame) -> np.ndarray:
    """Contributions to the uncalibrated log-odds of the main horizon by views of the account's state; (n, views)."""
    count = churn.intervals.upto(churn.main_horizon_days)
    known = {RENEWAL, SEASON, STAGE, INTERVAL}  # facts, not views; the account's attributes are facts too
    named = zip(churn.explained.signals, churn.explained.dimensions, strict=True)
    places = [place for place, (name, of) in enumerate(named) if of != "account" and name not in known]
    out = np.empty((len(frame), len(places)))
    for at in range(0, len(frame), CHUNK):
        _, parts = churn.log_odds_parts(frame.iloc[at : at + CHUNK], count)
        out[at : at + CHUNK] = parts[:, places, :].mean(axis=2)
    return out


def _panel(learners: FittedLearners, frame: pd.DataFrame) -> pd.DataFrame:
    """All training snapshots of evenly spaced accounts."""
    taught = frame.iloc[np.unique(learners.rows.snapshot)]
    account, names = pd.factorize(taught["account_id"])
    return taught[evenly(len(names), PANEL * len(names) // len(taught))[account]]
