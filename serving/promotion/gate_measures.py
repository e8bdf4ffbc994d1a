"""What the gates of a promotion ask beyond the rows of the backtest: of the model, its size, its speed, its twins."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from configs.errors import DataError
from configs.settings import Settings
from evaluation.predictions import predictions
from evaluation.promotion import KEPT, EarlierCalibration, Measured
from evaluation.validity import check_champion
from features.dataset import Dataset
from features.labels import horizon_labels
from serving.project import Project
from serving.promotion.kept_backtest import KeptBacktest
from serving.scoring import Scorer
from training.fit import recalibrate, reseeded
from training.model import ChurnModel
from training.tracking import LoadedModel, kept_file

KEY = ["account_id", "as_of"]
BATCH, REFERENCE, REPEATS = 1_000, 200_000, 3


def measure(
    project: Project, model: LoadedModel, champion: LoadedModel | None, kept: KeptBacktest, unread: str | None = None
) -> Measured:
    """What the gates ask of a candidate that was trained on the project's data.

    `kept` is their backtest; `unread` says why a champion that there is cannot be compared with.
    """
    settings, dataset, tell = project.settings, project.dataset, project.tell
    suspects = tuple(suspect.column for suspect in project.suspects if not suspect.allowed)
    tell("scoring one by one")
    equal = served_equals_batch(Scorer.of(project, model))
    tell("fitting the trees from another seed")
    newest = dataset.signals[dataset.signals.as_of == dataset.signals.as_of.max()]
    p = f"p_churn_{settings.main_horizon_days}d"
    scores = newest_scores(settings, model, dataset)
    other = reseeded(model.churn, dataset, model.schema)
    agree = 1.0 if other is model.churn else rank_agreement(scores.p, other.predict(newest)[p])
    theirs = None
    if champion is not None and champion.version != model.version:
        theirs = champion_rows(settings, champion, dataset)
    tell("timing")
    return Measured(
        served_equals_batch=equal,
        champion=None if theirs is None else theirs.drop(columns="cut"),
        no_champion=unread or ("no champion yet" if champion is None else "it is the champion itself"),
        seeds_agree=agree,
        size_mb=model.size_mb,
        latency=latency(settings, model, newest),
        suspects=suspects,
        checks=kept.findings + (() if theirs is None else check_champion(theirs)),
        newest=scores,
        own=own_rows(settings, model, dataset),
        earlier=earlier_calibration(settings, model, dataset, kept.predictions),
    )


def rank_agreement(first: pd.Series, second: pd.Series) -> float:
    """Spearman's rank correlation; of constants, which rank nobody, 1 where both are constant and 0 otherwise."""
    if first.nunique() == 1 or second.nunique() == 1:
        return float(first.nunique() == second.nunique())
    return float(first.corr(second, method="spearman"))


def newest_scores(settings: Settings, model: LoadedModel, dataset: Dataset) -> pd.DataFrame:
    """account_id, as_of and p of a model's own predictions at the main horizon on the newest as_of."""
    newest = dataset.signals[dataset.signals.as_of == dataset.signals.as_of.max()]
    return newest[KEY].assign(p=model.churn.predict(newest)[f"p_churn_{settings.main_horizon_days}d"])


def own_rows(settings: Settings, model: LoadedModel, dataset: Dataset) -> pd.DataFrame:
    """account_id, as_of, p and y of a model's own predictions at the main horizon that have matured since the last day
    that taught its learners or its calibrator."""
    return _matured(settings, model.churn, dataset, model.churn.cuts.last)


def _matured(settings: Settings, churn: ChurnModel, dataset: Dataset, since: pd.Timestamp) -> pd.DataFrame:
    days = settings.main_horizon_days
    y = horizon_labels(dataset.labels, [days])[f"churned_{days}d"].to_numpy()
    kept = (dataset.signals.as_of >= since).to_numpy() & ~np.isnan(y)
    rows = dataset.signals[kept]
    p = churn.predict(rows)[f"p_churn_{days}d"] if len(rows) else 0.0
    return rows[KEY].assign(p=p, y=y[kept])


def earlier_calibration(
    settings: Settings, model: LoadedModel, dataset: Dataset, backtest: pd.DataFrame
) -> EarlierCalibration:
    """How far the candidate has moved from the backtest's newest fold, and what its calibration, renewed on an earlier
    day, was worth on the rows since; that day is the last after which enough accounts left."""
    p = f"p_churn_{settings.main_horizon_days}d"
    newest = backtest[backtest.as_of == backtest.as_of.max()].merge(dataset.signals[KEY].reset_index(), on=KEY)
    ours = model.churn.predict(dataset.signals.loc[newest["index"]])[p].to_numpy()
    moved = _log_odds(ours.mean()) - _log_odds(newest[p].mean()) if len(newest) else None
    found = EarlierCalibration(moved, model.churn.calibrator.level_shift)
    cut = _last_day_with_churns(settings, dataset, settings.evaluation.min_churned_accounts)
    if model.churn.cuts.calibrator <= model.churn.cuts.learners or cut is None or cut <= model.churn.cuts.learners:
        return found
    try:
        before = recalibrate(model.churn, dataset, settings, now=cut)
    except DataError:  # nobody had left by then since its learners had learnt
        return found
    return replace(found, rows=_matured(settings, before, dataset, cut), cut=cut)


def _log_odds(p: float) -> float:
    p = min(max(float(p), 1e-6), 1 - 1e-6)
    return float(np.log(p / (1 - p)))


def _last_day_with_churns(settings: Settings, dataset: Dataset, needed: int) -> pd.Timestamp | None:
    """The last as_of since which so many accounts left within the main horizon."""
    days = settings.main_horizon_days
    left = (horizon_labels(dataset.labels, [days])[f"churned_{days}d"] == 1).to_numpy()
    last = dataset.labels[left].groupby("account_id").as_of.max().sort_values()
    return None if len(last) < needed else last.iloc[-needed]


def champion_rows(settings: Settings, champion: LoadedModel, dataset: Dataset) -> pd.DataFrame:
    """account_id, as_of, p_churn_{h}d of the champion, out of time for it at the main horizon h; and the `cut` up to
    which what made a row had learnt (NaT where a version that was promoted long ago did not keep it).

    Since its cut (the later one, of learners and calibrator), predictions of the frozen model; before it, those of its
    backtest when it was promoted. Either is absent where the champion read other signals or had other horizons.
    """
    p = f"p_churn_{settings.main_horizon_days}d"
    columns = [*KEY, p, "cut"]
    cut = champion.churn.cuts.last
    parts = [dataset.signals[KEY].iloc[:0].assign(cut=cut, **{p: 0.0})[columns]]
    kept = kept_file(settings, champion.run_id, KEPT)
    if kept is not None:
        before = pd.read_parquet(io.BytesIO(kept)).query("as_of < @cut")
        folds = pd.to_datetime(before.reindex(columns=["fold"])["fold"]).astype("datetime64[us]")
        parts += [before.assign(cut=folds)[columns]] if p in before else []
    since = dataset.signals[dataset.signals.as_of >= cut]
    readable = set(champion.churn.columns) <= set(since) and settings.main_horizon_days in champion.churn.horizons_days
    if readable and len(since):
        parts.append(since[KEY].join(champion.churn.predict(since)).assign(cut=cut)[columns])
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def latency(settings: Settings, model: LoadedModel, frame: pd.DataFrame) -> tuple[float, float]:
    """Least processor seconds of three tries: scoring BATCH accounts with reasons, and sorting REFERENCE numbers.

    In turns, so that a machine that is slow for a while is slow for both. Accounts are repeated to make up the batch.
    """
    rows = frame.iloc[np.arange(BATCH) % len(frame)].reset_index(drop=True)
    numbers = np.random.default_rng(0).random(REFERENCE).tolist()

    def seconds(work: Callable[[], object]) -> float:
        begun = time.process_time()
        work()
        return time.process_time() - begun

    tries = [
        (
            seconds(lambda: predictions(model.churn, model.health, rows, settings, model.version, model.schema)),
            seconds(lambda: sorted(numbers)),
        )
        for _ in range(REPEATS)
    ]
    return min(scoring for scoring, _ in tries), min(sorting for _, sorting in tries)


def served_equals_batch(scorer: Scorer, accounts: int = 20) -> bool:
    """Whether accounts scored one at a time, as the service does, equal the batch to the last bit."""
    batch = scorer.predict(list(scorer.frame.index))
    step = max(1, len(batch) // accounts)
    return all(
        scorer.predict([batch.account_id[row]]).equals(batch.iloc[[row]].reset_index(drop=True))
        for row in range(0, len(batch), step)
    )
