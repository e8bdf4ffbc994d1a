"""Attributes that a score about people should not act on: kept out of models unless somebody decides so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from configs.settings import Settings
from features.sources.leaky_names import words

# Words of the names of such columns; the last two are of neighbourhoods, by how poor they are.
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
