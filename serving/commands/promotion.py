"""What `promote` does: measures what the gates ask for, moves the champion alias, and marks it in the ledger.

The ledger is marked before the alias is moved, so that no champion serves without one.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from configs.errors import Fault, UsageError
from configs.progress import Progress
from configs.settings import Settings
from evaluation.ledger import Ledger
from evaluation.predictions import predictions
from evaluation.promotion import Measured, evaluate_gates, mark_level, mark_promotion, mark_reweighting
from evaluation.validity import check_champion
from features.checks import find_suspects
from features.dataset import Dataset
from features.sources import Sources, open_sources
from serving.commands.training_stages import read_backtest, read_findings
from serving.scoring import Scorer
from training.fit import reseeded
from training.tracking import CANDIDATE, CHAMPION, LoadedModel, keep_file, kept_file, load_version, versions
from training.tracking import promote as move

KEPT = "promoted/judged.parquet"  # of a promoted version's run: what its backtest predicted
KEY = ["account_id", "as_of"]
BATCH, REFERENCE, REPEATS = 1_000, 200_000, 3


def promote(
    settings: Settings,
    version: str | None,
    load: Callable[[], Dataset],
    now: datetime,
    by: str,
    tell: Progress,
    force: str | None = None,
    sources: Sources | None = None,
) -> dict[str, Any]:
    """Asks every gate; the champion changes only when none refuses, or when `force` gives the reason to overrule them.

    `load` gives the signals and labels that it was trained on, and is called once all else is there. UsageError when
    there is no such candidate, or no backtest of the data and settings that it was trained on.
    """
    model = load_version(settings, version or CANDIDATE)
    judged, baselines, mark = read_backtest(settings)
    backtested = {"data_fingerprint": mark["fingerprint"], "config_version": mark["settings"]}
    _require_same(model, backtested, "those of the backtest", "run `forewarn train` and `forewarn backtest` again")
    dataset = load()
    _require_same(model, {"data_fingerprint": dataset.fingerprint}, "today's", "give the data that it was trained on")
    champion = _champion(settings)
    measured = measure(settings, model, champion, dataset, tell, sources)
    verdict = evaluate_gates(judged, baselines, settings, measured, model.churn.log)
    forced = force is not None and not verdict.passed
    told = weighed = level = None
    if verdict.passed or forced:
        before = None if champion is None else champion.version
        with Ledger.open(settings) as ledger:
            told = mark_promotion(ledger, model.version, before, verdict, force, by, pd.Timestamp(now))
            weighed = mark_reweighting(ledger, model, champion, by, pd.Timestamp(now))
            level = mark_level(ledger, model, champion, by, pd.Timestamp(now))
        kept = [*KEY, f"p_churn_{settings.main_horizon_days}d", "fold"]
        keep_file(settings, model.run_id, KEPT, _bytes(judged[kept]))
        move(settings, model.version)
    return {
        "promoted": told is not None,
        "forced": forced,
        "version": str(model.version),
        "gates": verdict.to_json(),
        "refused": [gate.name for gate in verdict.refused],
        "words": str(verdict),
        "mark": told,
        "reweighting": weighed,
        "level": level,
    }


def _require_same(model: LoadedModel, found: dict[str, str], whose: str, do: str) -> None:
    """UsageError where the model was trained on other data or settings than these."""
    words = {"data_fingerprint": "data", "config_version": "settings"}
    faults = [
        Fault(f"version {model.version}", f"trained on other {words[name]} than {whose}", f"the same {words[name]}", do)
        for name, value in found.items()
        if model.meta[name] != value
    ]
    if faults:
        raise UsageError(faults)


def _champion(settings: Settings) -> LoadedModel | None:
    there = any(CHAMPION in version.aliases for version in versions(settings))
    return load_version(settings, CHAMPION) if there else None


def measure(
    settings: Settings,
    model: LoadedModel,
    champion: LoadedModel | None,
    dataset: Dataset,
    tell: Progress,
    sources: Sources | None = None,
) -> Measured:
    """What the gates ask beyond the rows of the backtest; `dataset` is what the candidate was trained on."""
    tell("looking for columns that know the future")
    opened = sources or open_sources(settings)
    suspects = tuple(one.column for one in find_suspects(settings, opened) if not one.allowed)
    tell("scoring one by one")
    equal = served_equals_batch(Scorer.of(settings, model, opened))
    tell("fitting the trees from another seed")
    newest = dataset.signals[dataset.signals.as_of == dataset.signals.as_of.max()]
    p = f"p_churn_{settings.main_horizon_days}d"
    other = reseeded(model.churn, dataset, model.schema)
    agree = 1.0 if other is model.churn else _rank_correlation(model.churn.predict(newest)[p], other.predict(newest)[p])
    theirs = None
    if champion is not None and champion.version != model.version:
        theirs = champion_rows(settings, champion, dataset)
    findings = read_findings(settings) + (() if theirs is None else check_champion(theirs))
    tell("timing")
    return Measured(
        served_equals_batch=equal,
        champion=None if theirs is None else theirs.drop(columns="cut"),
        no_champion="no champion yet" if champion is None else "it is the champion itself",
        seeds_agree=agree,
        size_mb=model.size_mb,
        latency=latency(settings, model, newest),
        suspects=suspects,
        checks=findings,
    )


def _rank_correlation(one: pd.Series, other: pd.Series) -> float:
    """Spearman's; 1 where one of them ranks nobody, and the other neither, else 0."""
    if one.nunique() == 1 or other.nunique() == 1:
        return float(one.nunique() == other.nunique())
    return float(one.corr(other, method="spearman"))


def champion_rows(settings: Settings, champion: LoadedModel, dataset: Dataset) -> pd.DataFrame:
    """account_id, as_of, p_churn_{h}d of the champion, out of time for it at the main horizon h; and the `cut` up to
    which what made a row had learnt (NaT where a version that was promoted long ago did not keep it).

    Since its cut, what the frozen model says; before it, what its backtest said when it was promoted. Either is absent
    where the champion read other signals or had other horizons.
    """
    p = f"p_churn_{settings.main_horizon_days}d"
    columns = [*KEY, p, "cut"]
    cut = pd.Timestamp(champion.churn.log["cut"]).as_unit("us")
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
    return pd.concat([one for one in parts if len(one)] or parts[:1], ignore_index=True)


def _bytes(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def latency(settings: Settings, model: LoadedModel, frame: pd.DataFrame) -> tuple[float, float]:
    """Least processor seconds of three tries: scoring BATCH accounts with reasons, and sorting REFERENCE numbers.

    In turns, so that a machine that is slow for a while is slow for both. Accounts are repeated to make up the batch.
    """
    rows = frame.iloc[np.arange(BATCH) % len(frame)].reset_index(drop=True)
    numbers = np.random.default_rng(0).random(REFERENCE).tolist()

    def seconds(work: Callable[[], Any]) -> float:
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
    return min(one for one, _ in tries), min(other for _, other in tries)


def served_equals_batch(scorer: Scorer, accounts: int = 20) -> bool:
    """Whether accounts scored one at a time, as the service does, equal the batch to the last bit."""
    batch = scorer.predict(list(scorer.frame.index))
    step = max(1, len(batch) // accounts)
    return all(
        scorer.predict([batch.account_id[row]]).equals(batch.iloc[[row]].reset_index(drop=True))
        for row in range(0, len(batch), step)
    )
