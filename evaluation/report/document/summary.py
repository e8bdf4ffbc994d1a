"""The summary: what `summarise` returns and report.json holds."""

from __future__ import annotations

from typing import Any, TypedDict

from evaluation.report.document.figures import (
    Arr,
    BesideRules,
    BeyondContracts,
    Capacity,
    Comparison,
    Decision,
    Fairness,
    GroupFigures,
    HorizonFigures,
    LeadTime,
    Profit,
    RandomSplit,
    Scope,
    Surprises,
)
from evaluation.report.document.monitoring import Monitoring
from evaluation.report.document.revenue import Revenue


class Event(TypedDict):
    """An event of the ledger: its ISO day, and its label in charts, None where they do not show it."""

    at: str
    label: str | None
    sentence: str


class RefusedLine(TypedDict):
    """A figure that the rows could not support: of what, why, and what it would take."""

    figure: str
    where: str
    why: str
    needed: int | None


class Summary(TypedDict, total=False):
    """The figures of every section by their keys, as far as text, charts and commands read them.

    What a section adds for its own template alone needs no line here. While the sections are worked out, those that are
    there are the ones that a section `needs`.
    """

    format: int
    name: str
    currency: str
    main_horizon_days: int
    min_churned_accounts: int
    ece_limit: float
    slope_limits: list[float]
    paper: str
    scope: Scope
    has_signal: bool | None
    warnings: list[str]
    headlines: list[str]
    revenue: Revenue
    horizons: list[HorizonFigures]
    levels: list[GroupFigures]
    comparisons: list[Comparison]
    beyond_contracts: BeyondContracts | None
    random_split: RandomSplit | None
    beside_rules: BesideRules | None
    arr: Arr
    lead_time: LeadTime
    surprises: Surprises
    groups: dict[str, list[GroupFigures]]
    fairness: Fairness
    capacity: Capacity
    profit: Profit
    decision: Decision
    coverage: list[dict[str, Any]]
    events: list[Event]
    monitoring: Monitoring | None
    refused: list[RefusedLine]
