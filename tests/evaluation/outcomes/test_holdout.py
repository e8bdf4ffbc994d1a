"""Arms: stable and balanced by hash, outcomes shown apart, and effects only where chance decided."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from evaluation.jsonable import to_jsonable
from evaluation.metrics.validation import MetricRefused
from evaluation.outcomes.holdout import HOLDOUT, NotRandom, approached_later, arms, assign, by_arm, effect

NAMES = [f"account-{number}" for number in range(20_000)]
DAY = pd.Timestamp("2025-01-01").as_unit("us")


def test_the_arm_hangs_on_the_account_and_the_salt_alone() -> None:
    whole = assign(NAMES, "s", 0.1)
    assert assign(NAMES[500:510][::-1], "s", 0.1).tolist() == whole[500:510][::-1].tolist()
    # written down, so that another version of the code draws the same
    assert "".join(one[0] for one in assign(NAMES[:24], "2026 renewals", 0.5)) == "tthttttthtthtthhththtthh"
    with pytest.raises(ValueError, match=r"share of 1\.5"):
        assign(NAMES, "s", 1.5)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2, 0.5, 1.0])
def test_the_share_is_kept_and_a_larger_one_keeps_the_smaller_ones_accounts(share: float) -> None:
    held = assign(NAMES, "s", share) == HOLDOUT
    assert held.mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / len(NAMES)) + 1e-12)
    assert (held <= (assign(NAMES, "s", min(1, share + 0.1)) == HOLDOUT)).all()


def test_salts_draw_independently_and_arms_are_balanced() -> None:
    one, other = (assign(NAMES, salt, 0.5) == HOLDOUT for salt in ("a", "b"))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.03
    arr = np.random.default_rng(0).lognormal(9, 1, len(NAMES))
    standardised = (arr[one].mean() - arr[~one].mean()) / arr.std()
    assert abs(standardised) < 4 * 2 / np.sqrt(len(NAMES))
    assert abs(np.corrcoef(one, np.arange(len(NAMES)))[0, 1]) < 0.03  # nor does the order of ids tell


def interventions(*rows: tuple[str, int, int | None, str | None]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=["account_id", "started_at", "ended_at", "arm"])
    for name in ("started_at", "ended_at"):
        made[name] = DAY + pd.to_timedelta(made[name].astype(float), unit="D")
    return made


ARMS = {
    "nobody decided": ([], "untreated"),
    "approached within the window": ([("a", 10, 20, "treated")], "untreated, approached later"),
    "on its first day": ([("a", 0, None, None)], "treated"),
    "on the day after its last": ([("a", 90, 95, "treated")], "untreated"),
    "on its last day": ([("a", 89, 95, None)], "untreated, approached later"),
    "still under way": ([("a", -40, None, "treated")], "treated"),
    "over by then": ([("a", -40, 0, "treated")], "untreated"),
    "held out": ([("a", -5, None, "holdout")], "holdout"),
    "held out later": ([("a", 5, None, "holdout")], "untreated"),
    "held out, and approached all the same": ([("a", -5, None, "holdout"), ("a", -6, 7, "treated")], "treated"),
    "held out, and approached later": (
        [("a", -5, None, "holdout"), ("a", 6, 7, "treated")], "holdout, approached later"
    ),
    "another account's": ([("b", -5, None, "treated")], "untreated"),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "expected"), ARMS.values(), ids=ARMS)
def test_arms_by_hand(rows, expected: str) -> None:
    judged = pd.DataFrame({"account_id": ["a"], "as_of": [DAY]}, index=[7])
    result, later = arms(judged, interventions(*rows)), approached_later(judged, interventions(*rows), 90)
    assert (result.index.tolist(), later.index.tolist()) == ([7], [7])
    assert result[7] + (", approached later" if later[7] else "") == expected


def test_where_approaching_does_nothing_the_arms_leave_alike() -> None:
    """A third leaves within the window whatever is done; a half is approached on some day, unless it has left."""
    random = np.random.default_rng(3)
    rows = pd.DataFrame({"account_id": NAMES[:6000], "as_of": DAY, "p": 1 / 3, "flagged": True})
    left_on = np.where(random.random(6000) < 1 / 3, random.uniform(0, 90, 6000), np.inf)
    asked_on = np.where(random.random(6000) < 0.5, random.uniform(-90, 90, 6000), np.inf)
    begun = np.flatnonzero(asked_on < left_on)
    done = interventions(*((NAMES[one], int(np.floor(asked_on[one])), None, "treated") for one in begun))
    rows = rows.assign(y=np.isfinite(left_on).astype(float), arm=arms(rows, done))
    rows["approached_later"] = approached_later(rows, done, 90)
    treated, untreated = by_arm(rows)
    assert untreated.happened.low < 1 / 3 < untreated.happened.high
    assert treated.happened.low < 1 / 3 < treated.happened.high
    within = rows.y[(rows.arm == "untreated") & ~rows.approached_later].mean()
    assert within > 0.4  # what the untreated were said to do when the window's own interventions moved rows
    assert untreated.approached_later > 500
    told = untreated.to_json()
    assert told["flagged_and_left"] + told["false_alarms"] + told["stayed_when_approached_later"] == told["flagged"]


def test_a_saved_account_is_never_a_plain_false_alarm() -> None:
    rows = pd.DataFrame({"account_id": list("abcdef"), "arm": ["treated"] * 3 + ["untreated"] * 2 + ["holdout"]})
    rows["flagged"], rows["y"], rows["p"] = [True, True, False, True, True, True], [0, 1, 0, 0, 1, 0], 0.5
    rows["approached_later"] = False
    treated, untreated, held = by_arm(rows)
    assert [outcome.arm for outcome in (treated, untreated, held)] == ["treated", "untreated", "holdout"]
    assert (treated.flagged_and_stayed, treated.flagged, treated.flagged_and_left) == (1, 2, 1)
    assert "false_alarms" not in treated.to_json()
    assert (untreated.to_json()["false_alarms"], held.to_json()["false_alarms"]) == (1, 1)
    assert treated.happened.value == pytest.approx(1 / 3)
    assert [outcome.arm for outcome in by_arm(rows[rows.arm == "holdout"])] == ["holdout"]


def trial(saves: float, accounts: int = 3000, share: float = 0.3, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    rows = pd.DataFrame({"account_id": NAMES[:accounts]})
    rows["arm"] = assign(NAMES[:accounts], "t", share)
    rate = np.where(rows.arm == HOLDOUT, 0.3, 0.3 * (1 - saves))
    return rows.assign(y=(random.random(accounts) < rate).astype(float))


def test_a_planted_effect_is_found_and_none_where_there_is_none() -> None:
    result = effect(trial(0.5), "t", 0.3)
    assert result.difference.low < -0.15 < result.difference.high < 0
    assert result.difference.value == pytest.approx(result.treated.value - result.holdout.value)
    assert result.treated_accounts + result.holdout_accounts == 3000
    assert json.dumps(to_jsonable(result), allow_nan=False)
    covered = [
        (one := effect(trial(0.0, 600, seed=seed), "t", 0.3, 100).difference).low <= 0 <= one.high for seed in range(40)
    ]
    assert np.mean(covered) >= 0.85


def spoiled(rows: pd.DataFrame, how: str) -> pd.DataFrame:
    if how == "by hand":
        return rows.assign(arm=np.where(rows.y == 1, "holdout", "treated"))
    if how == "no arm":
        return rows.assign(arm=rows.arm.where(rows.index > 4, "untreated"))
    if how == "one arm":
        return rows[rows.arm == "treated"]
    return rows[(rows.arm == "treated") | (rows.index % 3 == 0)]


NOT_RANDOM = {
    "by hand": "accounts in another arm than drawn",
    "no arm": "5 rows in no arm of the experiment",
    "one arm": "no account is holdout",
    "rows of one arm are missing": "find out why rows of one arm are missing",
}


@pytest.mark.parametrize(("how", "match"), NOT_RANDOM.items(), ids=NOT_RANDOM)
def test_no_effect_where_chance_did_not_decide(how: str, match: str) -> None:
    with pytest.raises(NotRandom, match=match):
        effect(spoiled(trial(0.5), how), "t", 0.3)


def test_another_salt_is_not_the_draw_and_few_churns_say_nothing() -> None:
    with pytest.raises(NotRandom, match="in another arm than drawn"):
        effect(trial(0.5), "u", 0.3)
    few = trial(0.5).assign(y=lambda rows: (rows.index < 5).astype(float))
    with pytest.raises(MetricRefused, match="5 churned accounts; expected at least 10"):
        effect(few, "t", 0.3)
