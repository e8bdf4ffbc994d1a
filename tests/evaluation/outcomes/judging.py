"""Forecasts in a ledger, what a data set knows of them later, and one judging of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from configs.settings import Settings
from configs.settings_file import DEFAULT_FILE, read_body, settings_from
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.rows import column_order
from evaluation.outcomes import outcomes
from evaluation.outcomes.outcomes import Judged, judged_so_far

DAY = pd.Timestamp("2024-01-01")


def project_settings(tmp_path: Path) -> Settings:
    body = read_body(DEFAULT_FILE)
    body["tables"] = {"accounts": {"from": "accounts.csv"}, "contracts": {"from": "contracts.csv"}}
    return settings_from(body, tmp_path)


def forecast_frame(accounts: str, as_of: pd.Timestamp = DAY, p: float = 0.1, **more: Any) -> pd.DataFrame:
    made = pd.DataFrame({"account_id": list(accounts), "as_of": as_of.as_unit("us"), "lifecycle_stage": "adoption"})
    for days in (30, 60, 90, 180):
        made[f"p_churn_{days}d"] = p
    for name in column_order([30, 60, 90, 180], [90]):
        if name not in made:
            made[name] = "[]" if name in {"reasons", "triggers", "actions"} else 0.5
    made["risk_level"], made["config_version"], made["has_signal"] = "low", "c", True
    made["model_version"] = more.pop("model_version", "1")
    return made


def forecast(
    ledger: Ledger, accounts: str, as_of: pd.Timestamp = DAY, p: float = 0.1, kind: str = "batch", **more: Any
):
    at = more.pop("at", as_of + pd.Timedelta(hours=7))
    made = forecast_frame(accounts, as_of, p, **more)
    return ledger.write(made, kind=kind, asked_by="score", at=at, signals_hash=["s"] * len(made))


class Labels:
    """What a data set knows: churn days after DAY by account, and until when; counts how it was asked."""

    def __init__(
        self,
        churned: dict[str, int],
        known_days: int,
        voluntary: dict[str, bool] | None = None,
        contracted: dict[str, int] | None = None,
        returned: dict[str, int] | None = None,
        contractions_known: int = 10_000,
    ) -> None:
        self.churned, self.known_days, self.voluntary = churned, known_days, voluntary or {}
        self.contracted, self.returned, self.contractions_known = contracted or {}, returned or {}, contractions_known
        self.asked: list[pd.DataFrame] = []

    def __call__(self, pairs: pd.DataFrame) -> pd.DataFrame:
        self.asked.append(pairs)
        out = pairs[pairs.account_id != "gone"].copy()
        days = out.account_id.map(self.churned)
        out["churn_at"] = (DAY + pd.to_timedelta(days, unit="D")).where(days.notna()).astype("datetime64[us]")
        out["observed_until"] = DAY + pd.Timedelta(days=self.known_days)
        out["voluntary"] = out.account_id.map(self.voluntary).astype(object)
        for name, days_of in (("contraction_at", self.contracted), ("reactivated_at", self.returned)):
            days = out.account_id.map(days_of)
            out[name] = (DAY + pd.to_timedelta(days, unit="D")).where(days.notna()).astype("datetime64[us]")
        out["contraction_observed_until"] = DAY + pd.Timedelta(days=min(self.known_days, self.contractions_known))
        return out


class Judging:
    """One judging: what it counted, and the predictions beside their outcomes as the ledger then tells them."""

    def __init__(self, found: Judged, frame: pd.DataFrame) -> None:
        self.found, self.frame = found, frame

    def __getattr__(self, name: str) -> Any:
        return getattr(self.found, name)

    def __str__(self) -> str:
        return str(self.found)


def judge(ledger: Ledger, labels: Any, settings: Settings, at: pd.Timestamp, **more: Any) -> Judging:
    result = outcomes.judge(ledger, labels, settings, at, **more)
    frame = judged_so_far(ledger, settings, at, **more)
    assert (result.predictions, result.in_hindsight) == (len(frame), int(frame.in_hindsight.sum()))
    assert result.waiting == int(frame.churned_90d[~frame.in_hindsight].isna().sum())
    assert result.days.churned.sum() == frame.churned_90d.sum()
    assert result.days.contracted.sum() == frame.contracted_90d.sum()
    assert result.days.predicted.sum() == pytest.approx(frame.p_churn_90d[frame.churned_90d.notna()].sum())
    return Judging(result, frame)


def later(days: int) -> pd.Timestamp:
    return DAY + pd.Timedelta(days=days)


def outcome(frame: pd.DataFrame, account: str) -> list[float]:
    row = frame[frame.account_id == account].iloc[0]
    return [row[f"churned_{days}d"] for days in (30, 60, 90, 180)]
