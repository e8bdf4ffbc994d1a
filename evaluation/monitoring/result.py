"""What the monitoring found: its figures, the alarms they set off, and both in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from evaluation.jsonable import to_jsonable
from evaluation.monitoring.alarms import KINDS, Alarm
from evaluation.monitoring.drift import (
    ALL,
    Move,
)
from evaluation.monitoring.figures import Figures


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

    def to_json(self) -> dict[str, Any]:
        """Plain values only, times as ISO days; `kinds` says what each alarm's limit is."""
        kinds = {
            kind.name: {"title": kind.title, "limit": kind.limit, "means": kind.means, "quiet": kind.quiet}
            for kind, _ in KINDS
        }
        alarms = [{**to_jsonable(asdict(one)), "words": str(one)} for one in self.alarms]
        told = {"facts": self.facts, "quiet": self.quiet, "aside": self.aside, "sentences": self.sentences}
        return {"figures": to_jsonable(asdict(self.figures)), "alarms": alarms, "kinds": kinds, **told}

    def since(self, day: pd.Timestamp) -> Monitoring:
        """What was found on `day` and later: the same alarms, without those that had ended before it."""
        figures = self.figures
        kept = replace(
            figures,
            scores=_later(figures.scores, day),
            levels=_later(figures.levels, day),
            watched={name: _later(every, day) for name, every in figures.watched.items()},
            estimates=_later(figures.estimates, day),
            score_moves=_later(figures.score_moves, day),
            signal_moves=_later(figures.signal_moves, day),
            explained=tuple((move, words) for move, words in figures.explained if move.as_of >= day),
            far_share=tuple((as_of, share) for as_of, share in figures.far_share if as_of >= day),
        )
        return Monitoring(kept, tuple(alarm for alarm in self.alarms if alarm.last >= day))

    @property
    def quiet(self) -> list[str]:
        """What holds, of each kind of alarm that did not go off."""
        gone_off = {alarm.kind for alarm in self.alarms}
        return [kind.quiet for kind, _ in KINDS if kind.name not in gone_off]

    @property
    def aside(self) -> list[str]:
        """Moves that are no drift, put together by what explains them."""
        by_words: dict[str, list[Move]] = {}
        for move, words in self.figures.explained:
            by_words.setdefault(words, []).append(move)
        said = []
        for words, found in by_words.items():
            names = list(dict.fromkeys(move.column for move in found))
            said.append(f"No drift: {words}; {', '.join(names[:3])}{' and more' * (len(names) > 3)} moved with it.")
        return said

    @property
    def sentences(self) -> list[str]:
        """What a reader needs to know, the alarms first."""
        return [*([str(alarm) for alarm in self.alarms] or ["No alarm."]), *self.facts, *self.aside]

    @property
    def facts(self) -> list[str]:
        """The level, the probabilities, and the performance that was, and is, to be expected."""
        figures = self.figures
        said = []
        if whole := [one for one in figures.levels if one.stage == ALL]:
            one = whole[-1].ratio
            said.append(
                f"In {whole[-1].quarter}, {one.observed} predictions came true where {one.expected:.1f} were expected"
                f" within {figures.horizon_days} days: {one.ratio:.2f} times as many ({one.low:.2f} to {one.high:.2f})."
            )
        matured = figures.matured
        if "slope" in matured:
            slope, error = matured["slope"], matured["ece"]
            said.append(
                f"On all {matured['rows']:,} predictions whose {figures.horizon_days} days have passed, the calibration"
                f" slope is {slope.value:.2f} ({slope.low:.2f} to {slope.high:.2f}; 1 is right) and the calibration"
                f" error {error.value:.3f} ({error.low:.3f} to {error.high:.3f})."
            )
        if graded := [one.graded for one in figures.estimates if one.graded is not None]:
            within, off = sum(one.within for one in graded), sum(abs(one.error) for one in graded) / len(graded)
            said.append(
                f"Of {len(graded)} quarters whose AUC was estimated before labels arrived, the later truth lay within"
                f" the interval in {within}; the estimates were off by {off:.3f} on average."
            )
        if figures.estimates and figures.estimates[-1].graded is None:
            auc = figures.estimates[-1].expected.auc
            said.append(
                f"For {figures.estimates[-1].quarter}, whose outcomes are not all known yet, an AUC of {auc.value:.3f}"
                f" is to be expected ({auc.low:.3f} to {auc.high:.3f}) if the probabilities are right."
            )
        return said

    def __str__(self) -> str:
        return "\n".join(self.sentences)


def _later(found: Sequence[Any], day: pd.Timestamp) -> tuple[Any, ...]:
    return tuple(one for one in found if one.as_of >= day)
