from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from configs.errors import DataError
from training.fit import choose_learner, fit_models
from training.rolling import Rolling


def calibration_error(p: np.ndarray, truth: np.ndarray, bins: int = 15) -> float:
    """Mean gap between mean prediction and mean true probability over equal-mass bins."""
    parts = np.array_split(np.argsort(p, kind="stable"), bins)
    return sum(len(part) * abs(p[part].mean() - truth[part].mean()) for part in parts) / len(p)


@pytest.fixture(scope="module")
def judged(fitted, simulated, dataset, cut):
    """Probabilities at 90 days of the rows after the cut whose window has ended, beside the truth."""
    labels = dataset.labels
    end = labels["as_of"] + pd.Timedelta(days=90)
    rows = (labels["as_of"] >= cut) & (end <= dataset.data_end)
    frame = dataset.signals[rows]
    models = (fitted.churn, fitted.health, *fitted.baselines)
    out = pd.DataFrame({model.name: model.predict(frame)["p_churn_90d"] for model in models})
    return out.assign(truth=simulated.truth.loc[rows, "p_churn_90d"], y=(labels["churn_at"] < end)[rows].astype(float))


def test_close_to_the_true_probabilities(judged):
    """The truth's AUC is the ceiling; the latent state is seen through noisy signals, so the model stays below it."""
    auc = {name: roc_auc_score(judged["y"], judged[name]) for name in judged.drop(columns="y")}
    assert auc["churn"] - 0.5 > 0.88 * (auc["truth"] - 0.5)
    assert auc["churn"] > auc["rules"] > auc["days_to_renewal"] > 0.5
    assert auc["churn"] > auc["base_rate"] + 0.1
    assert calibration_error(judged["churn"].to_numpy(), judged["truth"].to_numpy()) < 0.015
    assert judged["churn"].mean() == pytest.approx(judged["truth"].mean(), rel=0.15)


def test_closer_to_the_truth_than_the_baselines(judged):
    def excess(name: str) -> float:
        """Expected log loss beyond the truth's own: free of the luck of who left."""
        p, t = judged[name].to_numpy(), judged["truth"].to_numpy()
        return float((t * np.log(t / p) + (1 - t) * np.log((1 - t) / (1 - p))).mean())

    found = {name: excess(name) for name in ("churn", "logistic", "rules", "days_to_renewal", "base_rate")}
    assert found["churn"] < 0.6 * found["rules"]
    assert found["churn"] < found["days_to_renewal"] < found["base_rate"] * 1.05


def test_the_same_bytes_with_the_same_seed(dataset, settings, tmp_path):
    few = replace(dataset, **_until(dataset, 6))
    for name in ("one", "two"):
        fitted = fit_models(few, settings)
        fitted.churn.save(tmp_path / name / "churn")
        fitted.health.save(tmp_path / name / "health")
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(files) == 3
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()


def _until(dataset, months: int) -> dict:
    as_ofs = sorted(dataset.signals["as_of"].unique())
    keep = (dataset.signals["as_of"] < as_ofs[months]).to_numpy()
    end = pd.Timestamp(as_ofs[months])
    labels = dataset.labels[keep].assign(observed_until=end.as_unit("us"))
    labels["churn_at"] = labels["churn_at"].where(labels["churn_at"] < end)
    return {
        "signals": dataset.signals[keep].reset_index(drop=True),
        "labels": labels.reset_index(drop=True),
        "data_end": end,
    }


def test_too_few_churned_accounts_are_refused_with_their_number(dataset, settings):
    small = replace(dataset, **_until(dataset, 1))
    churned = small.labels.loc[small.labels["churn_at"].notna(), "account_id"].nunique()
    assert 0 < churned < 30
    with pytest.raises(DataError, match=f"found {churned} churned accounts.*at least 30"):
        fit_models(small, settings)


def test_without_a_usable_origin_probabilities_are_left_raw(dataset, settings):
    churn = fit_models(replace(dataset, **_until(dataset, 3)), settings).churn
    assert churn.log["origins"] == []
    assert not churn.calibrator.adopted
    assert churn.predict(dataset.signals.head(5)).notna().all().all()


def test_one_class_is_refused(dataset, settings, cut):
    labels = dataset.labels.assign(churn_at=pd.NaT)
    with pytest.raises(DataError, match="found 0 churned accounts"):
        fit_models(replace(dataset, labels=labels), settings, cut)
    lenient = settings.model_copy(update={"training": settings.training.model_copy(update={"min_churns": 1})})
    late = dataset.labels.assign(churn_at=(cut - pd.Timedelta(days=1)).as_unit("us"))
    late = late.assign(churn_at=late["churn_at"].where(late.index == late.index[0]))
    with pytest.raises(DataError, match="0 of them churned"):
        # Its only churn lies in an interval that had not ended by the cut.
        fit_models(replace(dataset, labels=late), lenient, cut)


def test_a_rolling_backtest_fits_each_origin_once(dataset, settings, cut, rolling, fitted, monkeypatch):
    made: list[pd.Timestamp] = []
    fit = Rolling._fit

    def counted(self: Rolling, at: pd.Timestamp):
        made.append(at)
        return fit(self, at)

    monkeypatch.setattr(Rolling, "_fit", counted)
    before = set(rolling._raw)
    assert set(fitted.churn.log["origins"]) <= {str(one.date()) for one in before}
    fit_models(dataset, settings, cut, rolling)
    assert made == []


def test_calibration_origins_are_purged(rolling, cut):
    """Every out-of-time row is predicted by a model whose origin is not after its as_of, and its label was known."""
    origins = rolling.origins(cut)
    assert 2 <= len(origins) <= 4
    rows = rolling.out_of_time(cut)["blend"]
    assert len(np.unique(rows.origin)) == len(origins)
    for origin in origins:
        assert (rolling.raw(origin).rows.ends <= origin).all()


def test_under_50_churned_accounts_the_learner_is_chosen_by_purged_log_loss(rolling, cut):
    raw = replace(rolling.raw(cut), accounts=40, events=40)
    blocks = rolling.out_of_time(cut)
    chosen, why, losses = choose_learner(raw, blocks)
    assert chosen == "blend"
    assert "no better beyond chance" in why
    assert losses["blend"] < losses["base_rate"]
    noise = np.random.default_rng(0).normal(0, 3, len(blocks["blend"]))
    spoilt = {name: replace(one, log_odds=one.log_odds + noise * (name != "base_rate")) for name, one in blocks.items()}
    assert choose_learner(raw, spoilt)[0] == "base_rate"


@pytest.mark.parametrize(("events", "chosen"), [(149, "blend"), (2_000, "blend"), (2_001, "trees")])
def test_the_learner_goes_by_the_number_of_churns(rolling, cut, events, chosen):
    raw = replace(rolling.raw(cut), accounts=events, events=events)
    blocks = rolling.out_of_time(cut)
    worse = replace(blocks["trees"], log_odds=blocks["trees"].log_odds + 2)
    assert choose_learner(raw, blocks | {"blend": worse})[0] == chosen
    assert choose_learner(raw, blocks | {"trees": worse})[0] == "blend"


@pytest.mark.parametrize("chosen", ["trees", "base_rate"])
def test_every_choice_serves_and_explains(rolling, cut, settings, later, chosen, fitted):
    from training.baselines import Parts, assemble
    from training.calibration import identity

    parts = Parts(settings, rolling.intervals, 0.05, {})
    model = assemble("churn", chosen, rolling.raw(cut), parts, identity(), fitted.churn.tree_means)
    later = later.iloc[::8]
    p = model.predict(later)["p_churn_90d"].to_numpy()
    found = model.explain(later, 90)
    assert np.abs(found.base + found.contributions.sum(axis=1) - p).max() < 1e-9
    low, high = model.interval(later)
    assert ((low <= p) & (p <= high)).all()


def test_excluded_signals_do_not_enter(dataset, settings):
    training = settings.training.model_copy(update={"exclude_signals": ("noise_a", "region"), "calibration_origins": 1})
    without = settings.model_copy(update={"training": training})
    churn = fit_models(replace(dataset, **_until(dataset, 12)), without).churn
    assert {"noise_a", "region"}.isdisjoint(churn.explained.signals)
    assert "logins_28d" in churn.explained.signals
