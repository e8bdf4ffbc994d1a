"""What `train` and `backtest` do: settings and arguments in, plain data out. Everything that fits a model starts here.

A training's run is logged at once; its out-of-time figures come from a backtest of the same data and settings, and are
added to the run by whichever of the two ends last.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from configs.atomic_files import read_marked, write_bytes, write_marked, write_text
from configs.errors import Fault, UsageError
from configs.progress import Progress
from configs.settings import Settings
from features.dataset import Dataset
from features.sources import Sources, open_sources
from serving.scoring import check_model, check_schema
from training.fit import Rolling

if TYPE_CHECKING:
    from evaluation.validity import Finding

PREDICTIONS, BASELINES, METRICS = "predictions.parquet", "baselines.parquet", "metrics.json"


def _refuse_suspects(settings: Settings, sources: Sources | None, tell: Progress) -> None:
    """DataError with every column that may know the future and that `allow_leaking` does not name."""
    from features.checks import require_no_suspects

    tell("looking for columns that know the future")
    if sources is not None:
        return require_no_suspects(settings, sources)
    opened = open_sources(settings)
    try:
        require_no_suspects(settings, opened)
    finally:
        opened.close()


def train(
    settings: Settings,
    dataset: Dataset,
    tell: Progress,
    rolling: Rolling | None = None,
    sources: Sources | None = None,
    trials: int = 0,
) -> dict[str, Any]:
    """Fits and calibrates on all that is known, logs the run, and registers a candidate that nobody serves yet.

    `trials`: so many trials of tuning before it, with child runs; what they found is used only if it proved itself.
    DataError names every column of the sources (opened unless they are given) that may know the future.
    """
    _refuse_suspects(settings, sources, tell)
    from training.fit import (
        fit_models,  # after the refusal, which needs none of it
        tune,
    )
    from training.tracking import log_training, trial_runs

    rolling = rolling or Rolling(dataset, settings)
    tuned = tune(dataset, settings, trials, tell, rolling) if trials else None
    told: dict[str, Any] = {"tuning": None}
    if tuned is not None:
        told["tuning"] = {**tuned.facts, "line": tuned.line if tuned.adopted else None}
        if tuned.adopted:
            with_trees = settings.training.model_copy(update={"trees": tuned.trees})
            settings, rolling = settings.model_copy(update={"training": with_trees}), None
    fitted = fit_models(dataset, settings, rolling=rolling, progress=tell)
    tell("logging the run")
    logged = log_training(
        settings,
        fitted,
        dataset,
        params=None if tuned is None else {"tuning_trials": trials, "tuning_adopted": tuned.adopted},
        artifacts=None if tuned is None else {"tuning.json": json.dumps(tuned.facts, indent=1)},
        nested=() if tuned is None else trial_runs(tuned),
    )
    judged_by = log_kept_backtest(settings, dataset.fingerprint, settings.paths.backtest)
    return {
        "version": logged.version,
        "run_id": logged.run_id,
        "has_signal": fitted.churn.has_signal,
        "backtest_logged": judged_by == logged.run_id,
        **told,
        **fitted.churn.log,
    }


def recalibrate(settings: Settings, dataset: Dataset, tell: Progress, sources: Sources | None = None) -> dict[str, Any]:
    """The champion's learners (without a champion, the candidate's) and its rules, calibrated on all that is known now.

    Registers them as a candidate, unless the calibration comes out as it was. UsageError for a model of other signals
    or horizons; DataError when no churn has been seen since it was trained, or as `train` raises it.
    """
    _refuse_suspects(settings, sources, tell)
    from training.fit import Fitted, recalibrate_rules
    from training.fit import recalibrate as renew
    from training.tracking import CANDIDATE, CHAMPION, load_version, log_training, versions

    promoted = any(CHAMPION in version.aliases for version in versions(settings))
    model = load_version(settings, CHAMPION if promoted else CANDIDATE)
    check_model(model, settings, dataset.data_end)
    check_schema(model.schema, dataset.schema)
    tell(f"renewing the calibration of version {model.version}")
    renewed = renew(model.churn, dataset, settings)
    said = renewed.log["recalibration"]
    found = {"from": model.version, "trained": model.churn.log["cut"], "renewed": True, **said}
    if said["from_version"] == said["to_version"]:
        return {**found, "renewed": False, "version": None, "run_id": None}
    tell("logging the run")
    trained_on = replace(dataset, schema=model.schema)
    rules = recalibrate_rules(model.health, dataset, settings)
    logged = log_training(settings, Fitted(renewed, rules, ()), trained_on, params={"recalibrated_from": model.version})
    return {**found, "version": logged.version, "run_id": logged.run_id}


def verify_run(settings: Settings, dataset: Dataset, version: str, tell: Progress) -> dict[str, Any]:
    """Rebuilds a version (number, alias or run) and compares it byte for byte; see `tracking.verify_version`."""
    from training.tracking import verify_version

    tell(f"rebuilding {version}")
    found = verify_version(settings, version, dataset)
    return {"version": version, "same": found.same, "files": list(found.files), "words": str(found)}


def backtest(
    settings: Settings,
    dataset: Dataset,
    out: Path | None,
    tell: Progress,
    rolling: Rolling | None = None,
    sources: Sources | None = None,
) -> dict[str, Any]:
    """Predictions that were out of time when they were made, the baselines on the same rows, figures and plots.

    They are added to the run of the newest training of the same data and settings. DataError names every column of the
    sources (opened unless they are given) that may know the future.
    """
    _refuse_suspects(settings, sources, tell)
    from evaluation.backtest import backtest as roll
    from evaluation.backtest import random_split_told
    from evaluation.monitoring import taught_until
    from evaluation.report import by_fold, drawings, summarise
    from evaluation.validity import evidence_of, run_checks

    rolling = rolling or Rolling(dataset, settings)
    found = roll(dataset, settings, tell, rolling)
    tell("comparing with a random split")
    gap, split = random_split_told(dataset, settings, found.folds)
    tell("checking the run")
    evidence = evidence_of(dataset, found, settings, rolling, taught_until(settings), gap)
    findings = [one.to_json() for one in run_checks(evidence)]
    tell("working out the figures")
    summary = summarise(found.predictions, found.baselines, settings, random_split=split)
    folder = out or settings.paths.backtest
    mark = {"fingerprint": dataset.fingerprint, "settings": settings.version}
    write_marked(found.predictions, folder / PREDICTIONS, mark)
    write_marked(found.baselines, folder / BASELINES, mark)
    for name, body in drawings(summary, found.explained).items():
        write_bytes(folder / name, body)
    folds = [f"{day:%Y-%m-%d}" for day in found.folds]
    by = by_fold(found.predictions, settings)
    metrics = {"mark": mark, "folds": folds, "by_fold": by, "checks": findings, **summary}
    write_text(folder / METRICS, json.dumps(metrics, indent=1, allow_nan=False))
    tell("logging the figures")
    run_id = log_kept_backtest(settings, dataset.fingerprint, folder)
    return {"out": str(folder), "run_id": run_id, **metrics}


def log_kept_backtest(settings: Settings, fingerprint: str, folder: Path) -> str | None:
    """Adds the backtest in `folder` to the run of the newest training of these data and settings; None without one."""
    from evaluation.report import figures
    from training.tracking import Nested, flat_metrics, log_backtest

    path = folder / METRICS
    body = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if body.get("mark") != {"fingerprint": fingerprint, "settings": settings.version}:
        return None
    plots = {f"plots/{one.name}": one.read_bytes() for one in sorted((folder / "plots").glob("*.png"))}
    folds = [_fold_run(one, Nested) for one in body["by_fold"]]
    files = {**plots, f"backtest/{METRICS}": path.read_bytes()}
    return log_backtest(settings, fingerprint, flat_metrics(figures(body)), files, folds)


def _fold_run(line: Mapping[str, Any], nested: Any) -> Any:
    params = {name: line[name] for name in ("fold", "first_as_of", "last_as_of")}
    return nested(f"fold {line['fold']}", params, {name: line[name] for name in line if name not in params})


def read_findings(settings: Settings) -> tuple[Finding, ...]:
    """What the checks found in the backtest that `read_backtest` reads."""
    from evaluation.validity import Finding

    body = json.loads((settings.paths.backtest / METRICS).read_text(encoding="utf-8"))
    return tuple(Finding(**one) for one in body["checks"])


def read_random_split(settings: Settings) -> dict[str, Any] | None:
    """The gap to a random split that the backtest of `read_backtest` found; None of one made before it was told."""
    body = json.loads((settings.paths.backtest / METRICS).read_text(encoding="utf-8"))
    split: dict[str, Any] | None = body.get("random_split")
    return split


def read_backtest(settings: Settings) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str]]:
    """Predictions, baselines and what they were made from; UsageError when there is none, or one of other settings."""
    folder = settings.paths.backtest
    mark = {"settings": settings.version}
    found, others = read_marked(folder / PREDICTIONS, mark), read_marked(folder / BASELINES, mark)
    if found is None or others is None or found[1] != others[1]:
        there = "one of other settings" if (folder / PREDICTIONS).exists() else "none"
        raise UsageError(Fault("backtest", there, "a backtest of today's settings", "run `forewarn backtest` first"))
    return found[0], others[0], found[1]
