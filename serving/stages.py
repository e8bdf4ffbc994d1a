"""What each command does: settings and arguments in, plain data out. The demo, the notebook and the commands share it.
What fits a model is in serving/training_stages.py, what promotes one in serving/promotion.py.

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
from serving.files import write_parquet, write_text
from serving.scorer import Scorer
from serving.training_stages import read_backtest

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
        "has_signal": scorer.model.churn.has_signal,
        "model_version": str(scorer.model.version),
        "config_version": settings.version,
        "repeated": written.repeated,
    }


def outcomes(settings: Settings, now: datetime, sources: Sources | None = None) -> dict[str, Any]:
    """Judges every prediction of the ledger whose window has passed, and writes the judgement beside it."""
    from evaluation.outcomes import judge

    main = settings.main_horizon_days
    asked = ["model_version", "risk_level", f"p_churn_{main}d"]
    with _ledger(settings) as ledger:
        labels = _labels_of(settings, sources or open_sources(settings))
        found = judge(ledger, labels, settings, pd.Timestamp(now), columns=asked)
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
    from evaluation.outcomes import with_returns
    from features.labels import labels_for

    known = set(sources.connection.to_pandas(sources.tables["accounts"].select("account_id")).account_id)

    def labels(pairs: pd.DataFrame) -> pd.DataFrame:
        there = pairs[pairs.account_id.isin(known) & (pairs.as_of <= sources.data_end)]
        return with_returns(labels_for(sources, there.reset_index(drop=True), settings), sources, settings)

    return labels


def report(settings: Settings, out: Path | None, now: datetime, tell: Progress) -> dict[str, Any]:
    """The report on the backtest, and one on the ledger in ledger/ beside it once a window of it has been judged."""
    from evaluation.report import write_report

    folder = out or settings.state_dir / "reports"
    created = f"{now:%Y-%m-%d %H:%M} UTC"
    judged, baselines, mark = read_backtest(settings)
    tell("writing the report")
    meta = {"title": f"{settings.name}: predictions against outcomes", "created": created, "source": "backtest", **mark}
    marks = _marks(settings)
    files = write_report(judged, baselines, settings, folder, meta, marks, outages=_outages(settings))
    made: dict[str, str | None] = {"html": str(files.html), "json": str(files.json)}
    made["ledger_html"] = (
        ledger_report(settings, folder / "ledger", created, marks, now) if has_ledger(settings) else None
    )
    against = [one["says"] for one in marks if one["against"]]
    return {**made, "answer": json.loads(files.json.read_text(encoding="utf-8"))["answer"], "against": against}


def _outages(settings: Settings) -> list[str]:
    """A sentence for each outage of a feed, the newest first."""
    from evaluation.alarms import outage_words
    from features.outages import outages_by_feed

    sources = open_sources(settings)
    try:
        by_feed = outages_by_feed(sources)
    finally:
        sources.close()
    found = [(one.first_day, outage_words(feed, one)) for feed, every in by_feed.items() for one in every]
    return [words for _, words in sorted(found, reverse=True)]


def _marks(settings: Settings) -> list[dict[str, Any]]:
    from evaluation.marks import marks_told

    if not has_ledger(settings):
        return []
    with _ledger(settings) as ledger:
        return marks_told(ledger)


def ledger_report(
    settings: Settings, folder: Path, created: str, marks: list[dict[str, Any]], now: datetime
) -> str | None:
    """The report on what was served, by the ledger; None while no main window of it has been judged."""
    from evaluation.report import write_report

    meta = {"title": f"{settings.name}: what was served, and what happened", "created": created, "source": "ledger"}
    with _ledger(settings) as ledger:
        kept = _judged_ledger(ledger, settings, now)
        if kept is None:
            return None
        # Reasons are nine tenths of a ledger's bytes, and the page shows those of a few rows.
        files = write_report(
            kept, pd.DataFrame(), settings, folder, meta, marks, lambda rows: ledger.texts(rows).reasons
        )
    return str(files.html)


def _judged_ledger(ledger: Any, settings: Settings, now: datetime) -> pd.DataFrame | None:
    """The ledger's judged predictions, one an account and day, without texts; None while no main window is judged."""
    from evaluation.outcomes import judged_so_far

    at = pd.Timestamp(now)
    if not ledger.count(["judgement"], at):
        return None
    main = f"{settings.main_horizon_days}d"
    told = ["batch_id", "row", "lifecycle_stage", "risk_level", "health_score", "arr", "has_signal", "model_version"]
    told += ["config_version", *(f"p_churn_{days}d" for days in settings.horizons_days), f"p_health_{main}"]
    frame = judged_so_far(ledger, settings, at, columns=told)
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
