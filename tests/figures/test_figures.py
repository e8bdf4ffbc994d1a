"""The figures that the README states, out of time only; `make figures` prints them.

No label window of a training row reaches into the period that its model is tested on (evaluation/backtest.py), and the
demo's true probabilities, which the pipeline never sees, are the ceiling that it is held against.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from configs.settings import Settings, load_settings
from evaluation import metrics, uncertainty
from evaluation.backtest import Backtest, backtest
from features.build import load_dataset
from features.company import company_config, make_company

ROOT = Path(__file__).resolve().parents[2]


def run(settings: Settings) -> Backtest:
    dataset = load_dataset(settings)
    found = backtest(dataset, settings)
    horizon = pd.Timedelta(days=settings.main_horizon_days)
    judged = found.predictions.dropna(subset=[f"churned_{settings.main_horizon_days}d"])
    assert (judged.as_of >= pd.to_datetime(judged.fold)).all()
    assert (judged.as_of + horizon <= dataset.data_end).all()
    return found


def judged(found: Backtest, days: int) -> pd.DataFrame:
    """Matured rows with p and y at one horizon, and each baseline's probability or score under its name."""
    rows = found.predictions.dropna(subset=[f"churned_{days}d"])
    rows = rows.assign(p=rows[f"p_churn_{days}d"], y=rows[f"churned_{days}d"])
    for name, one in found.baselines.groupby("model"):
        column = f"p_churn_{days}d" if one[f"p_churn_{days}d"].notna().any() else "score"
        own = one[["account_id", "as_of", column]].rename(columns={column: str(name)})
        rows = rows.merge(own, on=["account_id", "as_of"], validate="one_to_one")
    return rows


def say(name: str, rows: pd.DataFrame, days: int) -> tuple[float, float]:
    y, p = rows.y.to_numpy(), rows.p.to_numpy()
    auc, ece = metrics.auc(y, p), metrics.ece(y, p)
    at = uncertainty.interval(rows, uncertainty.auc("p"), 400, 7)
    print(
        f"\n{name} {days} d: {len(rows)} rows, {rows.y.mean():.4f} left, {rows.p.mean():.4f} predicted; "
        f"AUC {auc:.4f} ({at.low:.3f} to {at.high:.3f}), Brier {metrics.brier(y, p):.4f}, ECE {ece:.4f}"
    )
    return auc, ece


def test_oulad(shared_data: Path) -> None:
    settings = load_settings(ROOT / "configs" / "examples" / "oulad.yaml")
    auc, ece = say("oulad", judged(run(settings), 60), 60)
    assert auc >= 0.75
    assert ece <= 0.015


def test_online_retail(shared_data: Path) -> None:
    settings = load_settings(ROOT / "configs" / "examples" / "online_retail.yaml")
    rows = judged(run(settings), 90)
    assert sorted(rows.as_of.unique()) == list(pd.date_range("2011-06-01", "2011-09-01", freq="MS"))
    auc, ece = say("online_retail", rows, 90)
    assert auc >= 0.777
    assert ece <= 0.04


def test_fightchurn_crm5(shared_data: Path) -> None:
    settings = load_settings(ROOT / "configs" / "examples" / "fightchurn_crm5.yaml")
    rows = judged(run(settings), 60)
    auc, _ = say("fightchurn_crm5", rows, 60)
    assert auc >= 0.74
    for other in ("renewal_nearness", "rules"):
        gap = uncertainty.paired(rows, uncertainty.auc("p"), uncertainty.auc(other))
        theirs = metrics.auc(rows.y.to_numpy(), rows[other].to_numpy())
        word = "beats" if gap.low > 0 else "does not beat"
        print(f"  {word} {other}: AUC {theirs:.3f}, better by {gap.value:.3f} ({gap.low:.3f} to {gap.high:.3f})")


def test_demo_against_its_own_truth(tmp_path: Path) -> None:
    company = make_company(tmp_path)
    (tmp_path / "forewarn.yaml").write_text(yaml.safe_dump(company_config()))
    rows = judged(run(load_settings(tmp_path / "forewarn.yaml")), 90)
    truth = company.truth[["account_id", "as_of", "p_churn_90d"]].rename(columns={"p_churn_90d": "truth"})
    rows = rows.merge(truth, on=["account_id", "as_of"], validate="one_to_one")
    auc, ece = say("demo", rows, 90)
    ceiling = metrics.auc(rows.y.to_numpy(), rows.truth.to_numpy())
    lift = (auc - 0.5) / (ceiling - 0.5)
    at_best = metrics.ece(rows.y.to_numpy(), rows.truth.to_numpy())
    print(f"  ceiling AUC {ceiling:.4f}, ECE {at_best:.4f}; the model has {lift:.1%} of the ceiling's lift over 0.5")
    assert 0.80 <= ceiling <= 0.88
    assert lift >= 0.95
    assert ece <= 0.02


@pytest.mark.parametrize("name", ["oulad", "online_retail", "fightchurn_crm5"])
def test_every_example_states_its_test_period(name: str, shared_data: Path) -> None:
    settings = load_settings(ROOT / "configs" / "examples" / f"{name}.yaml")
    assert settings.backtest.from_ is not None
