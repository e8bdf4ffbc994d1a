"""Whether predictions are as good for one group of accounts as for the rest: segment, region, size.

What is compared are accounts, not people: a region whose churn is underrated gets less of the CSMs' time than it needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from evaluation.metrics.bootstrap import Interval, draw, interval_of
from evaluation.metrics.bootstrap_statistics import Statistic, auc, of, ratio
from evaluation.metrics.capacity import in_top_share
from evaluation.metrics.grouping import labelled
from evaluation.metrics.validation import Array, MetricRefused

SIZES = ("small", "middle", "large")
FIGURES = ("observed_expected", "auc", "recall")


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
    place = frame.groupby("as_of").arr.rank(pct=True, method="average").to_numpy()
    third = np.ceil(np.nan_to_num(place) * 3 - 1e-9).astype(int).clip(1, 3) - 1
    return np.where(np.isnan(place), "(unknown)", np.array(SIZES)[third])


def fairness(
    rows: pd.DataFrame,
    groups: Mapping[str, Array],
    share: float,
    least: int,
    draws: int,
    seed: int,
    held: Array | None = None,
) -> dict[str, list[dict[str, Any]]]:
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
    dict of str to list of dict
        A table a grouping. A line holds group, rows, accounts, churned_accounts and for each of FIGURES the group's
        `value` and `rest`, the others' less the group's (`gap`), each with low and high; `differs` when the gap's
        interval leaves out 0; or {"refused": why}. The figures: observed_expected (churns over the sum of p: 1 is
        right, above 1 the group is underrated), auc, and recall (share of the churned in the band, one band for all
        accounts of an as_of).

    Examples
    --------
    >>> who = [f"a{number:02d}" for number in range(80)]
    >>> rows = pd.DataFrame({"account_id": who, "as_of": 0, "y": [1.0, 0.0] * 40, "p": [0.5] * 40 + [0.25] * 40})
    >>> regions = {"region": np.repeat(["north", "south"], 40)}
    >>> table = fairness(rows, regions, 0.1, least=10, draws=100, seed=1)["region"]
    >>> [(one["group"], one["observed_expected"]["value"]["value"]) for one in table]
    [('north', 1.0), ('south', 2.0)]
    """
    held = in_top_share(rows.p.to_numpy(), share, rows.as_of.to_numpy()) if held is None else held
    rows = rows[["account_id", "y", "p"]].assign(caught=held * rows.y)
    return {name: _table(rows, np.asarray(label), least, draws, seed) for name, label in groups.items()}


def _table(rows: pd.DataFrame, label: Array, least: int, draws: int, seed: int) -> list[dict[str, Any]]:
    codes, names = labelled(pd.Series(label))
    table = []
    for group, number in sorted((str(names[number]), number) for number in np.unique(codes)):
        sides = {"in": codes == number, "out": codes != number}
        parts = {side: (where, rows[where]) for side, where in sides.items()}
        inside = parts["in"][1]
        line = {"group": str(group), "rows": len(inside), "accounts": int(inside.account_id.nunique())}
        line["churned_accounts"] = _churned(inside)
        try:
            table.append(line | _figures(rows, parts, least, draws, seed))
        except MetricRefused as refusal:
            table.append(line | {name: {"refused": refusal.why} for name in FIGURES})
    return table


def _churned(rows: pd.DataFrame) -> int:
    return int(rows.account_id[rows.y == 1].nunique())


def _figures(
    rows: pd.DataFrame, parts: Mapping[str, tuple[Array, pd.DataFrame]], least: int, draws: int, seed: int
) -> dict[str, Any]:
    """parts: "in" and "out" -> which rows are in the group and which are not, (n,) bool, and these rows."""
    for _, part in parts.values():
        churned = _churned(part)
        if churned < least:
            raise MetricRefused("fairness", "churned accounts", churned, least)
    plain: dict[str, Statistic] = {"observed_expected": ratio("y", "p"), "auc": auc(), "recall": ratio("caught", "y")}
    asked = {f"{name} {side}": of(one, *parts[side]) for name, one in plain.items() for side in parts}
    drawn = draw(rows, asked, draws, seed)
    found: dict[str, Any] = {}
    for name in FIGURES:
        own, rest = drawn[f"{name} in"], drawn[f"{name} out"]
        gap = interval_of(rest - own, name)
        told: dict[str, Interval] = {"value": interval_of(own, name), "rest": interval_of(rest, name), "gap": gap}
        found[name] = {part: asdict(one) for part, one in told.items()} | {"differs": gap.low > 0 or gap.high < 0}
    return found
