"""The synthetic company's hidden life: who its customers are, how they fare day by day, when they leave, and how likely.

Each customer carries six drivers (`DRIVERS`), all "higher is worse", that drift as stationary first-order autoregressions
and share a common factor. The hazard of leaving, per day, is log-linear in them:

    log hazard = base + offset + sum_j weight_j driver_j + sponsor gone + champion gone

`offset` is known in advance (segment, term, discount, tenure, the days before a renewal). The feeds of company_feeds.py
are noisy views of the same drivers and of nothing else, so no signal can know more than the state. That makes the true
probability of leaving, given the state at a date, the best that any model can do.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]

DRIVERS: tuple[tuple[str, float], ...] = (
    ("usage", 0.33),
    ("breadth", 0.31),
    ("engagement", 0.33),
    ("advocacy", 0.29),
    ("tone", 0.29),
    ("support", 0.31),
    ("payment", 0.17),
)
SHARED = 0.4  # correlation between any two drivers
MONTHLY_MEMORY = 0.95  # autocorrelation of a driver over a month
DELAY_DAYS = 45  # customers leave this long after the mood that makes them: a decision takes its time
SPONSOR_GONE, CHAMPION_GONE = 0.8, 0.6  # added to the log hazard
LEAVING_PER_DAY = (0.022 / 30, 0.030 / 30)  # sponsor, champion
REPLACED_PER_DAY = (0.15 / 30, 0.20 / 30)
BASE = -8.4
RENEWAL_DAYS, RENEWAL_BOOST = 21, 2.1
SEGMENT_EFFECT, MONTHLY_EFFECT, DISCOUNT_EFFECT, TENURE_EFFECT = (-0.3, 0.0, 0.25), 0.35, 2.0, 0.4
BEFORE_DAYS = 270  # lived through before the window, so that the customers of its first day are survivors
FEED_BEFORE_DAYS = 90  # how far before the window the feeds begin
AHEAD_DAYS = 180  # the longest horizon of the truth
HORIZONS_DAYS = (30, 60, 90, 180)

SEGMENTS = ("enterprise", "mid_market", "smb")
INDUSTRIES = ("software", "retail", "manufacturing", "finance", "logistics", "public_sector")
REGIONS = ("emea", "amer", "apac")
QUIET_INDUSTRY = INDUSTRIES.index("public_sector")
TERMS = {0: ((12, 24, 36), (0.6, 0.25, 0.15)), 1: ((1, 12, 24), (0.12, 0.68, 0.2)), 2: ((1, 12), (0.42, 0.58))}
ARR_MEDIAN = (150_000.0, 38_000.0, 9_000.0)
SEATS = ((12, 16), (8, 12), (5, 8))


@dataclass(frozen=True)
class Calendar:
    """Day 0 is BEFORE_DAYS before the window; `window` and `end` are the days of its first and first-not-covered day."""

    start: np.datetime64
    window: int
    end: int

    @classmethod
    def of(cls, end: date, months: int) -> Calendar:
        last = pd.Timestamp(end)
        first = last - pd.DateOffset(months=months)
        start = first - pd.Timedelta(days=BEFORE_DAYS)
        return cls(np.datetime64(start.date(), "D"), BEFORE_DAYS, (last - start).days)

    @property
    def feed(self) -> int:
        return self.window - FEED_BEFORE_DAYS

    def dates(self, days: Ints | int) -> NDArray[np.datetime64]:
        return self.start + np.asarray(days, dtype="timedelta64[D]")

    def month_starts(self) -> Ints:
        """The days within the window that begin a month."""
        days = np.arange(self.window, self.end)
        stamps = self.dates(days)
        return days[stamps == stamps.astype("datetime64[M]").astype("datetime64[D]")]


@dataclass(frozen=True)
class Life:
    """All customers' lives; every array has one row an account, the two-dimensional ones one column a day from day 0.

    `churn_day` is `calendar.end` or later for those who stay; `drivers` is (driver, account, day).
    """

    segment: Ints
    industry: Ints
    region: Ints
    created_day: Ints
    term_months: Ints
    discount: Floats
    arr: Floats
    seats: Ints
    quiet: NDArray[np.bool_]
    offset: Floats
    drivers: Floats
    sponsor_gone: NDArray[np.bool_]
    champion_gone: NDArray[np.bool_]
    churn_day: Ints
    calendar: Calendar

    def __len__(self) -> int:
        return len(self.segment)

    def driver(self, name: str) -> Floats:
        return self.drivers[[one for one, _ in DRIVERS].index(name)]

    def alive(self) -> NDArray[np.bool_]:
        """(account, day): a customer since before that day began, and not yet gone."""
        days = np.arange(self.calendar.end)
        return (days >= self.created_day[:, None]) & (days < self.churn_day[:, None])

    def take(self, rows: Ints) -> Life:
        """These accounts only, in this order."""
        own = {
            field.name: getattr(self, field.name)[rows] for field in fields(self) if field.name not in _SHARED_FIELDS
        }
        return replace(self, drivers=self.drivers[:, rows], **own)


_SHARED_FIELDS = ("drivers", "calendar")


def boundaries(created: np.datetime64, term_months: int, until: np.datetime64) -> NDArray[np.datetime64]:
    """The days on which a contract's terms begin, from the first to the first one after `until`.

    >>> [str(day) for day in boundaries(np.datetime64("2024-03-05"), 12, np.datetime64("2025-06-01"))]
    ['2024-03-05', '2025-03-05', '2026-03-05']
    """
    month = created.astype("datetime64[M]")
    within = created - month.astype("datetime64[D]")
    count = int((until.astype("datetime64[M]") - month).astype(int)) // term_months + 2
    starts = (month + np.arange(count + 1) * term_months).astype("datetime64[D]") + within
    return starts[: int(np.searchsorted(starts, until, side="right")) + 1]


def memory(months: float = 1 / 30.4375) -> float:
    """A driver's autocorrelation over that many months (default: one day)."""
    return float(MONTHLY_MEMORY**months)


def drift(rng: np.random.Generator, accounts: int, days: int) -> Floats:
    """(driver, account, day) stationary unit-variance autoregressions with pairwise correlation SHARED, float32."""
    keep = memory()
    shape = (len(DRIVERS) + 1, accounts)
    path = np.empty((days, *shape), dtype=np.float32)
    path[0] = rng.standard_normal(shape, dtype=np.float32)
    for day in range(1, days):
        path[day] = keep * path[day - 1] + np.sqrt(1 - keep**2) * rng.standard_normal(shape, dtype=np.float32)
    mixed = np.sqrt(SHARED) * path[:, :1] + np.sqrt(1 - SHARED) * path[:, 1:]
    return np.ascontiguousarray(np.moveaxis(mixed, 0, -1), dtype=np.float32)


def gone(
    rng: np.random.Generator, start: NDArray[np.bool_], days: int, leaves: float, returns: float
) -> NDArray[np.bool_]:
    """(account, day) two-state chain of a contact's place being empty, from `start`."""
    path = np.empty((days, len(start)), dtype=bool)
    path[0] = start
    for day in range(1, days):
        draw = rng.random(len(start), dtype=np.float32)
        path[day] = np.where(path[day - 1], draw >= returns, draw < leaves)
    return np.ascontiguousarray(path.T)


def _customers(rng: np.random.Generator, existing: int, joining: int, calendar: Calendar) -> dict[str, NDArray]:
    """Static facts; the first `existing` signed up to three years before the window, the others in its first 24 months."""
    count = existing + joining
    segment = rng.choice(3, count, p=(0.18, 0.34, 0.48))
    industry = rng.choice(len(INDUSTRIES), count, p=(0.26, 0.2, 0.18, 0.16, 0.12, 0.08))
    window_days = calendar.end - calendar.window
    joins = calendar.window + rng.integers(0, min(730, max(1, int(window_days * 0.8))), joining)
    created_day = np.concatenate([calendar.window - rng.integers(1, 1096, existing), joins])
    # From the 29th on a term's end would need a rule for short months, on the 1st it would fall on an as_of.
    created = calendar.dates(created_day)
    within = (created - created.astype("datetime64[M]").astype("datetime64[D]")).astype(int)
    created_day = created_day + np.clip(within, 1, 26) - within
    term = np.empty(count, dtype=np.int64)
    for place, (terms, shares) in TERMS.items():
        term[segment == place] = rng.choice(terms, int((segment == place).sum()), p=shares)
    low, high = np.array(SEATS).T
    return {
        "segment": segment,
        "industry": industry,
        "region": rng.choice(3, count, p=(0.4, 0.4, 0.2)),
        "created_day": created_day,
        "term_months": term,
        "discount": np.round(np.clip(rng.normal(0.12, 0.08, count), 0, 0.35), 2),
        "arr": np.round(np.array(ARR_MEDIAN)[segment] * np.exp(rng.normal(0, 0.45, count)), -2),
        "seats": rng.integers(low[segment], high[segment] + 1),
        "quiet": (industry == QUIET_INDUSTRY) | (rng.random(count) < 0.03),
    }


def _offsets(customers: dict[str, NDArray], calendar: Calendar) -> Floats:
    """(account, day) the part of the log hazard that is known in advance, AHEAD_DAYS past the end included."""
    days = np.arange(calendar.end + AHEAD_DAYS)
    stamps = calendar.dates(days)
    created_day, term = customers["created_day"], customers["term_months"]
    tenure = np.maximum(days - created_day[:, None], 0)
    fixed = np.array(SEGMENT_EFFECT)[customers["segment"]] + DISCOUNT_EFFECT * (customers["discount"] - 0.12)
    offset = fixed[:, None] + TENURE_EFFECT * np.exp(-tenure / 200.0)
    offset[term == 1] += MONTHLY_EFFECT
    for row in np.flatnonzero(term > 1):
        ends = boundaries(calendar.dates(created_day[row])[()], int(term[row]), stamps[-1])
        left = (ends[np.searchsorted(ends, stamps, side="right").clip(max=len(ends) - 1)] - stamps).astype(int)
        offset[row, (left <= RENEWAL_DAYS) & (left > 0) & (days > created_day[row])] += RENEWAL_BOOST
    return offset.astype(np.float32)


def log_hazard(life: Life) -> Floats:
    """(account, day) log of the true hazard of leaving, per day, for the days of the calendar."""
    weights = np.array([weight for _, weight in DRIVERS], dtype=np.float32)
    days = slice(0, life.calendar.end)
    people = SPONSOR_GONE * life.sponsor_gone[:, days] + CHAMPION_GONE * life.champion_gone[:, days]
    mood = np.tensordot(weights, life.drivers, 1)[:, np.maximum(np.arange(life.calendar.end) - DELAY_DAYS, 0)]
    return np.asarray(BASE + life.offset[:, days] + mood + people)


def live(accounts: int, months: int, seed: int, end: date) -> Life:
    """The lives of `accounts` customers, about 70 % of whom were there when the window began.

    More are lived than are kept: those who leave before the window are forgotten, as a company's own export would.
    """
    calendar = Calendar.of(end, months)
    rng = np.random.default_rng([seed, 1])
    existing = round(0.7 * accounts)
    pool, joining = int(existing * 1.7) + 20, accounts - existing
    customers = _customers(rng, pool, joining, calendar)
    count = pool + joining
    chains = []
    for leaves, returns in zip(LEAVING_PER_DAY, REPLACED_PER_DAY, strict=True):
        start = rng.random(count) < leaves / (leaves + returns)
        chains.append(gone(rng, start, calendar.end, leaves, returns))
    life = Life(
        **customers,
        offset=_offsets(customers, calendar),
        drivers=drift(rng, count, calendar.end),
        sponsor_gone=chains[0],
        champion_gone=chains[1],
        churn_day=np.full(count, calendar.end),
        calendar=calendar,
    )
    days = np.arange(calendar.end)
    hazard = np.where(days > life.created_day[:, None], np.exp(log_hazard(life)), 0.0)
    endured = np.cumsum(hazard, axis=1, dtype=np.float64)
    patience = rng.exponential(size=count)
    left = endured >= patience[:, None]
    life = replace(life, churn_day=np.where(left.any(axis=1), left.argmax(axis=1), calendar.end))
    survivors = np.flatnonzero(life.churn_day[:pool] >= calendar.window)[:existing]
    joined = np.arange(pool, pool + accounts - len(survivors)) if len(survivors) == existing else None
    if joined is None:
        raise AssertionError(f"only {len(survivors)} of {existing} customers outlived the days before the window")
    kept = life.take(np.concatenate([survivors, joined]))
    return kept.take(rng.permutation(accounts))


def true_probabilities(life: Life, seed: int, draws: int = 2048) -> pd.DataFrame:
    """The generator's own probabilities at each month's start: row, as_of_day, p_churn_30d ... p_churn_180d.

    Given the state at the as_of, a driver's future is its value, fading, plus noise that is the same in law for every
    account; so the hazard ahead factors into what an account knows (`ahead`) times a random factor of few kinds (sponsor
    and champion there or not), and E exp(-cumulative hazard) is a mean over `draws` shared antithetic continuations.
    Error below .001 in mean with 2,048 draws, against 65,536.
    """
    rng = np.random.default_rng([seed, 2])
    noise = _future_noise(rng, draws)
    starts = (False, True)
    places = zip(LEAVING_PER_DAY, REPLACED_PER_DAY, (SPONSOR_GONE, CHAMPION_GONE), strict=True)
    people = []
    for leaves, returns, effect in places:
        paths = {here: gone(rng, np.full(draws, here), AHEAD_DAYS, leaves, returns) for here in starts}
        people.append({here: np.exp(effect * path.T).astype(np.float32) for here, path in paths.items()})
    weights = np.array([weight for _, weight in DRIVERS], dtype=np.float32)
    mood = np.tensordot(weights, life.drivers, 1)
    ahead_days = np.arange(AHEAD_DAYS) - DELAY_DAYS
    fade = memory() ** np.maximum(ahead_days, 0).astype(np.float32)
    frames = []
    for as_of in life.calendar.month_starts():
        rows = np.flatnonzero((life.created_day < as_of) & (life.churn_day >= as_of))
        decided = mood[np.ix_(rows, as_of + np.minimum(ahead_days, 0))] * fade
        ahead = np.exp(BASE + life.offset[rows, as_of : as_of + AHEAD_DAYS] + decided)
        p = np.empty((len(rows), len(HORIZONS_DAYS)))
        sponsor, champion = life.sponsor_gone[rows, as_of], life.champion_gone[rows, as_of]
        for one, two in ((a, b) for a in starts for b in starts):
            own = (sponsor == one) & (champion == two)
            p[own] = _leaving(ahead[own], noise * people[0][one] * people[1][two])
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
    shocks = rng.standard_normal((AHEAD_DAYS, draws // 2)) * spread * np.sqrt(1 - keep**2)
    path = np.zeros((AHEAD_DAYS, draws // 2))
    for day in range(DELAY_DAYS + 1, AHEAD_DAYS):
        path[day] = keep * path[day - 1] + shocks[day]
    return np.exp(np.concatenate([path, -path], axis=1)).astype(np.float32)


def _leaving(ahead: Floats, factor: Floats) -> Floats:
    """(account, horizon) 1 - E exp(-sum over days of ahead * factor)."""
    p = np.empty((len(ahead), len(HORIZONS_DAYS)))
    endured = np.zeros((len(ahead), factor.shape[1]), dtype=np.float32)
    done = 0
    for place, days in enumerate(HORIZONS_DAYS):
        endured += ahead[:, done:days].astype(np.float32) @ factor[done:days]
        p[:, place] = 1 - np.exp(-endured).mean(axis=1, dtype=np.float64)
        done = days
    return p
