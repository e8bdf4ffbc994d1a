"""Signals that a project's settings call for: measures of a table, milestones of the lifecycle, account attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis

from features.signal import AggregateSignal, Kind, SignalInfo
from features.signals.windows import over_windows

# The frame and the dimension of a table's measures.
MEASURED: dict[str, tuple[str, str]] = {
    "usage_events": ("usage_days", "usage"),
    "interactions": ("interactions", "engagement"),
    "tickets": ("tickets", "engagement"),
    "contracts": ("contracts", "financial"),
    "invoices": ("invoices", "financial"),
    "surveys": ("surveys", "relationship"),
}


def measure_signals(table: str, measure: str) -> tuple[AggregateSignal, ...]:
    """Signals of one measure: its last value and its mean, and but for contracts its sum over 30, 90 and 395 days."""
    frame, dimension = MEASURED[table]
    by_day = frame == "usage_days"
    same: dict[str, Any] = {"dimension": dimension, "unit": "", "healthier": 0, "frame": frame}

    def total(t: Any, days: int) -> Any:
        return (t[f"{measure}_sum"] if by_day else t[measure]).sum(where=t.age <= days)

    def mean(t: Any) -> Any:
        if not by_day:
            return t[measure].mean()
        return t[f"{measure}_sum"].sum() / t[f"{measure}_n"].sum().nullif(0.0)

    def last(t: Any) -> Any:
        if not by_day:
            return t[measure].mean(where=t.latest)
        return t[f"{measure}_last"].argmax(t[f"{measure}_moment"])

    name, label = f"{table}_{measure}", f"{measure.replace('_', ' ')} of {table.replace('_', ' ')}"
    signals = (
        AggregateSignal(name=f"{name}_last", sentence=f"last {label}", value=last, **same),
        AggregateSignal(name=f"{name}_mean", sentence=f"mean {label}", value=mean, **same),
    )
    if table == "contracts":
        return signals
    sums = over_windows(
        (30, 90, 395),
        name=name + "_{days}d",
        sentence=f"sum of {label} in {{days}} days",
        value=total,
        empty=0.0,
        **same,
    )
    return (*signals, *sums)


def contract_attribute_signal(name: str, kind: Kind) -> AggregateSignal:
    """An attribute of contracts, as the contract has it that began last."""

    def of_latest(t: Any) -> Any:
        value = t[name]
        if value.type().is_boolean():  # written as flags of accounts are
            value = ibis.cases((value, "True"), (~value, "False"), else_=ibis.null("string"))
        return value.max(where=t.latest)

    return AggregateSignal(
        name=f"contract_{name}",
        dimension="financial",
        unit="",
        healthier=0,
        kind=kind,
        sentence=f"{name.replace('_', ' ')} of the contract",
        value=of_latest,
        needs=(f"contracts.{name}",),
        frame="contracts",
    )


def milestone_signal(name: str) -> AggregateSignal:
    """Whether a milestone was reached."""
    return AggregateSignal(
        name=f"milestone_{name}",
        dimension="engagement",
        unit="0 or 1",
        healthier=1,
        sentence=f"whether the milestone {name.replace('_', ' ')} was reached",
        value=lambda t: t.count(where=t.milestone == name).clip(upper=1),
        frame="milestones",
        empty=0.0,
    )


def attribute_infos(kinds: Mapping[str, str]) -> tuple[SignalInfo, ...]:
    """Account attributes (and the segment) as signals: facts known from the account's first day, or by version.

    Parameters
    ----------
    kinds : mapping of str to str
        Of each attribute: "number", or "category".

    Returns
    -------
    tuple of SignalInfo
        `account_<name>` for each, in the same order.
    """
    return tuple(
        SignalInfo(
            name=f"account_{name}",
            dimension="account",
            unit="",
            healthier=0,
            kind="number" if kind == "number" else "category",
            sentence=name.replace("_", " "),
            tables=("accounts",),
        )
        for name, kind in kinds.items()
    )
