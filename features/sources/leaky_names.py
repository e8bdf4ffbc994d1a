"""Names of columns that usually hold what happened after the fact, or what is true today instead of at as_of."""

from __future__ import annotations

import re

# Columns that exist only once an account has left: refused as attributes unless `allow_leaking` names them.
AFTER_THE_FACT: tuple[str, ...] = (
    "status",
    "churn",
    "churned",
    "cancel",
    "canceled",
    "cancelled",
    "cancellation",
    "refund",
    "refunded",
    "refunds",
    "terminated",
    "termination",
    "withdrawn",
    "withdrawal",
    "unregistration",
    "unregistered",
    "dropout",
    "attrition",
    "exited",
    "offboarded",
    "offboarding",
    "deactivated",
    "deactivation",
    "expired",
    "lapsed",
    "lost",
    "winback",
    "outcome",
    "final",
    "label",
    "target",
)

# Columns that are rewritten as time goes by: their value today is not the value at as_of. They can be mapped, but
# `check` does not pass and training refuses, unless `allow_leaking` names them.
AS_OF_TODAY: tuple[str, ...] = (
    "active",
    "inactive",
    "last",
    "latest",
    "current",
    "closed",
    "close",
    "end",
    "ended",
    "left",
    "renewed",
    "total",
    "lifetime",
    "ltv",
    "clv",
    "tenure",
    "since",
    "updated",
    "modified",
    "health",
    "risk",
    "recency",
)


def words(name: str) -> list[str]:
    """The words of a column's name, in lower case.

    >>> words("isChurned"), words("Cancellation-Reason")
    (['is', 'churned'], ['cancellation', 'reason'])
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]


def known_only_later(name: str) -> bool:
    """Whether the name says that the column exists only after an account has left.

    Parameters
    ----------
    name : str
        A column's name, as the source writes it.

    Returns
    -------
    bool
        Whether one of its words is in `AFTER_THE_FACT`.

    Examples
    --------
    >>> known_only_later("churn_flag"), known_only_later("industry")
    (True, False)
    """
    return any(word in AFTER_THE_FACT for word in words(name))


def true_only_today(name: str) -> bool:
    """Whether the name says that the column is rewritten as time goes by.

    Parameters
    ----------
    name : str
        A column's name, as the source writes it.

    Returns
    -------
    bool
        Whether one of its words is in `AS_OF_TODAY`.

    Examples
    --------
    >>> true_only_today("last_login"), true_only_today("industry")
    (True, False)
    """
    return any(word in AS_OF_TODAY for word in words(name))
