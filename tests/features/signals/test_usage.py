"""Usage against a loop over single events: every aggregate, late rows, weekends and days without use."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from features.dataset import Dataset
from features.signals.usage import USAGE
from tests.features.by_hand import FIRST, SECOND, build, frame_of, rows, value

DAY = pd.Timedelta(days=1)
ACCOUNTS = ("busy", "sparse", "weekdays", "weekends", "old", "absent")
Found = dict[str, float | None]


def events() -> pd.DataFrame:
    """Random uses; of `weekdays` from Monday to Friday alone, of `weekends` the rest, of `old` none in half a year."""
    rng = np.random.default_rng(3)
    made = []
    for account, count in (("busy", 900), ("sparse", 60), ("weekdays", 200), ("weekends", 200), ("old", 100)):
        at = SECOND - pd.to_timedelta(rng.uniform(0.01, 520, count), unit="D")
        if account in ("weekdays", "weekends"):
            at = at[(at.day_of_week > 4) == (account == "weekends")]
        if account == "old":
            at = at[at < SECOND - 200 * DAY]
        at = at.append(at[:20].normalize())  # at midnight to the second
        late = np.where(rng.random(len(at)) < 0.3, rng.integers(1, 60 * 24, len(at)), 1)
        made.append(
            pd.DataFrame(
                {
                    "account_id": account,
                    "occurred_at": at,
                    "recorded_at": at + pd.to_timedelta(late, unit="h"),
                    "user_id": [None if integer == 7 else f"u{integer}" for integer in rng.integers(0, 8, len(at))],
                    "feature": rng.choice(["a", "b", "c", "d", "e"], len(at)),
                    "quantity": rng.integers(1, 9, len(at)),
                }
            )
        )
    return pd.concat(made, ignore_index=True)


def share(top: float, bottom: float) -> float | None:
    return top / bottom if bottom > 0 else None


def by_loop(uses: pd.DataFrame, as_of: pd.Timestamp) -> Found:
    """The signals of one account's uses, counted one by one; nothing where it had none by then."""
    seen = uses[(uses.occurred_at < as_of) & (uses.recorded_at <= as_of)]
    if seen.empty:
        return {}
    seen = seen.assign(age=(as_of - seen.occurred_at.dt.normalize()).dt.days)
    in_days = {days: seen[seen.age <= days] for days in (1, 7, 14, 30, 90, 180)}
    result: Found = {}
    for days in (7, 14, 30, 90, 180):
        result[f"usage_{days}d"] = in_days[days].quantity.sum()
        result[f"sessions_{days}d"] = len(in_days[days])
    for days in (7, 14, 30, 90):
        result[f"active_days_{days}d"] = in_days[days].age.nunique()
    result["usage_before_14d"] = seen.quantity[(seen.age > 14) & (seen.age <= 28)].sum()
    result["usage_last_year_30d"] = seen.quantity[(seen.age > 365) & (seen.age <= 395)].sum()
    result["days_since_use"] = seen.age[seen.age <= 395].min() if (seen.age <= 395).any() else 396
    weeks = [bool(((seen.age - 1) // 7 == week).any()) for week in range(4)]
    result["weeks_in_a_row"] = ([*weeks, False]).index(False)
    recent = in_days[90]
    weekend = recent.occurred_at.dt.day_of_week > 4
    result["weekend_share_90d"] = share(recent.quantity[weekend].sum(), recent.quantity.sum())
    volume = recent.groupby("age").quantity.sum().reindex(range(1, 91), fill_value=0)
    result["usage_mean_age_90d"] = share((volume * volume.index).sum(), volume.sum())
    for what, key, (used, lost, new) in (
        ("user", "user_id", ("active_users", "users_lost_30d", "users_new_30d")),
        ("feature", "feature", ("features_used", "features_dropped_30d", "features_new_30d")),
    ):
        ages: dict[str, list[int]] = {}
        volumes: Counter[str] = Counter()
        before: Counter[str] = Counter()
        for row in recent[recent[key].notna()].itertuples():
            text = str(getattr(row, key))
            ages.setdefault(text, []).append(row.age)
            volumes[text] += row.quantity
            before[text] += row.quantity * (30 < row.age <= 60)
        for days in (1, 7, 30, 90) if what == "user" else (7, 30, 90):
            result[f"{used}_{days}d"] = sum(min(age) <= days for age in ages.values())
        result[lost] = sum(min(age) > 30 for age in ages.values())
        result[new] = sum(max(age) <= 30 for age in ages.values())
        result[f"top_{what}_share_90d"] = share(max(volumes.values(), default=0), sum(volumes.values()))
        if what == "user":
            gone = sum(before[one] for one, its in ages.items() if min(its) > 30)
            result["power_use_lost_30d"] = share(gone, sum(before.values()))
    return result


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    accounts = rows("account_id created_at", *((name, 700) for name in ACCOUNTS))
    return build(tmp_path_factory.mktemp("usage"), {"accounts": accounts, "usage_events": events()})


@pytest.mark.parametrize("as_of", [FIRST, SECOND])
@pytest.mark.parametrize("account", ACCOUNTS[:-1])
def test_aggregates_of_usage_are_what_a_loop_over_events_counts(
    data: Dataset, account: str, as_of: pd.Timestamp
) -> None:
    uses = events()
    expected = by_loop(uses[uses.account_id == account], as_of)
    assert expected.keys() == {signal.name for signal in USAGE if (frame_of(signal) or "").startswith("usage_")}
    result = {name: value(data, account, as_of, name) for name in expected}
    assert result == {
        name: pytest.approx(np.nan if one is None else one, nan_ok=True) for name, one in expected.items()
    }


def test_an_account_used_on_weekdays_alone_has_a_weekend_share_of_0(data: Dataset) -> None:
    assert value(data, "weekdays", SECOND, "weekend_share_90d") == 0.0
    assert value(data, "weekends", SECOND, "weekend_share_90d") == 1.0
    assert pd.isna(value(data, "old", SECOND, "weekend_share_90d"))  # no use at all in these days


def test_an_account_without_a_row_of_usage_has_no_signal_of_it(data: Dataset) -> None:
    of_usage = [signal.name for signal in USAGE if (frame_of(signal) or "").startswith("usage_")]
    assert all(pd.isna(value(data, "absent", SECOND, name)) for name in of_usage)
