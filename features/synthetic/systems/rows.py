"""What the writers of all systems share: identities in each system's form, and how times and flags are written."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

LETTERS = string.ascii_letters + string.digits
_CHECK = string.ascii_uppercase + "012345"


@dataclass(frozen=True)
class SystemTables:
    """What was written of one system.

    Attributes
    ----------
    tables : dict of str to DataFrame
        By the system's own names.
    planted : dict of str to int
        Traps by name, and how many rows each has.
    """

    tables: dict[str, pd.DataFrame]
    planted: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Identities:
    """Who an account and a contact are in the system that leads.

    Attributes
    ----------
    leads : str
        The system whose accounts the customers are.
    accounts, contacts : mapping of str to str
        From the synthetic company's ids.
    """

    leads: str
    accounts: Mapping[str, str]
    contacts: Mapping[str, str]


def token(text: str, length: int) -> str:
    """A code of letters and digits that is the same for the same text.

    >>> token("acc-0001", 8) == token("acc-0001", 8), len(token("x", 24))
    (True, 24)
    """
    number = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    code = ""
    for _ in range(length):
        number, digit = divmod(number, len(LETTERS))
        code += LETTERS[digit]
    return code


def salesforce_id(prefix: str, number: int) -> str:
    """Eighteen characters: fifteen in which the case counts, and three that say which of them are capitals.

    >>> salesforce_id("001", 10), salesforce_id("001", 11)
    ('001Xy00000000AfIAI', '001Xy00000000aFIAQ')
    """
    # Two neighbours differ by nothing but the case of their letters.
    pair, odd = divmod(number, 2)
    first, last = divmod(pair, 26)
    letters = string.ascii_lowercase[first % 26] + string.ascii_lowercase[last]
    tail = letters[0] + letters[1].upper() if odd else letters[0].upper() + letters[1]
    code = f"{prefix}Xy{first // 26:08d}{tail}"
    check = ""
    for start in (0, 5, 10):
        bits = sum(1 << place for place, letter in enumerate(code[start : start + 5]) if letter.isupper())
        check += _CHECK[bits]
    return code + check


def unix(times: pd.Series) -> pd.Series:
    """Seconds since 1970, empty where there is no time."""
    stamps = pd.to_datetime(times)
    return (stamps - pd.Timestamp("1970-01-01")).dt.total_seconds().round().astype("Int64")


def text(times: pd.Series, form: str = "%Y-%m-%d %H:%M:%S") -> pd.Series:
    """Times written out, empty where there is none."""
    stamps = pd.to_datetime(times)
    return stamps.dt.strftime(form).where(stamps.notna(), None)


def iso(times: pd.Series) -> pd.Series:
    """With T and Z, as interfaces write them."""
    return text(times, "%Y-%m-%dT%H:%M:%SZ")


def one_digit(times: pd.Series) -> pd.Series:
    """With an hour of one digit before ten o'clock."""
    return text(times).str.replace(" 0", " ", n=1, regex=False)


def flags(values: Sequence[Any] | pd.Series) -> pd.Series:
    """TRUE and FALSE, empty where nothing is known."""
    return pd.Series(values, dtype="boolean").map({True: "TRUE", False: "FALSE"})


def on_twins(ids: pd.Series, twins: Mapping[str, str]) -> tuple[pd.Series, pd.Series]:
    """What was done for accounts, every third of it logged on a record that has been merged into the account's since.

    Parameters
    ----------
    ids : Series of str
        The account of each row.
    twins : mapping of str to str
        By account, the record that was merged into it.

    Returns
    -------
    ids : Series of str
        The record that each row names.
    on_twin : Series of bool
        Whether that is a twin.
    """
    on_twin = ids.isin(twins) & (np.arange(len(ids)) % 3 == 0)
    return ids.where(~on_twin, ids.map(twins)), on_twin
