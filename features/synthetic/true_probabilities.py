"""The synthetic company's own probabilities: how likely each customer is to leave, given the state at a date."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from scipy.special import ndtri

from features.synthetic.calendar import Floats
from features.synthetic.hazard import (
    AHEAD_DAYS,
    BASE,
    DELAY_DAYS,
    DRIVERS,
    LEAVING_PER_DAY,
    REPLACED_PER_DAY,
    SHARED,
    VACANCY_EFFECTS,
    Life,
    memory,
)

HORIZONS_DAYS = (30, 60, 90, 180)
TURNS = 6  # a role is hardly ever left and filled more often in AHEAD_DAYS


def true_probabilities(life: Life, seed: int, draws: int = 4096) -> pd.DataFrame:
    """The generator's own probabilities at each month's start: row, as_of_day, p_churn_30d ... p_churn_180d.

    The state is the drivers of the last DELAY_DAYS, the roles filled, and the offsets ahead. Given it, a driver's
    future is its value, fading, plus noise that is the same in law for every account; so the hazard ahead factors into
    what is decided (`ahead`) times a random factor of four kinds (sponsor and champion present or not), and E
    exp(-cumulative hazard) is a mean over `draws` shared continuations. Renewals change nothing but the offset. What a
    story's launch adds is part of the state from its day on, and goes on as it is; before, nobody knows of it.
    """
    rng = np.random.default_rng([seed, 2])
    noise = _future_noise(rng, draws)
    vacant_now = (False, True)
    roles = zip(LEAVING_PER_DAY, REPLACED_PER_DAY, VACANCY_EFFECTS, strict=True)
    factors = []  # of sponsor and champion, by whether the role is vacant at the as_of
    for leaves, returns, effect in roles:
        paths = {vacant: _future_vacancy(rng, vacant, draws, leaves, returns) for vacant in vacant_now}
        factors.append({vacant: np.exp(effect * path).astype(np.float32) for vacant, path in paths.items()})
    weights = np.array([weight for _, weight in DRIVERS], dtype=np.float32)
    mood = np.tensordot(weights, life.drivers, 1)
    ahead_days = np.arange(AHEAD_DAYS) - DELAY_DAYS
    fade = memory() ** np.maximum(ahead_days, 0).astype(np.float32)
    shock = None if life.story is None else life.story.shock(life.calendar, life.segment)
    frames = []
    for as_of in life.calendar.month_starts():
        rows = np.flatnonzero((life.created_day < as_of) & (life.churn_day >= as_of))
        decided = mood[np.ix_(rows, as_of + np.minimum(ahead_days, 0))] * fade
        ahead = np.exp(BASE + life.offset[rows, as_of : as_of + AHEAD_DAYS] + decided)
        if shock is not None:
            ahead *= np.exp(shock[rows, as_of])[:, None]
        p = np.empty((len(rows), len(HORIZONS_DAYS)))
        sponsor, champion = life.sponsor_gone[rows, as_of], life.champion_gone[rows, as_of]
        for no_sponsor, no_champion in product(vacant_now, vacant_now):
            same = (sponsor == no_sponsor) & (champion == no_champion)
            p[same] = _leaving(ahead[same], noise * factors[0][no_sponsor] * factors[1][no_champion])
        frame = pd.DataFrame(p, columns=[f"p_churn_{days}d" for days in HORIZONS_DAYS])
        frame.insert(0, "as_of_day", as_of)
        frame.insert(0, "row", rows)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _future_noise(rng: np.random.Generator, draws: int) -> Floats:
    """(day, draw) factor of the hazard that is not yet decided at the as_of; 1 on its first day."""
    weights = np.array([weight for _, weight in DRIVERS])
    spread = np.sqrt(SHARED * weights.sum() ** 2 + (1 - SHARED) * (weights**2).sum())
    keep = memory()
    day = np.maximum(np.arange(AHEAD_DAYS) - DELAY_DAYS, 0)
    apart = np.abs(day[:, None] - day)
    covariance = spread**2 * (keep**apart - keep ** (day[:, None] + day))
    sizes, directions = np.linalg.eigh(covariance)
    normal = ndtri(_strata(rng, AHEAD_DAYS, draws))  # one row for each of the paths' principal directions
    return np.exp((directions * np.sqrt(np.maximum(sizes, 0))) @ normal).astype(np.float32)


def _future_vacancy(rng: np.random.Generator, vacant: bool, draws: int, leaves: float, returns: float) -> Floats:
    """(day, draw) 1 where a role is vacant, from `vacant` on the first day; the law of `gone`, by sojourns."""
    path = np.zeros((AHEAD_DAYS, draws), dtype=np.float32)
    days = np.arange(AHEAD_DAYS)[:, None]
    begin = np.zeros(draws)
    for share in _strata(rng, TURNS, draws):
        end = begin + 1 + np.floor(np.log1p(-share) / np.log1p(-(returns if vacant else leaves)))
        if vacant:
            path[(days >= begin) & (days < end)] = 1
        begin, vacant = end, not vacant
    return path


def _strata(rng: np.random.Generator, rows: int, draws: int) -> Floats:
    """(row, draw) a Latin hypercube (McKay et al. 1979): each row falls once into every 1/draws of (0, 1)."""
    order = rng.permuted(np.tile(np.arange(draws), (rows, 1)), axis=1)
    return np.asarray((order + rng.uniform(1e-9, 1, order.shape)) / draws)


def _leaving(ahead: Floats, factor: Floats) -> Floats:
    """(account, horizon) 1 - E exp(-sum over days of ahead * factor)."""
    p = np.empty((len(ahead), len(HORIZONS_DAYS)))
    endured = np.zeros((len(ahead), factor.shape[1]), dtype=np.float32)
    done = 0
    for column, days in enumerate(HORIZONS_DAYS):
        endured += ahead[:, done:days].astype(np.float32) @ factor[done:days]
        p[:, column] = 1 - np.exp(-endured).mean(axis=1, dtype=np.float64)
        done = days
    return p
