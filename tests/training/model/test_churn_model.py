from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from configs.errors import DataError
from training.calibration.platt import fit_stage_platt
from training.hazard.time_effects import KNOTS, MONTH_JOINED, PLACE_IN_TERM, SEASON, TimeEffects
from training.health.score_model import HealthModel
from training.model.churn_model import ChurnModel
from training.serialization import FORMAT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def calibrated(fitted, rolling, cut):
    """The fitted model with a calibrator put on it whatever the gate says, so that every part is exercised."""
    rows = rolling.out_of_time(cut)["blend"]
    return replace(fitted.churn, calibrator=fit_stage_platt(rows, 1))


def every_model(fitted, calibrated):
    return [fitted.churn, calibrated, fitted.health, *fitted.baselines]


def test_a_longer_horizon_never_has_a_lower_probability(fitted, calibrated, later):
    for model in every_model(fitted, calibrated):
        p = model.predict(later).to_numpy()
        assert ((p > 0) & (p < 1)).all(), model.name
        assert (np.diff(p, axis=1) >= 0).all(), model.name
        assert (np.diff(p, axis=1) > 0).mean() > 0.99, model.name


def test_one_account_alone_equals_the_batch_to_the_last_bit(fitted, calibrated, later):
    rows = later.sample(40, random_state=1)
    for model in every_model(fitted, calibrated):
        batch = model.predict(rows).to_numpy()
        reasons = model.explain(rows, 90)
        for place in range(len(rows)):
            one = rows.iloc[place : place + 1]
            assert np.array_equal(model.predict(one).to_numpy()[0], batch[place]), model.name
            alone = model.explain(one, 90)
            assert np.array_equal(alone.contributions[0], reasons.contributions[place]), model.name
    low, high = calibrated.interval(rows)
    for place in range(len(rows)):
        one_low, one_high = calibrated.interval(rows.iloc[place : place + 1])
        assert (one_low[0], one_high[0]) == (low[place], high[place])


@pytest.mark.parametrize("horizon", [30, 60, 90, 180])
def test_reasons_add_up_to_what_is_served(fitted, calibrated, later, horizon):
    later = later.iloc[::8]
    for model in every_model(fitted, calibrated):
        p = model.predict(later)[f"p_churn_{horizon}d"].to_numpy()
        result = model.explain(later, horizon)
        assert np.abs(result.base + result.contributions.sum(axis=1) - p).max() < 1e-9, model.name
        assert result.contributions.shape == (len(later), len(result.signals)) == (len(later), len(result.dimensions))
        assert np.ptp(result.base) == 0, model.name


def test_shap_is_given_the_reasons_that_add_up_to_what_is_served(fitted, later):
    rows = later.head(30)
    for model in (fitted.churn, fitted.health):
        result = model.explain(rows, 90).to_shap(rows)
        served = model.predict(rows)["p_churn_90d"].to_numpy()
        assert np.abs(result.base_values + result.values.sum(axis=1) - served).max() < 1e-9
        assert result.data.shape == result.values.shape == (30, len(result.feature_names))
        signal = result.feature_names.index("days_late")
        assert np.array_equal(result.data[:, signal].astype(float), rows["days_late"], equal_nan=True)
        stage = result.feature_names.index("lifecycle_stage")
        assert result.data[:, stage].tolist() == rows["lifecycle_stage"].tolist()


def test_reasons_point_at_what_changed(fitted, later):
    rows = later.head(50)
    worse = rows.assign(days_late=rows["days_late"] + 40)
    churn = fitted.churn
    place = churn.explained.index("days_late")
    before, after = churn.explain(rows, 90).contributions, churn.explain(worse, 90).contributions
    assert (after[:, place] > before[:, place]).all()


def test_an_unknown_horizon_is_refused(fitted, later):
    for model in (fitted.churn, fitted.health):
        with pytest.raises(DataError, match=r"one of \[30, 60, 90, 180\]"):
            model.explain(later.head(1), 45)


def test_an_unseen_category_gets_an_answer_between_the_known_ones(fitted, later):
    rows = later.head(30)
    p = {
        name: fitted.churn.predict(rows.assign(segment=name))["p_churn_90d"]
        for name in ["smb", "mid", "enterprise", "?"]
    }
    known = np.stack([p["smb"], p["mid"], p["enterprise"]])
    assert (p["?"] <= known.max(axis=0)).all()
    assert (p["?"] >= known.min(axis=0)).all()


def test_the_interval_holds_the_probability_and_narrows_with_data(calibrated, later):
    low, high = calibrated.interval(later)
    p = calibrated.predict(later)["p_churn_90d"].to_numpy()
    assert ((low <= p) & (p <= high)).all()
    assert (high - low > 0).all()
    assert (low > 0).all()
    assert (high < 1).all()


def test_save_and_load_to_the_last_bit(fitted, calibrated, later, tmp_path):
    for number, model in enumerate(every_model(fitted, calibrated)):
        folder = tmp_path / str(number)
        model.save(folder)
        again = type(model).load(folder)
        assert np.array_equal(again.predict(later).to_numpy(), model.predict(later).to_numpy())
        few = later.head(40)
        assert np.array_equal(again.explain(few, 180).contributions, model.explain(few, 180).contributions)
        assert again.log == model.log
        again.save(tmp_path / f"again{number}")
        for path in folder.iterdir():
            assert path.read_bytes() == (tmp_path / f"again{number}" / path.name).read_bytes()


@pytest.mark.parametrize(("cls", "name"), [(ChurnModel, "model.json"), (HealthModel, "health.json")])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("{", "the JSON"),
        ('{"format": 99}', "format 99"),
        (f'{{"format": {FORMAT}, "edges": [0, 30]}}', "no field '(name|blend)'"),
    ],
)
def test_a_broken_model_file_is_refused(cls, name, text, message, tmp_path):
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        cls.load(tmp_path)


def test_missing_trees_are_refused(fitted, tmp_path):
    fitted.churn.save(tmp_path)
    (tmp_path / "trees.txt").unlink()
    with pytest.raises(DataError, match=r"trees\.txt"):
        ChurnModel.load(tmp_path)
    assert json.loads((tmp_path / "model.json").read_text())["chosen"] == fitted.churn.chosen


def test_effects_of_time_are_served_explained_and_kept(fitted, later, tmp_path):
    rng = np.random.default_rng(11)
    effects = TimeEffects(
        season=tuple(rng.normal(size=12)),
        tenure_days=tuple(rng.normal(size=len(KNOTS))),
        place_in_term=tuple(rng.normal(size=12)),
        month_joined=tuple(rng.normal(size=12)),
        means=tuple(tuple(rng.normal(size=fitted.churn.intervals.count)) for _ in range(4)),
    )
    churn = replace(fitted.churn, time=effects)
    frame = later.head(40)
    p = churn.predict(frame)
    assert (p != fitted.churn.predict(frame)).all(axis=None)
    assert (p.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
    explanation = churn.explain(frame, 90)
    total = explanation.base + explanation.contributions.sum(axis=1)
    assert np.allclose(total, p["p_churn_90d"], atol=1e-9)
    for name in (SEASON, PLACE_IN_TERM, MONTH_JOINED):
        assert explanation.contributions[:, explanation.signals.index(name)].any()
    one = pd.concat([churn.predict(frame.iloc[[row]]) for row in range(len(frame))])
    assert (one.to_numpy() == p.to_numpy()).all()
    churn.save(tmp_path)
    assert (ChurnModel.load(tmp_path).predict(frame).to_numpy() == p.to_numpy()).all()
    assert "tenure_days" in churn.columns
