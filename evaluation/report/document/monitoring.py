"""What the monitoring found, as a summary holds it and as far as charts read it."""

from __future__ import annotations

from typing import TypedDict

from evaluation.report.document.figures import Figure


class MonthOfScores(TypedDict):
    """Scorings of one as_of (an ISO day) and stage: predicted, and what happened once that is known (0-1)."""

    as_of: str
    stage: str
    rows: int
    mean_p: float
    happened: float | None


class ExpectedAuc(TypedDict):
    """The AUC that was to be expected before outcomes were known."""

    rows: int
    auc: Figure


class GradedAuc(TypedDict):
    """How the AUC came out, and the error of what was expected."""

    true: float
    error: float
    within: bool


class Estimate(TypedDict):
    """A quarter's expected AUC, graded once its outcomes are known."""

    quarter: str
    expected: ExpectedAuc
    graded: GradedAuc | None


class MonitoredFigures(TypedDict):
    """Figures by month and quarter; `far_share`: pairs of an ISO day and a share of the signals (0-1)."""

    horizon_days: int
    scores: list[MonthOfScores]
    estimates: list[Estimate]
    far_share: list[tuple[str, float]]


class AlarmKind(TypedDict):
    """A kind of alarm, with the limit above which it goes off."""

    limit: float


class Monitoring(TypedDict):
    """What the monitoring found."""

    figures: MonitoredFigures
    kinds: dict[str, AlarmKind]
