"""Sensitive attributes: mapped or not, no model reads them unless the settings say so, and `check` names them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from configs.settings import Settings
from features.checks import check
from features.dataset import load_dataset
from features.sources.leaky_names import is_sensitive

NAMES = {
    "gender": True, "CustomerAge": True, "date_of_birth": True, "has_disability": True, "Ethnic Group": True,
    "company_age": False, "account_health_score": False, "language": False, "sexual_orientation": True, "usage": False,
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names(name: str) -> None:
    assert is_sensitive(name) is NAMES[name]


def test_they_are_kept_out_unless_switched_on(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    people = [f"{n},2023-01-0{n},{20 + n},{'fm'[n % 2]},bank,{'ab'[n % 2]}" for n in range(1, 6)]
    (tmp_path / "accounts.csv").write_text("\n".join(["account_id,created_at,age,gender,industry,sex", *people]))
    contracts = [f"{n},2023-02-0{n},2024-01-01,{'yn'[n % 2]}" for n in range(1, 6)]
    (tmp_path / "contracts.csv").write_text("\n".join(["account_id,starts_at,ends_at,disability", *contracts]))
    tables = {
        "accounts": {
            "from": "accounts.csv",
            "attributes": ["age", "gender", "industry"],
            "columns": {"segment": "sex"},
        },
        "contracts": {"from": "contracts.csv", "attributes": ["disability"]},
    }

    def signals(**more: object) -> tuple[set[str], str]:
        settings = make_settings(tables=tables, snapshots={"at": ["2023-06-01"]}, data_end="2023-09-01", **more)
        names = set(load_dataset(settings).schema.names)
        return {name for name in names if name.startswith(("account_", "contract_"))}, str(check(settings))

    kept, told = signals()
    assert {"account_age", "account_gender", "contract_disability"} & kept == set()
    assert "account_industry" in kept
    for column in ("accounts.age", "accounts.gender", "contracts.disability"):
        assert f"{column} is kept out of models" in told
        assert f"allow_sensitive: [{column}]" in told
    assert "accounts.segment comes from sex" in told
    assert "accounts.industry" not in told

    let_in, told = signals(allow_sensitive=["accounts.age", "contracts.disability", "accounts.segment"])
    assert {"account_age", "contract_disability"} <= let_in
    assert "account_gender" not in let_in
    assert "accounts.age" not in told
