"""How predictions fare since the model was trained: what moved, whether the level holds, what to expect of the rest.

Plain frames in, one `Monitoring` out, with its sentences. What is an alarm, and from where on, is in alarms.py; how
each figure is made, in drift.py (signals and scores), and in evaluation/metrics: observed_expected.py, and
expected_performance.py (performance before labels arrive).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from configs.errors import DataError, Fault
from configs.settings import Settings
from evaluation.metrics import (
    Array,
    MetricRefused,
    WatchedPeriod,
    bootstrap,
    bootstrap_statistics,
    expect,
    grade,
    non_overlapping_as_ofs,
    observed_expected,
    watch,
)
from evaluation.monitoring.alarms import KINDS, WATCHES, alarms_of, describe_outage
from evaluation.monitoring.drift import (
    ALL,
    FAR_OFF,
    STAGE,
    Move,
    counted,
    explained,
    farthest_signals,
    first_of_months,
    moves,
    share_far_off,
)
from evaluation.monitoring.figures import Estimate, FeedDrift, Figures, MaturedCalibration, MonthlyScores, QuarterRatio
from evaluation.monitoring.result import Monitoring
from features.signal import Schema, SignalInfo
from features.signals import SCORE_INFOS
from features.timeline import Outage

MODEL, CONFIG, HEALTH, CUT = "model_version", "config_version", "health_score", "cut"
SCORES_MONTHS = 6  # months of scores that tell how they are spread, before a move of them can be judged
ALARM_COVERAGE = 0.999  # of the interval that an alarm asks for


def monitor(
    predictions: pd.DataFrame,
    settings: Settings,
    since: pd.Timestamp,
    signals: pd.DataFrame | None = None,
    schema: Schema | None = None,
    outages: Mapping[str, Sequence[Outage]] | None = None,
) -> Monitoring:
    """How predictions fare since a model was trained; one scoring a calendar month is looked at, the first.

    The watch of the level alone goes by as_ofs whose windows follow each other.

    Parameters
    ----------
    predictions : pd.DataFrame
        The columns of a prediction and churned_{h}d (NaN while a window is open); with `cut` (when the training time of
        a row's model ended) months are held against their own model's.
    settings : Settings
        The project's settings.
    since : pd.Timestamp
        The first model's cut: what came before is training time, and not judged.
    signals : pd.DataFrame, optional
        Signals by as_of (`Dataset.signals`).
    schema : Schema, optional
        Of `signals`.
    outages : mapping of str to sequence of Outage, optional
        Of each source table (`outages_by_feed`).

    Returns
    -------
    Monitoring

    Raises
    ------
    DataError
        For missing columns, accounts that stand twice on a day, or no prediction since then.
    """
    main, soonest, seed = settings.main_horizon_days, min(settings.horizons_days), settings.training.seed
    p, y = f"p_churn_{main}d", f"churned_{main}d"
    _check(predictions, (p, y, f"p_churn_{soonest}d", f"churned_{soonest}d", STAGE, MODEL), since)
    kept = predictions[(predictions["as_of"] >= since).to_numpy()]
    for outcome in (f"churned_{soonest}d", y):
        kept = kept[~_lost(kept, outcome)]
    kept = kept.sort_values(["as_of", "account_id"], ignore_index=True)
    months = first_of_months(kept)
    known = {feed: tuple(of_feed) for feed, of_feed in (outages or {}).items()}
    cuts = dict(zip(months["as_of"].dt.to_period("M"), months[CUT], strict=True)) if CUT in months else None
    infos = () if schema is None else schema.signals
    of_name = {info.name: info for info in infos}
    table = pd.DataFrame() if signals is None else moves(signals, infos, since, cuts=cuts, outages=known)
    moved = () if signals is None else counted(signals, table, since)
    causes = {move: explained(move, of_name[move.column], known) for move in moved}
    why = {move: describe_outage(*outage) for move, outage in causes.items() if outage is not None}
    down = {move.as_of for move in why}
    score_moves, renewed = _score_moves(months, p)
    figures = Figures(
        since=pd.Timestamp(since),
        horizon_days=main,
        watched_days=soonest,
        scores=tuple(_scores(months, p, y)),
        observed_expected=tuple(_observed_expected(months, p, y)),
        watched={name: tuple(_watched(kept, soonest, times, name, seed)) for name, times in WATCHES},
        estimates=tuple(_estimates(months, p, y, seed)),
        score_moves=tuple(move for move in score_moves if move.as_of not in down),
        signal_moves=tuple(move for move in moved if move not in why),
        explained=(*why.items(), *renewed),
        far_share=tuple(share_far_off(table, since, {(move.column, move.as_of) for move in why})),
        farthest=tuple(farthest_signals(table)),
        outages=known,
        feeds=tuple(_feeds(table, since, moved, why)),
        matured=_matured(months, settings),
    )
    return Monitoring(figures, alarms_of(figures))


def _check(predictions: pd.DataFrame, names: Sequence[str], since: pd.Timestamp) -> None:
    faults = [
        Fault(f"predictions.{name}", "no such column", "a column of predictions joined to outcomes", "judge them anew")
        for name in ("account_id", "as_of", *names)
        if name not in predictions
    ]
    if not faults and predictions.duplicated(["account_id", "as_of"]).any():
        account = predictions.loc[predictions.duplicated(["account_id", "as_of"]), "account_id"].iloc[0]
        faults.append(Fault("predictions", f"{account} twice on one as_of", "one row each", "keep the first of a day"))
    if not faults and not (predictions["as_of"] >= since).any():
        to_do = "score, or give an earlier day"
        faults.append(Fault("predictions", f"none since {since:%Y-%m-%d}", "some to monitor", to_do))
    if faults:
        raise DataError(faults)


def _lost(rows: pd.DataFrame, outcome: str) -> Array:
    """Rows without an outcome though most of their as_of have one: those accounts left unrecorded, and never will."""
    known = rows[outcome].notna()
    return np.asarray(~known & (known.groupby(rows["as_of"]).transform("mean") > 0.5))


def _by_stage(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    yield ALL, rows
    yield from ((str(stage), part) for stage, part in rows.groupby(STAGE))


def _scores(months: pd.DataFrame, p: str, y: str) -> Iterator[MonthlyScores]:
    for as_of in months["as_of"].unique():
        rows = months[(months["as_of"] == as_of).to_numpy()]
        for stage, part in _by_stage(rows):
            happened = float(part[y].mean()) if part[y].notna().all() else None
            yield MonthlyScores(pd.Timestamp(as_of), stage, len(part), float(part[p].mean()), happened)


def _quarters(rows: pd.DataFrame) -> Iterator[tuple[str, pd.Timestamp, pd.DataFrame]]:
    for quarter, part in rows.groupby(rows["as_of"].dt.to_period("Q")):
        yield str(quarter), pd.Timestamp(part["as_of"].max()), part


def _observed_expected(months: pd.DataFrame, p: str, y: str) -> Iterator[QuarterRatio]:
    for quarter, last, rows in _quarters(months[months[y].notna()]):
        for stage, part in _by_stage(rows):
            known = part[y].to_numpy(dtype=float), part[p].to_numpy(dtype=float), part["account_id"].to_numpy(dtype=str)
            if known[1].sum() > 0:
                both = observed_expected(*known), observed_expected(*known, level=ALARM_COVERAGE)
                yield QuarterRatio(quarter, last, stage, *both)


def _watched(kept: pd.DataFrame, days: int, times: float, name: str, seed: int) -> list[WatchedPeriod]:
    p, y = f"p_churn_{days}d", f"churned_{days}d"
    rows = kept.loc[kept[y].notna(), ["as_of", p, y]]
    counted_days = non_overlapping_as_ofs(list(rows["as_of"].unique()), days)
    parts = {as_of: rows[(rows["as_of"] == as_of).to_numpy()] for as_of in counted_days}
    periods = [(day, part[y].to_numpy(dtype=float), part[p].to_numpy(dtype=float)) for day, part in parts.items()]
    limit = next(kind.limit for kind, _ in KINDS if kind.name == name)
    return watch(periods, times, limit, seed)


def _estimates(months: pd.DataFrame, p: str, y: str, seed: int) -> Iterator[Estimate]:
    for quarter, last, rows in _quarters(months):
        chance = rows[p].to_numpy(dtype=float)
        if len(rows) < 2 or not 0 < chance.sum() < len(rows):
            continue
        expected = expect(chance, rows["account_id"].to_numpy(dtype=str), seed=seed)
        done = rows[y].notna().all() and rows[y].nunique() == 2
        yield Estimate(quarter, last, expected, grade(expected, rows[y].to_numpy(), chance) if done else None)


def _score_moves(months: pd.DataFrame, p: str) -> tuple[list[Move], list[tuple[Move, str]]]:
    """Moves of the probabilities and health scores once half a year of them says how they are spread.

    A new model, or new weights, are no move: what came with them is returned beside the moves, with the reason.
    """
    as_ofs = sorted(months["as_of"].unique())
    counted_moves: list[Move] = []
    renewed: list[tuple[Move, str]] = []
    if len(as_ofs) <= SCORES_MONTHS:
        return counted_moves, renewed
    begun = pd.Timestamp(as_ofs[SCORES_MONTHS])
    probability = SignalInfo(name=p, dimension="account", unit="0 to 1", healthier=-1, sentence="probability of churn")
    health = next(info for info in SCORE_INFOS if info.name == HEALTH)
    version_changes = (
        (probability, MODEL, "another model scores"),
        (health, CONFIG, "the health score goes by another configuration"),
    )
    for score, version, change in version_changes:
        column = score.name
        if column not in months or version not in months or not months[column].notna().any():
            continue
        within = counted(months, moves(months, [score], begun, version), begun)
        of = months.groupby("as_of")[version].first().astype(str)
        new = of[of != of.shift(1)]
        every = counted(months, moves(months, [score], begun), begun)
        others = [move for move in every if move.as_of in new.index and move not in within]
        renewed += [(move, f"from {move.as_of:%Y-%m-%d} on {change} ({new[move.as_of]})") for move in others]
        counted_moves += within
    return counted_moves, renewed


def _matured(months: pd.DataFrame, settings: Settings) -> MaturedCalibration:
    """Slope and calibration error of every prediction whose main window has passed; why not, where few have churned."""
    main, evaluation = settings.main_horizon_days, settings.evaluation
    rows = months[months[f"churned_{main}d"].notna()]
    rows = rows.assign(y=rows[f"churned_{main}d"].astype(float), p=rows[f"p_churn_{main}d"].astype(float))
    churned = int(rows.loc[rows["y"] == 1, "account_id"].nunique())
    if churned < evaluation.min_churned_accounts:
        why = f"{churned} churned accounts; at least {evaluation.min_churned_accounts} would do"
        return MaturedCalibration(len(rows), churned, refused=why)
    statistics = {
        "slope": bootstrap_statistics.calibration_slope(),
        "ece": bootstrap_statistics.ece(bins=evaluation.calibration_bins),
    }
    drawn = bootstrap.draw(rows, statistics, evaluation.bootstrap_draws, settings.training.seed)
    try:
        slope = bootstrap.interval_of(drawn["slope"], "slope")
        error = bootstrap.interval_of(drawn["ece"][0], "ece", noise=drawn["ece"][1])
    except MetricRefused as refusal:
        return MaturedCalibration(len(rows), churned, refused=refusal.why)
    return MaturedCalibration(len(rows), churned, slope, error)


def _feeds(
    table: pd.DataFrame, since: pd.Timestamp, moved: Sequence[Move], why: Mapping[Move, str]
) -> Iterator[FeedDrift]:
    """By feed, the signals made of it; one that is made of two feeds counts in both."""
    if table.empty:
        return
    rows = table[(table["stage"] == ALL) & (table["as_of"] >= since)]
    newest = rows[(rows["as_of"] == rows["as_of"].max()) & rows["from_training"].notna()].set_index("column")
    of = dict(zip(table["column"], table["feeds"], strict=True))
    for feed in sorted({feed for feeds in of.values() for feed in feeds}):
        names = [name for name, feeds in of.items() if feed in feeds]
        own = newest.loc[newest.index.isin(names), "from_training"].sort_values(ascending=False, kind="stable")
        went = {move.column for move in moved if feed in move.feeds}
        because = {move.column for move in why if feed in move.feeds}
        farthest = (str(own.index[0]), float(own.iloc[0])) if len(own) else (None, None)
        yield FeedDrift(feed, len(names), len(went), len(because), int((own > FAR_OFF).sum()), *farthest)
