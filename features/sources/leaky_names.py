"""Names of columns that usually hold what happened after the fact, what is true today instead of at as_of, or what a
score about people should not act on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from configs.settings import Settings

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

# Words of measures that are known once a matter is closed or answered, not when its row begins; in tables whose rows
# have such a moment.
CLOSED_LATER: tuple[str, ...] = (
    "resolution",
    "resolved",
    "resolve",
    "close",
    "closed",
    "closing",
    "reply",
    "replies",
    "response",
    "respond",
    "answered",
    "handling",
    "handle",
    "wait",
    "late",
    "overdue",
    "paid",
    "elapsed",
)
WITH_A_CLOSE: tuple[str, ...] = ("tickets", "interactions", "invoices")

# Words of attributes that are counted or added up as time goes by, so that they say how long and how much an account
# has been used until today; not where they count people or places of the company itself.
SO_FAR: tuple[str, ...] = (
    "count",
    "counts",
    "n",
    "num",
    "nb",
    "sum",
    "cumulative",
    "sessions",
    "logins",
    "visits",
    "events",
    "clicks",
    "usage",
    "used",
    "spend",
    "spent",
    "spending",
    "revenue",
    "mrr",
    "arr",
    "balance",
    "avg",
    "average",
    "mean",
    "monthly",
    "weekly",
    "daily",
    "ytd",
    "mtd",
    "nps",
    "csat",
    "score",
    "stage",
    "state",
    "flag",
)
ABOUT_THE_COMPANY: tuple[str, ...] = (
    "employee",
    "employees",
    "headcount",
    "staff",
    "office",
    "offices",
    "location",
    "locations",
    "country",
    "us",
    "province",
    "region",
    "postal",
    "founding",
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


def counted_so_far(name: str) -> bool:
    """Whether the name says that an attribute is counted or added up until today.

    Parameters
    ----------
    name : str
        A column's name, as the source writes it.

    Returns
    -------
    bool
        Whether one of its words is in `SO_FAR`, and none in `ABOUT_THE_COMPANY`.

    Examples
    --------
    >>> counted_so_far("session_count"), counted_so_far("employee_count")
    (True, False)
    """
    return any(word in SO_FAR for word in words(name)) and not any(word in ABOUT_THE_COMPANY for word in words(name))


def measured_later(name: str, table_name: str) -> bool:
    """Whether the name says that a measure is known only when the matter of its row is closed.

    Parameters
    ----------
    name : str
        A column's name, as the source writes it.
    table_name : str
        The canonical table that it is a measure of.

    Returns
    -------
    bool
        Whether the table is in `WITH_A_CLOSE` and one of the name's words in `CLOSED_LATER`.

    Examples
    --------
    >>> measured_later("resolution_time_hours", "tickets"), measured_later("response_time_ms", "usage_events")
    (True, False)
    """
    return table_name in WITH_A_CLOSE and any(word in CLOSED_LATER for word in words(name))


# Words of attributes that a score about people should not act on; the last two are of neighbourhoods.
SENSITIVE: tuple[str, ...] = (
    "gender",
    "sex",
    "age",
    "birth",
    "birthday",
    "birthdate",
    "dob",
    "disability",
    "disabled",
    "race",
    "ethnicity",
    "ethnic",
    "religion",
    "religious",
    "nationality",
    "citizenship",
    "marital",
    "pregnancy",
    "pregnant",
    "orientation",
    "health",
    "diagnosis",
    "veteran",
    "imd",
    "deprivation",
)
# The age of these is no age of a person, and their health no person's.
OF_A_COMPANY: tuple[str, ...] = ("account", "company", "firm", "business", "contract", "site", "score")


def is_sensitive(name: str) -> bool:
    """Whether a column's name says that it holds what a score about people should not act on.

    Parameters
    ----------
    name : str
        As the source writes it.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_sensitive("AgeBand"), is_sensitive("company_age"), is_sensitive("language")
    (True, False, False)
    """
    said = set(words(name))
    found = said & set(SENSITIVE)
    return bool(found) and not (found <= {"age", "health"} and said & set(OF_A_COMPANY))


def kept_out(
    settings: Settings, attributes: Mapping[str, Iterable[str]]
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """The attributes of each table that models may use, and a sentence for each that they may not.

    Parameters
    ----------
    settings : Settings
        `allow_sensitive` names those that somebody has decided to use.
    attributes : mapping of str to iterable of str
        By table, as it is mapped.

    Returns
    -------
    dict of str to tuple of str
    list of str
    """
    used: dict[str, tuple[str, ...]] = {}
    told = []
    for table, names in attributes.items():
        out = [name for name in names if is_sensitive(name) and f"{table}.{name}" not in settings.allow_sensitive]
        used[table] = tuple(name for name in names if name not in out)
        told += [
            f"{table}.{name} is kept out of models: a score should not act on it unless somebody decides so, with "
            f"allow_sensitive: [{table}.{name}]"
            for name in out
        ]
        segment = settings.tables[table].columns.get("segment")
        if segment is not None and is_sensitive(segment) and f"{table}.segment" not in settings.allow_sensitive:
            told.append(
                f"{table}.segment comes from {segment}, which a score should not act on: map another column, or say "
                f"that it is meant, with allow_sensitive: [{table}.segment]"
            )
    return used, told
