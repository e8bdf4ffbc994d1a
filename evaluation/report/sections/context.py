"""What every table of a summary is made with: the settings, intervals over accounts, and the refusals met so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from configs.settings import Settings
from evaluation.jsonable import to_jsonable
from evaluation.metrics import Array, Interval, MetricRefused, Statistic, bootstrap, churned_accounts, in_top_share

Figure: TypeAlias = dict[str, Any]
ENOUGH_DRAWS = 100
DRAWN_ROWS = 40_000_000  # rows times draws; see Desk


class Desk:
    """What every table needs: the settings, the column names, and the refusals met so far.

    Of more than 100,000 rows fewer resamples are drawn than the settings ask for (never fewer than ENOUGH_DRAWS): their
    intervals are narrow, and an end that is found from 100 draws is off by about a tenth of the interval's width.
    """

    def __init__(self, settings: Settings, rows: int) -> None:
        self.settings, self.evaluation = settings, settings.evaluation
        most = settings.evaluation.bootstrap_draws
        self.draws = max(min(most, ENOUGH_DRAWS), min(most, DRAWN_ROWS // max(1, rows)))
        self.seed, self.main = settings.training.seed, settings.main_horizon_days
        self.refused: list[dict[str, Any]] = []
        # By identity, beside the frame that has it.
        self._held: dict[tuple[int, str], tuple[pd.DataFrame, Array]] = {}
        self._drawn: dict[tuple[int, tuple[str, ...]], tuple[pd.DataFrame, Array]] = {}

    def figure(self, name: str, where: str, make: Callable[[], Any]) -> Any:
        """What `make` returns, or the refusal, said and kept."""
        try:
            found = make()
        except MetricRefused as refusal:
            return self.refuse(name, where, refusal)
        return to_jsonable(found)

    def refuse(self, name: str, where: str, refusal: MetricRefused) -> Figure:
        """The refusal as it stands in the place of a figure; it is kept for the list of all of them."""
        self.refused.append({"figure": name, "where": where, "why": refusal.why, "needed": refusal.needed})
        return {"refused": refusal.why}

    def enough(self, name: str, rows: pd.DataFrame) -> None:
        """MetricRefused when fewer accounts of these rows churned than the settings ask for."""
        found, needed = churned_accounts(rows), self.evaluation.min_churned_accounts
        if found < needed:
            raise MetricRefused(name, "churned accounts", found, needed)

    def held(self, rows: pd.DataFrame, column: str) -> Array:
        """How much of each row lies in the red band of its as_of by a column of scores, (n,), 0-1; found once."""
        key = (id(rows), column)
        if key not in self._held:
            p, days = rows[column].to_numpy(dtype=float), rows["as_of"].to_numpy()
            self._held[key] = rows, in_top_share(p, self.evaluation.capacity_share, days)
        return self._held[key][1]

    def drawn(self, rows: pd.DataFrame, names: tuple[str, ...], statistic: Statistic) -> Array:
        """The estimate and draws of figures drawn together, (names, 1 + draws); made once for these rows."""
        key = (id(rows), names)
        if key not in self._drawn:
            found = bootstrap.draw(rows, {"it": statistic}, self.draws, self.seed)["it"]
            self._drawn[key] = rows, np.atleast_2d(found)
        return self._drawn[key][1]

    def interval(self, name: str, rows: pd.DataFrame, statistic: Statistic, basic: bool = False) -> Interval:
        self.enough(name, rows)
        return self.intervals(rows, {name: statistic}, basic)[name]

    def intervals(
        self, rows: pd.DataFrame, statistics: Mapping[str, Statistic], basic: bool = False
    ) -> dict[str, Interval]:
        """Several statistics of the same rows, on the same draws."""
        drawn = bootstrap.draw(rows, statistics, self.draws, self.seed)
        return {name: bootstrap.interval_of(values, name, basic) for name, values in drawn.items()}
