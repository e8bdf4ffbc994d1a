"""What credit notes have taken back of which invoice, as known at each as_of.

A credit note is a row of that kind, or an invoice of a negative amount. It takes back the invoice that it names
(`credits_invoice_id`); without a name, the last unpaid invoice before it of the same amount, else what is unpaid, the
oldest first. What it takes back is decided on the first as_of that sees it, from what was known then.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from features.sources import Sources
from features.timeline import SUPERSEDED, visible_from

CREDITS = "forewarn_credits"  # a temporary table; whoever builds the frame drops it
NEVER = pd.Timestamp("2262-01-01")
CENT = 0.005


def is_credit(rows: ir.Table) -> ir.BooleanValue:
    """Which rows are credit notes."""
    negative = (rows.amount < 0).fill_null(False)
    return ((rows.kind == "credit_note") | negative).fill_null(False) if "kind" in rows.columns else negative


def with_credits(sources: Sources, rows: ir.Table) -> ir.Table:
    """Invoices as seen, with `credited`: what had been taken back of each by the as_of.

    Parameters
    ----------
    sources : Sources
        Their invoices have `account`, the number of the account, and `amount`.
    rows : ibis Table
        Rows of invoices beside as_ofs (`seen_rows`).

    Returns
    -------
    ibis Table
    """
    given = sources.tables["invoices"]
    accounts = given.filter(is_credit(given)).select("account").distinct()
    read = given.select(*_read(given), visible=visible_from(given, "issued_at")).semi_join(accounts, "account")
    steps = _steps(sources.engine.to_pandas(read))
    if steps.empty:
        return rows.mutate(credited=ibis.literal(0.0))
    taken = sources.engine.upload(CREDITS, steps)
    keyed = rows.mutate(**_key(rows))
    at = [taken.since <= keyed.as_of, keyed.as_of < taken.until]
    joined = keyed.left_join(taken, ["account", "key_id", "key_at", "key_cents", *at])
    return joined.select(*rows.columns, credited=joined.taken.fill_null(0.0))


def _read(rows: ir.Table) -> list[str]:
    names = ("kind", "invoice_id", "credits_invoice_id", "paid_at", SUPERSEDED)
    return ["account", "issued_at", "amount", *(name for name in names if name in rows.columns)]


def _key(rows: ir.Table) -> dict[str, ir.Value]:
    """What names an invoice: its id, or else its day and amount."""
    named = rows.invoice_id.notnull() if "invoice_id" in rows.columns else ibis.literal(False)
    cents = (rows.amount.fill_null(0.0) * ibis.literal(100.0)).round().cast("int64")
    return {
        "key_id": rows.invoice_id.fill_null("") if "invoice_id" in rows.columns else ibis.literal(""),
        "key_at": named.ifelse(0, rows.issued_at.epoch_seconds().cast("int64")).cast("int64"),
        "key_cents": named.ifelse(0, cents).cast("int64"),
    }


def _steps(rows: pd.DataFrame) -> pd.DataFrame:
    """account, key_id, key_at, key_cents, taken, since and until: what had been taken back at which as_ofs."""
    for name in ("kind", "invoice_id", "credits_invoice_id", "paid_at", SUPERSEDED):
        if name not in rows:
            rows[name] = pd.NaT if name in ("paid_at", SUPERSEDED) else None
    rows = rows[rows.amount.notna()].astype({"paid_at": "datetime64[us]", SUPERSEDED: "datetime64[us]"})
    rows["superseded"] = rows.superseded.fillna(NEVER)
    rows["paid_at"] = rows.paid_at.fillna(NEVER)
    rows["kind"] = rows.kind.astype(object).where(rows.kind.notna(), "invoice")
    named = rows.invoice_id.notna()
    rows["key_id"] = rows.invoice_id.astype(object).where(named, "")
    seconds = rows.issued_at.astype("datetime64[s]").astype("int64")
    rows["key_at"] = seconds.mask(named, 0)
    rows["key_cents"] = (rows.amount * 100).round().astype("int64").mask(named, 0)
    for name in ("visible", "superseded", "paid_at", "issued_at"):  # numbers are compared one by one, not timestamps
        rows[name] = rows[name].astype("datetime64[us]").astype("int64")
    rows = rows.sort_values(["account", "issued_at", "key_id", "amount"])
    is_note = (rows.kind == "credit_note") | (rows.amount < 0)
    invoices = rows[(rows.kind == "invoice") & ~is_note]
    of_account: dict[Any, list[Any]] = defaultdict(list)
    for row in invoices.itertuples():  # all at once: of one account after another takes several times as long
        of_account[row.account].append(row)
    notes: list[Any] = list(
        rows[is_note].sort_values(["visible", "issued_at", "key_id", "amount"], kind="stable").itertuples()
    )
    taken: dict[tuple[int, str, int, int], float] = defaultdict(float)
    steps: list[tuple[int, str, int, int, float, int]] = []
    for note in notes:
        left = abs(note.amount)
        known = [row for row in of_account.get(note.account, []) if row.visible <= note.visible < row.superseded]
        if pd.notna(note.credits_invoice_id):
            chosen = [row for row in known if row.key_id == note.credits_invoice_id]
        else:
            unpaid = [row for row in known if row.paid_at >= note.visible and row.issued_at <= note.issued_at]
            alike = [row for row in unpaid if abs(row.amount - taken[_name(row)] - left) < CENT]
            chosen = alike[-1:] or unpaid
        for row in chosen:
            part = min(left, row.amount - taken[_name(row)])
            if part > 0:
                taken[_name(row)] += part
                left -= part
                steps.append((*_name(row), taken[_name(row)], note.visible))
    frame = pd.DataFrame(steps, columns=["account", "key_id", "key_at", "key_cents", "taken", "since"])
    key = ["account", "key_id", "key_at", "key_cents"]
    frame["since"] = pd.to_datetime(frame.since, unit="us").astype("datetime64[us]")
    frame = frame.drop_duplicates([*key, "since"], keep="last")
    until = frame.groupby(key).since.shift(-1).fillna(NEVER) if len(frame) else frame.since
    return frame.assign(until=until).astype({"key_id": "str"})


def _name(row: Any) -> tuple[int, str, int, int]:
    return (row.account, row.key_id, row.key_at, row.key_cents)
