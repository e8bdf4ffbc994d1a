"""How the health of all accounts moves: how many stand at each risk level, day by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from configs.json_object import JsonObject


@dataclass(frozen=True)
class LevelCounts:
    """How many accounts of a group stood at each risk level on one as_of.

    Attributes
    ----------
    as_of : str
        ISO day.
    group : str or None
        None where all accounts are one group.
    accounts : int
        At all levels together.
    by_level : mapping of str to int
        By the name of the level; "(other)" only where there are some.
    """

    as_of: str
    group: str | None
    accounts: int
    by_level: Mapping[str, int]

    def to_json(self) -> JsonObject:
        """One object, with the levels beside the rest."""
        return {"as_of": self.as_of, "group": self.group, "accounts": self.accounts, **self.by_level}


def health_over_time(rows: pd.DataFrame, levels: Sequence[str], by: str | None = None) -> list[LevelCounts]:
    """How many accounts stood at each risk level on each as_of.

    Parameters
    ----------
    rows : pandas.DataFrame
        account_id, as_of, risk_level and the column `by`; one row an account and day.
    levels : sequence of str
        The names of the risk levels; a level none of these counts under "(other)".
    by : str, optional
        A column to group by.

    Returns
    -------
    list of LevelCounts
        One an as_of and group.

    Examples
    --------
    >>> rows = pd.DataFrame({"as_of": pd.Timestamp("2025-01-01"), "risk_level": ["low", "high", "low"]})
    >>> health_over_time(rows, ["low", "high"])
    [LevelCounts(as_of='2025-01-01', group=None, accounts=3, by_level={'low': 2, 'high': 1})]
    """
    shown = rows.risk_level.where(rows.risk_level.isin(list(levels)), "(other)")
    group = (
        pd.Series("all", index=rows.index) if by is None else rows[by].astype(object).fillna("(unknown)").astype(str)
    )
    counts = pd.crosstab([rows.as_of, group], shown).reindex(columns=[*levels, "(other)"], fill_value=0)
    return [
        LevelCounts(
            as_of=f"{as_of:%Y-%m-%d}",
            group=None if by is None else name,
            accounts=int(line.sum()),
            by_level={level: int(line[level]) for level in counts.columns if level != "(other)" or line[level]},
        )
        for (as_of, name), (_, line) in zip(counts.index, counts.iterrows(), strict=True)
    ]
