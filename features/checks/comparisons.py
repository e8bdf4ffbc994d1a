"""Rows of accounts that left held against rows of those that stayed, like with like, and what in a column tells them
apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.checks.suspicions import Figure, Suspicion, first_accounts
from features.checks.univariate_auc import Separation, as_texts, is_number, separate, telltale
from features.timeline import of_accounts

LEAK_AUC = 0.9
LEAK_AUC_LOW = 0.8
MIN_ACCOUNTS = 10  # that left, and that stayed, below which an AUC says nothing
MIN_ON_A_DAY = 20  # the same for a reference day: one of three is more easily lucky
REFERENCE_SHARES = (0.1, 0.35, 0.65)  # of the churns that lie before a reference day


@dataclass(frozen=True, eq=False)
class Group:
    """Rows to be compared: whose they are, which of them left, what may be compared with what.

    `rows` says which rows of the column they are; `accounts`, `left` and `strata` go row by row with those.
    """

    rows: np.ndarray
    accounts: pd.Series
    left: np.ndarray
    strata: np.ndarray
    description: str
    others: str = "those that stayed"

    def has(self, accounts: int) -> bool:
        """Whether so many left, and so many stayed."""
        return bool(min(self.left.sum(), (~self.left).sum()) >= accounts)


def account_groups(fate: pd.DataFrame) -> Iterator[Group]:
    """The comparisons of accounts, the clearest first; see the top of leakage.py."""
    left_at, stayed = fate.left_at, fate.left_at.isna().to_numpy()
    if min(stayed.sum(), (~stayed).sum()) < MIN_ACCOUNTS:
        return
    days = pd.DatetimeIndex(left_at.quantile(list(REFERENCE_SHARES))).floor("D").unique()
    shifted = []
    for day in days:
        known = (fate.created_at < day).to_numpy()
        later, gone = (left_at >= day).to_numpy(), (left_at < day).to_numpy()
        on = f"{day:%Y-%m-%d}"
        shifted.append(_group(fate, known & (later | stayed), later, f"those that left after {on}"))
        shifted.append(_group(fate, known & (gone | stayed), gone, f"those that had left by {on}"))
    enough = [group for group in shifted if group.has(MIN_ON_A_DAY)]
    yield from enough or [_group(fate, np.ones(len(fate), dtype=bool), ~stayed, "those that left")]


def _group(fate: pd.DataFrame, rows: np.ndarray, left: np.ndarray, description: str) -> Group:
    created = fate.created_at[rows].rank(method="average", pct=True).fillna(0).to_numpy()
    strata = np.minimum((created * 4).astype("int64"), 3)
    return Group(rows, fate.account_id[rows], left[rows], strata, description)


def compared(
    column: str, rows: pd.DataFrame, fate: pd.DataFrame, names: list[str], description: str
) -> Iterator[Suspicion]:
    """Suspicions of columns that separate the chosen rows of accounts that left from rows of accounts that stayed.

    `rows`: account_id, stratum, chosen and the columns of `names`; only rows of the same stratum are compared.
    `column` is where a name stands, such as `contracts.{}`.
    """
    end = of_accounts(fate.set_index("account_id").left_at, rows.account_id)
    stayed = rows.account_id.isin(fate.account_id[fate.left_at.isna()])
    rows = rows[(stayed | (end.notna() & rows.chosen)).to_numpy()]
    left = end.reindex(rows.index).notna().to_numpy()
    strata = pd.factorize(rows.stratum)[0]
    every = np.ones(len(rows), dtype=bool)
    group = Group(every, rows.account_id, left, strata, description, "those of accounts that stayed")
    if group.has(MIN_ACCOUNTS):
        yield from (reason for name in names for reason in separations(column.format(name), rows[name], group))


def separations(column: str, values: pd.Series, group: Group) -> Iterator[Suspicion]:
    """Why a column is suspected in this comparison, at most one reason; `values` of the group's rows."""
    separation = separate(values, group.left, group.strata)
    if min(separation.left, separation.stayed) < MIN_ACCOUNTS:
        return
    if separation.auc >= LEAK_AUC and separation.low >= LEAK_AUC_LOW:
        yield _by_auc(column, values, group, separation)
        return
    clearest = telltale(values, group.left, group.strata)
    if clearest is None:
        return
    why = (
        f"{clearest.value} holds for {clearest.share_left:.0%} of {group.description}"
        f" and for {clearest.share_stayed:.1%} of {group.others}"
    )
    counts = int(group.left.sum()), int((~group.left).sum())
    figure = Figure("share", clearest.share_left, clearest.share_stayed, *counts)
    yield Suspicion(column, why, figure, first_accounts(group.accounts[group.left & clearest.holds]))


def _by_auc(column: str, values: pd.Series, group: Group, separation: Separation) -> Suspicion:
    why = (
        f"alone it separates {group.description} from {group.others}"
        f" (AUC {separation.auc:.2f}, {separation.left:,} against {separation.stayed:,})"
    )
    figure = Figure("auc", separation.auc, left=separation.left, stayed=separation.stayed)
    typical = group.left & _typical_of_left(values, group.left)
    return Suspicion(column, why, figure, first_accounts(group.accounts[typical]))


def _typical_of_left(values: pd.Series, left: np.ndarray) -> np.ndarray:
    """Rows with what most of those that left have and most of the others do not: no value, a value, or a side."""
    absent = values.isna().to_numpy()
    more_absent = absent[left].mean() - absent[~left].mean()
    if abs(more_absent) > 0.5:
        return absent if more_absent > 0 else ~absent
    if is_number(values):
        numbers = values.to_numpy("float64", na_value=np.nan)
        of_left, of_stayed = np.nanmedian(numbers[left]), np.nanmedian(numbers[~left])
        return numbers >= of_left if of_left > of_stayed else numbers <= of_left
    texts = as_texts(values)
    shares = texts[left].value_counts(normalize=True).sub(texts[~left].value_counts(normalize=True), fill_value=0)
    return (texts == shares.idxmax()).to_numpy()
