"""The figures that the README states, out of time only; `make figures` prints them.

No label window of a training row reaches into the period that its model is tested on (backtest.py), and the
demo's true probabilities, which the pipeline never sees, are the ceiling that it is held against.
"""

from __future__ import annotations

from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import yaml

from configs.settings import Settings
from configs.settings_file import load_settings
from evaluation import metrics
from evaluation.backtest import backtest
from evaluation.backtest.backtest import Backtest
from evaluation.metrics import bootstrap, bootstrap_statistics
from features.dataset import Dataset, load_dataset
from features.labels.labels import horizon_labels
from features.synthetic.company import company_config, make_company
from training.known_labels import rows_known

ROOT = Path(__file__).resolve().parents[2]


def run(settings: Settings) -> tuple[Dataset, Backtest]:
    dataset = load_dataset(settings)
    result = backtest(dataset, settings)
    horizon = pd.Timedelta(days=settings.main_horizon_days)
    judged = result.predictions.dropna(subset=[f"churned_{settings.main_horizon_days}d"])
    assert (judged.as_of >= pd.to_datetime(judged.fold)).all()
    assert (judged.as_of + horizon <= dataset.data_end).all()
    return dataset, result


def one_a_horizon(dataset: Dataset, rows: pd.DataFrame, days: int) -> np.ndarray:
    """The simple reference on the same rows: a LightGBM of 31 leaves, all its defaults, fitted for this horizon alone.

    It has the same signals, and at each fold learns from the rows whose window had ended by the origin.
    """
    schema = dataset.schema
    frame = dataset.signals[[*schema.numbers, *schema.categories]].copy()
    for name in schema.categories:
        frame[name] = frame[name].astype("category").cat.codes
    table = frame.astype(float).to_numpy()
    y = horizon_labels(dataset.labels, [days])[f"churned_{days}d"].to_numpy(dtype=float, na_value=np.nan)
    positions = pd.Series(np.arange(len(table)), pd.MultiIndex.from_frame(dataset.labels[["account_id", "as_of"]]))
    p = np.empty(len(rows))
    for fold, part in rows.groupby("fold").indices.items():
        known = rows_known(dataset.labels, pd.Timestamp(str(fold)), days)
        learner = lgb.LGBMClassifier(n_jobs=1, verbosity=-1).fit(table[known], y[known])
        asked = positions.loc[pd.MultiIndex.from_frame(rows.iloc[part][["account_id", "as_of"]])].to_numpy()
        p[part] = np.asarray(learner.predict_proba(table[asked]))[:, 1]
    return p


def against_one_a_horizon(name: str, dataset: Dataset, found: Backtest, days: int) -> float:
    """By how much the log loss is below the reference's, printed; no probability falls as the horizon grows."""
    rows = judged(found, days)
    curve = rows[[row for row in rows if str(row).startswith("p_churn_")]].to_numpy()
    assert (np.diff(curve, axis=1) >= 0).all()
    say(name, rows, days)
    rows["other"] = one_a_horizon(dataset, rows, days)
    y = rows.y.to_numpy()
    gap = bootstrap.paired(rows, bootstrap_statistics.log_loss("other"), bootstrap_statistics.log_loss("p"))
    print(
        f"  log loss {metrics.log_loss(y, rows.p.to_numpy()):.4f}; one LightGBM a horizon: "
        f"{metrics.log_loss(y, rows.other.to_numpy()):.4f} (AUC {metrics.auc(y, rows.other.to_numpy()):.4f}, "
        f"ECE {metrics.ece(y, rows.other.to_numpy()):.4f}, {rows.other.mean():.4f} predicted); "
        f"better by {gap.value:.4f} ({gap.low:.4f} to {gap.high:.4f})"
    )
    return gap.value


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
    at = bootstrap.interval(rows, bootstrap_statistics.auc("p"), 400, 7)
    print(
        f"\n{name} {days} d: {len(rows)} rows, {rows.y.mean():.4f} left, {rows.p.mean():.4f} predicted; "
        f"AUC {auc:.4f} ({at.low:.3f} to {at.high:.3f}), Brier {metrics.brier(y, p):.4f}, ECE {ece:.4f}"
    )
    return auc, ece


@pytest.mark.minutes
def test_oulad(shared_data: Path) -> None:
    settings = load_settings(ROOT / "configs" / "examples" / "oulad.yaml")
    dataset, result = run(settings)
    auc, ece = say("oulad", judged(result, 60), 60)
    assert auc >= 0.75
    assert ece <= 0.015
    better_by = {days: against_one_a_horizon("oulad", dataset, result, days) for days in (90, 180)}
    assert min(better_by.values()) >= 0.003


def test_online_retail(shared_data: Path) -> None:
    settings = load_settings(ROOT / "configs" / "examples" / "online_retail.yaml")
    dataset, result = run(settings)
    rows = judged(result, 90)
    assert sorted(rows.as_of.unique()) == list(pd.date_range("2011-06-01", "2011-09-01", freq="MS"))
    auc, ece = say("online_retail", rows, 90)
    assert auc >= 0.777
    assert ece <= 0.03
    against_one_a_horizon("online_retail", dataset, result, 90)


def test_fightchurn_crm5(shared_data: Path) -> None:
    settings = load_settings(ROOT / "configs" / "examples" / "fightchurn_crm5.yaml")
    rows = judged(run(settings)[1], 60)
    auc, _ = say("fightchurn_crm5", rows, 60)
    assert auc >= 0.74
    for other in ("renewal_nearness", "rules"):
        gap = bootstrap.paired(rows, bootstrap_statistics.auc("p"), bootstrap_statistics.auc(other))
        theirs = metrics.auc(rows.y.to_numpy(), rows[other].to_numpy())
        word = "beats" if gap.low > 0 else "does not beat"
        print(f"  {word} {other}: AUC {theirs:.3f}, better by {gap.value:.3f} ({gap.low:.3f} to {gap.high:.3f})")


def demo_lift(folder: Path, seed: int) -> float:
    """Share of the truth's AUC lift over .5 that the model has; log loss within 9 % of the truth's, ECE within .02."""
    company = make_company(folder, seed=seed)
    (folder / "forewarn.yaml").write_text(yaml.safe_dump(company_config()))
    rows = judged(run(load_settings(folder / "forewarn.yaml"))[1], 90)
    truth = company.truth[["account_id", "as_of", "p_churn_90d"]].rename(columns={"p_churn_90d": "truth"})
    rows = rows.merge(truth, on=["account_id", "as_of"], validate="one_to_one")
    auc, ece = say(f"demo, seed {seed}", rows, 90)
    y = rows.y.to_numpy()
    ceiling, at_best = metrics.auc(y, rows.truth.to_numpy()), metrics.ece(y, rows.truth.to_numpy())
    lift = (auc - 0.5) / (ceiling - 0.5)
    losses = metrics.log_loss(y, rows.p.to_numpy()) / metrics.log_loss(y, rows.truth.to_numpy())
    print(f"  ceiling AUC {ceiling:.4f}, ECE {at_best:.4f}; the model has {lift:.1%} of the ceiling's lift over 0.5")
    print(f"  log loss {losses:.3f} times the truth's")
    assert 0.80 <= ceiling <= 0.90
    assert losses <= 1.09
    assert ece <= 0.02
    return lift


@pytest.mark.minutes
def test_demo_against_its_own_truth(tmp_path: Path) -> None:
    """On average over companies: some 80 accounts of one leave in the test period, which moves it by 3 points."""
    lifts = [demo_lift(tmp_path / str(seed), seed) for seed in (7, 11, 12)]
    print(f"  on average {np.mean(lifts):.1%} of the ceiling's lift")
    assert np.mean(lifts) >= 0.95


@pytest.mark.parametrize("name", ["oulad", "online_retail", "fightchurn_crm5"])
def test_every_example_states_its_test_period(name: str, shared_data: Path) -> None:
    settings = load_settings(ROOT / "configs" / "examples" / f"{name}.yaml")
    assert settings.backtest.from_ is not None
