"""What a rule-based alert is worth: how often it fires, and how many of those it fired on left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.metrics import Array, share_interval

ANY = "any trigger"


@dataclass(frozen=True)
class TriggerValue:
    """How a trigger did on rows (account and day) whose window has passed.

    Attributes
    ----------
    trigger : str
        Its name; the last of a table is `any trigger`.
    fired, rows : int
        On how many rows it fired, of how many.
    least, most : float
        The smallest and largest share of a day's accounts that it fired on.
    base_rate : float
        Share of all rows that churned within the window.
    precision, precision_low, precision_high : float or None
        Share of those fired on that churned, with its 95 % interval over accounts; None: refused.
    lift, lift_low, lift_high : float or None
        The same against the base rate, whose own error is left out.
    refused : str or None
        Why there is no precision.
    """

    trigger: str
    fired: int
    rows: int
    least: float
    most: float
    base_rate: float
    precision: float | None = None
    precision_low: float | None = None
    precision_high: float | None = None
    lift: float | None = None
    lift_low: float | None = None
    lift_high: float | None = None
    refused: str | None = None

    def __str__(self) -> str:
        share = self.fired / self.rows if self.rows else 0.0
        head = f"{self.trigger:<22}{share:>6.1%} of accounts a day ({self.least:.0%} to {self.most:.0%})"
        if self.precision is None:
            return f"{head}  {self.refused}"
        return (
            f"{head}  {self.precision:.1%} left ({self.precision_low:.1%} to {self.precision_high:.1%}),"
            f" lift {self.lift:.2f} ({self.lift_low:.2f} to {self.lift_high:.2f})"
        )


def trigger_values(fired: Mapping[str, Array], rows: pd.DataFrame, min_churned: int) -> tuple[TriggerValue, ...]:
    """Precision and lift of each trigger, and of any of them.

    Parameters
    ----------
    fired : mapping of str to ndarray of bool, (n,)
        By trigger: on which rows it fired.
    rows : DataFrame, (n,) rows
        account_id, as_of, and y: 1 where the account churned within the main horizon, else 0.
    min_churned : int
        Churned accounts among those fired on, without which a precision is refused.

    Returns
    -------
    tuple of TriggerValue
        In the order of `fired`; any of them last. Empty without rows or triggers.
    """
    if not len(rows) or not fired:
        return ()
    every = {**fired, ANY: np.logical_or.reduce([*fired.values()])}
    return tuple(_value(name, flags, rows, min_churned) for name, flags in every.items())


def _value(name: str, flags: Array, rows: pd.DataFrame, min_churned: int) -> TriggerValue:
    y, accounts = rows["y"].to_numpy(dtype=float), rows["account_id"].to_numpy()
    by_day = pd.Series(flags.astype(float)).groupby(rows["as_of"].to_numpy()).mean()
    base = float(y.mean())
    counted = name, int(flags.sum()), len(rows), float(by_day.min()), float(by_day.max()), base
    churned = len(pd.unique(accounts[flags & (y > 0)]))
    if churned < min_churned:
        return TriggerValue(*counted, refused=f"{churned} churned accounts among them, {min_churned} needed")
    precision = float(y[flags].mean())
    low, high = share_interval(y[flags], accounts[flags])
    return TriggerValue(*counted, precision, low, high, precision / base, low / base, high / base)
