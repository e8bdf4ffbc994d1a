"""A seeded company whose true churn probabilities are known exactly: a Markov latent state, hazards by state, renewals.

Months are 30 days. The latent health moves on a grid of states; the hazard of a month depends on the state at its
start, the segment, and whether the contract's renewal falls in it. Because all of these are finite or known in advance,
the true probability of churn by each horizon is a matrix product, not a simulation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import norm

from features.signal import Schema, SignalInfo

MONTH = pd.Timedelta(days=30)
START = pd.Timestamp("2022-01-01")
STATES = 13
HORIZONS = (30, 60, 90, 180)
GRID = np.linspace(-2.4, 2.4, STATES)


@dataclass(frozen=True)
class Simulated:
    """A dataset as training/ takes it, with `truth` (n, horizons): the true probabilities of each snapshot."""

    signals: pd.DataFrame
    labels: pd.DataFrame
    schema: Schema
    data_end: pd.Timestamp
    truth: pd.DataFrame


def transition(stay: float) -> np.ndarray:
    """AR(1) on the grid (Tauchen 1986); rows add up to 1."""
    half = (GRID[1] - GRID[0]) / 2
    sd = np.sqrt(1 - stay**2)
    upper = norm.cdf((GRID[None, :] + half - stay * GRID[:, None]) / sd)
    lower = norm.cdf((GRID[None, :] - half - stay * GRID[:, None]) / sd)
    upper[:, -1], lower[:, 0] = 1.0, 0.0
    return upper - lower


def hazard(state: np.ndarray, segment: np.ndarray, renews: np.ndarray, level: float, drift: float) -> np.ndarray:
    """Chance of churn in a month."""
    effect = np.array([0.0, 0.35, -0.6])[segment]
    return expit(level + drift - 1.25 * state + effect + renews * (1.4 - 0.4 * state))


def simulate(
    accounts: int = 500,
    months: int = 26,
    seed: int = 1,
    level: float = -5.1,
    drift_per_month: float = 0.0,
    noise: float = 0.5,
) -> Simulated:
    """`drift_per_month` raises the log-odds of churn with calendar time; the truth knows it."""
    rng = np.random.default_rng(seed)
    move = transition(0.93)
    segment = rng.integers(0, 3, accounts)
    begins = np.where(
        rng.random(accounts) < 0.6, -rng.integers(0, 24, accounts), rng.integers(0, max(months - 2, 1), accounts)
    )
    has_term = rng.random(accounts) < 0.8
    state = rng.choice(STATES, accounts, p=_stationary(move))
    trait = rng.normal(size=(accounts, 4))
    feed = rng.random(accounts) < 0.85  # accounts without a support feed at all
    alive = np.ones(accounts, bool)
    churn_at = np.full(accounts, np.datetime64("NaT"), dtype="datetime64[us]")
    frames, truths = [], []
    previous = GRID[state].copy()
    slow = GRID[state].copy()
    for month in range(months):
        as_of = START + month * MONTH
        active = alive & (begins <= month)
        # Months since the contract began decide where in the year the renewal stands: in the month when phase is 11.
        phase = (month - begins) % 12
        latent = GRID[state]
        slow = 0.7 * slow + 0.3 * latent
        frames.append(
            _observe(
                rng, active, as_of, month, begins, segment, has_term, phase, latent, previous, slow, trait, feed, noise
            )
        )
        truths.append(_truth(active, state, segment, has_term, phase, month, move, level, drift_per_month))
        leaves = hazard(latent, segment, has_term & (phase == 11), level, drift_per_month * month)
        gone = active & (rng.random(accounts) < leaves)
        day = rng.integers(0, 30, accounts)
        churn_at[gone] = (as_of + pd.to_timedelta(day[gone], unit="D")).to_numpy().astype("datetime64[us]")
        alive &= ~gone
        previous = latent
        state = (move.cumsum(axis=1)[state] < rng.random(accounts)[:, None]).sum(axis=1).clip(0, STATES - 1)
    data_end = START + months * MONTH
    frame = pd.concat(frames, ignore_index=True)
    account = frame["account_id"].str[8:].astype(int).to_numpy()
    labels = frame[["account_id", "as_of"]].copy()
    labels["churn_at"] = churn_at[account]
    labels["observed_until"] = pd.Timestamp(data_end).as_unit("us")
    labels["voluntary"] = None
    truth = pd.DataFrame(np.concatenate(truths), columns=[f"p_churn_{h}d" for h in HORIZONS])
    return Simulated(frame, labels, SCHEMA, data_end, truth)


def _stationary(move: np.ndarray) -> np.ndarray:
    return np.linalg.matrix_power(move, 400)[0] / np.linalg.matrix_power(move, 400)[0].sum()


def _truth(active, state, segment, has_term, phase, month, move, level, drift) -> np.ndarray:  # type: ignore[no-untyped-def]
    who = np.nonzero(active)[0]
    spread = np.zeros((len(who), STATES))
    spread[np.arange(len(who)), state[who]] = 1.0
    out = np.empty((len(who), len(HORIZONS)))
    for ahead in range(6):
        renews = (has_term[who] & ((phase[who] + ahead) % 12 == 11))[:, None]
        leave = hazard(GRID[None, :], segment[who][:, None], renews, level, drift * (month + ahead))
        spread = spread * (1 - leave)
        if (ahead + 1) * 30 in HORIZONS:
            out[:, HORIZONS.index((ahead + 1) * 30)] = 1 - spread.sum(axis=1)
        spread = spread @ move
    return out


def _observe(rng, active, as_of, month, begins, segment, has_term, phase, latent, previous, slow, trait, feed, noise):  # type: ignore[no-untyped-def]
    who = np.nonzero(active)[0]
    n = len(who)
    z, s, t = latent[who], slow[who], trait[who]

    def wobble(size: float = 1.0) -> np.ndarray:
        return size * noise * rng.normal(size=n)

    tenure = (month - begins[who]) * 30.0
    to_renewal = np.where(has_term[who], (12 - phase[who]) * 30.0 - 15.0, np.nan)
    logins = np.round(np.exp(1.5 + 0.6 * z + 0.5 * t[:, 0] + wobble(0.6)))
    tickets = rng.poisson(np.exp(0.1 - 0.35 * z))
    stage = np.select(
        [(to_renewal >= 30) & (to_renewal <= 90), tenure < 90, tenure < 180],
        ["renewal", "onboarding", "adoption"],
        "value_realization",
    )
    columns = {
        "account_id": [f"Account {number:04d}" for number in who],
        "as_of": pd.Series([as_of] * n).astype("datetime64[us]").to_numpy() if n else np.array([], "datetime64[us]"),
        "segment": np.array(["smb", "mid", "enterprise"])[segment[who]],
        "arr": np.exp(9 + t[:, 1]),
        "lifecycle_stage": stage,
        "days_to_renewal": to_renewal,
        "term_days": np.where(has_term[who], 360.0, np.nan),
        "tenure_days": tenure,
        "logins_28d": logins,
        "logins_trend": z - previous[who] + wobble(),
        "feature_breadth": np.clip(0.5 + 0.15 * z + wobble(0.25), 0, 1),
        "seats_used_share": np.clip(0.6 + 0.12 * s + 0.1 * t[:, 0] + wobble(0.2), 0, 1.2),
        "days_since_login": np.round(np.exp(1.5 - 0.5 * z + wobble())),
        "meetings_90d": rng.poisson(np.exp(0.4 + 0.3 * s)).astype(float),
        "reply_days": np.where(rng.random(n) < 0.3, np.nan, np.exp(0.5 - 0.3 * z + wobble())),
        "tickets_90d": np.where(feed[who], tickets.astype(float), np.nan),
        "satisfaction": np.where(feed[who] & (tickets > 0), np.clip(3.6 + 0.5 * z + wobble(), 1, 5), np.nan),
        "days_late": np.maximum(0, np.round(5 - 4 * z + 5 * t[:, 2] + wobble(6))),
        "arr_growth": 0.03 * z + 0.05 * t[:, 3] + wobble(0.05),
        "nps": np.where(rng.random(n) < 0.5, np.nan, np.clip(np.round(7 + 1.3 * s + wobble(2)), 0, 10)),
        "sponsor_gone": (rng.random(n) < expit(-1.5 - 0.7 * z)).astype(float),
        "noise_a": rng.normal(size=n),
        "noise_b": rng.exponential(size=n),
        "region": rng.choice(["north", "south", "east", "west"], n),
    }
    return pd.DataFrame(columns)


def _info(name: str, dimension: str, healthier: int, kind: Literal["number", "category"] = "number") -> SignalInfo:
    return SignalInfo(
        name=name, dimension=dimension, unit="count", healthier=healthier, kind=kind, sentence=f"{name} of the account"
    )


SCHEMA = Schema(
    (
        _info("logins_28d", "usage", 1),
        _info("logins_trend", "usage", 1),
        _info("feature_breadth", "usage", 1),
        _info("seats_used_share", "usage", 1),
        _info("days_since_login", "usage", -1),
        _info("meetings_90d", "engagement", 1),
        _info("reply_days", "engagement", -1),
        _info("tickets_90d", "engagement", -1),
        _info("satisfaction", "engagement", 1),
        _info("days_late", "financial", -1),
        _info("arr_growth", "financial", 1),
        _info("days_to_renewal", "financial", 0),
        _info("nps", "relationship", 1),
        _info("sponsor_gone", "relationship", -1),
        _info("tenure_days", "account", 0),
        _info("noise_a", "account", 0),
        _info("noise_b", "account", 0),
        _info("segment", "account", 0, "category"),
        _info("region", "account", 0, "category"),
    )
)
