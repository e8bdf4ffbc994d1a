"""The bootstrap against its definition (rows copied account by account), and against the laws of an interval."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from evaluation import metrics, money, resampled, uncertainty
from evaluation.metrics import MetricRefused


def frame(accounts: int = 60, rows: int = 300, seed: int = 0, effect: float = 1.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    who = random.integers(accounts, size=rows)
    lean = random.normal(0, effect, accounts)[who]
    p = np.round(1 / (1 + np.exp(-(-1.5 + random.normal(0, 1, rows)))), 2).clip(0.01, 0.99)
    y = (random.random(rows) < 1 / (1 + np.exp(-(np.log(p / (1 - p)) + lean)))).astype(float)
    other = np.round(np.clip(p + random.normal(0, 0.15, rows), 0.01, 0.99), 2)
    return pd.DataFrame({"account_id": [f"a{one:03d}" for one in who], "y": y, "p": p, "q": other, "arr": 1.0 + who})


PLAIN = {
    "auc": (resampled.auc(), metrics.auc),
    "average_precision": (resampled.average_precision(), metrics.average_precision),
    "brier": (resampled.brier(), metrics.brier),
    "log_loss": (resampled.log_loss(), metrics.log_loss),
}


@pytest.mark.parametrize("name", [*PLAIN, "ece"])
def test_a_draw_equals_the_metric_on_copied_rows(name: str) -> None:
    rows = frame()
    codes, names = pd.factorize(rows["account_id"], sort=True)
    counts = np.random.default_rng(4).multinomial(len(names), np.ones(len(names)) / len(names), size=25).T
    bins = metrics.equal_mass_bins(rows["p"].to_numpy(), 15)
    statistic, plain = PLAIN.get(name, (resampled.ece(), None))
    found = statistic(rows, codes, len(names))(counts.astype(float))
    for draw in range(25):
        copied = np.repeat(np.arange(len(rows)), counts[codes, draw])
        y, p = rows["y"].to_numpy()[copied], rows["p"].to_numpy()[copied]
        expected = plain(y, p) if plain else np.abs(np.bincount(bins[copied], y - p)).sum() / copied.size
        assert found[draw] == pytest.approx(expected, abs=1e-12)


def test_a_draw_weighed_by_arr_equals_the_ranking_by_arr_of_copied_rows() -> None:
    rows = frame()
    codes, names = pd.factorize(rows["account_id"], sort=True)
    counts = np.random.default_rng(4).multinomial(len(names), np.ones(len(names)) / len(names), size=10).T
    found = resampled.auc(weight="arr")(rows, codes, len(names))(counts.astype(float))
    for draw in range(10):
        copied = rows.iloc[np.repeat(np.arange(len(rows)), counts[codes, draw])]
        expected = money.auc_by_arr(copied["y"].to_numpy(), copied["p"].to_numpy(), copied["arr"].to_numpy())
        assert found[draw] == pytest.approx(expected, abs=1e-12)


def test_ratios_of_groups_are_the_ratio_of_each() -> None:
    rows = frame()
    group = np.arange(len(rows)) % 3
    rows.loc[group == 2, "arr"] = 0.0  # nothing to divide by
    found = uncertainty.draw(rows, {"all": resampled.ratios(["y"], "arr", group, 3)}, 40, 5)["all"][0]
    for number in range(3):
        alone = resampled.of(resampled.ratio("y", "arr"), group == number)
        np.testing.assert_allclose(found[number], uncertainty.draw(rows, {"it": alone}, 40, 5)["it"], rtol=1e-12)
    assert found.shape == (3, 41)
    assert np.isnan(found).tolist() == [[False] * 41, [False] * 41, [True] * 41]


@pytest.mark.parametrize("first", [0, -5, 20_000_000])
def test_accounts_may_be_numbers(first: int) -> None:
    rows = frame()
    numbered = rows.assign(account_id=first + 7 * pd.factorize(rows["account_id"], sort=True)[0])
    assert uncertainty.interval(numbered, resampled.auc(), 50) == uncertainty.interval(rows, resampled.auc(), 50)


def test_a_step_of_the_slope_is_close_to_a_fit() -> None:
    rows = frame(400, 4000)
    codes, names = pd.factorize(rows["account_id"], sort=True)
    counts = np.random.default_rng(4).multinomial(len(names), np.ones(len(names)) / len(names), size=20).T
    steps = resampled.calibration_slope()(rows, codes, len(names))(counts.astype(float))
    fits = []
    for draw in range(20):
        copied = np.repeat(np.arange(len(rows)), counts[codes, draw])
        fits.append(metrics.calibration_slope(rows["y"].to_numpy()[copied], rows["p"].to_numpy()[copied]))
    assert np.abs(steps - fits).max() < 0.15 * np.std(fits)


def test_the_estimate_is_the_metric_itself() -> None:
    rows = frame()
    y, p = rows["y"].to_numpy(), rows["p"].to_numpy()
    for statistic, plain in PLAIN.values():
        assert uncertainty.interval(rows, statistic, draws=50).value == pytest.approx(plain(y, p), abs=1e-12)
    assert uncertainty.interval(rows, resampled.ece(), 50, basic=True).value == pytest.approx(metrics.ece(y, p))
    slope, intercept = metrics.calibration_slope_intercept(y, p)
    assert uncertainty.interval(rows, resampled.calibration_slope(), 50).value == pytest.approx(slope)
    both = uncertainty.draw(rows, {"it": resampled.calibration()}, 50, 7)["it"]
    assert both[:, 0] == pytest.approx([slope, intercept])
    assert both[0] == pytest.approx(uncertainty.draw(rows, {"it": resampled.calibration_slope()}, 50, 7)["it"])
    ranks = uncertainty.draw(rows, {"it": resampled.ranking()}, 50, 7)["it"]
    alone = {"auc": resampled.auc(), "average_precision": resampled.average_precision()}
    assert (ranks == np.vstack(list(uncertainty.draw(rows, alone, 50, 7).values()))).all()
    share = uncertainty.interval(rows, resampled.ratio("y", "arr"), 50).value
    assert share == pytest.approx(y.sum() / rows["arr"].sum())


@pytest.mark.parametrize("name", list(PLAIN))
def test_copies_of_rows_within_an_account_change_nothing(name: str) -> None:
    rows, (statistic, _) = frame(), PLAIN[name]
    once, copied = (uncertainty.interval(one, statistic, 100) for one in (rows, pd.concat([rows] * 4)))
    assert [copied.value, copied.low, copied.high] == pytest.approx([once.value, once.low, once.high], abs=1e-12)


def test_rows_of_an_account_stay_together_so_the_interval_is_wider() -> None:
    rows = frame(40, 800, effect=3.0)
    clustered = uncertainty.interval(rows, resampled.ratio("y"), 400)
    alone = uncertainty.interval(rows.assign(account_id=np.arange(len(rows))), resampled.ratio("y"), 400)
    assert clustered.high - clustered.low > 1.5 * (alone.high - alone.low)


def test_order_of_rows_and_seed() -> None:
    rows = frame()
    first = uncertainty.interval(rows, resampled.auc(), 100, seed=1)
    assert first == uncertainty.interval(rows, resampled.auc(), 100, seed=1)
    assert first != uncertainty.interval(rows, resampled.auc(), 100, seed=2)
    mixed = uncertainty.interval(rows.sample(frac=1, random_state=3), resampled.auc(), 100, seed=1)
    assert [mixed.low, mixed.high] == pytest.approx([first.low, first.high], abs=1e-12)


def test_a_paired_difference_is_tighter_and_signed() -> None:
    rows = frame(200, 1500)
    gap = uncertainty.paired(rows, resampled.auc("p"), resampled.auc("q"), 200)
    back = uncertainty.paired(rows, resampled.auc("q"), resampled.auc("p"), 200)
    assert (gap.value, gap.low, gap.high) == pytest.approx((-back.value, -back.high, -back.low))
    y = rows["y"].to_numpy()
    assert gap.value == pytest.approx(metrics.auc(y, rows["p"].to_numpy()) - metrics.auc(y, rows["q"].to_numpy()))
    widths = [one.high - one.low for one in (uncertainty.interval(rows, resampled.auc(c), 200) for c in "pq")]
    assert gap.high - gap.low < 0.8 * float(np.hypot(*widths))


def test_intervals_cover_the_truth() -> None:
    """The mean outcome of clustered rows: 95 % nominal, within what 150 repetitions and 80 accounts allow."""
    truth = float(np.mean([frame(80, 400, 1000 + seed)["y"].mean() for seed in range(300)]))
    found = [uncertainty.interval(frame(80, 400, seed), resampled.ratio("y"), 200) for seed in range(150)]
    assert 0.88 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.99


def test_ece_of_a_calibrated_model_has_an_interval_that_reaches_down_to_nothing() -> None:
    random = np.random.default_rng(0)
    p = random.beta(1, 8, 3000)
    rows = pd.DataFrame({"account_id": np.arange(3000), "p": p, "y": (random.random(3000) < p).astype(float)})
    found = uncertainty.interval(rows, resampled.ece(), 200, basic=True)
    assert found.low < 0.004
    off = uncertainty.interval(rows.assign(p=p / 2), resampled.ece(), 200, basic=True)
    assert off.low < p.mean() / 2 < off.high
    assert off.low > found.high


def test_too_few_churned_accounts_to_resample_is_refused() -> None:
    rows = pd.DataFrame({"account_id": list("abcdefghij"), "p": np.linspace(0.1, 0.9, 10), "y": [1.0] + [0.0] * 9})
    with pytest.raises(MetricRefused, match="draws with churned accounts"):
        uncertainty.interval(rows, resampled.auc(), 200)


def test_drawing_in_blocks_is_drawing_at_once() -> None:
    whole = next(counts for place, counts in enumerate(uncertainty._blocks(30, 12, 5, 12)) if place)
    parts = list(uncertainty._blocks(30, 12, 5, 5))[1:]
    assert [one.shape[1] for one in parts] == [5, 5, 2]
    assert (whole.sum(axis=0) == 30).all()
    assert all((one.sum(axis=0) == 30).all() for one in parts)
    assert (np.concatenate(parts, axis=1) == whole).all()


def test_400_draws_of_the_auc_of_20_000_rows_take_a_few_sorts(in_sorts: Callable[..., float]) -> None:
    rows = frame(2000, 20_000)
    assert in_sorts(lambda: uncertainty.interval(rows, resampled.auc(), 400)) < 10
