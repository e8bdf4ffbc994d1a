"""The learners of one cut, uncalibrated: what the label windows known by then teach each of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pandas as pd

from configs.errors import DataError, Fault
from configs.settings import Settings
from features.signal import Schema
from training.hazard import (
    MANY_EVENTS,
    STAGE,
    Blend,
    Encoder,
    Explained,
    HazardRows,
    Inputs,
    Intervals,
    LinearHazard,
    TimeEffects,
    TrainingRows,
    TreeHazard,
    blends,
    explained_by,
    find_entry_day,
    fit_encoder,
    fit_linear,
    fit_time_effects,
    fit_trees,
    hazard_rows,
    make_inputs,
    stages_of,
    tree_size,
)
from training.health import HealthModel, fit_health, learned_framework
from training.known_labels import churn_events, churned_accounts, days, known_until
from training.splits import assert_no_overlap

MONOTONE_BELOW = 1_000  # churn events, under which declared directions bind
MAX_MISSING = 0.5  # a signal missing in more of the training snapshots is left out
BESIDE, LEARNED_RULES = "beside", "learned_rules"
BLENDED_ROWS = 20_000  # training rows, evenly spaced, that show how far the members agree


class Data(Protocol):
    """What fitting needs of a dataset: signals and labels are row by row the same snapshots."""

    @property
    def signals(self) -> pd.DataFrame: ...
    @property
    def labels(self) -> pd.DataFrame: ...
    @property
    def schema(self) -> Schema: ...
    @property
    def data_end(self) -> pd.Timestamp: ...


@dataclass(frozen=True)
class FittedLearners:
    """Uncalibrated learners of one cut. `base_rate` knows the stage only, with an encoder of its own.

    All but the plain `rules` are fitted beside `time`, the effects of an interval's time, which their log-odds lack.

    `learned_rules`: the rules with weights that these rows taught; None with more than MANY_EVENTS churns, which need
    no telling, and where every signal that the rules look at is excluded. `blends`: by learner, what its members are
    and have a share of.
    """

    cut: pd.Timestamp
    rows: HazardRows
    encoder: Encoder
    explained: Explained
    linear: LinearHazard
    trees: TreeHazard
    base_rate_encoder: Encoder
    base_rate: LinearHazard
    rules: HealthModel
    learned_rules: HealthModel | None
    blends: dict[str, Blend]
    events: int
    accounts: int
    monotone: bool
    time: TimeEffects
    time_evidence: dict[str, float]

    def log_odds(self, frame: pd.DataFrame, intervals: Intervals) -> dict[str, np.ndarray]:
        """Of the frame by each learner that there is, (n, K); what the time adds to them (BESIDE), and the rules as
        learned, without it."""
        inputs = make_inputs(frame, self.encoder, intervals)
        trees = self.trees.log_odds(inputs, self.encoder)
        linear = self.linear.log_odds(inputs)
        base_rate = self.base_rate.log_odds(make_inputs(frame, self.base_rate_encoder, intervals))
        rules = self.rules.linear.log_odds(self.rules.inputs(frame))
        log_odds = {"trees": trees, "logistic": linear, "base_rate": base_rate}
        log_odds["blend"] = self.blends["blend"].of(trees, linear, None)
        learned = None
        if self.learned_rules is not None:
            learned = self.learned_rules.linear.log_odds(self.learned_rules.inputs(frame))
            log_odds["blend_rules"] = self.blends["blend_rules"].of(trees, linear, learned)
        if self.time:
            beside = self.time.log_odds(frame, intervals)
            log_odds = {name: z + beside for name, z in log_odds.items()}
        else:
            beside = np.zeros_like(linear)
        parts = {BESIDE: beside} if learned is None else {BESIDE: beside, LEARNED_RULES: learned}
        return log_odds | {"rules": rules} | parts


def fit_learners(
    dataset: Data,
    settings: Settings,
    intervals: Intervals,
    cut: pd.Timestamp,
    row_mask: np.ndarray | None = None,
    size_of: FittedLearners | None = None,
) -> FittedLearners:
    """The learners that the label windows known by the cut teach; DataError with one class only.

    `row_mask`: (n,) bool, which of the dataset's snapshots may teach; `size_of`: learners whose size these take, as of
    all snapshots.
    """
    training = settings.training
    frame, labels = dataset.signals, dataset.labels
    until = known_until(labels, dataset.data_end, cut)
    # Only snapshots before the cut: the others have no finished interval, and need not be encoded.
    usable = (labels["as_of"] < cut).to_numpy()
    before = np.nonzero(usable if row_mask is None else usable & row_mask)[0]
    frame, labels = frame.iloc[before], labels.iloc[before]
    rows = hazard_rows(labels, intervals, until)
    _refuse_one_class(rows, cut)
    assert_no_overlap(rows.ends, cut)
    numbers, categories = _columns(dataset, settings)
    at_risk = frame.iloc[np.unique(rows.snapshot)]
    # Mostly missing in training is mostly "history was too short": the flag would stand for the calendar.
    numbers = [name for name in numbers if at_risk[name].isna().mean() <= MAX_MISSING]
    events = churn_events(labels, until)
    encoder = fit_encoder(frame, numbers, categories, rows.snapshot, rows.churned)
    encoder = replace(encoder, entry_day=find_entry_day(frame))
    base_rate_encoder = fit_encoder(frame, [], [STAGE], rows.snapshot, rows.churned)
    inputs = make_inputs(frame, encoder, intervals)
    decided_by = events if size_of is None else size_of.events
    monotone = training.monotone == "on" or (training.monotone == "auto" and decided_by < MONOTONE_BELOW)
    account, _ = pd.factorize(frame["account_id"])
    time, evidence = fit_time_effects(frame, rows, intervals, stages_of(frame), days(pd.Series([until]))[0])
    offset = time.log_odds(frame, intervals)[rows.snapshot, rows.interval] if time else None
    known = TrainingRows(inputs, rows, encoder, events, training.seed, offset)
    trees = fit_trees(known, dataset.schema, intervals, tree_size(training.trees, decided_by), monotone)
    linear = fit_linear(known, account, training.ridge_l2)
    by_stage = replace(known, inputs=make_inputs(frame, base_rate_encoder, intervals), encoder=base_rate_encoder)
    base_rate = fit_linear(by_stage, account, training.ridge_l2, use_renewal=False)
    learned = None
    if decided_by <= MANY_EVENTS:
        learned = _learned(frame, rows, events, settings, intervals, offset)
    return FittedLearners(
        cut=cut,
        rows=rows,
        encoder=encoder,
        explained=explained_by(encoder, dataset.schema),
        linear=linear,
        trees=trees,
        base_rate_encoder=base_rate_encoder,
        base_rate=base_rate,
        rules=fit_health(frame, rows, events, settings, intervals),
        learned_rules=learned,
        blends=_blends(frame, inputs, rows, encoder, trees, linear, learned),
        events=events,
        accounts=churned_accounts(labels, until),
        monotone=monotone,
        time=time,
        time_evidence=evidence,
    )


def _columns(dataset: Data, settings: Settings) -> tuple[list[str], list[str]]:
    """(numbers, categories) that enter: the schema's less the excluded ones, and the lifecycle stage."""
    excluded = set(settings.training.exclude_signals)
    schema = dataset.schema
    categories = [name for name in schema.categories if name not in excluded]
    if STAGE not in categories:
        categories.append(STAGE)
    return [name for name in schema.numbers if name not in excluded], categories


def _blends(
    frame: pd.DataFrame,
    inputs: Inputs,
    rows: HazardRows,
    encoder: Encoder,
    trees: TreeHazard,
    linear: LinearHazard,
    learned: HealthModel | None,
) -> dict[str, Blend]:
    some = rows.take(np.linspace(0, len(rows) - 1, min(BLENDED_ROWS, len(rows))).astype(int))
    at = np.arange(len(some)), some.interval
    return blends(
        trees.log_odds_of(inputs, encoder, some),
        linear.log_odds(inputs.take(some.snapshot))[at],
        None if learned is None else learned.linear.log_odds(learned.inputs(frame.iloc[some.snapshot]))[at],
    )


def _learned(
    frame: pd.DataFrame,
    rows: HazardRows,
    events: int,
    settings: Settings,
    intervals: Intervals,
    offset: np.ndarray | None,
) -> HealthModel | None:
    framework = settings.framework
    excluded = set(settings.training.exclude_signals)
    maps = tuple(health_map for health_map in framework.health_maps if health_map.signal not in excluded)
    if events > MANY_EVENTS or not maps:
        return None
    framework = framework.model_copy(update={"health_maps": maps})
    learned = learned_framework(frame, rows, events, framework, intervals)
    return fit_health(frame, rows, events, settings, intervals, learned, offset)


def _refuse_one_class(rows: HazardRows, cut: pd.Timestamp) -> None:
    churned = int(rows.churned.sum())
    if 0 < churned < len(rows):
        return
    raise DataError(
        Fault(
            f"training rows known at {cut.date()}",
            f"{len(rows)} (snapshot, interval) rows, {churned} of them churned",
            "rows of both classes whose label windows have ended",
            "choose a later cut, earlier snapshots, or check the churn definition",
        )
    )
