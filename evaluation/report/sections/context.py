"""What a report is made from, and what every section of it works with: frames, intervals over accounts, refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias, cast

import numpy as np
import pandas as pd

from configs.json_object import JsonObject
from configs.settings import Settings
from evaluation.backtest import RandomSplitGap, RandomSplitRefusal
from evaluation.jsonable import to_jsonable
from evaluation.metrics import (
    Array,
    Interval,
    MetricRefused,
    Refusal,
    Statistic,
    bootstrap,
    churned_accounts,
    in_top_share,
)
from evaluation.monitoring import MonitoringSummary
from evaluation.outcomes import Effect, Facts
from evaluation.promotion import LedgerEvent
from evaluation.report.document import Summary
from evaluation.report.sections.frames import ReportFrames, prepare_frames

ReasonsOf: TypeAlias = Callable[[pd.DataFrame], pd.Series]
ENOUGH_DRAWS = 100
DRAWN_ROWS = 40_000_000  # rows times draws; see draws_for


@dataclass(frozen=True)
class RefusedFigure:
    """A figure that the rows could not support: its name, of what, why, and what it would take (None: not a number)."""

    figure: str
    where: str
    why: str
    needed: int | None


@dataclass(frozen=True)
class ReportInputs:
    """Judged predictions and all that is known beside them; only `judged` is needed.

    Attributes
    ----------
    judged : pd.DataFrame
        One row for each (account_id, as_of): the columns of a prediction and churned_{h}d, churn_at, segment, owner,
        fold, from the backtest or from the ledger joined to outcomes. An optional p_true_{h}d (a simulated company)
        gives the ceiling of the lead time.
    baselines : pd.DataFrame
        account_id, as_of, model, p_churn_{h}d, score of other models on the same rows; may be empty.
    reasons : Callable[[pd.DataFrame], pd.Series] or None
        Reads the reasons of the few rows that are shown one by one, where `judged` has no column `reasons`.
    company_facts : Facts or None
        What the sources hold beside predictions. None: nothing on revenue, time to value, regions or arms.
    newest : pd.DataFrame or None
        Scorings later than those of `judged`, for the forecast.
    random_split : RandomSplitGap, RandomSplitRefusal or None
        What a random split of rows would promise.
    effect : Effect, Refusal or None
        Effect of approaching accounts where chance drew the arms (evaluation.outcomes.arms).
    events : Sequence of LedgerEvent
        Events in the ledger, oldest first.
    outages : Sequence of str or None
        A sentence for each outage of a feed; None: nobody looked.
    monitoring : MonitoringSummary or None
        What the monitoring found; None: nobody looked.
    in_hindsight : int
        Scorings that are not among `judged` because they were made too long after their as_of to be forecasts.
    """

    judged: pd.DataFrame
    baselines: pd.DataFrame = field(default_factory=pd.DataFrame)
    reasons: ReasonsOf | None = None
    company_facts: Facts | None = None
    newest: pd.DataFrame | None = None
    random_split: RandomSplitGap | RandomSplitRefusal | None = None
    effect: Effect | Refusal | None = None
    events: Sequence[LedgerEvent] = ()
    outages: Sequence[str] | None = None
    monitoring: MonitoringSummary | None = None
    in_hindsight: int = 0


def draws_for(asked: int, rows: int) -> int:
    """Bootstrap draws for this many rows: as many as `asked`, but fewer of more than 100,000 rows (asked 400).

    Never fewer than ENOUGH_DRAWS (unless asked): intervals of many rows are narrow, and an end that is found from 100
    draws is off by about a tenth of the interval's width.

    >>> draws_for(400, 1_000), draws_for(400, 200_000), draws_for(400, 10_000_000), draws_for(50, 10_000_000)
    (400, 200, 100, 50)
    """
    return max(min(asked, ENOUGH_DRAWS), min(asked, DRAWN_ROWS // max(1, rows)))


class ReportContext:
    """What a section's figures are computed with.

    Attributes
    ----------
    inputs : ReportInputs
    settings : Settings
    evaluation : Evaluation
        The settings' part `evaluation`.
    main_horizon_days, seed, draws : int
        The main horizon, and the seed and number of the bootstrap's draws.
    frames : ReportFrames
        The judged rows as the figures need them; prepared when first asked for.
    figures : Summary
        The figures of the sections computed so far: those that a section `needs` are there.
    refused : list of RefusedFigure
        The figures that the rows could not support.
    """

    def __init__(self, inputs: ReportInputs, settings: Settings) -> None:
        self.inputs, self.settings, self.evaluation = inputs, settings, settings.evaluation
        self.draws = draws_for(settings.evaluation.bootstrap_draws, len(inputs.judged))
        self.seed, self.main_horizon_days = settings.training.seed, settings.main_horizon_days
        self.figures: Summary = {}
        self.refused: list[RefusedFigure] = []
        # By identity, beside the frame that has it.
        self._red_band: dict[tuple[int, str], tuple[pd.DataFrame, Array]] = {}
        self._draws_of: dict[tuple[int, tuple[str, ...]], tuple[pd.DataFrame, Array]] = {}

    @cached_property
    def frames(self) -> ReportFrames:
        facts = self.inputs.company_facts
        interventions = None if facts is None else facts.interventions
        return prepare_frames(self.inputs.judged, self.inputs.baselines, interventions, self.settings)

    @property
    def main_column(self) -> str:
        """Name of the model's probability at the main horizon."""
        return f"p_churn_{self.main_horizon_days}d"

    def add_figures(self, of_section: JsonObject) -> None:
        """Adds the figures of a section that is worked out, as JSON, to `figures`."""
        self.figures = cast("Summary", {**self.figures, **of_section})

    def figure_or_refusal(self, name: str, where: str, compute: Callable[[], Any]) -> Any:
        """What `compute` returns, as JSON; the refusal, which is kept as well, when it raises MetricRefused."""
        try:
            figure = compute()
        except MetricRefused as refusal:
            return self.add_refusal(name, where, refusal)
        return to_jsonable(figure)

    def add_refusal(self, name: str, where: str, refusal: MetricRefused) -> JsonObject:
        """The refusal as it stands in the place of a figure; it is kept for the list of all of them."""
        self.refused.append(RefusedFigure(name, where, refusal.why, refusal.needed))
        return {"refused": refusal.why}

    def require_churned(self, name: str, rows: pd.DataFrame) -> None:
        """MetricRefused when fewer accounts of these rows churned than the settings ask for."""
        churned, needed = churned_accounts(rows), self.evaluation.min_churned_accounts
        if churned < needed:
            raise MetricRefused(name, "churned accounts", churned, needed)

    def share_in_red_band(self, rows: pd.DataFrame, column: str) -> Array:
        """How much of each row lies in the red band of its as_of by a column of scores, (n,), 0-1; computed once."""
        key = (id(rows), column)
        if key not in self._red_band:
            p, days = rows[column].to_numpy(dtype=float), rows["as_of"].to_numpy()
            self._red_band[key] = rows, in_top_share(p, self.evaluation.capacity_share, days)
        return self._red_band[key][1]

    def draws_of(self, rows: pd.DataFrame, names: tuple[str, ...], statistic: Statistic) -> Array:
        """The estimate and draws of figures drawn together, (names, 1 + draws); made once for these rows."""
        key = (id(rows), names)
        if key not in self._draws_of:
            values = bootstrap.draw(rows, {"all": statistic}, self.draws, self.seed)["all"]
            self._draws_of[key] = rows, np.atleast_2d(values)
        return self._draws_of[key][1]

    def interval(self, name: str, rows: pd.DataFrame, statistic: Statistic) -> Interval:
        """A statistic with its 95 % interval over accounts; MetricRefused with too few churned accounts."""
        self.require_churned(name, rows)
        return self.intervals(rows, {name: statistic})[name]

    def intervals(self, rows: pd.DataFrame, statistics: Mapping[str, Statistic]) -> dict[str, Interval]:
        """Several statistics of the same rows, on the same draws."""
        draws = bootstrap.draw(rows, statistics, self.draws, self.seed)
        return {name: bootstrap.interval_of(values, name) for name, values in draws.items()}
