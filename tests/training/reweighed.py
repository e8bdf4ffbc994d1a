"""A company whose churn follows the health score exactly, by weights that are known: what `weights` must find again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from configs.framework import Framework
from features.health.health_score import rule_scores
from features.signal import Schema

START = pd.Timestamp("2022-01-01").as_unit("us")
MONTH_DAYS, MONTHS = 30, 24
NO_SCHEMA = Schema(())
STAGES = ("onboarding", "adoption", "value_realization", "renewal")
LEVEL = {"onboarding": -3.4, "adoption": -4.0, "value_realization": -4.4, "renewal": -3.7}


@dataclass(frozen=True)
class Company:
    signals: pd.DataFrame
    labels: pd.DataFrame
    data_end: pd.Timestamp
    schema: Schema = NO_SCHEMA


def company(truth: Framework, accounts: int, seed: int, slope: float = 0.7, stays: str = "") -> Company:
    """Quarterly snapshots of accounts that keep their signals and stage; each mapped signal scores evenly over 0-100.

    The log-odds of leaving in a month are the stage's level less `slope` for 10 points of health by `truth` (above 50).
    Nobody leaves in the stage `stays`. One in ten answers of the last two maps is missing.
    """
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"account_id": [f"a{number:05d}" for number in range(accounts)]})
    frame["lifecycle_stage"] = rng.choice(STAGES, accounts, p=[0.2, 0.3, 0.35, 0.15])
    for health_map in truth.health_maps:
        score = rng.uniform(0, 100, accounts)
        values, scores = zip(*sorted(health_map.points, key=lambda point: point[1]), strict=True)
        frame[health_map.signal] = np.interp(score, scores, values)
    for health_map in truth.health_maps[-2:]:
        frame.loc[rng.random(accounts) < 0.1, health_map.signal] = np.nan
    health = rule_scores(frame, truth).health
    hazard = expit(frame.lifecycle_stage.map(LEVEL).to_numpy() - slope * (health - 50) / 10)
    hazard[frame.lifecycle_stage == stays] = 0.0
    month = np.full(accounts, np.inf)
    leaves = hazard > 0
    month[leaves] = rng.geometric(hazard[leaves]) - 1.0
    days = np.where(month < MONTHS, month * MONTH_DAYS + rng.integers(0, MONTH_DAYS, accounts), np.nan)
    churn_at = START + pd.to_timedelta(pd.Series(days), unit="D")
    data_end = START + pd.Timedelta(days=MONTHS * MONTH_DAYS)
    blocks = []
    for quarter in range(MONTHS // 3):
        as_of = START + pd.Timedelta(days=90 * quarter)
        there = ~(churn_at < as_of)
        blocks.append(frame[there].assign(as_of=as_of, churn_at=churn_at[there].to_numpy("datetime64[us]")))
    signals = pd.concat(blocks, ignore_index=True).astype({"as_of": "datetime64[us]"})
    labels = signals[["account_id", "as_of", "churn_at"]].assign(observed_until=data_end)
    return Company(signals.drop(columns="churn_at"), labels, data_end)


def shuffled(found: Company, seed: int) -> Company:
    """The accounts of a day swap their fates: who leaves no longer goes by any signal, nor by stage."""
    rng = np.random.default_rng([seed, 99])
    place = np.arange(len(found.labels))
    for rows in found.labels.groupby("as_of").indices.values():
        place[rows] = rng.permutation(rows)
    labels = found.labels.assign(churn_at=found.labels.churn_at.to_numpy()[place])
    return Company(found.signals, labels, found.data_end)
