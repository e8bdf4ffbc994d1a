"""What each command does: settings and arguments in, plain data out. The demo, the notebook and the commands share it.

A new file appears whole or not at all, and the ledger is written before the file that it vouches for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from configs.errors import DataError, Fault, SourceError, UsageError
from configs.settings import Settings
from features.build import Dataset
from features.sources import Sources, open_sources
from serving.files import read_marked, write_marked, write_parquet, write_text
from serving.scorer import Scorer
from training.rolling import Rolling
from training.tracking import LoadedModel

PREDICTIONS, BASELINES, METRICS = "predictions.parquet", "baselines.parquet", "metrics.json"
Progress = Callable[[str], None]


def day(value: datetime | None) -> pd.Timestamp | None:
    """A day of the command line as an as_of: a UTC midnight."""
    return None if value is None else pd.Timestamp(value).as_unit("us")


def init(folder: Path) -> dict[str, Any]:
    """Proposes folder/forewarn.yaml; UsageError when there is one, which is never overwritten."""
    from features.propose import propose_mapping

    path = folder / "forewarn.yaml"
    if path.exists():
        raise UsageError(Fault(str(path), "a file", "none yet", "move it away first; init never overwrites"))
    text = propose_mapping(folder)
    write_text(path, text)
    return {"out": str(path), "text": text}


def check(settings: Settings, tell: Progress, sources: Sources | None = None) -> dict[str, Any]:
    """What the sources hold, and what is wrong with them. SourceError with every fault; not passed while a column that
    may know the future is suspected and not named in `allow_leaking`."""
    from features.quality import check as look

    tell("reading the sources")
    report = look(settings, sources)
    if report.faults:
        raise SourceError(report.faults)
    open_suspects = [one.column for one in report.suspects if not one.allowed]
    return {"passed": not open_suspects, "open_suspects": open_suspects, "words": str(report), **report.to_json()}


def load(settings: Settings, tell: Progress, as_ofs: Iterable[datetime] = ()) -> Dataset:
    """Signals and labels at the days given, or at the project's own; DataError where a day has no account in play."""
    from features.build import load_dataset

    tell("building signals")
    days = [pd.Timestamp(one).as_unit("us") for one in as_ofs]
    dataset = load_dataset(settings, as_ofs=days or None)
    empty = sorted(set(days) - set(dataset.signals.as_of)) if days else []
    faults = [
        Fault("as_of", f"no account in play on {one:%Y-%m-%d}", "at least one", "choose a day that the data cover")
        for one in empty
    ]
    if faults:
        raise DataError(faults)
    return dataset


def features(dataset: Dataset, out: Path) -> dict[str, Any]:
    """Signals, stage and coverage of every snapshot, into a Parquet file."""
    write_parquet(dataset.signals, out)
    frame = dataset.signals
    return {
        "out": str(out),
        "rows": len(frame),
        "accounts": int(frame.account_id.nunique()),
        "as_ofs": int(frame.as_of.nunique()),
        "first": str(frame.as_of.min().date()) if len(frame) else None,
        "last": str(frame.as_of.max().date()) if len(frame) else None,
        "signals": len(dataset.schema.signals),
        "coverage": float(frame.coverage.mean()) if len(frame) else None,
        "fingerprint": dataset.fingerprint,
    }


def _refuse_suspects(settings: Settings, sources: Sources | None, tell: Progress) -> None:
    """DataError with every column that may know the future and that `allow_leaking` does not name."""
    from features.suspects import require_no_suspects

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
) -> dict[str, Any]:
    """Fits and calibrates on all that is known, logs the run, and registers a candidate that nobody serves yet.

    DataError names every column of the sources (opened unless they are given) that may know the future.
    """
    _refuse_suspects(settings, sources, tell)
    from training.fit import fit_models  # after the refusal, which needs none of it
    from training.tracking import log_training

    fitted = fit_models(dataset, settings, rolling=rolling, progress=tell)
    tell("logging the run")
    logged = log_training(settings, fitted, dataset)
    return {"version": logged.version, "run_id": logged.run_id, **fitted.churn.log}


def backtest(
    settings: Settings,
    dataset: Dataset,
    out: Path | None,
    tell: Progress,
    rolling: Rolling | None = None,
    sources: Sources | None = None,
) -> dict[str, Any]:
    """Predictions that were out of time when they were made, the baselines on the same rows, and the figures.

    DataError names every column of the sources (opened unless they are given) that may know the future.
    """
    _refuse_suspects(settings, sources, tell)
    from evaluation.backtest import backtest as roll
    from evaluation.summary import summarise

    found = roll(dataset, settings, tell, rolling)
    tell("working out the figures")
    summary = summarise(found.predictions, found.baselines, settings)
    folder = out or settings.state_dir / "backtest"
    mark = {"fingerprint": dataset.fingerprint, "settings": settings.version}
    write_marked(found.predictions, folder / PREDICTIONS, mark)
    write_marked(found.baselines, folder / BASELINES, mark)
    metrics = {"mark": mark, "folds": [f"{day:%Y-%m-%d}" for day in found.folds], **summary}
    write_text(folder / METRICS, json.dumps(metrics, indent=1, allow_nan=False))
    return {"out": str(folder), **metrics}


def read_backtest(settings: Settings) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str]]:
    """Predictions, baselines and what they were made from; UsageError when there is none, or one of other settings."""
    folder = settings.state_dir / "backtest"
    mark = {"settings": settings.version}
    found, others = read_marked(folder / PREDICTIONS, mark), read_marked(folder / BASELINES, mark)
    if found is None or others is None or found[1] != others[1]:
        there = "one of other settings" if (folder / PREDICTIONS).exists() else "none"
        raise UsageError(Fault("backtest", there, "a backtest of today's settings", "run `forewarn backtest` first"))
    return found[0], others[0], found[1]


def promote(settings: Settings, version: str | None) -> dict[str, Any]:
    """Asks every gate; the champion changes only when none refuses.

    UsageError when there is no such candidate, or no backtest of the data and settings that it was trained on.
    """
    from evaluation.gates import evaluate_gates
    from training.tracking import CANDIDATE, load_version
    from training.tracking import promote as move

    model = load_version(settings, version or CANDIDATE)
    judged, baselines, mark = read_backtest(settings)
    if mark["fingerprint"] != model.meta["data_fingerprint"]:
        found = f"a backtest of other data than version {model.version} was trained on"
        raise UsageError(
            Fault("backtest", found, "the same data", "run `forewarn train` and `forewarn backtest` again")
        )
    verdict = evaluate_gates(judged, baselines, settings, served_equals_batch(settings, model), model.churn.log)
    if verdict.passed:
        move(settings, model.version)
    return {
        "promoted": verdict.passed,
        "version": str(model.version),
        "gates": verdict.to_json(),
        "refused": [gate.name for gate in verdict.refused],
        "words": str(verdict),
    }


def served_equals_batch(settings: Settings, model: LoadedModel, accounts: int = 20) -> bool:
    """Whether accounts scored one at a time, as the service does, equal the batch to the last bit."""
    scorer = Scorer.of(settings, model, open_sources(settings))
    batch = scorer.predict(list(scorer.frame.index))
    step = max(1, len(batch) // accounts)
    return all(
        scorer.predict([batch.account_id[row]]).equals(batch.iloc[[row]].reset_index(drop=True))
        for row in range(0, len(batch), step)
    )


def score(
    settings: Settings, as_of: datetime | None, out: Path | None, now: datetime, tell: Progress
) -> dict[str, Any]:
    """Every account in play, scored with the champion: the ledger first, then the file."""
    tell("loading the champion and the signals")
    scorer = Scorer.open(settings, day(as_of))
    tell(f"scoring {len(scorer.frame)} accounts")
    return score_with(scorer, out, now)


def score_with(scorer: Scorer, out: Path | None, now: datetime) -> dict[str, Any]:
    settings, on = scorer.settings, f"{scorer.as_of:%Y-%m-%d}"
    accounts = list(scorer.frame.index)
    found, written = scorer.score(accounts, "batch", "score", now)
    path = out or settings.state_dir / "scores" / f"{on}.parquet"
    write_parquet(found, path)
    main = settings.main_horizon_days
    worst = found.sort_values(f"p_churn_{main}d", ascending=False).head(5)
    return {
        "as_of": on,
        "out": str(path),
        "accounts": len(found),
        "horizon_days": main,
        "mean_p": float(found[f"p_churn_{main}d"].mean()),
        "levels": {level.name: int((found.risk_level == level.name).sum()) for level in settings.framework.levels},
        "expected_arr_loss": float(found[f"expected_arr_loss_{main}d"].sum()),
        "currency": settings.currency,
        "worst": worst[["account_id", f"p_churn_{main}d", "risk_level"]].values.tolist(),
        "model_version": str(scorer.model.version),
        "config_version": settings.version,
        "repeated": written.repeated,
    }


def outcomes(settings: Settings, now: datetime, sources: Sources | None = None) -> dict[str, Any]:
    """Judges every prediction of the ledger whose window has passed, and writes the judgement beside it."""
    from evaluation.outcomes import judge

    with _ledger(settings) as ledger:
        found = judge(ledger, _labels_of(settings, sources or open_sources(settings)), settings, pd.Timestamp(now))
    main = settings.main_horizon_days
    matured = found.frame[found.frame[f"churned_{main}d"].notna()]
    days = [
        {
            "as_of": f"{as_of:%Y-%m-%d}",
            "model_version": str(model),
            "accounts": len(rows),
            "predicted": float(rows[f"p_churn_{main}d"].sum()),
            "churned": int(rows[f"churned_{main}d"].sum()),
            "churned_of_high": int(rows.loc[rows.risk_level == "high", f"churned_{main}d"].sum()),
            "high": int((rows.risk_level == "high").sum()),
        }
        for (as_of, model), rows in matured.groupby(["as_of", "model_version"])
    ]
    counts = {
        name: getattr(found, name) for name in ("new", "changed", "repeats", "waiting", "unknown", "in_hindsight")
    }
    return {"words": str(found), "horizon_days": main, "matured": len(matured), **counts, "days": days}


def _labels_of(settings: Settings, sources: Sources) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Outcomes of (account_id, as_of) pairs; pairs that the sources no longer know have none, rather than "stayed"."""
    from features.labels import labels_for

    known = set(sources.connection.to_pandas(sources.tables["accounts"].select("account_id")).account_id)

    def labels(pairs: pd.DataFrame) -> pd.DataFrame:
        there = pairs[pairs.account_id.isin(known) & (pairs.as_of <= sources.data_end)]
        return labels_for(sources, there.reset_index(drop=True), settings)

    return labels


def report(settings: Settings, out: Path | None, now: datetime, tell: Progress) -> dict[str, Any]:
    """The report on the backtest, and one on the ledger in ledger/ beside it once a window of it has been judged."""
    from evaluation.report import write_report

    folder = out or settings.state_dir / "reports"
    created = f"{now:%Y-%m-%d %H:%M} UTC"
    judged, baselines, mark = read_backtest(settings)
    tell("writing the report")
    meta = {"title": f"{settings.name}: predictions against outcomes", "created": created, "source": "backtest", **mark}
    files = write_report(judged, baselines, settings, folder, meta)
    made = {"html": str(files.html), "json": str(files.json), "ledger_html": None}
    kept = _judged_ledger(settings, now)
    if kept is not None:
        meta = {"title": f"{settings.name}: what was served, and what happened", "created": created, "source": "ledger"}
        made["ledger_html"] = str(write_report(kept, pd.DataFrame(), settings, folder / "ledger", meta).html)
    return {**made, "answer": json.loads(files.json.read_text(encoding="utf-8"))["answer"]}


def _judged_ledger(settings: Settings, now: datetime) -> pd.DataFrame | None:
    """The ledger's judged predictions, one an account and day; None while no main window has been judged."""
    from evaluation.outcomes import judged_so_far

    if not has_ledger(settings):
        return None
    with _ledger(settings) as ledger:
        if ledger.judgements().empty:
            return None
        frame = judged_so_far(ledger, settings, pd.Timestamp(now))
    frame = frame.drop_duplicates(["account_id", "as_of"], keep="first", ignore_index=True)
    if not frame[f"churned_{settings.main_horizon_days}d"].notna().any():
        return None
    sources = open_sources(settings)
    rows = sources.tables["accounts"]
    have = [name for name in ("segment", "owner") if name in rows.columns]
    context = sources.connection.to_pandas(rows.select("account_id", *have))
    frame = frame.merge(context, on="account_id", how="left", validate="many_to_one")
    return frame.assign(**{name: None for name in ("segment", "owner") if name not in have})


def explain(settings: Settings, account: str, as_of: datetime | None, now: datetime) -> dict[str, Any]:
    """One account's prediction with every reason; it is in the ledger like any other that is shown."""
    scorer = Scorer.open(settings, day(as_of))
    answer = scorer.answer([scorer.require(account)], "explain", now, full=True)
    prediction = answer.results[0].prediction
    assert prediction is not None  # `require` has made sure that the account is there
    return prediction.model_dump(mode="json")


def ledger_verify(settings: Settings) -> dict[str, Any]:
    """Whether every batch of the ledger is as it was written."""
    with _ledger(settings) as ledger:
        found = ledger.verify()
    return {
        "intact": found.ok,
        "batches": found.batches,
        "rows": found.rows,
        "hash": found.hash,
        "faults": [str(fault) for fault in found.faults],
        "found": found.found,
    }


def ledger_export(settings: Settings, out: Path) -> dict[str, Any]:
    """The predictions of the ledger as one Parquet file, or all its tables into a folder."""
    with _ledger(settings) as ledger:
        made = ledger.export(out)
    return {"files": [str(path) for path in made]}


def has_ledger(settings: Settings) -> bool:
    return settings.serving.ledger is not None or (settings.state_dir / "ledger.db").exists()


def _ledger(settings: Settings) -> Any:
    from evaluation.ledger import Ledger

    if not has_ledger(settings):
        raise UsageError(Fault("ledger", "nothing", "at least one prediction", "run `forewarn score` first"))
    return Ledger.open(settings)
