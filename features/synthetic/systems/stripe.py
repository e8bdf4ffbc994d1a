"""The books as Stripe has them: customers, subscriptions with their versions, invoices, charges, credit notes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from features.synthetic.systems.rows import Identities, SystemTables, flags, token, unix

HOUR = pd.Timedelta(hours=1)
EVERY = {"monthly": ("month", 1, 12), "quarterly": ("month", 3, 4), "annual": ("year", 1, 1)}
TRIAL_DAYS, TRIALS, TESTS = 14, 5, 3
VERSION = (
    "id", "_fivetran_start", "customer_id", "created", "start_date", "status", "current_period_start",
    "current_period_end", "cancel_at", "cancel_at_period_end", "canceled_at", "ended_at", "trial_start", "trial_end",
    "quantity", "livemode", "metadata",
)  # fmt: skip


def customer_id(account: str) -> str:
    """Stripe's id of an account."""
    return f"cus_{token(account, 14)}"


def stripe_tables(frames: Mapping[str, pd.DataFrame], who: Identities, data_end: pd.Timestamp) -> SystemTables:
    """Stripe's tables of the company, times as unix seconds and amounts in cents.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        The canonical tables.
    who : Identities
    data_end : Timestamp

    Returns
    -------
    SystemTables
    """
    written = _subscriptions(frames["contracts"], data_end)
    versions = pd.DataFrame(written.versions, columns=VERSION)
    tests = versions.head(TESTS).assign(customer_id="cus_test", livemode=False)
    tests["id"] = [f"sub_test{number}" for number in range(len(tests))]
    never = versions.head(TESTS).assign(status="incomplete_expired")
    never["id"] = [f"sub_never{number}" for number in range(len(never))]
    versions = pd.concat([versions, tests, never], ignore_index=True)
    history = versions.assign(
        livemode=flags(versions.livemode), cancel_at_period_end=flags(versions.cancel_at_period_end)
    )
    for name in VERSION:
        if name in ("_fivetran_start", "created", "start_date", "cancel_at", "canceled_at", "ended_at") or (
            name.startswith(("current_", "trial_"))
        ):
            history[name] = unix(history[name])
    today = history.groupby("id", sort=False).tail(1)
    tables = {
        "customer": _customers(frames["accounts"], frames["contracts"], who),
        "subscription_history": history.assign(_fivetran_active=flags(~history.id.duplicated(keep="last"))),
        "subscription": today.drop(columns="_fivetran_start"),
        "subscription_item": pd.DataFrame(written.items, columns=["id", "subscription_id", "plan_id", "quantity"]),
        "price": _prices(written.prices),
        "product": pd.DataFrame(
            {"id": [f"prod_{plan}" for plan in sorted(written.plans)], "name": sorted(written.plans)}
        ),
        "invoice_line_item": _lines(written.lines),
        "subscription_discount": _discounts(written.discounts),
        "coupon": pd.DataFrame(
            {
                "id": [f"off_{share:g}" for share in sorted(written.shares)],
                "percent_off": [100 * one for one in sorted(written.shares)],
            }
        ),
        **_invoices(frames["invoices"], data_end),
    }
    gone = tables["customer"].is_deleted.eq("TRUE").sum()
    planted = {
        "cents": len(tables["invoice"]), "unix times": len(tables["invoice"]), "trials": written.trials,
        "test rows": 2 * TESTS + 1, "deleted customers": int(gone), "subscriptions never begun": TESTS,
        "credit notes": len(tables["credit_note"]), "versions of subscriptions": len(history),
    }  # fmt: skip
    return SystemTables(tables, planted)


def _customers(accounts: pd.DataFrame, contracts: pd.DataFrame, who: Identities) -> pd.DataFrame:
    """Every third of those that left is deleted by now; a test and a mistake stand among them."""
    left = contracts.account_id[contracts.cancelled_at.notna()].unique()[::3]
    named = {"salesforce": "salesforce_account_id"}.get(who.leads, "account_id")
    rows = pd.DataFrame(
        {
            "id": accounts.account_id.map(customer_id),
            "created": unix(accounts.created_at),
            "name": accounts.name,
            "livemode": "TRUE",
            "is_deleted": flags(accounts.account_id.isin(left)),
            "delinquent": "FALSE",
            "metadata": [json.dumps({named: who.accounts[one]}) for one in accounts.account_id],
        }
    )
    more = pd.DataFrame(
        {
            "id": ["cus_test", "cus_mistake"], "created": rows.created.iloc[0], "name": ["Test", "Made by mistake"],
            "livemode": ["FALSE", "TRUE"], "is_deleted": ["FALSE", "TRUE"], "metadata": "{}",
        }
    )  # fmt: skip
    return pd.concat([rows, more], ignore_index=True)


@dataclass
class _Written:
    versions: list[tuple[Any, ...]]
    items: list[tuple[Any, ...]]
    prices: list[tuple[Any, ...]]
    lines: list[tuple[Any, ...]]
    discounts: list[tuple[Any, ...]]
    plans: set[str]
    shares: set[float]
    trials: int = 0


def _subscriptions(contracts: pd.DataFrame, data_end: pd.Timestamp) -> _Written:
    written = _Written([], [], [], [], [], set(), set())
    chains = list(_chains(contracts))
    for number, (is_open, terms) in enumerate(chains):
        _write(written, f"sub_{token(f'sub {number}', 24)}", is_open, terms, data_end)
    return written


def _chains(contracts: pd.DataFrame) -> Iterator[tuple[bool, pd.DataFrame]]:
    """Terms of a month that follow on one another are one subscription without an end; every other term is its own."""
    for _, own in contracts.sort_values("starts_at").groupby("account_id", sort=False):
        monthly = (own.ends_at - own.starts_at <= pd.Timedelta(days=31)) & own.auto_renews
        follows = (own.starts_at == own.ends_at.shift()) & monthly & monthly.shift(fill_value=False)
        for _, terms in own.groupby((~follows).cumsum(), sort=False):
            yield bool(monthly[terms.index[0]]), terms


def _write(written: _Written, ident: str, is_open: bool, terms: pd.DataFrame, data_end: pd.Timestamp) -> None:
    rows: list[Any] = list(terms.itertuples())
    first, last = rows[0], rows[-1]
    has_trial = written.trials < TRIALS and first.starts_at > data_end - pd.Timedelta(days=400)
    begun = first.starts_at - pd.Timedelta(days=TRIAL_DAYS) if has_trial else first.starts_at
    every, count, times = EVERY[first.billing_period]
    fixed = {"cancel_at": None if is_open else last.ends_at, "canceled_at": None if is_open else begun}
    body: dict[str, Any] = dict.fromkeys(VERSION) | {
        "id": ident, "customer_id": customer_id(first.account_id), "created": begun, "start_date": begun,
        "status": "active", "livemode": True, "cancel_at_period_end": False, "quantity": first.seats,
        "metadata": "{}" if is_open else json.dumps({"auto_renews": str(first.auto_renews).lower()}), **fixed,
    }  # fmt: skip

    def version(at: pd.Timestamp, **more: Any) -> None:
        body.update(more)
        written.versions.append(tuple({**body, "_fivetran_start": at}[name] for name in VERSION))

    if has_trial:
        written.trials += 1
        body.update(trial_start=begun, trial_end=first.starts_at)
        version(begun + HOUR, status="trialing", current_period_start=begun, current_period_end=first.starts_at)
    for term in rows:
        if term.starts_at < data_end:
            period = {"current_period_start": term.starts_at, "current_period_end": term.ends_at}
            version(term.starts_at + HOUR, status="active", quantity=term.seats, **period)
        unit = term.arr / times / term.seats * 100
        written.lines.append((ident, f"price_{ident}", term.starts_at, term.seats, unit))
        if term.discount:
            written.discounts.append((ident, f"off_{term.discount:g}", term.starts_at, term.ends_at))
            written.shares.add(float(term.discount))
    if pd.notna(last.cancelled_at):
        version(last.cancelled_at, canceled_at=last.cancelled_at, cancel_at_period_end=is_open)
    if last.ends_at < data_end:
        version(last.ends_at + HOUR, status="canceled", ended_at=last.ends_at)
    written.plans.add(first.plan)
    written.items.append((f"si_{token(ident, 14)}", ident, f"price_{ident}", last.seats))
    # What the price is today: the lines tell what it was.
    written.prices.append((f"price_{ident}", f"prod_{first.plan}", every, count, last.arr / times / last.seats * 100))


def _prices(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    names = ["id", "product_id", "recurring_interval", "recurring_interval_count", "unit_amount_decimal"]
    table = pd.DataFrame(rows, columns=names)
    return table.assign(unit_amount=table.unit_amount_decimal.round().astype(int), currency="usd", livemode="TRUE")


def _lines(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    names = ["subscription_id", "plan_id", "period_start", "quantity", "unit_amount_excluding_tax"]
    lines = pd.DataFrame(rows, columns=names)
    amount = (lines.quantity * lines.unit_amount_excluding_tax).round().astype(int)
    lines = lines.assign(
        id=[f"il_{number}" for number in range(len(lines))], invoice_id="in_of_subscription", currency="usd",
        amount=amount, type="subscription", proration="FALSE", livemode="TRUE", period_start=unix(lines.period_start),
    )  # fmt: skip
    again = lines.head(TESTS).assign(proration="TRUE", amount=1, unit_amount_excluding_tax=1.0)
    return pd.concat([lines, again], ignore_index=True)


def _discounts(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["subscription_id", "coupon_id", "start", "end"])
    return table.assign(
        id=[f"di_{number}" for number in range(len(table))], start=unix(table.start), end=unix(table.end)
    )


def credited(invoices: pd.DataFrame) -> pd.Series:
    """Of each credit note the invoice that it takes back: the one of ten days before it."""
    notes = invoices[invoices.kind == "credit_note"]
    bills = invoices[invoices.kind == "invoice"].assign(issued_at=lambda rows: rows.issued_at + pd.Timedelta(days=10))
    found = notes.merge(bills, on=["account_id", "issued_at"], suffixes=("", "_of"))
    found = found[(found.amount + 0.1 * found.amount_of).abs() < 0.01].drop_duplicates("invoice_id")
    return found.set_index("invoice_id").invoice_id_of


def _invoices(invoices: pd.DataFrame, data_end: pd.Timestamp) -> dict[str, pd.DataFrame]:
    rows = invoices.assign(customer_id=invoices.account_id.map(customer_id), cents=(100 * invoices.amount).round())
    bills, failed, notes = (rows[rows.kind == kind] for kind in ("invoice", "failed_payment", "credit_note"))
    invoice = pd.DataFrame(
        {
            "id": "in_" + bills.invoice_id, "customer_id": bills.customer_id, "created": unix(bills.issued_at),
            "due_date": unix(bills.due_at), "status_transitions_paid_at": unix(bills.paid_at),
            "total": bills.cents.astype(int), "amount_due": bills.cents.astype(int), "currency": "usd",
            # Today's word: what was open when the data end is paid by now.
            "status": "paid", "livemode": "TRUE", "is_deleted": "FALSE",
        }
    )  # fmt: skip
    odd = invoice.head(3).copy()
    odd["id"] = ["in_test", "in_draft", "in_deleted"]
    odd["livemode"], odd["status"] = ["FALSE", "TRUE", "TRUE"], ["paid", "draft", "paid"]
    odd["is_deleted"] = ["FALSE", "FALSE", "TRUE"]
    paid = bills[bills.paid_at.notna()]
    charge = pd.DataFrame(
        {
            "id": pd.concat(["ch_" + paid.invoice_id, "ch_" + failed.invoice_id]),
            "customer_id": pd.concat([paid.customer_id, failed.customer_id]),
            "invoice_id": "in_" + pd.concat([paid.invoice_id, pd.Series(None, failed.index, dtype=object)]),
            "created": unix(pd.concat([paid.paid_at, failed.issued_at])),
            "amount": pd.concat([paid.cents, failed.cents]).astype(int), "currency": "usd",
            "status": ["succeeded"] * len(paid) + ["failed"] * len(failed), "livemode": "TRUE",
        }
    )  # fmt: skip
    credit_note = pd.DataFrame(
        {
            "id": "cn_" + notes.invoice_id, "invoice_id": "in_" + notes.invoice_id.map(credited(invoices)),
            "created": unix(notes.issued_at), "total": (-notes.cents).astype(int), "currency": "usd",
            "status": "issued", "livemode": "TRUE",
        }
    )  # fmt: skip
    return {"invoice": pd.concat([invoice, odd], ignore_index=True), "charge": charge, "credit_note": credit_note}
