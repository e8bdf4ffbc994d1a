"""Amounts of several currencies in the one that is reported: by the rates of the settings, or refused by name."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from configs.errors import Fault
from configs.settings import Settings
from features.sources.mapping import Mapped

AMOUNTS = ("arr", "mrr", "amount", "arr_change")  # columns that a row's currency is that of
SHOWN = 8  # currencies without a rate that a fault names


def currency_faults(mapped: Mapped, settings: Settings) -> list[Fault]:
    """A fault where amounts are in currencies that nothing turns into the reported one.

    Parameters
    ----------
    mapped : Mapped
        The table; only one with a currency is read.
    settings : Settings
        `currency` is what is reported, `currency_rates` what one unit of each other is in it.

    Returns
    -------
    list of Fault
        Empty where every currency has a rate.
    """
    column = next((part for part in mapped.parts if part.name == "currency"), None)
    if column is None or not any(part.name in AMOUNTS for part in mapped.parts):
        return []
    codes = mapped.raw.table.select(code=column.cleaned(settings.timezone).upper()).distinct().to_pandas().code
    known = {settings.currency.upper(), *settings.currency_rates}
    found = sorted({str(code) for code in codes.dropna()} - known)
    if not found:
        return []
    named = ", ".join(found[:SHOWN]) + (f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "")
    do = f"give currency_rates: {{{found[0]}: what one {found[0]} is in {settings.currency}, ...}}"
    if len(found) == 1 and not settings.currency_rates:
        do += f", or write currency: {found[0]} where all amounts are in it"
    expected = f"amounts in {settings.currency} (currency:), or a rate for each other currency"
    return [Fault(f"{mapped.table.name}.currency", f"amounts in {named}", expected, do)]


def converted(rows: ir.Table, settings: Settings) -> ir.Table:
    """A canonical table with its amounts in the reported currency; those of rows without a currency are in it already.

    Parameters
    ----------
    rows : ibis Table
        After `currency_faults` has found none.
    settings : Settings
        As there.

    Returns
    -------
    ibis Table
    """
    rates = {code: rate for code, rate in settings.currency_rates.items() if rate != 1.0}
    amounts = [name for name in AMOUNTS if name in rows.columns]
    if "currency" not in rows.columns or not amounts or not rates:
        return rows
    cases = [(rows.currency.upper() == code, ibis.literal(float(rate))) for code, rate in rates.items()]
    rate = ibis.cases(*cases, else_=ibis.literal(1.0))
    return rows.mutate(**{name: rows[name] * rate for name in amounts})
