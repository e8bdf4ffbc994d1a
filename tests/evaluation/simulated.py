"""A company whose true churn probabilities are known, judged: what a backtest would hand to the summary.

The hazard of a month is exp(a + seen by the rules + seen by the model only + seen by nobody, new each month), so that
both probabilities below are right on average, and the model knows more than the rules do.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from configs.settings import Settings
from configs.settings_file import DEFAULT_FILE, read_body, settings_from

STAGES = ("onboarding", "adoption", "value_realization", "renewal")
SEGMENTS = ("enterprise", "mid-market", "smb")


def settings(folder: Path = Path("."), **evaluation: object) -> Settings:
    body = read_body(DEFAULT_FILE)
    body["tables"] = {"accounts": {"from": "accounts.csv"}, "contracts": {"from": "contracts.csv"}}
    body["name"] = "Demo company"
    body["evaluation"] = {**body["evaluation"], "bootstrap_draws": 50, **evaluation}
    return settings_from(body, folder)


def _by(hazard: np.ndarray, spread: float, days: int) -> np.ndarray:
    """P(churn within days) when the month's hazard is `hazard` times a lognormal nobody sees."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(15)
    kept = (np.exp(-hazard[:, None] * np.exp(spread * nodes - spread**2 / 2)) * weights).sum(1) / weights.sum()
    return np.asarray(1 - kept ** (days / 30.4))


def company(
    accounts: int = 500, months: int = 15, seed: int = 3, base: float = -4.2, model_sees: float = 0.75
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(judged, baselines) with monthly as_ofs from 2024-01-01; `model_sees` 0: no better than the rules."""
    random = np.random.default_rng(seed)
    days = pd.date_range("2024-01-01", periods=months, freq="MS").astype("datetime64[us]")
    end = days[-1] + pd.Timedelta(days=75)
    rules, more = random.normal(0, 0.6, accounts), random.normal(0, 0.75, accounts)
    arr = np.round(np.exp(random.normal(9.5, 1.0, accounts)), -2)
    arr[random.random(accounts) < 0.05] = np.nan
    segment = np.where(
        np.nan_to_num(arr) > 40000, SEGMENTS[0], np.where(np.nan_to_num(arr) > 12000, SEGMENTS[1], SEGMENTS[2])
    )
    known = np.exp(base + rules + more)
    churn_at = np.full(accounts, np.datetime64("NaT", "us"))
    alive: list[tuple[int, np.ndarray]] = []
    for month, day in enumerate(days.append(pd.DatetimeIndex([days[-1] + pd.DateOffset(months=1)]))):
        here = np.flatnonzero(np.isnat(churn_at))
        if month < months:
            alive.append((month, here))
        leaves = random.random(here.size) < 1 - np.exp(-known[here] * np.exp(random.normal(-0.08, 0.4, here.size)))
        churn_at[here[leaves]] = day.to_datetime64() + random.integers(0, 28, leaves.sum()) * np.timedelta64(1, "D")
    churn_at[churn_at >= end.to_datetime64()] = np.datetime64("NaT", "us")
    who = np.concatenate([here for _, here in alive])
    as_of = days[np.concatenate([np.full(here.size, month) for month, here in alive])]
    judged = pd.DataFrame({"account_id": [f"account-{number:04d}" for number in who], "as_of": as_of})
    judged["lifecycle_stage"] = np.array(STAGES)[(who + as_of.month.to_numpy() // 4) % 4]
    sees = model_sees / 0.75
    for h in (30, 60, 90, 180):
        judged[f"p_churn_{h}d"] = _by(np.exp(base + rules + sees * more + (1 - sees**2) * 0.28)[who], 0.4, h)
        judged[f"p_true_{h}d"] = _by(known[who], 0.4, h)
    p, health = judged["p_churn_90d"], _by(np.exp(base + rules + 0.28)[who], 0.4, 90)
    judged["p_low_90d"], judged["p_high_90d"] = p * 0.7, np.minimum(1, p * 1.4)
    rate = float(p.mean())
    judged["risk_level"] = np.select([p >= 2 * rate, p >= rate, p >= rate / 2], ["high", "medium", "low"], "healthy")
    judged["health_score"] = 60 - 20 * rules[who]
    judged["p_health_90d"] = health
    judged["coverage"], judged["arr"] = 0.9, arr[who]
    judged["expected_arr_loss_90d"] = p * judged["arr"]
    said = [
        {"signal": "base", "dimension": "base", "value": None, "contribution": rate, "sentence": "average account"},
        {
            "signal": "logins_28d",
            "dimension": "usage",
            "value": 3.0,
            "contribution": 0.02,
            "sentence": "log-ins in 28 days",
        },
        {
            "signal": "nps",
            "dimension": "relationship",
            "value": 9,
            "contribution": -0.01,
            "sentence": "last NPS answer",
        },
        {
            "signal": "everything_else",
            "dimension": "usage",
            "value": None,
            "contribution": 0.001,
            "sentence": "the rest",
        },
    ]
    judged["reasons"], judged["triggers"], judged["actions"] = json.dumps(said), "[]", "[]"
    judged["model_version"], judged["config_version"] = "3", "abc123"
    judged["churn_at"] = churn_at[who]
    judged["segment"] = segment[who]
    judged["owner"] = [f"csm-{number % 6:02d}" for number in who]
    judged["fold"] = as_of.to_period("Q").start_time.strftime("%Y-%m-%d")
    baselines = []
    for name, shift in (("rules", 0.28), ("logistic", None), ("days_to_renewal", 0.0)):
        one = judged[["account_id", "as_of", "fold"]].copy()
        one["model"] = name
        for h in (30, 60, 90, 180):
            seen = {"rules": rules, "logistic": rules + 0.8 * more + 0.1, "days_to_renewal": 0.2 * rules + 0.4}[name]
            one[f"p_churn_{h}d"] = _by(np.exp(base + seen + (shift or 0))[who], 0.4, h)
        one["score"] = one["p_churn_90d"]
        baselines.append(one)
    for h in (30, 60, 90, 180):
        closes = judged["as_of"] + pd.Timedelta(days=h)
        left = (judged["churn_at"] < closes).astype(float)
        judged[f"churned_{h}d"] = left.where(closes <= end)
    return judged, pd.concat(baselines, ignore_index=True)
