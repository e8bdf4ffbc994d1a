"""What is an alarm of the monitoring, and from where on: a literal registry, each with its limit and what to do.

The limits are set together. In a year of twelve months in which the model is right, one alarm may go off by chance;
more than one does so in fewer than one year of twenty. What a limit is, `Kind.means` says. Trips of one kind at the
same scope with no more than `Kind.same_days` between them are one alarm: a quiet month may lie between those of scores
and signals, a quiet quarter or two between those of outcomes. An alarm is active until a quarter passes without one.

One more alarm: a function here, an entry in KINDS, a planted shift and a quiet year in its test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd

from evaluation.formatting import decimal, percent
from evaluation.metrics import Z95, times_in_words
from evaluation.monitoring.alarm import QUARTERS_BETWEEN, Alarm, Kind, Trip
from evaluation.monitoring.drift import ALL, FAR, Move
from evaluation.monitoring.figures import Figures
from features.timeline import Outage

DAY = pd.Timedelta(days=1)
ACTIVE_DAYS = 100  # from the last trip to the newest look


def _watched(figures: Figures, kind: Kind) -> Iterator[Trip]:
    for period in figures.watched.get(kind.name, ()):
        if period.tripped:
            ratio = period.observed / period.expected
            rare = f"in {percent(period.rarity)}" if period.rarity >= 0.001 else "in fewer than 0.1 %"
            yield Trip(
                period.as_of,
                "",
                ratio,
                f"Of the predictions since {period.since:%Y-%m-%d}, {period.observed} accounts left within"
                f" {figures.watched_days} days where {period.expected:.1f} were expected, {times_in_words(ratio)};"
                f" chance alone does so {rare} of quiet months.",
            )


def _calibration(figures: Figures, kind: Kind) -> Iterator[Trip]:
    """A stage is named where all stages together do not say the same already."""
    off = {}
    for row in figures.observed_expected:
        off[row.quarter, row.stage] = row.alarm_ratio.off(kind.limit)
    for row in figures.observed_expected:
        way = off[row.quarter, row.stage]
        if way and (row.stage == ALL or way != off.get((row.quarter, ALL))):
            yield Trip(
                row.as_of,
                row.stage,
                row.ratio.ratio,
                f"In {row.quarter} ({row.stage}) {row.ratio.observed} predictions came true where"
                f" {row.ratio.expected:.1f} were expected within {figures.horizon_days} days:"
                f" {decimal(row.ratio.ratio)} times as many"
                f" ({decimal(row.alarm_ratio.low)} to {decimal(row.alarm_ratio.high)}).",
            )


def _performance(figures: Figures, kind: Kind) -> Iterator[Trip]:
    for estimate in figures.estimates:
        auc = estimate.expected.auc
        if estimate.graded is not None and auc.value > auc.low:
            errors = Z95 * estimate.graded.error / (auc.value - auc.low)
            if errors > kind.limit:
                yield Trip(
                    estimate.as_of,
                    "",
                    errors,
                    f"In {estimate.quarter} the AUC was {decimal(estimate.graded.true)}; {decimal(auc.value)}"
                    f" ({decimal(auc.low)} to {decimal(auc.high)}) was to be expected from the probabilities.",
                )


def _moved(moves: tuple[Move, ...], what: str) -> Iterator[Trip]:
    """One trip a month, however many signals move together."""
    months: dict[pd.Timestamp, list[Move]] = {}
    for move in moves:
        months.setdefault(move.as_of, []).append(move)
    for as_of, of_month in months.items():
        names = list(dict.fromkeys(move.column for move in of_month))
        feeds = ", ".join(dict.fromkeys(feed for move in of_month for feed in move.feeds))
        message = f"{len(names)} {what}{'s' if len(names) > 1 else ''}"
        message += f"{f' (from {feeds})' if feeds else ''} moved, most of all"
        yield Trip(as_of, "", of_month[0].distance, f"{message} {of_month[0]}.")


def _scores(figures: Figures, kind: Kind) -> Iterator[Trip]:
    yield from _moved(figures.score_moves, "score")


def _signals(figures: Figures, kind: Kind) -> Iterator[Trip]:
    yield from _moved(figures.signal_moves, "signal")


def _far(figures: Figures, kind: Kind) -> Iterator[Trip]:
    names = ", ".join(name for name, _ in figures.farthest[:3])
    for as_of, share in figures.far_share:
        if share > kind.limit:
            yield Trip(
                as_of, "", share, f"{percent(share)} of the signals are far from where they were in training ({names})."
            )


def _outage(figures: Figures, kind: Kind) -> Iterator[Trip]:
    for feed, outages in figures.outages.items():
        for outage in outages:
            if outage.days >= kind.limit and pd.Timestamp(outage.last_day) >= figures.since:
                moved = {move.column for move, why in figures.explained if why == describe_outage(feed, outage)}
                message = f"{describe_outage(feed, outage)}: an outage, not a change of the customers"
                message += f"; {len(moved)} signals moved with it." if moved else "."
                ended = pd.Timestamp(outage.last_day)
                yield Trip(pd.Timestamp(outage.first_day), feed, float(outage.days), message, ended)


def describe_outage(feed: str, outage: Outage) -> str:
    """Part of a sentence: that a source table brought next to nothing for some days.

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
    >>> describe_outage("usage_events", Outage("2025-06-03", "2025-06-20", 18))
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
            "fix the feed and load what is missing; scores of these days rest on less",
            "no feed was down for long",
        ),
        _outage,
    ),
)


def alarms_of(figures: Figures) -> tuple[Alarm, ...]:
    """Every alarm, by the month in which it went off."""
    alarms: list[Alarm] = []
    for kind, trips in KINDS:
        newest = _newest_look(figures, kind)
        open_alarms: dict[str, list[Trip]] = {}
        for trip in sorted(trips(figures, kind), key=lambda trip: (trip.scope, trip.as_of)):
            run = open_alarms.setdefault(trip.scope, [])
            if run and trip.as_of > _end(run) + kind.same_days * DAY:
                alarms.append(_alarm(kind, run, newest))
                run.clear()
            run.append(trip)
        alarms += [_alarm(kind, run, newest) for run in open_alarms.values()]
    return tuple(sorted(alarms, key=lambda alarm: alarm.first))


def _newest_look(figures: Figures, kind: Kind) -> pd.Timestamp:
    """The newest as_of that an alarm of this kind has looked at: outcomes come later than scores."""
    looks = {
        "calibration": [row.as_of for row in figures.observed_expected],
        "performance": [estimate.as_of for estimate in figures.estimates if estimate.graded is not None],
        **{name: [period.as_of for period in watched] for name, watched in figures.watched.items()},
    }
    return max(looks.get(kind.name) or [month.as_of for month in figures.scores])


def _end(trips: list[Trip]) -> pd.Timestamp:
    return max(trip.until or trip.as_of for trip in trips)


def _alarm(kind: Kind, trips: list[Trip], newest: pd.Timestamp) -> Alarm:
    first, last = trips[0], _end(trips)
    is_active = newest <= last + ACTIVE_DAYS * DAY
    again = f" Seen again until {last:%Y-%m-%d}." if len(trips) > 1 else ""
    end = f"{again} To do: {kind.do}." if is_active else f" Over: not seen after {last:%Y-%m-%d}."
    return Alarm(
        kind=kind.name,
        title=kind.title,
        scope=first.scope,
        first=first.as_of,
        last=last,
        is_active=is_active,
        trips=len(trips),
        figure=first.figure,
        limit=kind.limit,
        message=first.message,
        do=kind.do,
        sentence=f"{kind.title} ({first.as_of:%Y-%m-%d}): {first.message}{end}",
    )
