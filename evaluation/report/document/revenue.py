"""The figures that leaders are measured by, as a summary holds them."""

from __future__ import annotations

from typing import Any, NotRequired, TypeAlias, TypedDict

from evaluation.report.document.figures import Figure


class Retained(TypedDict):
    """ARR kept over a period, of all accounts or of a group; each share 0-1."""

    period: str
    group: str | None
    accounts: int
    arr: float
    gross: Figure
    net: Figure
    logo_churn: Figure


class Quarters(TypedDict):
    """Each whole quarter."""

    all: list[Retained]
    segment: NotRequired[list[Retained]]


class Retention(TypedDict, total=False):
    """Every quarter, the newest year and the one before by group, and the net retention aimed at; or `refused`."""

    known_until: str
    quarters: Quarters
    year: dict[str, list[Retained]]
    previous_year: dict[str, list[Retained]]
    net_target: float
    refused: str


HealthLine: TypeAlias = dict[str, Any]  # as_of, group, accounts, and how many are at each risk level, by its name


class Health(TypedDict):
    """Accounts at each risk level, on every as_of up to the newest that was scored, and by segment on that one."""

    levels: list[str]
    all: list[HealthLine]
    segment: list[HealthLine]


class FirstAccount(TypedDict):
    """An account on which much ARR is expected to be lost."""

    account_id: str
    p: float
    arr: float
    loss: float


class Forecast(TypedDict, total=False):
    """What the newest scorings expect until a day; or `refused`."""

    as_of: str
    until: str
    first: list[FirstAccount]
    arr_lost: Figure
    churns: Figure
    arr: float
    accounts: int
    refused: str


class Revenue(TypedDict):
    """What the sources and the scorings say of revenue."""

    health: Health
    forecast: Forecast
    retention: NotRequired[Retention]
