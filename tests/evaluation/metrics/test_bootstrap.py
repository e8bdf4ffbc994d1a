"""The bootstrap against its definition (rows copied account by account), and against the laws of an interval."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from evaluation import metrics
from evaluation.metrics import bootstrap, bootstrap_statistics, business_value
from evaluation.metrics.calibration import calibration_slope, calibration_slope_intercept, ece, equal_mass_bins
from evaluation.metrics.validation import MetricRefused


def frame(accounts: int = 60, rows: int = 300, seed: int = 0, effect: float = 1.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    who = random.integers(accounts, size=rows)
    lean = random.normal(0, effect, accounts)[who]
    p = np.round(1 / (1 + np.exp(-(-1.5 + random.normal(0, 1, rows)))), 2).clip(0.01, 0.99)
    y = (random.random(rows) < 1 / (1 + np.exp(-(np.log(p / (1 - p)) + lean)))).astype(float)
    other = np.round(np.clip(p + random.normal(0, 0.15, rows), 0.01, 0.99), 2)
    return pd.DataFrame(
        {"account_id": [f"a{number:03d}" for number in who], "y": y, "p": p, "q": other, "arr": 1.0 + who}
    )


PLAIN = {
    "auc": (bootstrap_statistics.auc(), metrics.auc),
    "average_precision": (bootstrap_statistics.average_precision(), metrics.average_precision),
    "brier": (bootstrap_statistics.brier(), metrics.brier),
    "log_loss": (bootstrap_statistics.log_loss(), metrics.log_loss),
}


@pytest.mark.parametrize("name", [*PLAIN, "ece"])
def test_a_draw_equals_the_metric_on_copied_rows(name: str) -> None:
    rows = frame()
    codes, names = pd.factorize(rows["account_id"], sort=True)
    counts = np.random.default_rng(4).multinomial(len(names), np.ones(len(names)) / len(names), size=25).T
    bins = equal_mass_bins(rows["p"].to_numpy(), 15)
    statistic, plain = PLAIN.get(name, (bootstrap_statistics.ece(), None))
    result = np.atleast_2d(statistic(rows, codes, len(names))(counts.astype(float)))[0]
    for draw in range(25):
        copied = np.repeat(np.arange(len(rows)), counts[codes, draw])
        y, p = rows["y"].to_numpy()[copied], rows["p"].to_numpy()[copied]
        expected = plain(y, p) if plain else np.abs(np.bincount(bins[copied], y - p)).sum() / copied.size
        assert result[draw] == pytest.approx(expected, abs=1e-12)


def test_a_draw_weighed_by_arr_equals_the_ranking_by_arr_of_copied_rows() -> None:
    rows = frame()
    codes, names = pd.factorize(rows["account_id"], sort=True)
    counts = np.random.default_rng(4).multinomial(len(names), np.ones(len(names)) / len(names), size=10).T
    result = bootstrap_statistics.auc(weight="arr")(rows, codes, len(names))(counts.astype(float))
    for draw in range(10):
        copied = rows.iloc[np.repeat(np.arange(len(rows)), counts[codes, draw])]
        expected = business_value.auc_by_arr(copied["y"].to_numpy(), copied["p"].to_numpy(), copied["arr"].to_numpy())
        assert result[draw] == pytest.approx(expected, abs=1e-12)


def test_ratios_of_groups_are_the_ratio_of_each() -> None:
    rows = frame()
    group = np.arange(len(rows)) % 3
    rows.loc[group == 2, "arr"] = 0.0  # nothing to divide by
    result = bootstrap.draw(rows, {"all": bootstrap_statistics.ratios(["y"], "arr", group, 3)}, 40, 5)["all"][0]
    for number in range(3):
        alone = bootstrap_statistics.of(bootstrap_statistics.ratio("y", "arr"), group == number)
        np.testing.assert_allclose(result[number], bootstrap.draw(rows, {"it": alone}, 40, 5)["it"], rtol=1e-12)
    assert result.shape == (3, 41)
    assert np.isnan(result).tolist() == [[False] * 41, [False] * 41, [True] * 41]


@pytest.mark.parametrize("first", [0, -5, 20_000_000])
def test_accounts_may_be_numbers(first: int) -> None:
    rows = frame()
    numbered = rows.assign(account_id=first + 7 * pd.factorize(rows["account_id"], sort=True)[0])
    assert bootstrap.interval(numbered, bootstrap_statistics.auc(), 50) == bootstrap.interval(
        rows, bootstrap_statistics.auc(), 50
    )


def test_a_step_of_the_slope_is_close_to_a_fit() -> None:
    rows = frame(400, 4000)
    codes, names = pd.factorize(rows["account_id"], sort=True)
    counts = np.random.default_rng(4).multinomial(len(names), np.ones(len(names)) / len(names), size=20).T
    steps = bootstrap_statistics.calibration_slope()(rows, codes, len(names))(counts.astype(float))
    fits = []
    for draw in range(20):
        copied = np.repeat(np.arange(len(rows)), counts[codes, draw])
        fits.append(calibration_slope(rows["y"].to_numpy()[copied], rows["p"].to_numpy()[copied]))
    assert np.abs(steps - fits).max() < 0.15 * np.std(fits)


def test_the_estimate_is_the_metric_itself() -> None:
    rows = frame()
    y, p = rows["y"].to_numpy(), rows["p"].to_numpy()
    for statistic, plain in PLAIN.values():
        assert bootstrap.interval(rows, statistic, draws=50).value == pytest.approx(plain(y, p), abs=1e-12)
    assert bootstrap.interval(rows, bootstrap_statistics.ece(), 50).value == pytest.approx(ece(y, p))
    slope, intercept = calibration_slope_intercept(y, p)
    assert bootstrap.interval(rows, bootstrap_statistics.calibration_slope(), 50).value == pytest.approx(slope)
    both = bootstrap.draw(rows, {"it": bootstrap_statistics.calibration()}, 50, 7)["it"]
    assert both[:, 0] == pytest.approx([slope, intercept])
    assert both[0] == pytest.approx(bootstrap.draw(rows, {"it": bootstrap_statistics.calibration_slope()}, 50, 7)["it"])
    ranks = bootstrap.draw(rows, {"it": bootstrap_statistics.ranking()}, 50, 7)["it"]
    alone = {"auc": bootstrap_statistics.auc(), "average_precision": bootstrap_statistics.average_precision()}
    assert (ranks == np.vstack(list(bootstrap.draw(rows, alone, 50, 7).values()))).all()
    share = bootstrap.interval(rows, bootstrap_statistics.ratio("y", "arr"), 50).value
    assert share == pytest.approx(y.sum() / rows["arr"].sum())


@pytest.mark.parametrize("name", list(PLAIN))
def test_copies_of_rows_within_an_account_change_nothing(name: str) -> None:
    rows, (statistic, _) = frame(), PLAIN[name]
    once, copied = (bootstrap.interval(one, statistic, 100) for one in (rows, pd.concat([rows] * 4)))
    assert [copied.value, copied.low, copied.high] == pytest.approx([once.value, once.low, once.high], abs=1e-12)


def test_rows_of_an_account_stay_together_so_the_interval_is_wider() -> None:
    rows = frame(40, 800, effect=3.0)
    clustered = bootstrap.interval(rows, bootstrap_statistics.ratio("y"), 400)
    alone = bootstrap.interval(rows.assign(account_id=np.arange(len(rows))), bootstrap_statistics.ratio("y"), 400)
    assert clustered.high - clustered.low > 1.5 * (alone.high - alone.low)


def test_order_of_rows_and_seed() -> None:
    rows = frame()
    first = bootstrap.interval(rows, bootstrap_statistics.auc(), 100, seed=1)
    assert first == bootstrap.interval(rows, bootstrap_statistics.auc(), 100, seed=1)
    assert first != bootstrap.interval(rows, bootstrap_statistics.auc(), 100, seed=2)
    mixed = bootstrap.interval(rows.sample(frac=1, random_state=3), bootstrap_statistics.auc(), 100, seed=1)
    assert [mixed.low, mixed.high] == pytest.approx([first.low, first.high], abs=1e-12)


def test_a_paired_difference_is_tighter_and_signed() -> None:
    rows = frame(200, 1500)
    gap = bootstrap.paired(rows, bootstrap_statistics.auc("p"), bootstrap_statistics.auc("q"), 200)
    back = bootstrap.paired(rows, bootstrap_statistics.auc("q"), bootstrap_statistics.auc("p"), 200)
    assert (gap.value, gap.low, gap.high) == pytest.approx((-back.value, -back.high, -back.low))
    y = rows["y"].to_numpy()
    assert gap.value == pytest.approx(metrics.auc(y, rows["p"].to_numpy()) - metrics.auc(y, rows["q"].to_numpy()))
    widths = [one.high - one.low for one in (bootstrap.interval(rows, bootstrap_statistics.auc(c), 200) for c in "pq")]
    assert gap.high - gap.low < 0.8 * float(np.hypot(*widths))


def test_intervals_cover_the_truth() -> None:
    """The mean outcome of clustered rows: 95 % nominal, within what 150 repetitions and 80 accounts allow."""
    truth = float(np.mean([frame(80, 400, 1000 + seed)["y"].mean() for seed in range(300)]))
    result = [bootstrap.interval(frame(80, 400, seed), bootstrap_statistics.ratio("y"), 200) for seed in range(150)]
    assert 0.88 <= np.mean([one.low <= truth <= one.high for one in result]) <= 0.99


def test_ece_of_a_calibrated_model_has_an_interval_that_reaches_down_to_nothing() -> None:
    random = np.random.default_rng(0)
    p = random.beta(1, 8, 3000)
    rows = pd.DataFrame({"account_id": np.arange(3000), "p": p, "y": (random.random(3000) < p).astype(float)})
    result = bootstrap.interval(rows, bootstrap_statistics.ece(), 200)
    assert result.low < 0.004
    off = bootstrap.interval(rows.assign(p=p / 2), bootstrap_statistics.ece(), 200)
    assert off.low < p.mean() / 2 < off.high
    assert off.low > result.high


def test_the_interval_of_a_right_models_calibration_error_covers_nothing_and_a_wrong_ones_does_not() -> None:
    """Monthly rows of one account share their churns, as they do in a backtest; benchmarks/ece_interval.py has more."""
    covered, holds = [], []
    for seed in range(40):
        random = np.random.default_rng(seed)
        p = np.clip(random.beta(1, 8, 300).repeat(4), 0.005, 0.995)
        y = (random.random(300).repeat(4) < p).astype(float)  # one draw an account: four rows that say the same
        rows = pd.DataFrame({"account_id": np.arange(300).repeat(4), "p": p, "y": y})
        covered.append(bootstrap.interval(rows, bootstrap_statistics.ece(), 100).low == 0)
        off = bootstrap.interval(rows.assign(p=p / 3), bootstrap_statistics.ece(), 100)
        holds.append((off.low <= 2 / 27 <= off.high, off.low > 0))
    assert np.mean(covered) >= 0.85
    assert np.mean(holds, axis=0).min() >= 0.85


def test_too_few_churned_accounts_to_resample_is_refused() -> None:
    rows = pd.DataFrame({"account_id": list("abcdefghij"), "p": np.linspace(0.1, 0.9, 10), "y": [1.0] + [0.0] * 9})
    with pytest.raises(MetricRefused, match="draws with churned accounts"):
        bootstrap.interval(rows, bootstrap_statistics.auc(), 200)


@pytest.mark.parametrize("kept", [bootstrap.KEPT_COUNTS, 0], ids=["kept", "drawn_anew"])
def test_drawing_in_blocks_is_drawing_at_once(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, blocks = frame(30, 30), []

    def counts_of(_: pd.DataFrame, __: np.ndarray, ___: int) -> Callable[[np.ndarray], np.ndarray]:
        def counted(counts: np.ndarray) -> np.ndarray:
            blocks.append(counts.shape[1])
            return counts

        return counted

    accounts = rows.account_id.nunique()
    whole = bootstrap.draw(rows, {"counts": counts_of}, 12, 5)["counts"]
    monkeypatch.setattr(bootstrap, "KEPT_COUNTS", kept)
    monkeypatch.setattr(bootstrap, "COUNTED_AT_ONCE", 5 * (2 * len(rows) + accounts))
    parts = bootstrap.draw(rows, {"counts": counts_of}, 12, 5)["counts"]
    assert blocks == [1, 12, 1, 5, 5, 2]
    assert (whole[:, 0] == 1).all()
    assert (whole.sum(axis=0) == accounts).all()
    assert (parts == whole).all()


def test_400_draws_of_the_auc_of_20_000_rows_take_a_few_sorts(in_sorts: Callable[..., float]) -> None:
    rows = frame(2000, 20_000)
    assert in_sorts(lambda: bootstrap.interval(rows, bootstrap_statistics.auc(), 400)) < 10
