"""What other weights of the health score would have been worth.

A step is worth taking only if its gain in log loss over the last step that was is above 0 in the whole 95 % interval,
on rows that came after its fit (`training.fit.out_of_time`). Rows are snapshots; intervals are over accounts.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from configs.settings import Settings
from evaluation import metrics
from evaluation.metrics import Interval, bootstrap_statistics, draw, interval_of
from training.health import STEPS, Step

TITLES: dict[Step, str] = {
    "published": "published weights",
    "intercepts": "intercepts by stage",
    "dimensions": "dimension weights by stage",
    "signals": "signal weights within dimensions",
}


@dataclass(frozen=True)
class StepGain:
    """What a step gains over one below it: less log loss (nats) and more AUC, each with its interval."""

    over: Step
    log_loss: Interval
    auc: Interval


@dataclass(frozen=True)
class StepFigures:
    """How well the health score predicts churn with the weights of one step, and what that gains.

    Attributes
    ----------
    step : Step
    title : str
        Its name for a reader.
    log_loss : float
        In nats.
    auc : float
    gains : tuple of StepGain
        Over each step below.
    compared_with : Step or None
        The last step below that was worth taking; None for the published weights.
    worth_taking : bool or None
        Whether the gain over that one is above 0 in its whole interval; None for the published weights.
    """

    step: Step
    title: str
    log_loss: float
    auc: float
    gains: tuple[StepGain, ...]
    compared_with: Step | None
    worth_taking: bool | None


@dataclass(frozen=True)
class WeightGains:
    """What learnt health weights gain.

    Attributes
    ----------
    steps : tuple of StepFigures
        From the published weights up.
    recommended : Step or None
        The step to take; None where the published weights should stay.
    headlines : tuple of str
        The answer in sentences.
    """

    steps: tuple[StepFigures, ...]
    recommended: Step | None
    headlines: tuple[str, ...]


@dataclass(frozen=True)
class StepOnWindow:
    """Log loss (nats) and AUC of one step's weights on a window."""

    step: Step
    log_loss: float
    auc: float


@dataclass(frozen=True)
class NewestWindow:
    """A change of weights, judged on the newest windows.

    Attributes
    ----------
    first, last : str
        The first and last as_of, ISO days.
    rows, accounts, churned_accounts : int
        What the windows hold.
    before, after : StepOnWindow
        The two steps on the same rows.
    """

    first: str
    last: str
    rows: int
    accounts: int
    churned_accounts: int
    before: StepOnWindow
    after: StepOnWindow


def gains(rows: pd.DataFrame, settings: Settings) -> WeightGains:
    """What each step of learnt health weights gains over the steps below, and which is worth taking.

    Parameters
    ----------
    rows : pd.DataFrame
        account_id, y (0 or 1) and p_{step} (0-1), out of time.
    settings : Settings
        Draws and seed of the bootstrap.

    Returns
    -------
    WeightGains

    Raises
    ------
    MetricRefused
        When too many draws of accounts have no churned one among them.
    """
    statistics = {f"loss_{step}": bootstrap_statistics.log_loss(f"p_{step}") for step in STEPS}
    statistics |= {f"auc_{step}": bootstrap_statistics.auc(f"p_{step}") for step in STEPS}
    drawn = draw(rows, statistics, settings.evaluation.bootstrap_draws, settings.training.seed)
    taken: Step = STEPS[0]
    steps: list[StepFigures] = []
    headlines: list[str] = []
    for index, step in enumerate(STEPS):
        loss, auc = drawn[f"loss_{step}"], drawn[f"auc_{step}"]
        over_lower = [
            StepGain(lower, interval_of(drawn[f"loss_{lower}"] - loss), interval_of(auc - drawn[f"auc_{lower}"]))
            for lower in STEPS[:index]
        ]
        compared_with: Step | None = None
        worth_taking = None
        if index:
            compared_with = taken
            gained = next(gain.log_loss for gain in over_lower if gain.over == taken)
            worth_taking = gained.low > 0
            headlines.append(_verdict(step, taken, gained))
            taken = step if worth_taking else taken
        figures = StepFigures(
            step, TITLES[step], float(loss[0]), float(auc[0]), tuple(over_lower), compared_with, worth_taking
        )
        steps.append(figures)
    recommended = None if taken == STEPS[0] else taken
    if recommended is None:
        headlines.append("Nothing to gain: keep the published weights.")
    if recommended == "intercepts":
        headlines.append("`forewarn train` learns the intercepts with every calibration: the configuration stays.")
    return WeightGains(tuple(steps), recommended, tuple(headlines))


def _verdict(step: Step, taken: Step, gained: Interval) -> str:
    figures = f"{gained.value:.4f} ({gained.low:.4f} to {gained.high:.4f})"
    judged = "worth taking" if gained.low > 0 else "not worth taking"
    return f"{TITLES[step].capitalize()}: {judged}, a gain in log loss of {figures} over {TITLES[taken]}."


def newest_window(rows: pd.DataFrame, before: Step, after: Step, settings: Settings) -> NewestWindow:
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
    NewestWindow
    """
    for start in sorted(rows.fold.unique(), reverse=True):
        window = rows[rows.fold >= start]
        churned = int(window.account_id[window.y == 1].nunique())
        if churned >= settings.evaluation.min_churned_accounts:
            break
    y = window.y.to_numpy()

    def judged(step: Step) -> StepOnWindow:
        p = window[f"p_{step}"].to_numpy()
        return StepOnWindow(step, metrics.log_loss(y, p), metrics.auc(y, p))

    return NewestWindow(
        first=f"{window.as_of.min():%Y-%m-%d}",
        last=f"{window.as_of.max():%Y-%m-%d}",
        rows=len(window),
        accounts=int(window.account_id.nunique()),
        churned_accounts=churned,
        before=judged(before),
        after=judged(after),
    )
