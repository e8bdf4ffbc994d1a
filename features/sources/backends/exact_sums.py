"""Sums that come out the same in whatever order the rows are added up.

Several threads add a column's floats in any order, and the last bits of the sum with it; where these decide how a
signal is rounded, two builds of the same data differ. Decimals of a fixed number of places are whole numbers to the
engine: their sums are exact, and in DuckDB as fast.
"""

from __future__ import annotations

import ibis.expr.operations as ops
import ibis.expr.types as ir

# The most digits that DuckDB has: with LARGEST of features/sources/casting.py some hundred million rows add up.
DECIMAL = "decimal(38, 12)"


def exact(rows: ir.Table) -> ir.Table:
    """The same rows for DuckDB, with each sum and mean of floats, wherever it stands, taken of decimals.

    What is under 5e-13 counts as 0; so does NaN, as it is no number. Ibis refuses running sums of floats
    (no signal has one).
    """
    exact_rows: ir.Table = rows.op().replace(_of_decimals).to_expr()
    return exact_rows


def _of_decimals(node: ops.Node, changed: dict[str, object] | None) -> ops.Node:
    node = node.__recreate__(changed) if changed else node
    if not isinstance(node, ops.Sum | ops.Mean) or not node.arg.dtype.is_floating():
        return node
    total = ops.Sum(ops.TryCast(node.arg, DECIMAL), where=node.where).to_expr().cast("float64")
    if isinstance(node, ops.Mean):
        total = total / ops.Count(node.arg, where=node.where).to_expr().cast("float64").nullif(0.0)
    return total.op()
