"""How wide the interval is: what a model left open when it was fitted, measured on its training rows.

What the signals do not show of an account, and how heavy its tails are: residual_heterogeneity.py. What they did not
teach: the chosen learner is fitted again on each half of the accounts. The halves differ by chance alone, so a quarter
of their mean squared difference is the sampling variance S of the whole, as far as it falls with the accounts. And
half-sample fits shrink more: the log-odds of the whole vary between accounts by V, those of a half by V_half. With
slope 1 of the true log-odds on the served ones, V is the variance that is explained, and V - V_half what the second
half of the accounts taught. Where errors fall with the root of their number, as those of learners that are held back do
(ridge, few and shallow trees), what all accounts there could be would teach beyond is

    missing = (V - V_half) / (sqrt 2 - 1).

The other estimate is the linear learner's account-clustered sandwich, stretched by STAND_IN_SCALE where it stands for a
blend, whose trees, rules' weights and choice of members were drawn from the same accounts: steady, and blind to the
learner that serves. Each is rough, so the mean of the two variances is taken; over rows, the error differs as the
sandwich does. STAND_IN_SCALE was set on two generators that are built differently (tests/benchmarks/interval.py).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from training.calibration import identity
from training.fit.baselines import Parts, assemble
from training.fit.learners import FittedLearners
from training.fit.rolling_origin import Rolling
from training.hazard import INTERVAL, RENEWAL, SEASON, STAGE
from training.known_labels import days
from training.model import CHUNK, ChurnModel, excess_kurtosis, frailty_sd
from training.splits import evenly

PANEL = 100_000  # about so many snapshots, all of an account or none, show how far the signals see its state
COMPARED = 4_000  # of these, on which the halves are compared with the whole
LEAST = 10  # churned accounts in a half
ROOT_RATE = 1.0 / (np.sqrt(2.0) - 1.0)
STAND_IN_SCALE = 1.25


def with_interval_width(
    churn: ChurnModel, learners: FittedLearners, rolling: Rolling, parts: Parts, frame: pd.DataFrame, half_samples: bool
) -> ChurnModel:
    """The model with `frailty_sd`, `excess_kurtosis` and `sampling_scale`; `frame` holds the snapshots before its cut.

    Without `half_samples` the last is STAND_IN_SCALE, which saves the two fits, as it is with fewer than LEAST churned
    accounts in a half. Without trees it is 1: the sandwich is the learner's own.
    """
    if not churn.has_signal:
        return churn
    seed = parts.settings.training.seed
    panel = _panel(learners, frame)
    views = state_views(churn, panel)
    account, _ = pd.factorize(panel["account_id"])
    model = replace(
        churn,
        frailty_sd=frailty_sd(views, account, days(panel["as_of"]), seed),
        excess_kurtosis=excess_kurtosis(views, seed),
        sampling_scale=1.0 if churn.trees is None else STAND_IN_SCALE,
    )
    halves = random_halves(learners, frame, rolling, seed) if half_samples and churn.trees is not None else None
    if halves is None:
        return model
    rows = np.linspace(0, len(panel) - 1, min(COMPARED, len(panel))).astype(int)
    # The halves' members are weighed as those of the whole are.
    own = learners.blends[churn.chosen]
    fitted = [
        assemble("half", churn.chosen, replace(half, blends={**half.blends, churn.chosen: own}), parts, identity())
        for half in rolling.subsample_fits(learners, halves)
    ]
    plain = replace(model, calibrator=identity(), frailty_sd=0.0, sampling_scale=1.0)
    error = sampling_error(plain, fitted, panel.iloc[rows], views[rows])
    return replace(model, sampling_scale=error.scale, log={**churn.log, "half_samples": asdict(error)})


@dataclass(frozen=True)
class SamplingError:
    """How far the log-odds would be elsewhere had other accounts, or more of them, been drawn for training.

    Attributes
    ----------
    sampling_variance : float
        Of the whole, from how far two halves differ.
    missing_variance : float
        What more accounts would teach, from how much more the halves shrink.
    sandwich_variance : float
        Of the linear learner, clustered by account.
    """

    sampling_variance: float
    missing_variance: float
    sandwich_variance: float

    @property
    def scale(self) -> float:
        """By how much the linear learner's error is stretched, to be that of the model."""
        if self.sandwich_variance == 0:
            return STAND_IN_SCALE
        ratio = (self.sampling_variance + self.missing_variance) / self.sandwich_variance
        return float(np.sqrt((ratio + STAND_IN_SCALE**2) / 2.0))


def sampling_error(
    whole: ChurnModel, halves: list[ChurnModel], frame: pd.DataFrame, views: np.ndarray
) -> SamplingError:
    """The sampling error of a model, from its fits on two halves of the accounts; all are without calibrator.

    `views`: state_views of the whole, (n, views).
    """
    first, second = (half.main_log_odds(frame) for half in halves)
    sampling = float(((first - second) ** 2).mean()) / 4.0
    explained = [float(np.var(state_views(half, frame).sum(axis=1))) for half in halves]
    gain = float(np.var(views.sum(axis=1))) - float(np.mean(explained))
    missing = ROOT_RATE * max(gain, 0.0)
    return SamplingError(sampling, missing, float((whole.spread(frame)[1] ** 2).mean()))


def random_halves(
    learners: FittedLearners, frame: pd.DataFrame, rolling: Rolling, seed: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows of the dataset by random halves of the accounts, those that churned dealt evenly; None with few of these."""
    churned = frame["account_id"].iloc[np.unique(learners.rows.snapshot[learners.rows.churned > 0])].unique()
    if len(churned) < 2 * LEAST:
        return None
    accounts = pd.Series(frame["account_id"].unique())
    accounts = accounts.iloc[np.random.default_rng(seed).permutation(len(accounts))]
    dealt = pd.concat([accounts[accounts.isin(churned)], accounts[~accounts.isin(churned)]])
    every = rolling.dataset.labels["account_id"]
    first = every.isin(dealt.iloc[::2]).to_numpy()
    return first, ~first


def state_views(churn: ChurnModel, frame: pd.DataFrame) -> np.ndarray:
    """Contributions to the uncalibrated log-odds of the main horizon by views of the account's state; (n, views)."""
    count = churn.intervals.upto(churn.main_horizon_days)
    known = {RENEWAL, SEASON, STAGE, INTERVAL}  # facts, not views; the account's attributes are facts too
    named = zip(churn.explained.signals, churn.explained.dimensions, strict=True)
    indices = [index for index, (name, dimension) in enumerate(named) if dimension != "account" and name not in known]
    out = np.empty((len(frame), len(indices)))
    for at in range(0, len(frame), CHUNK):
        _, parts = churn.log_odds_parts(frame.iloc[at : at + CHUNK], count)
        out[at : at + CHUNK] = parts[:, indices, :].mean(axis=2)
    return out


def _panel(learners: FittedLearners, frame: pd.DataFrame) -> pd.DataFrame:
    """All training snapshots of evenly spaced accounts."""
    at_risk = frame.iloc[np.unique(learners.rows.snapshot)]
    account, names = pd.factorize(at_risk["account_id"])
    return at_risk[evenly(len(names), PANEL * len(names) // len(at_risk))[account]]
