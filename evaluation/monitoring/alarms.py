"""What is an alarm of the monitoring, and from where on: a literal registry, each with its limit and what to do.

The limits are set together. In a year of twelve months in which the model is right, one alarm may go off by chance;
more than one does so in fewer than one year of twenty. What a limit is, `Kind.means` says. Trips of one kind at the
same place with no more than `Kind.same_days` between them are one alarm: a quiet month may lie between those of scores
and signals, a quiet quarter or two between those of outcomes. An alarm stands until a quarter has passed without one.

One more alarm: a function here, an entry in KINDS, a planted shift and a quiet year in its test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd

from evaluation.metrics import Z95, times_in_words
from evaluation.monitoring.drift import ALL, FAR, Move
from evaluation.monitoring.figures import Figures
from features.timeline import Outage

DAY = pd.Timedelta(days=1)
MONTH_BETWEEN, QUARTERS_BETWEEN = 70, 190  # days from a trip to the next of the same alarm
STANDS_DAYS = 100  # from the last trip to the newest look


@dataclass(frozen=True)
class Kind:
    """One kind of alarm: its limit, what that is, what to do when it goes off, and what holds while it does not."""

    name: str
    title: str
    limit: float
    means: str
    do: str
    quiet: str
    same_days: int = MONTH_BETWEEN


@dataclass(frozen=True)
class Trip:
    """A limit passed in the month of an as_of, at a place ("" or a feed or stage), with the figure and a sentence.

    `until`: the day on which it ended, where that is another.
    """

    as_of: pd.Timestamp
    place: str
    figure: float
    says: str
    until: pd.Timestamp | None = None


@dataclass(frozen=True)
class Alarm:
    """Trips of one kind and place that belong together; figure and sentence are those of the first.

    stands: it has not been quiet for a quarter since the last.
    """

    kind: str
    title: str
    place: str
    first: pd.Timestamp
    last: pd.Timestamp
    stands: bool
    trips: int
    figure: float
    limit: float
    says: str
    do: str

    def __str__(self) -> str:
        again = f" Seen again until {self.last:%Y-%m-%d}." if self.trips > 1 else ""
        end = f"{again} To do: {self.do}." if self.stands else f" Over: not seen after {self.last:%Y-%m-%d}."
        return f"{self.title} ({self.first:%Y-%m-%d}): {self.says}{end}"


def _watched(figures: Figures, kind: Kind) -> Iterator[Trip]:
    for one in figures.watched.get(kind.name, ()):
        if one.tripped:
            ratio = one.observed / one.expected
            rare = f"in {one.rarity:.1%}" if one.rarity >= 0.001 else "in fewer than 0.1%"
            yield Trip(
                one.as_of,
                "",
                ratio,
                f"Of the predictions since {one.since:%Y-%m-%d}, {one.observed} accounts left within"
                f" {figures.watched_days} days where {one.expected:.1f} were expected, {times_in_words(ratio)};"
                f" chance alone does so {rare} of quiet months.",
            )


def _calibration(figures: Figures, kind: Kind) -> Iterator[Trip]:
    """A stage is named where all stages together do not say the same already."""
    off = {}
    for one in figures.levels:
        off[one.quarter, one.stage] = (one.sure.low > kind.limit) - (one.sure.high < 1 / kind.limit)
    for one in figures.levels:
        way = off[one.quarter, one.stage]
        if way and (one.stage == ALL or way != off.get((one.quarter, ALL))):
            yield Trip(
                one.as_of,
                one.stage,
                one.ratio.ratio,
                f"In {one.quarter} ({one.stage}) {one.ratio.observed} predictions came true where"
                f" {one.ratio.expected:.1f} were expected within {figures.horizon_days} days:"
                f" {one.ratio.ratio:.2f} times as many ({one.sure.low:.2f} to {one.sure.high:.2f}).",
            )


def _performance(figures: Figures, kind: Kind) -> Iterator[Trip]:
    for one in figures.estimates:
        auc = one.expected.auc
        if one.graded is not None and auc.value > auc.low:
            errors = Z95 * one.graded.error / (auc.value - auc.low)
            if errors > kind.limit:
                yield Trip(
                    one.as_of,
                    "",
                    errors,
                    f"In {one.quarter} the AUC was {one.graded.true:.3f}; {auc.value:.3f} ({auc.low:.3f} to"
                    f" {auc.high:.3f}) was to be expected from the probabilities.",
                )


def _moved(moves: tuple[Move, ...], what: str) -> Iterator[Trip]:
    """One trip a month, however many signals move together."""
    months: dict[pd.Timestamp, list[Move]] = {}
    for move in moves:
        months.setdefault(move.as_of, []).append(move)
    for as_of, found in months.items():
        names = list(dict.fromkeys(move.column for move in found))
        feeds = ", ".join(dict.fromkeys(feed for move in found for feed in move.feeds))
        says = f"{len(names)} {what}{'s' if len(names) > 1 else ''}"
        says += f"{f' (from {feeds})' if feeds else ''} moved, most of all"
        yield Trip(as_of, "", found[0].distance, f"{says} {found[0]}.")


def _scores(figures: Figures, kind: Kind) -> Iterator[Trip]:
    yield from _moved(figures.score_moves, "score")


def _signals(figures: Figures, kind: Kind) -> Iterator[Trip]:
    yield from _moved(figures.signal_moves, "signal")


def _far(figures: Figures, kind: Kind) -> Iterator[Trip]:
    names = ", ".join(name for name, _ in figures.farthest[:3])
    for as_of, share in figures.far_share:
        if share > kind.limit:
            yield Trip(
                as_of, "", share, f"{share:.0%} of the signals are far from where they were in training ({names})."
            )


def _outage(figures: Figures, kind: Kind) -> Iterator[Trip]:
    for feed, outages in figures.outages.items():
        for one in outages:
            if one.days >= kind.limit and pd.Timestamp(one.last_day) >= figures.since:
                moved = {move.column for move, words in figures.explained if words == outage_words(feed, one)}
                says = f"{outage_words(feed, one)}: an outage, not a change of the customers"
                says += f"; {len(moved)} signals moved with it." if moved else "."
                ended = pd.Timestamp(one.last_day)
                yield Trip(pd.Timestamp(one.first_day), feed, float(one.days), says, ended)


def outage_words(feed: str, outage: Outage) -> str:
    """Says in words that a source table brought next to nothing for some days.

    Parameters
    ----------
    feed : str
        Name of the source table.
    outage : Outage
        Its first and last day, and how many days.

    Returns
    -------
    str
        Part of a sentence.

    Examples
    --------
    >>> outage_words("usage_events", Outage("2025-06-03", "2025-06-20", 18))
    'usage_events brought next to nothing from 2025-06-03 to 2025-06-20 (18 days)'
    """
    return f"{feed} brought next to nothing from {outage.first_day} to {outage.last_day} ({outage.days} days)"


MORE, FEWER = "more_churn", "fewer_churn"
WATCHES: tuple[tuple[str, float], ...] = ((MORE, 2.0), (FEWER, 0.5))  # and the hazards they are quickest to find
_RETRAIN = "find out what has changed, then `forewarn train`; until then read the probabilities as an order only"
KINDS: tuple[tuple[Kind, Callable[[Figures, Kind], Iterator[Trip]]], ...] = (
    (
        Kind(
            MORE,
            "More accounts leave than predicted",
            0.02,
            "chance of a false alarm a month",
            _RETRAIN,
            "no more accounts leave than predicted",
            QUARTERS_BETWEEN,
        ),
        _watched,
    ),
    (
        Kind(
            FEWER,
            "Fewer accounts leave than predicted",
            0.005,
            "chance of a false alarm a month",
            _RETRAIN,
            "no fewer accounts leave than predicted",
            QUARTERS_BETWEEN,
        ),
        _watched,
    ),
    (
        Kind(
            "calibration",
            "The probabilities are off",
            1.25,
            "times too many or too few, with the whole 99.9 % interval",
            "`forewarn train --recalibrate`, and look at the stage named",
            "the probabilities hold at the main horizon, in all stages and in each",
            QUARTERS_BETWEEN,
        ),
        _calibration,
    ),
    (
        Kind(
            "performance",
            "The ranking is worse than the probabilities promise",
            3.0,
            "standard errors below the AUC that was to be expected",
            "backtest again, and look for a signal that has lost its meaning",
            "the ranking is as good as the probabilities promise",
            QUARTERS_BETWEEN,
        ),
        _performance,
    ),
    (
        Kind(
            "scores",
            "The scores have moved",
            FAR,
            "distance, and twice any before",
            "see which signals moved, and whether those accounts really changed",
            "the scores stay where they were",
        ),
        _scores,
    ),
    (
        Kind(
            "signals",
            "Signals have moved",
            FAR,
            "distance, and twice any before",
            "see whether the feed changed its meaning (`forewarn check`) or the customers did",
            "no signal moved as it never had before",
        ),
        _signals,
    ),
    (
        Kind(
            "far_from_training",
            "The customers are no longer those of the training",
            0.2,
            "share of signals farther than 0.3 from the training time",
            "`forewarn train` on newer data, and compare in a backtest",
            "the customers are those of the training still",
        ),
        _far,
    ),
    (
        Kind(
            "outage",
            "A feed was down",
            5,
            "days with next to no rows",
            "mend the feed and load what is missing; scores of these days rest on less",
            "no feed was down for long",
        ),
        _outage,
    ),
)


def alarms_of(figures: Figures) -> tuple[Alarm, ...]:
    """Every alarm, by the month in which it went off."""
    found: list[Alarm] = []
    for kind, trips in KINDS:
        newest = _newest_look(figures, kind)
        open_alarms: dict[str, list[Trip]] = {}
        for trip in sorted(trips(figures, kind), key=lambda one: (one.place, one.as_of)):
            run = open_alarms.setdefault(trip.place, [])
            if run and trip.as_of > _end(run) + kind.same_days * DAY:
                found.append(_alarm(kind, run, newest))
                run.clear()
            run.append(trip)
        found += [_alarm(kind, run, newest) for run in open_alarms.values()]
    return tuple(sorted(found, key=lambda one: one.first))


def _newest_look(figures: Figures, kind: Kind) -> pd.Timestamp:
    """The newest as_of that an alarm of this kind has looked at: outcomes come later than scores."""
    looks = {
        "calibration": [one.as_of for one in figures.levels],
        "performance": [one.as_of for one in figures.estimates if one.graded is not None],
        **{name: [one.as_of for one in watched] for name, watched in figures.watched.items()},
    }
    return max(looks.get(kind.name) or [one.as_of for one in figures.scores])


def _end(trips: list[Trip]) -> pd.Timestamp:
    return max(one.until or one.as_of for one in trips)


def _alarm(kind: Kind, trips: list[Trip], newest: pd.Timestamp) -> Alarm:
    first, last = trips[0], _end(trips)
    stands = newest <= last + STANDS_DAYS * DAY
    return Alarm(
        kind.name, kind.title, first.place, first.as_of, last, stands, len(trips), first.figure, kind.limit, first.says,
        kind.do,
    )  # fmt: skip
