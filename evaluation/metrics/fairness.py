"""Whether predictions are as good for one group of accounts as for the rest: segment, region, size.

What is compared are accounts, not people: a region whose churn is underrated gets less of the CSMs' time than it needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.metrics.bootstrap import Interval, draw, interval_of
from evaluation.metrics.bootstrap_statistics import Statistic, auc, of, ratio
from evaluation.metrics.capacity import in_top_share
from evaluation.metrics.grouping import labelled
from evaluation.metrics.validation import Array, MetricRefused, Refusal

SIZES = ("small", "middle", "large")
FIGURES = ("observed_expected", "auc", "recall")


@dataclass(frozen=True)
class GroupComparison:
    """A figure of a group of accounts beside that of all others.

    Attributes
    ----------
    value, rest : Interval
        The group's, and the others'.
    gap : Interval
        The others' less the group's, on the same draws.
    differs : bool
        Whether the gap's interval leaves out 0.
    """

    value: Interval
    rest: Interval
    gap: Interval
    differs: bool


@dataclass(frozen=True)
class GroupFairness:
    """How good predictions are for one group of accounts; every figure is refused where too few of them churned.

    Attributes
    ----------
    group : str
        Its label.
    rows, accounts, churned_accounts : int
        How many there are in it.
    observed_expected : GroupComparison or Refusal
        Churns over the sum of p: 1 is right, above 1 the group is underrated.
    auc : GroupComparison or Refusal
        Ranking within the group.
    recall : GroupComparison or Refusal
        Share of the churned in the band, one band for all accounts of an as_of.
    """

    group: str
    rows: int
    accounts: int
    churned_accounts: int
    observed_expected: GroupComparison | Refusal
    auc: GroupComparison | Refusal
    recall: GroupComparison | Refusal


def sizes(arr: Array, as_of: Array) -> Array:
    """Whether each account is small, middle or large: thirds of the accounts of each as_of by ARR.

    Parameters
    ----------
    arr : array, (n,)
        Annual recurring revenue, in the currency of the contracts; NaN: unknown.
    as_of : array, (n,)
        Day of each row.

    Returns
    -------
    array, (n,) text
        Ties keep together; an unknown ARR is "(unknown)".

    Examples
    --------
    >>> sizes([1.0, 2.0, 3.0, float("nan")], [0, 0, 0, 0]).tolist()
    ['small', 'middle', 'large', '(unknown)']
    """
    frame = pd.DataFrame({"arr": np.asarray(arr, dtype=float), "as_of": np.asarray(as_of)})
    rank = frame.groupby("as_of").arr.rank(pct=True, method="average").to_numpy()
    third = np.ceil(np.nan_to_num(rank) * 3 - 1e-9).astype(int).clip(1, 3) - 1
    return np.where(np.isnan(rank), "(unknown)", np.array(SIZES)[third])


def fairness(
    rows: pd.DataFrame,
    groups: Mapping[str, Array],
    share: float,
    least: int,
    draws: int,
    seed: int,
    held: Array | None = None,
) -> dict[str, list[GroupFairness]]:
    """Whether predictions are as good for each group of accounts as for all others, with intervals over accounts.

    With many groups some differ by chance: one in twenty, at 95 %.

    Parameters
    ----------
    rows : pd.DataFrame
        account_id, as_of, y (0 or 1), p (0-1).
    groups : mapping of str to array, (n,)
        For every grouping (segment, region) the group of each row.
    share : float
        Of the accounts that are worked on at a time, 0-1.
    least : int
        Churned accounts needed in the group and in the rest.
    draws, seed : int
        Of the bootstrap.
    held : array, (n,), optional
        `in_top_share` of the rows, where it is known already.

    Returns
    -------
    dict of str to list of GroupFairness
        Of every grouping its groups, in the order of their labels.

    Examples
    --------
    >>> who = [f"a{number:02d}" for number in range(80)]
    >>> rows = pd.DataFrame({"account_id": who, "as_of": 0, "y": [1.0, 0.0] * 40, "p": [0.5] * 40 + [0.25] * 40})
    >>> regions = {"region": np.repeat(["north", "south"], 40)}
    >>> table = fairness(rows, regions, 0.1, least=10, draws=100, seed=1)["region"]
    >>> [(line.group, line.observed_expected.value.value) for line in table]
    [('north', 1.0), ('south', 2.0)]
    """
    held = in_top_share(rows.p.to_numpy(), share, rows.as_of.to_numpy()) if held is None else held
    rows = rows[["account_id", "y", "p"]].assign(caught=held * rows.y)
    return {name: _table(rows, np.asarray(label), least, draws, seed) for name, label in groups.items()}


def _table(rows: pd.DataFrame, label: Array, least: int, draws: int, seed: int) -> list[GroupFairness]:
    codes, names = labelled(pd.Series(label))
    table = []
    for group, number in sorted((str(names[number]), number) for number in np.unique(codes)):
        sides = {"in": codes == number, "out": codes != number}
        parts = {side: (where, rows[where]) for side, where in sides.items()}
        inside = parts["in"][1]
        figures: dict[str, GroupComparison | Refusal] = dict(_figures(rows, parts, least, draws, seed))
        table.append(
            GroupFairness(
                group=group,
                rows=len(inside),
                accounts=int(inside.account_id.nunique()),
                churned_accounts=_churned(inside),
                **figures,
            )
        )
    return table


def _churned(rows: pd.DataFrame) -> int:
    return int(rows.account_id[rows.y == 1].nunique())


def _figures(
    rows: pd.DataFrame, parts: Mapping[str, tuple[Array, pd.DataFrame]], least: int, draws: int, seed: int
) -> Mapping[str, GroupComparison | Refusal]:
    """parts: "in" and "out" -> which rows are in the group and which are not, (n,) bool, and these rows."""
    try:
        return _comparisons(rows, parts, least, draws, seed)
    except MetricRefused as refusal:
        return dict.fromkeys(FIGURES, Refusal(refusal.why))


def _comparisons(
    rows: pd.DataFrame, parts: Mapping[str, tuple[Array, pd.DataFrame]], least: int, draws: int, seed: int
) -> dict[str, GroupComparison]:
    for _, part in parts.values():
        churned = _churned(part)
        if churned < least:
            raise MetricRefused("fairness", "churned accounts", churned, least)
    plain: dict[str, Statistic] = {"observed_expected": ratio("y", "p"), "auc": auc(), "recall": ratio("caught", "y")}
    asked = {f"{name} {side}": of(statistic, *parts[side]) for name, statistic in plain.items() for side in parts}
    drawn = draw(rows, asked, draws, seed)
    comparisons = {}
    for name in FIGURES:
        own, rest = drawn[f"{name} in"], drawn[f"{name} out"]
        gap = interval_of(rest - own, name)
        differs = gap.low > 0 or gap.high < 0
        comparisons[name] = GroupComparison(interval_of(own, name), interval_of(rest, name), gap, differs)
    return comparisons
