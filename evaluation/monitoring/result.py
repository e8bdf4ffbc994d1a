"""What the monitoring found: its figures, the alarms they set off, and both in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Protocol, TypeVar

import pandas as pd

from configs.json_object import JsonObject
from evaluation.formatting import decimal
from evaluation.jsonable import to_jsonable
from evaluation.monitoring.alarm import Alarm, Kind
from evaluation.monitoring.alarms import KINDS
from evaluation.monitoring.drift import ALL, Move
from evaluation.monitoring.figures import Figures
from evaluation.promotion import LedgerEvent
from evaluation.validity import Finding


@dataclass(frozen=True)
class WatchedSource:
    """Predictions that were watched.

    Attributes
    ----------
    source : {"ledger", "backtest"}
        Where they come from; those of a backtest are out of time.
    rows : int
        How many.
    first, last : str
        ISO days of the first and last scoring.
    """

    source: str
    rows: int
    first: str
    last: str


@dataclass(frozen=True)
class MonitoringSummary:
    """What readers and machines are shown of a monitoring; the fields are the keys of its JSON.

    Attributes
    ----------
    has_active_alarm : bool
        Whether an alarm is on now.
    sources : tuple of WatchedSource
        Which predictions were watched.
    events : tuple of LedgerEvent
        Events of the ledger in the same time: promotions, new weights, other churn levels.
    figures : Figures
        How predictions fared.
    alarms : tuple of Alarm
        What they set off.
    kinds : mapping of str to Kind
        What each kind of alarm asks for, by its name.
    facts, quiet, notes, sentences : tuple of str
        What was measured; what holds; what is no drift, or could not be watched; all that a reader needs to know.
    checks : tuple of Finding, optional
        What the coded checks found in the backtest, where they are shown beside.
    """

    has_active_alarm: bool
    sources: tuple[WatchedSource, ...]
    events: tuple[LedgerEvent, ...]
    figures: Figures
    alarms: tuple[Alarm, ...]
    kinds: Mapping[str, Kind]
    facts: tuple[str, ...]
    quiet: tuple[str, ...]
    notes: tuple[str, ...]
    sentences: tuple[str, ...]
    checks: tuple[Finding, ...] | None = None

    def to_json(self) -> JsonObject:
        """The fields as plain values, moments as ISO days."""
        return {field.name: to_jsonable(getattr(self, field.name)) for field in fields(self)}


@dataclass(frozen=True)
class Monitoring:
    """Everything that `monitor` found.

    Attributes
    ----------
    figures : Figures
        How predictions fared.
    alarms : tuple of Alarm
        What they set off.
    """

    figures: Figures
    alarms: tuple[Alarm, ...]

    def summary(
        self,
        sources: Sequence[WatchedSource] = (),
        events: Sequence[LedgerEvent] = (),
        not_watched: Sequence[str] = (),
    ) -> MonitoringSummary:
        """What readers and machines are shown.

        Parameters
        ----------
        sources : sequence of WatchedSource
            Which predictions were watched.
        events : sequence of LedgerEvent
            Events of the ledger in the same time.
        not_watched : sequence of str
            A sentence for each thing that could not be watched.

        Returns
        -------
        MonitoringSummary
            Figures and alarms with their sentences.
        """
        return MonitoringSummary(
            has_active_alarm=any(alarm.is_active for alarm in self.alarms),
            sources=tuple(sources),
            events=tuple(events),
            figures=self.figures,
            alarms=self.alarms,
            kinds={kind.name: kind for kind, _ in KINDS},
            facts=tuple(self.facts),
            quiet=tuple(self.quiet),
            notes=(*self.no_drift, *not_watched),
            sentences=tuple(self.sentences),
        )

    def since(self, day: pd.Timestamp) -> Monitoring:
        """What was found from a day on.

        Parameters
        ----------
        day : pd.Timestamp
            The first day that counts.

        Returns
        -------
        Monitoring
            The same alarms, without those that had ended before it.
        """
        figures = self.figures
        kept = replace(
            figures,
            scores=_later(figures.scores, day),
            observed_expected=_later(figures.observed_expected, day),
            watched={name: _later(periods, day) for name, periods in figures.watched.items()},
            estimates=_later(figures.estimates, day),
            score_moves=_later(figures.score_moves, day),
            signal_moves=_later(figures.signal_moves, day),
            explained=tuple((move, why) for move, why in figures.explained if move.as_of >= day),
            far_share=tuple((as_of, share) for as_of, share in figures.far_share if as_of >= day),
        )
        return Monitoring(kept, tuple(alarm for alarm in self.alarms if alarm.last >= day))

    @property
    def quiet(self) -> list[str]:
        """What holds, of each kind of alarm that did not go off."""
        gone_off = {alarm.kind for alarm in self.alarms}
        return [kind.quiet for kind, _ in KINDS if kind.name not in gone_off]

    @property
    def no_drift(self) -> list[str]:
        """Moves that are no drift, put together by what explains them."""
        by_cause: dict[str, list[Move]] = {}
        for move, why in self.figures.explained:
            by_cause.setdefault(why, []).append(move)
        sentences = []
        for why, moves in by_cause.items():
            names = list(dict.fromkeys(move.column for move in moves))
            sentences.append(f"No drift: {why}; {', '.join(names[:3])}{' and more' * (len(names) > 3)} moved with it.")
        return sentences

    @property
    def sentences(self) -> list[str]:
        """What a reader needs to know, the alarms first."""
        return [*([str(alarm) for alarm in self.alarms] or ["No alarm."]), *self.facts, *self.no_drift]

    @property
    def facts(self) -> list[str]:
        """The churn level, the probabilities, and the performance that was, and is, to be expected."""
        figures = self.figures
        facts = []
        if whole := [row for row in figures.observed_expected if row.stage == ALL]:
            ratio = whole[-1].ratio
            facts.append(
                f"In {whole[-1].quarter}, {ratio.observed} predictions came true where {ratio.expected:.1f} were"
                f" expected within {figures.horizon_days} days: {decimal(ratio.ratio)} times as many"
                f" ({decimal(ratio.low)} to {decimal(ratio.high)})."
            )
        matured = figures.matured
        slope, error = matured.slope, matured.ece
        if slope is not None and error is not None:
            facts.append(
                f"On all {matured.rows:,} predictions whose {figures.horizon_days} days have passed, the calibration"
                f" slope is {decimal(slope.value)} ({decimal(slope.low)} to {decimal(slope.high)}; 1 is right) and the"
                f" calibration error {decimal(error.value, 3)} (beyond noise {decimal(error.low, 3)} to"
                f" {decimal(error.high, 3)})."
            )
        if graded := [estimate.graded for estimate in figures.estimates if estimate.graded is not None]:
            within = sum(grade.within for grade in graded)
            off = sum(abs(grade.error) for grade in graded) / len(graded)
            facts.append(
                f"Of {len(graded)} quarters whose AUC was estimated before labels arrived, the later truth lay within"
                f" the interval in {within}; the estimates were off by {decimal(off, 3)} on average."
            )
        if figures.estimates and figures.estimates[-1].graded is None:
            auc = figures.estimates[-1].expected.auc
            facts.append(
                f"For {figures.estimates[-1].quarter}, whose outcomes are not all known yet, an AUC of"
                f" {decimal(auc.value)} is to be expected ({decimal(auc.low)} to {decimal(auc.high)}) if the"
                f" probabilities are right."
            )
        return facts

    def __str__(self) -> str:
        return "\n".join(self.sentences)


class _Dated(Protocol):
    @property
    def as_of(self) -> pd.Timestamp: ...


_Row = TypeVar("_Row", bound=_Dated)


def _later(rows: Sequence[_Row], day: pd.Timestamp) -> tuple[_Row, ...]:
    return tuple(row for row in rows if row.as_of >= day)
