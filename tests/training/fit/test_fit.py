from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from configs.errors import DataError
from training.calibration.calibrator import identity
from training.fit import rolling_origin
from training.fit.baselines import Parts, assemble
from training.fit.fit import fit_models
from training.hazard.intervals import hazard_rows

pytestmark = pytest.mark.slow


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

    result = {name: excess(name) for name in ("churn", "logistic", "rules", "days_to_renewal", "base_rate")}
    assert result["churn"] < 0.6 * result["rules"]
    assert result["churn"] < result["days_to_renewal"] < result["base_rate"] * 1.05


def test_the_same_bytes_with_the_same_seed(dataset, settings, tmp_path):
    few = replace(dataset, **_until(dataset, 6))
    for name in ("one", "two"):
        fitted = fit_models(few, settings)
        fitted.churn.save(tmp_path / name / "churn")
        fitted.health.save(tmp_path / name / "health")
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert {"trees.txt", "model.json", "health.json"} <= {path.name for path in files}
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


def test_with_too_few_churns_the_base_rate_by_stage_is_served_and_marked(dataset, settings):
    small = replace(dataset, **_until(dataset, 2))
    churned = small.labels.loc[small.labels["churn_at"].notna(), "account_id"].nunique()
    assert 0 < churned < 30
    churn = fit_models(small, settings).churn
    assert churn.chosen == "base_rate"
    assert not churn.has_signal
    assert "no usable signal" in churn.log["why"]
    rows = dataset.signals.head(200)
    p = churn.predict(rows)["p_churn_90d"]
    assert p.groupby(rows["lifecycle_stage"]).nunique().eq(1).all()
    low, high = churn.interval(rows)
    assert ((low < p) & (p < high)).all()


def test_the_events_behind_a_figure_are_shown_by_stage_and_segment(fitted, dataset):
    shown = fitted.churn.log["events_by"]
    assert set(shown) == {"lifecycle_stage", "segment"}
    # An account has one segment for life but passes through several stages.
    assert sum(row["churned_accounts"] for row in shown["segment"].values()) == len(
        {
            dataset.labels["account_id"].iloc[place]
            for place in np.unique(fitted_rows(fitted, dataset).snapshot[fitted_rows(fitted, dataset).churned > 0])
        }
    )
    assert set(shown["segment"]) == {"smb", "mid", "enterprise"}
    assert all(one["churned_accounts"] <= one["accounts"] for by in shown.values() for one in by.values())


def fitted_rows(fitted, dataset):
    """The training rows of the fixture, worked out here once more."""
    until = pd.Timestamp(fitted.churn.log["labels_known_until"])
    before = dataset.labels["as_of"] < pd.Timestamp(fitted.churn.log["cut"])
    return hazard_rows(dataset.labels[before], fitted.churn.intervals, until)


def test_without_a_usable_origin_probabilities_are_left_uncalibrated(dataset, settings):
    churn = fit_models(replace(dataset, **_until(dataset, 3)), settings).churn
    assert churn.log["origins"] == []
    assert churn.calibrator.method == "none"
    assert churn.predict(dataset.signals.head(5)).notna().all().all()


def test_one_class_is_refused(dataset, settings, cut):
    labels = dataset.labels.assign(churn_at=pd.NaT)
    with pytest.raises(DataError, match="0 of them churned"):
        fit_models(replace(dataset, labels=labels), settings, cut)
    late = dataset.labels.assign(churn_at=(cut - pd.Timedelta(days=1)).as_unit("us"))
    late = late.assign(churn_at=late["churn_at"].where(late.index == late.index[0]))
    with pytest.raises(DataError, match="0 of them churned"):
        # Its only churn lies in an interval that had not ended by the cut.
        fit_models(replace(dataset, labels=late), settings, cut)


def test_a_rolling_backtest_fits_each_origin_once(dataset, settings, cut, rolling, fitted, monkeypatch):
    cuts: list[pd.Timestamp] = []
    fit = rolling_origin.fit_learners

    def counted(dataset, settings, intervals, cut, *half):
        cuts.append(cut)
        return fit(dataset, settings, intervals, cut, *half)

    monkeypatch.setattr(rolling_origin, "fit_learners", counted)
    for origin in fitted.churn.log["origins"]:
        rolling.learners(pd.Timestamp(origin))
    fit_models(dataset, settings, cut, rolling, half_samples=False)
    assert cuts == []
    fit_models(dataset, settings, cut, rolling)
    assert cuts == [cut, cut]  # the halves, which only the model that is to serve needs


def test_calibration_origins_are_purged(rolling, cut):
    """Every out-of-time row is predicted by a model whose origin is not after its as_of, and its label was known."""
    origins = rolling.origins(cut)
    assert 2 <= len(origins) <= 4
    rows = rolling.out_of_time(cut)["blend"]
    assert len(np.unique(rows.origin)) == len(origins)
    for origin in origins:
        assert (rolling.learners(origin).rows.ends <= origin).all()


@pytest.mark.parametrize("chosen", ["trees", "rules", "base_rate"])
def test_every_choice_serves_and_explains(rolling, cut, settings, later, chosen, fitted, tmp_path):
    parts = Parts(settings, rolling.intervals, 0.05, {})
    model = assemble("churn", chosen, rolling.learners(cut), parts, identity(), fitted.churn.tree_means)
    later = later.iloc[::8]
    p = model.predict(later)["p_churn_90d"].to_numpy()
    result = model.explain(later, 90)
    assert np.abs(result.base + result.contributions.sum(axis=1) - p).max() < 1e-9
    low, high = model.interval(later)
    assert ((low <= p) & (p <= high)).all()
    model.save(tmp_path)
    again = type(model).load(tmp_path)
    assert np.array_equal(again.predict(later).to_numpy(), model.predict(later).to_numpy())
    assert np.array_equal(again.explain(later, 90).contributions, result.contributions)
    assert np.array_equal(again.interval(later), model.interval(later))


def test_the_rules_as_the_model_say_what_the_rules_say(rolling, cut, settings, later, fitted):
    parts = Parts(settings, rolling.intervals, 0.05, {})
    model = assemble("churn", "rules", rolling.learners(cut), parts, identity())
    assert np.array_equal(model.predict(later).to_numpy(), fitted.health.predict(later).to_numpy())
    few = later.head(50)
    theirs, ours = fitted.health.explain(few, 90), model.explain(few, 90)
    assert ours.signals == (*theirs.signals, "season")
    assert np.array_equal(ours.contributions[:, :-1], theirs.contributions)
    assert set(model.columns) == {health_map.signal for health_map in settings.framework.health_maps} | {
        "lifecycle_stage"
    }


def test_excluded_signals_do_not_enter(dataset, settings):
    training = settings.training.model_copy(update={"exclude_signals": ("noise_a", "region"), "calibration_origins": 1})
    without = settings.model_copy(update={"training": training})
    churn = fit_models(replace(dataset, **_until(dataset, 12)), without).churn
    assert {"noise_a", "region"}.isdisjoint(churn.explained.signals)
    assert "logins_28d" in churn.explained.signals
