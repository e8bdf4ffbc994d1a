"""A synthetic company in the eleven canonical tables, its true probabilities beside it, for the demo and the tests.

`make_company` writes the tables; `company_config` shows how a project reads them. The truth lies under truth/, where no
mapping points: the pipeline never sees it, and an evaluation can ask how near a model came to the best there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from configs.errors import Fault, UsageError
from configs.tables import TABLE_NAMES
from features.synthetic import books as books
from features.synthetic import feeds as feeds
from features.synthetic.hazard import Life, live
from features.synthetic.scenario import Story
from features.synthetic.true_probabilities import HORIZONS_DAYS, true_probabilities

ACCOUNTS, MONTHS, SEED, END = 500, 30, 7, date(2026, 1, 1)
BACKTEST_MONTHS = 15  # four quarters of windows that have passed, and the one that has not
FIRST_SNAPSHOT_MONTHS = 1  # by then the feeds reach back half a year
SETTLING_DAYS = 10  # the latest that an outcome is recorded after it happened
TRUTH = Path("truth") / "p_churn.parquet"


@dataclass(frozen=True)
class Company:
    """What was written.

    Attributes
    ----------
    folder : Path
        Where the tables lie.
    rows : dict of str to int
        Rows of each table.
    churned_accounts : int
        Accounts that churned within the window.
    truth : DataFrame
        account_id, as_of and p_churn_{h}d, the true probabilities.
    """

    folder: Path
    rows: dict[str, int]
    churned_accounts: int
    truth: pd.DataFrame


def make_company(
    folder: Path,
    accounts: int = ACCOUNTS,
    months: int = MONTHS,
    seed: int = SEED,
    end: date = END,
    story: Story | None = None,
) -> Company:
    """Writes the eleven tables as folder/{table}.parquet and the truth as folder/truth/p_churn.parquet.

    The same arguments write the same tables.

    Parameters
    ----------
    folder : Path
        Made where it does not exist.
    accounts, months : int
        Customers, of whom about 70 % are there when the window begins, and its length.
    seed : int
        Of every draw.
    end : date
        The first day that the data do not cover.
    story : Story, optional
        What the company lives through (features/synthetic/scenario.py).

    Returns
    -------
    Company

    Raises
    ------
    UsageError
        When there are too few accounts or months to be a company, or to live through the story.
    """
    faults = [
        Fault(name, str(value), f"{least} or more", f"ask for at least {least}")
        for name, value, least in (("accounts", accounts, 20), ("months", months, 6 if story is None else story.months))
        if value < least
    ]
    if faults:
        raise UsageError(faults)
    life = live(accounts, months, seed, end, story)
    names = books.Names.of(len(life))
    folder.mkdir(parents=True, exist_ok=True)
    tables = company_tables(life, names, seed)
    for name, table in tables.items():
        _write(table, folder / f"{name}.parquet")
    truth = _truth(life, names, seed)
    (folder / TRUTH).parent.mkdir(exist_ok=True)
    _write(truth, folder / TRUTH)
    churned = int((life.churn_day < life.calendar.end).sum())
    return Company(folder, {name: len(table) for name, table in tables.items()}, churned, truth)


def company_tables(life: Life, names: books.Names, seed: int) -> dict[str, pd.DataFrame]:
    """The canonical tables by name; each draws from a stream of its own, so that one can change and the others stay."""
    streams = {name: np.random.default_rng([seed, 100 + number]) for number, name in enumerate(TABLE_NAMES)}
    agreed = books.agreements(streams["contracts"], life, names)
    holders = books.contact_holders(streams["contacts"], life, names)
    made = {
        "accounts": books.accounts_table(streams["accounts"], life, names),
        "contracts": agreed.table,
        "usage_events": feeds.usage_events(streams["usage_events"], life, names, agreed.seats),
        "tickets": feeds.tickets_table(streams["tickets"], life, names),
        "interactions": feeds.interactions_table(streams["interactions"], life, names, holders),
        "invoices": books.invoices_table(streams["invoices"], life, names, agreed),
        "surveys": feeds.surveys_table(streams["surveys"], life, names, holders),
        "contacts": holders.table,
        "milestones": books.milestones_table(streams["milestones"], life, names),
        "outcomes": books.outcomes_table(streams["outcomes"], life, names, agreed),
        "interventions": books.interventions_table(streams["interventions"], life, names),
    }
    return {name: made[name] for name in TABLE_NAMES}


def company_config(months: int = MONTHS, end: date = END) -> dict[str, Any]:
    """The body of a forewarn.yaml beside the tables that `make_company` wrote with these arguments.

    Parameters
    ----------
    months : int
        Length of the window.
    end : date
        The first day that the data do not cover.

    Returns
    -------
    dict
        Settings, as YAML holds them.

    Examples
    --------
    >>> body = company_config()
    >>> body["snapshots"], body["data_end"], len(body["tables"])
    ({'every': 'month', 'from': '2023-08-01'}, '2026-01-01', 11)
    """
    first = pd.Timestamp(end) - pd.DateOffset(months=months - min(FIRST_SNAPSHOT_MONTHS, months // 3))
    tables: dict[str, dict[str, Any]] = {name: {"from": f"{name}.parquet"} for name in TABLE_NAMES}
    tables["accounts"]["attributes"] = ["industry", "region"]
    tables["contracts"]["measures"] = ["discount"]
    return {
        "extends": "default",
        "name": "demo",
        "data_end": end.isoformat(),
        "tables": tables,
        "churn": {"kind": "outcome", "settling_days": SETTLING_DAYS},
        "snapshots": {"every": "month", "from": first.date().isoformat()},
        "horizons_days": list(HORIZONS_DAYS),
        "main_horizon_days": 90,
        "backtest": {"from": (pd.Timestamp(end) - pd.DateOffset(months=BACKTEST_MONTHS)).date().isoformat()},
    }


def _truth(life: Life, names: books.Names, seed: int) -> pd.DataFrame:
    p = true_probabilities(life, seed)
    as_of = life.calendar.dates(p.pop("as_of_day").to_numpy()).astype("datetime64[us]")
    row = p.pop("row").to_numpy()
    return pd.DataFrame({"account_id": names.account_id[row], "as_of": as_of}).join(p)


def _write(table: pd.DataFrame, path: Path) -> None:
    """Plain Parquet without pandas' own notes, so that every reader finds the same types."""
    arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(arrow, path, store_schema=False)
