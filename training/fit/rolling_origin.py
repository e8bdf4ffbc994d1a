"""Fits per origin, remembered: what a rolling backtest and the calibration at each of its cuts share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from configs.errors import DataError, Fault
from configs.progress import Progress, Steps, silent
from configs.settings import Settings
from training.calibration import OutOfTime
from training.fit.learners import BESIDE, LEARNED_RULES, Data, FittedLearners, fit_learners
from training.fit.stacking import Members
from training.hazard import LEARNERS, Intervals, hazard_rows, make_intervals, stages_of
from training.known_labels import churned_accounts, days, distinct_as_ofs, known_until
from training.splits import period_starts

MIN_ORIGIN_CHURNS = 15  # churned accounts before an origin may predict out of time
MIN_ORIGIN_SHARE = 0.5  # and this share of the cut's: a model of much less history errs in ways the final one does not


@dataclass
class Rolling:
    """Fits per origin, remembered: a rolling backtest and the calibration at each of its cuts share them.

    Give one Rolling to all fit_models calls over the same dataset and settings.

    Attributes
    ----------
    dataset, settings : Data, Settings
        Of all fits.
    intervals : Intervals
        Of all fits.
    """

    dataset: Data
    settings: Settings
    intervals: Intervals = field(init=False)
    _learners: dict[pd.Timestamp, FittedLearners] = field(init=False, default_factory=dict)
    _predicted: dict[tuple[pd.Timestamp, pd.Timestamp], dict[str, np.ndarray]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.intervals = make_intervals(self.settings.horizons_days, self.settings.hazard_interval_days)
        if len(self.dataset.signals) != len(self.dataset.labels):
            raise DataError(
                Fault("dataset", "signals and labels of different length", "one label row a snapshot", "rebuild")
            )

    def until(self, cut: pd.Timestamp) -> pd.Timestamp:
        """By when a label window must have ended to be known at the cut."""
        return known_until(self.dataset.labels, self.dataset.data_end, cut)

    def learners(self, cut: pd.Timestamp) -> FittedLearners:
        """The learners fitted at the cut; DataError with one class only."""
        if cut not in self._learners:
            self._learners[cut] = self._fit(cut)
        return self._learners[cut]

    def prepare(self, cuts: Sequence[pd.Timestamp], progress: Progress | None = None) -> None:
        """Fits the cuts and the calibration origins of each ahead of time, `training.workers` at once.

        Each fit runs on one thread whatever their number: LightGBM's own second thread waits by spinning, which on a
        busy machine is many times slower than none, and a model must not depend on how many there are.
        """
        fits = [moment for cut in cuts for moment in (cut, *self.origins(cut))]
        self.prepare_fits(fits, progress)

    def prepare_fits(self, cuts: Sequence[pd.Timestamp], progress: Progress | None = None) -> None:
        """Fits the learners at these cuts, as far as they are not remembered, and tells of each as it is done."""
        missing = sorted({cut for cut in cuts if cut not in self._learners}, reverse=True)  # the longest first
        if not missing:
            return
        if progress is not None:
            progress(f"fitting {len(missing)} models")
        steps = Steps(progress or silent, [self._size(cut) for cut in missing])
        # The limit holds for the whole process: set once around all fits, so that none lifts it for another.
        with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(self.settings.training.workers) as pool:
            for cut, learners in zip(missing, pool.map(self._fit, missing), strict=True):
                self._learners[cut] = learners
                steps.done(f"fitted as of {cut.date()}")

    def _size(self, cut: pd.Timestamp) -> float:
        """How much work a fit is: the snapshots before its cut."""
        return float((self.dataset.labels["as_of"] < cut).sum())

    def subsample_fits(self, learners: FittedLearners, row_masks: Sequence[np.ndarray]) -> list[FittedLearners]:
        """The learners of some accounts' snapshots each, (n,) bool over the dataset's, of the size that all have."""
        with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(self.settings.training.workers) as pool:
            return list(pool.map(lambda row_mask: self._fit(learners.cut, row_mask, learners), row_masks))

    def _fit(
        self, cut: pd.Timestamp, row_mask: np.ndarray | None = None, size_of: FittedLearners | None = None
    ) -> FittedLearners:
        return fit_learners(self.dataset, self.settings, self.intervals, cut, row_mask, size_of)

    def origins(self, cut: pd.Timestamp) -> tuple[pd.Timestamp, ...]:
        """The latest calibration origins before the cut: quarters, or every as_of where history is short."""
        labels = self.dataset.labels
        as_ofs = distinct_as_ofs(labels)
        most = self.settings.training.calibration_origins
        needed = max(MIN_ORIGIN_CHURNS, MIN_ORIGIN_SHARE * churned_accounts(labels, self.until(cut)))

        def usable(origin: pd.Timestamp) -> bool:
            # An origin teaches nothing unless the first interval of its own as_of has ended by the cut.
            first_end = origin + pd.Timedelta(days=self.intervals.ends[0])
            if first_end > self.until(cut):
                return False
            return churned_accounts(labels, self.until(origin)) >= needed

        for grid in (period_starts(as_ofs, "quarter"), as_ofs):
            origins = tuple(origin for origin in grid if origin < cut and usable(origin))[-most:]
            if len(origins) >= min(2, most):
                return origins
        return ()

    def out_of_time(self, cut: pd.Timestamp) -> dict[str, OutOfTime]:
        """Out-of-time hazard rows known at the cut, by those of LEARNERS that were fitted at every origin."""
        blocks = self._blocks(cut)
        if not blocks:
            return {}
        shared = [name for name in OutOfTime.__dataclass_fields__ if name != "log_odds"]
        made = [name for name in LEARNERS if all(name in block for block in blocks)]
        joined = {name: np.concatenate([block[name] for block in blocks]) for name in (*made, *shared)}
        return {name: OutOfTime(joined[name], **{column: joined[column] for column in shared}) for name in made}

    def members(self, cut: pd.Timestamp, rules: bool) -> Members:
        """What the members of a blend, with the learned rules or without, say of the rows of `out_of_time`."""
        blocks = self._blocks(cut)
        trees, linear, beside = (
            np.concatenate([block[name] for block in blocks]) for name in ("trees", "logistic", BESIDE)
        )
        learned = np.concatenate([block[LEARNED_RULES] for block in blocks]) if rules else None
        return Members(trees - beside, linear - beside, learned, beside)

    def _blocks(self, cut: pd.Timestamp) -> list[dict[str, np.ndarray]]:
        origins = self.origins(cut)
        ends = (*origins[1:], cut)[: len(origins)]
        return [self._block(origin, end, cut) for origin, end in zip(origins, ends, strict=True)]

    def _block(self, origin: pd.Timestamp, end: pd.Timestamp, cut: pd.Timestamp) -> dict[str, np.ndarray]:
        inside = self._inside(origin, end)
        if (origin, end) not in self._predicted:
            self._predicted[origin, end] = self.learners(origin).log_odds(
                self.dataset.signals.iloc[inside], self.intervals
            )
        return self._rows(inside, self._predicted[origin, end], origin, cut)

    def _inside(self, origin: pd.Timestamp, end: pd.Timestamp) -> np.ndarray:
        """Rows of the snapshots in [origin, end)."""
        as_of = self.dataset.labels["as_of"]
        return np.nonzero(((as_of >= origin) & (as_of < end)).to_numpy())[0]

    def _rows(
        self, inside: np.ndarray, predicted: dict[str, np.ndarray], origin: pd.Timestamp, cut: pd.Timestamp
    ) -> dict[str, np.ndarray]:
        """The hazard rows known at the cut among some snapshots, with the log-odds (n, K) that a model gave them."""
        frame, part = self.dataset.signals.iloc[inside], self.dataset.labels.iloc[inside]
        rows = hazard_rows(part, self.intervals, self.until(cut))
        churn = part["account_id"].astype(str) + "@" + part["churn_at"].astype(str)
        of = rows.snapshot
        return {
            **{name: z[of, rows.interval] for name, z in predicted.items()},
            "churned": rows.churned,
            "stage": stages_of(frame).astype(str)[of],
            "account": part["account_id"].astype(str).to_numpy(dtype=object)[of],
            "origin": np.full(len(rows), days(pd.Series([origin]))[0]),
            "churn_id": np.where(rows.churned > 0, churn.to_numpy(dtype=object)[of], "").astype(str),
        }

    def since(
        self, cut: pd.Timestamp, now: pd.Timestamp, learner: str, predict: Callable[[pd.DataFrame], np.ndarray]
    ) -> OutOfTime:
        """Rows out of time for a model of `cut`: its own on the snapshots since, the origins' before it.

        As known at `now`. `predict` gives the model's uncalibrated log-odds (n, K) of a frame; the model itself
        is left alone, while the origins before its cut are fitted as in training, whose predictions are not kept.
        """
        origins = self.origins(cut)
        self.prepare_fits(origins)
        blocks = [
            self._block(origin, end, now)
            for origin, end in zip(origins, (*origins[1:], cut)[: len(origins)], strict=True)
        ]
        # Its own time is cut into quarters like the origins', so that the newest block is as long as in training.
        as_ofs = distinct_as_ofs(self.dataset.labels)
        own = period_starts(tuple(as_of for as_of in as_ofs if cut <= as_of < now), "quarter")
        for start, end in zip(own, (*own[1:], now)[: len(own)], strict=True):
            inside = self._inside(start, end)
            blocks.append(self._rows(inside, {learner: predict(self.dataset.signals.iloc[inside])}, start, now))
        names = (learner, *(name for name in OutOfTime.__dataclass_fields__ if name != "log_odds"))
        return OutOfTime(*(np.concatenate([block[name] for block in blocks]) for name in names))
