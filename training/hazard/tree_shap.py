"""Exact tree SHAP of many rows at once: what a leaf adds to a signal depends only on which splits a row satisfies.

A leaf is worth its value v times, feature by feature, o (1 or 0: does the row keep to the leaf's path in every split on
the feature?) if the feature is in the coalition, else r (the share of training rows that did). This is the game of
Lundberg et al. (2020), path-dependent, as LightGBM and shap.TreeExplainer play it. Being a product, it has a short
Shapley value by the multilinear extension of Owen (1972), a polynomial along the diagonal:
    phi_i = v (o_i - r_i) * integral over t in [0, 1] of prod_{j != i} (t o_j + (1 - t) r_j),
to which Gauss-Legendre quadrature with half as many points as features is exact (polynomials instead of subsets: Yu et
al. 2022, Linear TreeShap). There are only as many answers as patterns of splits satisfied, so each is worked out once
(patterns: Yang 2021, Fast TreeSHAP; Nadel & Wettenstein 2025, WOODELF). Leaves on the same splits, of whatever tree,
share a table, and a row costs one look-up for each table and feature. Every sum has one order, whatever other rows
there are: an account alone and in a batch agree to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np

from configs.errors import DataError, Fault
from training.hazard.attribution import quadrature
from training.hazard.lightgbm_core import lightgbm as lgb
from training.serialization import JsonObject

BITS = 8  # splits that leaves share a table for: it then fits the processor's first cache
MOST_BITS = 12  # of a leaf's own table; what is deeper is worked out row by row
INFINITE = 1e300  # as which LightGBM's dump writes a threshold that only missing values pass
ZERO = float(np.float32(1e-35))  # LightGBM takes what is no further from 0 than this for 0


class ColumnView(NamedTuple):
    """How a split sees a column: which one, and where missing values go. LightGBM's missing_type and default_left."""

    column: int
    missing: str
    missing_left: bool

    def of(self, column: np.ndarray) -> np.ndarray:
        """The column with a value in place of missing ones that a comparison with any threshold sends their way."""
        zero, missing = np.abs(column) <= ZERO, np.isnan(column)
        if self.missing == "None":
            return np.where(zero | missing, 0.0, column)
        side = -np.inf if self.missing_left else np.nan
        if self.missing == "Zero":
            return np.where(zero | missing, side, column)
        return np.where(missing, side, np.where(zero, 0.0, column))


class Split(NamedTuple):
    view: ColumnView
    threshold: float


class PathStep(NamedTuple):
    """One split on the way to a leaf: the side taken, and the share of the split's training rows that took it."""

    split: Split
    left: bool
    share: float


class Leaf(NamedTuple):
    value: float
    path: tuple[PathStep, ...]

    @property
    def columns(self) -> list[int]:
        """The columns on the path, each once."""
        return list(dict.fromkeys(step.split.view.column for step in self.path))

    def mean(self) -> float:
        """Its part of the trees' mean over the training rows."""
        out = self.value
        for step in self.path:
            out *= step.share
        return out

    def shapley(self, went_left: dict[Split, np.ndarray]) -> np.ndarray:
        """What the leaf adds to each of `columns`, for rows or patterns (...) that went left or not; (columns, ...).

        The order of the operations on an element does not depend on how many there are.
        """
        columns = self.columns
        kept = np.ones((len(columns), *went_left[self.path[0].split].shape), dtype=bool)
        share = np.ones((len(columns), *[1] * (kept.ndim - 1)))
        for step in self.path:
            number = columns.index(step.split.view.column)
            kept[number] &= went_left[step.split] == step.left
            share[number] *= step.share
        out = np.zeros(kept.shape)
        for t, weight in quadrature((len(columns) + 1) // 2):
            factors = t * kept + (1 - t) * share
            product = weight * self.value * factors[0]
            for factor in factors[1:]:
                product *= factor
            out += product / factors
        return out * (kept - share)


@dataclass(frozen=True)
class PatternTable:
    """Leaves over the same splits, bit b of a pattern saying that split b went left; `values` (columns, patterns)."""

    splits: tuple[Split, ...]
    columns: np.ndarray
    values: np.ndarray


def table_of(leaves: Sequence[Leaf]) -> PatternTable:
    """Sums the leaves for each of the 2^splits patterns."""
    splits = sorted({step.split for leaf in leaves for step in leaf.path})
    columns = sorted({column for leaf in leaves for column in leaf.columns})
    patterns = np.arange(2 ** len(splits))
    went_left = {split: (patterns >> bit & 1).astype(bool) for bit, split in enumerate(splits)}
    values = np.zeros((len(columns), len(patterns)))
    for leaf in leaves:
        values[[columns.index(column) for column in leaf.columns]] += leaf.shapley(went_left)
    return PatternTable(tuple(splits), np.array(columns), values)


@dataclass(frozen=True)
class Leaves:
    """Some leaves of a model, ready for any rows: tables, and the few leaves too deep for one.

    `views`: each way that a split sees a column, with its slice of the splits and their thresholds (splits, 1, 1).
    `bits`: for bit b of the patterns, the splits it stands for in the tables that have so many, the first ones.
    """

    splits: tuple[Split, ...]
    views: tuple[tuple[ColumnView, slice, np.ndarray], ...]
    bits: tuple[np.ndarray, ...]
    tables: tuple[PatternTable, ...]
    deep: tuple[Leaf, ...]

    def add(self, columns: Sequence[np.ndarray], out: np.ndarray) -> None:
        """Adds each column's contributions to `out` (columns, K, n); every column broadcasts to (K, n)."""
        went_left = np.empty((len(self.splits), *out.shape[1:]), dtype=bool)
        for view, where, thresholds in self.views:
            np.less_equal(view.of(columns[view.column]), thresholds, out=went_left[where])
        patterns = np.zeros((len(self.tables), *out.shape[1:]), dtype=np.uint16)
        for bit, splits in enumerate(self.bits):
            patterns[: len(splits)] |= went_left[splits].astype(np.uint16) << np.uint16(bit)
        for table, pattern in zip(self.tables, patterns, strict=True):
            out[table.columns] += table.values.take(pattern, axis=1)
        row_of = dict(zip(self.splits, went_left, strict=True))
        for leaf in self.deep:
            out[leaf.columns] += leaf.shapley(row_of)


def tabulated(leaves: Sequence[Leaf]) -> Leaves:
    """Shares the leaves out to tables: in order of their paths, so that neighbours have splits in common."""
    groups: list[list[Leaf]] = []
    deep = []
    group_splits: set[Split] = set()
    for leaf in sorted(leaves, key=lambda leaf: [step.split for step in leaf.path]):
        leaf_splits = {step.split for step in leaf.path}
        if len(leaf_splits) > MOST_BITS:
            deep.append(leaf)
        elif groups and len(group_splits | leaf_splits) <= max(BITS, len(group_splits)):
            groups[-1].append(leaf)
            group_splits |= leaf_splits
        else:
            groups.append([leaf])
            group_splits = leaf_splits
    tables = sorted((table_of(group) for group in groups), key=lambda table: -len(table.splits))
    splits = sorted({step.split for leaf in leaves for step in leaf.path})
    number_of = {split: number for number, split in enumerate(splits)}
    views = []
    for view, group in groupby(splits, key=lambda split: split.view):
        same_view = list(group)
        start = number_of[same_view[0]]
        thresholds = np.array([split.threshold for split in same_view])[:, None, None]
        views.append((view, slice(start, start + len(same_view)), thresholds))
    most = len(tables[0].splits) if tables else 0
    bits = [[number_of[table.splits[bit]] for table in tables if len(table.splits) > bit] for bit in range(most)]
    return Leaves(tuple(splits), tuple(views), tuple(map(np.array, bits)), tuple(tables), tuple(deep))


@dataclass(frozen=True)
class TreeShap:
    """`expected`: the trees' mean over the training rows. `moving`: the leaves on whose path a moving column stands."""

    expected: float
    steady: Leaves
    moving: Leaves

    def contributions(self, columns: Sequence[np.ndarray]) -> np.ndarray:
        """Exact tree SHAP; (columns, K, n).

        `columns`: each broadcasts to (K, n); those not declared moving are (1, n), the same in all intervals, and the
        leaves that ask for no others are looked up once and not K times.
        """
        intervals, n = np.broadcast_shapes(*(column.shape for column in columns))
        shared = np.zeros((len(columns), 1, n))
        self.steady.add(columns, shared)
        out = np.repeat(shared, intervals, axis=1)
        self.moving.add(columns, out)
        return out


def tree_shap(booster: lgb.Booster, moving: frozenset[int] = frozenset()) -> TreeShap:
    """Works out the tables of a booster. `moving`: columns that differ between the intervals of a snapshot.

    Raises DataError for trees that split on a set of categories: here these enter as numbers.
    """
    leaves: list[Leaf] = []
    for tree in booster.dump_model()["tree_info"]:
        leaves += leaves_of(tree["tree_structure"])
    split_leaves = [leaf for leaf in leaves if leaf.path]
    is_moving = [not moving.isdisjoint(leaf.columns) for leaf in split_leaves]
    expected = 0.0
    for leaf in leaves:
        expected += leaf.mean()
    return TreeShap(
        expected,
        tabulated([leaf for leaf, moves in zip(split_leaves, is_moving, strict=True) if not moves]),
        tabulated([leaf for leaf, moves in zip(split_leaves, is_moving, strict=True) if moves]),
    )


def leaves_of(node: JsonObject, path: tuple[PathStep, ...] = ()) -> list[Leaf]:
    """The leaves below a node of LightGBM's dump; a tree that did not split is one leaf without a path."""
    if "leaf_value" in node:
        return [Leaf(node["leaf_value"], path)]
    if node["decision_type"] != "<=":
        raise DataError(
            Fault("trees", f"a split by {node['decision_type']!r}", "splits of numbers by <=", "train the model again")
        )
    missing = node["missing_type"]
    view = ColumnView(node["split_feature"], missing, missing != "None" and node["default_left"])
    split = Split(view, node["threshold"] if node["threshold"] < INFINITE else np.inf)
    out = []
    for side, left in (("left_child", True), ("right_child", False)):
        child = node[side]
        rows = child.get("leaf_count", child.get("internal_count"))
        out += leaves_of(child, (*path, PathStep(split, left, rows / node["internal_count"])))
    return out
