"""A small company on disk, and ways to build its signals from altered copies of its tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from configs.settings_file import load_settings
from features.dataset import Dataset, load_dataset
from features.sources.sources import Sources, open_sources
from features.synthetic.company import company_config, make_company

AS_OFS = (pd.Timestamp("2025-03-01"), pd.Timestamp("2025-06-01"))
Change = Callable[[str, pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Tables:
    folder: Path

    def open(self) -> Sources:
        return open_sources(load_settings(self.folder / "forewarn.yaml"))

    def build(self, *as_ofs: pd.Timestamp, sources: Sources | None = None) -> Dataset:
        return load_dataset(load_settings(self.folder / "forewarn.yaml"), sources, as_ofs or AS_OFS)

    def changed(self, folder: Path, change: Change, config: dict[str, Any] | None = None) -> Tables:
        """A copy in `folder` whose tables went through `change(name, rows)`, with another configuration if given."""
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self.folder.glob("*.parquet")):
            change(path.stem, pd.read_parquet(path)).to_parquet(folder / path.name, index=False)
        text = (self.folder / "forewarn.yaml").read_text() if config is None else yaml.safe_dump(config)
        (folder / "forewarn.yaml").write_text(text)
        return Tables(folder)


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("laws")
    make_company(folder, accounts=60, months=18, seed=11, end=date(2025, 10, 1))
    body = company_config(months=18, end=date(2025, 10, 1))
    tickets = pd.read_parquet(folder / "tickets.parquet")
    tickets["hours"] = (tickets.resolved_at - tickets.opened_at).dt.total_seconds() / 3_600
    tickets.to_parquet(folder / "tickets.parquet", index=False)
    body["tables"]["tickets"] |= {"measures": ["hours"], "known_from": {"hours": "resolved_at"}}
    (folder / "forewarn.yaml").write_text(yaml.safe_dump(body))
    return Tables(folder)


@pytest.fixture(scope="session")
def built(company: Tables) -> Dataset:
    return company.build()
