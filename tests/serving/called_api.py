"""A running service as its callers see it: keys of every role, the client, the ledger behind it, the day's signals."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from serving.client import Client
from serving.scoring.supplied import IDENTITY


@dataclass
class Api:
    """A running service, a key of each role and some that are bound to an owner, and the day's signals."""

    url: str
    keys: dict[str, str]
    project: Path
    frame: pd.DataFrame
    owner: str

    def client(self, key: str = "csm") -> Client:
        return Client(self.url, self.keys[key], timeout=60, waits=(0.2, 30.0))

    def signals(self, account: str) -> dict[str, Any]:
        """The row of the day's kept signals, as JSON has it."""
        row = self.frame.loc[account].to_dict()
        plain = {name: None if pd.isna(value) else value for name, value in row.items() if name not in IDENTITY}
        return {name: bool(value) if name == "strategic" else value for name, value in plain.items()}

    def ledger(self, query: str) -> list[Any]:
        with sqlite3.connect(self.project / ".forewarn" / "ledger.db") as connection:
            return connection.execute(query).fetchall()
