"""The synthetic company's hidden life: its customers, how they fare day by day, when they leave, and how likely.

Each customer carries seven drivers (`DRIVERS`), all "higher is worse", that drift as stationary autoregressions and
share a common factor. The hazard of leaving, per day, is log-linear in them:

    log hazard = base + offset + sum_j weight_j driver_j (DELAY_DAYS ago) + sponsor gone + champion gone

`offset` is known in advance (segment, term, discount, tenure, the days before a renewal). The feeds of feeds.py are
noisy views of the same drivers and of nothing else, so no signal can know more than the state. That makes the true
probability of leaving, given the state at a date, the best that any model can do.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from features.synthetic.calendar import Calendar, Floats, Ints
from features.synthetic.scenario import Story

DRIVERS: tuple[tuple[str, float], ...] = (
    ("usage", 0.2185),
    ("breadth", 0.205),
    ("engagement", 0.228),
    ("advocacy", 0.195),
    ("tone", 0.205),
    ("support", 0.228),
    ("payment", 0.18),
)
SHARED = 0.82  # correlation between any two drivers
MONTHLY_MEMORY = 0.95  # autocorrelation of a driver over a month
DELAY_DAYS = 60  # customers leave this long after the mood that makes them: a decision takes its time
VACANCY_EFFECTS = 1.8, 1.4  # sponsor, champion: added to the log hazard
LEAVING_PER_DAY = (0.022 / 30, 0.030 / 30)  # sponsor, champion
REPLACED_PER_DAY = (0.15 / 30, 0.20 / 30)
BASE = -8.58
RENEWAL_DAYS = 30
RENEWAL_BOOST = 1.6
SEGMENT_EFFECT = (-0.3, 0.0, 0.25)
MONTHLY_EFFECT = 0.35
DISCOUNT_EFFECT = 2.0
TENURE_EFFECT = 0.4
AHEAD_DAYS = 180  # the longest horizon of the truth

INDUSTRIES = ("software", "retail", "manufacturing", "finance", "logistics", "public_sector")
REGIONS = ("emea", "amer", "apac")
QUIET_INDUSTRY = INDUSTRIES.index("public_sector")
TERMS = {0: ((12, 24, 36), (0.6, 0.25, 0.15)), 1: ((1, 12, 24), (0.12, 0.68, 0.2)), 2: ((1, 12), (0.42, 0.58))}
ARR_MEDIAN = (150_000.0, 38_000.0, 9_000.0)
SEATS = ((12, 16), (8, 12), (5, 8))


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
    story: Story | None = None

    def __len__(self) -> int:
        return len(self.segment)

    def driver(self, name: str) -> Floats:
        return self.drivers[[driver for driver, _ in DRIVERS].index(name)]

    def alive(self) -> NDArray[np.bool_]:
        """(account, day): a customer on that day, from the one of signing up on, and not yet gone."""
        days = np.arange(self.calendar.end)
        return (days >= self.created_day[:, None]) & (days < self.churn_day[:, None])

    def take(self, rows: Ints) -> Life:
        """These accounts only, in this order."""
        own = {
            field.name: getattr(self, field.name)[rows] for field in fields(self) if field.name not in _SHARED_FIELDS
        }
        return replace(self, drivers=self.drivers[:, rows], **own)


_SHARED_FIELDS = ("drivers", "calendar", "story")


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
    """(account, day) two-state chain of a contact's role being vacant, from `start`."""
    path = np.empty((days, len(start)), dtype=bool)
    path[0] = start
    for day in range(1, days):
        draw = rng.random(len(start), dtype=np.float32)
        path[day] = np.where(path[day - 1], draw >= returns, draw < leaves)
    return np.ascontiguousarray(path.T)


def _customers(rng: np.random.Generator, existing: int, joining: int, calendar: Calendar) -> dict[str, NDArray]:
    """Static facts; the first `existing` signed in the three years before the window, the others in its first two."""
    count = existing + joining
    segment = rng.choice(3, count, p=(0.18, 0.34, 0.48))
    industry = rng.choice(len(INDUSTRIES), count, p=(0.26, 0.2, 0.18, 0.16, 0.12, 0.08))
    window_days = calendar.end - calendar.window
    joins = calendar.window + (rng.beta(1.0, 1.2, joining) * min(730, int(window_days * 0.8))).astype(int)
    created_day = np.concatenate([calendar.window - rng.integers(1, 1096, existing), joins])
    # From the 29th on a term's end would need a rule for short months, on the 1st it would fall on an as_of.
    created = calendar.dates(created_day)
    within = (created - created.astype("datetime64[M]").astype("datetime64[D]")).astype(int)
    created_day = created_day + np.clip(within, 1, 26) - within
    term = np.empty(count, dtype=np.int64)
    for kind, (terms, shares) in TERMS.items():
        term[segment == kind] = rng.choice(terms, int((segment == kind).sum()), p=shares)
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
        ends = boundaries(calendar.day(created_day[row]), int(term[row]), stamps[-1])
        left = (ends[np.searchsorted(ends, stamps, side="right").clip(max=len(ends) - 1)] - stamps).astype(int)
        offset[row, (left <= RENEWAL_DAYS) & (left > 0) & (days > created_day[row])] += RENEWAL_BOOST
    return offset.astype(np.float32)


def _begins_term(life: Life, day: Ints) -> Ints:
    """1 where a term would begin on that day: who leaves then left before it began."""
    since, now = life.calendar.dates(life.created_day), life.calendar.dates(day)
    months = (now.astype("datetime64[M]") - since.astype("datetime64[M]")).astype(int)
    same_day = now - now.astype("datetime64[M]") == since - since.astype("datetime64[M]")
    return np.asarray(same_day & (months > 0) & (months % life.term_months == 0), dtype=np.int64)


def log_hazard(life: Life) -> Floats:
    """(account, day) log of the true hazard of leaving, per day, for the calendar's days; a story's launch apart."""
    weights = np.array([weight for _, weight in DRIVERS], dtype=np.float32)
    days = slice(0, life.calendar.end)
    vacancies = VACANCY_EFFECTS[0] * life.sponsor_gone[:, days] + VACANCY_EFFECTS[1] * life.champion_gone[:, days]
    mood = np.tensordot(weights, life.drivers, 1)[:, np.maximum(np.arange(life.calendar.end) - DELAY_DAYS, 0)]
    return np.asarray(BASE + life.offset[:, days] + mood + vacancies)


def live(accounts: int, months: int, seed: int, end: date, story: Story | None = None) -> Life:
    """The lives of `accounts` customers, about 70 % of whom were there when the window began.

    Twice as many are lived as are kept: those who left before the window are not in a company's export. (About one in
    three leaves in those BEFORE_DAYS; the choice is the only one made on what happens, and it lies before the window.)
    """
    calendar = Calendar.of(end, months)
    rng = np.random.default_rng([seed, 1])
    existing = round(0.7 * accounts)
    pool, joining = 2 * existing + 20, accounts - existing
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
        story=story,
    )
    days = np.arange(calendar.end)
    log = log_hazard(life) if story is None else log_hazard(life) + story.shock(calendar, life.segment)
    hazard = np.where(days > life.created_day[:, None], np.exp(log), 0.0)
    endured = np.cumsum(hazard, axis=1, dtype=np.float64)
    patience = rng.exponential(size=count)
    left = endured >= patience[:, None]
    churn_day = np.where(left.any(axis=1), left.argmax(axis=1), calendar.end)
    life = replace(life, churn_day=churn_day - _begins_term(life, churn_day))
    survivors = np.flatnonzero(life.churn_day[:pool] >= calendar.window)[:existing]
    kept = np.concatenate([survivors, np.arange(pool, count)])
    return life.take(rng.permutation(kept))
