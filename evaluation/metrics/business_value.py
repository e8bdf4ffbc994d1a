"""What predictions are worth in money: ARR at risk and lost, ranking weighed by ARR, and the profit of acting on them.

Plain functions, as in scores.py. Amounts are in the currency of `arr` and of the costs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import betainc, betaincinv

from configs.errors import DataError, Fault
from configs.settings import Costs
from evaluation.metrics.capacity import in_top_share
from evaluation.metrics.proportions import Z95
from evaluation.metrics.validation import Array, MetricRefused, checked


class ArrLoss(NamedTuple):
    """ARR expected to be lost with the range chance alone would give, ARR really lost, and accounts without an ARR."""

    expected: float
    low: float
    high: float
    realised: float
    accounts: int
    arr_unknown: int


def arr_loss(y: Array, p: Array, arr: Array) -> ArrLoss:
    """ARR at risk (sum of p * arr) against the ARR of those that churned, one scoring, in the currency of `arr`.

    The range is expected +- 1.96 sqrt(sum arr^2 p (1 - p)): where the loss falls in 95 of 100 times if every p is right
    and accounts leave independently. Accounts whose arr is NaN are counted, and enter neither sum. Raises MetricRefused
    when no arr is known.

    >>> arr_loss([1, 0, 0], [0.5, 0.5, 0.1], [100.0, 100.0, float("nan")])[:4]
    (100.0, 0.0, 238.59038243496778, 100.0)
    """
    y, p, arr = (np.asarray(values, dtype=float) for values in (y, p, arr))
    known = ~np.isnan(arr)
    if not known.any():
        raise MetricRefused("arr_loss", "accounts with a known ARR", 0, 1)
    y, p, arr = y[known], p[known], arr[known]
    expected = float(p @ arr)
    half = Z95 * math.sqrt(float((arr**2 * p * (1 - p)).sum()))
    return ArrLoss(
        expected, max(0.0, expected - half), expected + half, float(y @ arr), known.size, int((~known).sum())
    )


def _priced(metric: str, y: Array, p: Array, arr: Array, probability: bool = False) -> tuple[Array, Array, Array, int]:
    """y, p and arr of the rows whose arr is known, and how many are not."""
    y, p = checked(metric, y, p, probability=probability)
    arr = np.asarray(arr, dtype=float)
    known = ~np.isnan(arr)
    if arr.shape != y.shape or (arr[known] < 0).any():
        raise DataError(Fault(f"{metric}: arr", "amounts below 0, or too few", "one amount a row", "fix the column"))
    for what, of_class in (
        ("rows that churned with a known ARR", y == 1),
        ("rows that stayed with a known ARR", y == 0),
    ):
        if not arr[known & of_class].sum() > 0:
            raise MetricRefused(metric, what, 0, 1)
    return y[known], p[known], arr[known], int((~known).sum())


def auc_by_arr(y: Array, p: Array, arr: Array) -> float:
    """Chance that a unit of ARR that was lost stood on an account ranked above that of a unit that stayed.

    `metrics.auc` with each row counted by its ARR: a large account lost from the bottom costs what it is worth. Range
    0-1, higher is better; .5 is chance. Rows without a known ARR are left out. Raises MetricRefused without ARR in
    each class.

    >>> auc_by_arr([1, 1, 0], [0.9, 0.1, 0.5], [300.0, 100.0, 50.0])      # 300 of 400 above
    0.75
    """
    y, p, arr, _ = _priced("auc_by_arr", y, p, arr)
    _, group = np.unique(p, return_inverse=True)
    lost, stayed = np.bincount(group, arr * y), np.bincount(group, arr * (1 - y))
    return float((lost * (np.cumsum(stayed) - stayed / 2)).sum() / (lost.sum() * stayed.sum()))


class ArrCapacity(NamedTuple):
    """ARR in the band, lost in all, lost in the band; precision and recall: the last of the first two; rows unknown."""

    flagged: float
    lost: float
    caught: float
    precision: float
    recall: float
    arr_unknown: int


def arr_at_capacity(
    y: Array, p: Array, arr: Array, as_of: Array, share: float = 0.1, held: Array | None = None
) -> ArrCapacity:
    """`capacity.precision_recall_at_capacity` in money: the band is by risk, its contents are counted by their ARR.

    precision and recall are 0-1, higher is better; a band drawn blindly gives the share of ARR that was lost, and
    `share`. The band is that of all accounts; those without a known ARR fill places in it and no sum. held: as for
    `precision_recall_at_capacity`. Raises MetricRefused without ARR in each class.

    >>> arr_at_capacity([1, 0, 0, 1], [0.9, 0.8, 0.2, 0.1], [100.0, 50.0, 50.0, 300.0], [0, 0, 0, 0], 0.5)
    ArrCapacity(flagged=150.0, lost=400.0, caught=100.0, precision=0.6666666666666666, recall=0.25, arr_unknown=0)
    """
    held = in_top_share(np.asarray(p, dtype=float), share, as_of) if held is None else held
    known = ~np.isnan(np.asarray(arr, dtype=float))
    y, _, arr, unknown = _priced("arr_at_capacity", y, p, arr)
    flagged, lost, caught = (float(amount) for amount in (held[known] @ arr, y @ arr, held[known] @ (arr * y)))
    return ArrCapacity(flagged, lost, caught, caught / flagged if flagged else 0.0, caught / lost, unknown)


def earnings(y: Array, value: Array | float, costs: Costs, success: float | None = None) -> Array:
    """What approaching each row earns on average, (n,), in the currency of the costs; below 0 where it only costs.

    As `maximum_profit` counts it, with the `success` of the costs unless another is given.

    >>> from configs.settings import Costs
    >>> earnings(np.array([1, 0]), 1000.0, Costs(contact=10, offer=100, success=0.5, success_sd=0.1)).tolist()
    [440.0, -110.0]
    """
    success = costs.success if success is None else success
    return np.asarray(y * success * (value - costs.offer) - (1 - y) * costs.offer - costs.contact)


def successes(costs: Costs, count: int = 64) -> Array:
    """`count` equally likely values of the success of an approach, (count,), of its Beta distribution.

    >>> from configs.settings import Costs
    >>> drawn = successes(Costs(contact=10, offer=100, success=0.5, success_sd=0.1))
    >>> round(float(drawn.mean()), 6), round(float(drawn.std()), 2)
    (0.5, 0.1)
    """
    a, b = _beta(costs)
    return np.asarray(betaincinv(a, b, (np.arange(count) + 0.5) / count))


def _beta(costs: Costs) -> tuple[float, float]:
    spread = costs.success * (1 - costs.success) / costs.success_sd**2 - 1
    return costs.success * spread, (1 - costs.success) * spread


class Profit(NamedTuple):
    """Profit an account scored, the share of accounts to approach for it, and what approaching all of them yields."""

    profit: float
    share: float
    of_all: float


def maximum_profit(y: Array, p: Array, value: Array, costs: Costs) -> Profit:
    """The most that approaching the riskiest accounts would have earned, an account scored, with known success.

    An account approached costs `contact`; one that would have left stays with probability `success`, takes the offer
    and keeps its `value` (ARR times `kept_years`); one that would have stayed takes the offer too and earns nothing.
    From 0 up (approach nobody), higher is better. Rows tied in p are approached together. `share` is 0-1. The cut is
    chosen on these rows, so that the figure is what the ranking allows and not what a cut fixed before would earn.
    Rows whose value is NaN are left out. Raises MetricRefused without value in each class.

    >>> from configs.settings import Costs
    >>> costs = Costs(contact=10, offer=100, success=0.5, success_sd=0.1)
    >>> maximum_profit([1, 0], [0.9, 0.1], [1000.0, 1000.0], costs)      # (.5 * (1000 - 100) - 10) / 2; less 110 / 2
    Profit(profit=220.0, share=0.5, of_all=165.0)
    """
    y, p, value, _ = _priced("maximum_profit", y, p, value)
    earned = earnings(y, value, costs)
    _, group = np.unique(-p, return_inverse=True)
    total = np.append(0.0, np.cumsum(np.bincount(group, earned)))
    rows = np.append(0, np.cumsum(np.bincount(group)))
    best = int(np.argmax(total))
    return Profit(float(total[best] / y.size), float(rows[best] / y.size), float(total[-1] / y.size))


def expected_maximum_profit(y: Array, p: Array, value: float, costs: Costs) -> Profit:
    """EMPC: the maximum profit an account, averaged over what is not known of the success of an approach.

    Verbraken, Verbeke and Baesens (2013, section 4): as `maximum_profit` with one `value` for every account, and with
    a success that is Beta distributed with mean `success` and standard deviation `success_sd`; for each success the
    best cut of the ROC's convex hull is taken. From 0 up, higher is better; `share` is the mean share of accounts
    approached. Raises DataError when the offer costs as much as an account is worth, MetricRefused without a row of
    each class.

    >>> from configs.settings import Costs
    >>> costs = Costs(contact=10, offer=100, success=0.5, success_sd=0.1)
    >>> round(expected_maximum_profit([1, 0], [0.9, 0.1], 1000.0, costs).profit, 6)      # a sure ranking: the same
    220.0
    """
    y, p = checked("expected_maximum_profit", y, p, probability=False)
    if value <= costs.offer:
        fault = Fault("evaluation.costs.offer", f"{costs.offer:g} of {value:g}", "less than the value", "lower it")
        raise DataError(fault)
    a, b = _beta(costs)
    pi0, pi1 = float(y.mean()), float(1 - y.mean())
    f0, f1 = _hull(y, p)
    # From vertex i on to i + 1 pays once the success exceeds `turn` (section 4.2, with costs not yet divided by CLV).
    with np.errstate(divide="ignore"):
        fall = np.diff(f1) * pi1 / (np.diff(f0) * pi0)
    turn = (costs.contact + (costs.contact + costs.offer) * fall) / (value - costs.offer)
    ends = np.clip(np.concatenate([[0.0], turn, [1.0]]), 0, 1)
    weight = np.diff(betainc(a, b, ends))
    success = a / (a + b) * np.diff(betainc(a + 1, b, ends))
    approached = pi0 * f0 + pi1 * f1
    spent = costs.contact * approached + costs.offer * pi1 * f1
    profit = float((pi0 * f0 * (value - costs.offer) * success - spent * weight).sum())
    everyone = pi0 * costs.success * (value - costs.offer) - costs.contact - costs.offer * pi1
    return Profit(profit, float(approached @ weight), everyone)


def _hull(y: Array, p: Array) -> tuple[Array, Array]:
    """Vertices of the upper hull of the ROC from (0, 0) to (1, 1): shares of churned and of stayed rows above a cut."""
    _, group = np.unique(-p, return_inverse=True)
    churned = np.append(0.0, np.cumsum(np.bincount(group, y))) / y.sum()
    stayed = np.append(0.0, np.cumsum(np.bincount(group, 1 - y))) / (1 - y).sum()
    # Only where churned rows come in does the curve rise, so that no other point can be a vertex, but the last.
    rises = np.flatnonzero(np.append(np.diff(churned, prepend=0.0)[:-1] > 0, True))
    kept: list[int] = [0]
    for at in rises.tolist():
        while len(kept) > 1:
            first, last = kept[-2], kept[-1]
            left = (churned[last] - churned[first]) * (stayed[at] - stayed[first])
            if left > (churned[at] - churned[first]) * (stayed[last] - stayed[first]):
                break
            kept.pop()
        kept.append(at)
    return churned[kept], stayed[kept]


class Benefit(NamedTuple):
    """Net benefit at one threshold: of the model, of approaching everyone; of nobody it is 0."""

    threshold: float
    model: float
    everyone: float
    flagged: float


def decision_curve(y: Array, p: Array, thresholds: Sequence[float]) -> list[Benefit]:
    """Net benefit of acting on probabilities of at least each threshold (Vickers and Elkin 2006).

    True flags less false flags weighed by threshold / (1 - threshold), an account scored: who acts from probability t
    says with it that a missed churn is worth (1 - t) / t idle approaches. At most the churn rate, higher is better;
    worth acting on where it exceeds both everyone's and 0. `flagged` is the share of rows acted on. Raises
    MetricRefused without a row of each class, DataError for a threshold outside (0, 1).

    >>> decision_curve([1, 0, 0, 0], [0.6, 0.3, 0.1, 0.1], [0.2])[0][:3]      # 1/4 - 1/4 * .25; 1/4 - 3/4 * .25
    (0.2, 0.1875, 0.0625)
    """
    y, p = checked("decision_curve", y, p)
    if not all(0 < threshold < 1 for threshold in thresholds):
        raise DataError(Fault("thresholds", str(list(thresholds)), "probabilities inside (0, 1)", "leave out the rest"))
    rate, table = float(y.mean()), []
    for threshold in thresholds:
        benefit, everyone = (
            float(net_benefits(y, p, threshold).mean()),
            rate - (1 - rate) * (threshold / (1 - threshold)),
        )
        table.append(Benefit(float(threshold), benefit, everyone, float((p >= threshold).mean())))
    return table


def net_benefits(y: Array, p: Array, threshold: float) -> Array:
    """What each row adds to the net benefit of a threshold, (n,): 1 for a true flag, less than 0 for a false one.

    >>> net_benefits(np.array([1, 0, 0]), np.array([0.6, 0.3, 0.1]), 0.2).tolist()
    [1.0, -0.25, 0.0]
    """
    return np.asarray(np.where(p >= threshold, y - (1 - y) * (threshold / (1 - threshold)), 0.0))
