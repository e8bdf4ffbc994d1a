"""What each command does: settings and arguments in, plain data out. The demo, the notebook and the commands share it.
What fits a model is in serving/commands/training_stages.py, what promotes one in serving/commands/promotion.py.

A new file appears whole or not at all, and the ledger is written before the file that it vouches for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from configs.atomic_files import write_parquet, write_text
from configs.errors import DataError, Fault, SourceError, UsageError
from configs.framework import DIMENSIONS
from configs.progress import Progress
from configs.settings import Settings
from features.dataset import Dataset
from features.sources import Sources, open_sources
from serving.commands.training_stages import read_backtest, read_findings, read_random_split
from serving.scoring import Scorer

if TYPE_CHECKING:
    from evaluation.outcomes import Facts


def day(value: datetime | None) -> pd.Timestamp | None:
    """A day of the command line as an as_of: a UTC midnight."""
    return None if value is None else pd.Timestamp(value).as_unit("us")


def init(folder: Path) -> dict[str, Any]:
    """Proposes folder/forewarn.yaml; UsageError when there is one, which is never overwritten."""
    from features.sources import propose_mapping

    path = folder / "forewarn.yaml"
    if path.exists():
        raise UsageError(Fault(str(path), "a file", "none yet", "move it away first; init never overwrites"))
    text = propose_mapping(folder)
    write_text(path, text)
    return {"out": str(path), "text": text}


def check(settings: Settings, tell: Progress, sources: Sources | None = None) -> dict[str, Any]:
    """What the sources hold, and what is wrong with them. SourceError with every fault; not passed while a column that
    may know the future is suspected and not named in `allow_leaking`, or a signal of the project's own reads it."""
    from features.checks import check as look

    tell("reading the sources")
    report = look(settings, sources)
    if report.faults:
        raise SourceError(report.faults)
    open_suspects = [one.column for one in report.suspects if not one.allowed]
    leaking = [leak.name for leak in report.own_signals.leaking]
    passed = not open_suspects and not leaking
    return {
        "passed": passed,
        "open_suspects": open_suspects,
        "leaking_signals": leaking,
        "words": str(report),
        **report.to_json(),
    }


def load(settings: Settings, tell: Progress, as_ofs: Iterable[datetime] = ()) -> Dataset:
    """Signals and labels at the days given, or at the project's own; DataError where a day has no account in play."""
    from features.dataset import load_dataset

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
    """Under a holdout the file says of each account, in the column `arm`, whether it is to be left alone."""
    from evaluation.outcomes import HOLDOUT, assign, mark_draw

    settings, on = scorer.settings, f"{scorer.as_of:%Y-%m-%d}"
    accounts = list(scorer.frame.index)
    found, written = scorer.score(accounts, "batch", "score", now)
    path = out or settings.paths.scores(scorer.as_of)
    drawn = settings.evaluation.holdout
    mark_draw(scorer.ledger, drawn, pd.Timestamp(now), "score")
    arms = None if drawn is None else assign(accounts, drawn.salt, drawn.share)
    write_parquet(found if arms is None else found.assign(arm=arms), path)
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
        "held_out": 0 if arms is None else int((arms == HOLDOUT).sum()),
    }


def outcomes(settings: Settings, now: datetime, sources: Sources | None = None) -> dict[str, Any]:
    """Judges every prediction of the ledger whose window has passed, and writes the judgement beside it. By day and
    version, and by arm where accounts were approached or held out."""
    from evaluation.jsonable import to_jsonable
    from evaluation.outcomes import interventions_of, judge, outcomes_by_arm

    main = settings.main_horizon_days
    at, sources = pd.Timestamp(now), sources or open_sources(settings)
    with open_ledger(settings) as ledger:
        found = judge(ledger, _labels_of(settings, sources), settings, at)
        by_arm = outcomes_by_arm(ledger, settings, interventions_of(sources), at)
    days = found.days[found.days.matured > 0].rename(columns={"matured": "accounts"})
    days = days.drop(columns=["predictions", "in_hindsight"]).assign(as_of=days.as_of.dt.strftime("%Y-%m-%d"))
    counts = {
        name: getattr(found, name) for name in ("new", "changed", "repeats", "waiting", "unknown", "in_hindsight")
    }
    return {
        "words": str(found),
        "horizon_days": main,
        "matured": int(days.accounts.sum()),
        **counts,
        "days": days.to_dict("records"),
        "by_arm": to_jsonable(by_arm),
    }


def _labels_of(settings: Settings, sources: Sources) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Outcomes of (account_id, as_of) pairs; pairs that the sources no longer know have none, rather than "stayed"."""
    from evaluation.outcomes import with_returns
    from features.labels import labels_for
    from features.timeline import among

    known = sources.engine.to_pandas(sources.tables["accounts"].select("account_id")).account_id

    def labels(pairs: pd.DataFrame) -> pd.DataFrame:
        there = pairs[among(pairs.account_id, known) & (pairs.as_of <= sources.data_end)]
        return with_returns(labels_for(sources, there, settings), sources, settings)

    return labels


def report(
    settings: Settings,
    out: Path | None,
    now: datetime,
    tell: Progress,
    pdf: bool = False,
    dataset: Dataset | None = None,
) -> dict[str, Any]:
    """The report on the backtest, and one on the ledger in ledger/ beside it once a window of it has been judged; with
    `pdf` each as PDF too. UsageError, before anything is written, without Chromium to print it."""
    from evaluation.outcomes import facts_of
    from evaluation.report import print_pdf, require_chromium, write_report
    from serving.commands.monitor import watch

    if pdf:
        require_chromium()
    folder = out or settings.paths.reports
    created = f"{now:%Y-%m-%d %H:%M} UTC"
    judged, baselines, mark = read_backtest(settings)
    tell("reading the sources and the ledger")
    sources = open_sources(settings)
    try:
        facts, outages = facts_of(sources, settings), _outages(sources)
    finally:
        sources.close()
    marks = _marks(settings)
    served = served_so_far(settings, facts, now) if settings.has_ledger else None
    facts = _with_drawn(settings, facts)
    judged = _beside_calls(settings, judged, now)
    watched = watch(settings, now, tell, dataset=dataset, served=served)
    watched["checks"] = [one.to_json() for one in read_findings(settings)]
    tell("writing the report")
    title = f"{settings.name}: predictions against outcomes"
    meta = {"title": title, "created": created, "source": "backtest", **mark}
    files = write_report(
        judged, baselines, settings, folder, meta, marks, outages=outages, facts=facts, newest=served,
        random_split=read_random_split(settings), monitoring=watched,
    )  # fmt: skip
    made: dict[str, Any] = {"html": str(files.html), "json": str(files.json), "ledger_html": None}
    if served is not None:
        made["ledger_html"] = ledger_report(settings, folder / "ledger", created, marks, served, facts, watched)
    made["pdf"] = []
    if pdf:
        tell("printing")
        made["pdf"] = [str(print_pdf(Path(made[name]))) for name in ("html", "ledger_html") if made[name]]
    against = [one["says"] for one in marks if one["against"]]
    return {**made, "answer": json.loads(files.json.read_text(encoding="utf-8"))["answer"], "against": against}


def _outages(sources: Sources) -> list[str]:
    """A sentence for each outage of a feed, the newest first."""
    from evaluation.monitoring import outage_words
    from features.timeline import outages_by_feed

    by_feed = outages_by_feed(sources)
    found = [(one.first_day, outage_words(feed, one)) for feed, every in by_feed.items() for one in every]
    return [words for _, words in sorted(found, reverse=True)]


def _marks(settings: Settings) -> list[dict[str, Any]]:
    from evaluation.promotion import marks_told

    if not settings.has_ledger:
        return []
    with open_ledger(settings) as ledger:
        return marks_told(ledger)


def ledger_report(
    settings: Settings,
    folder: Path,
    created: str,
    marks: list[dict[str, Any]],
    served: pd.DataFrame,
    facts: Facts,
    watched: dict[str, Any] | None = None,
) -> str | None:
    """The report on what was served (`served_so_far`); None while no main window of it has been judged."""
    from evaluation.outcomes import drawn_effect, with_drawn
    from evaluation.report import write_report

    outcome = served[f"churned_{settings.main_horizon_days}d"]
    if not outcome.notna().any():
        return None
    meta = {"title": f"{settings.name}: what was served, and what happened", "created": created, "source": "ledger"}
    with open_ledger(settings) as ledger:
        # Reasons are nine tenths of a ledger's bytes, and the page shows those of a few rows.
        told = partial(_reasons_told, ledger)
        known = with_drawn(facts.interventions, ledger, served.account_id.unique().tolist())
        judged = served.loc[outcome.notna(), ["account_id", "as_of"]].assign(y=outcome)
        effect = drawn_effect(judged, ledger, settings)
        files = write_report(
            served, pd.DataFrame(), settings, folder, meta, marks, told, monitoring=watched,
            facts=replace(facts, interventions=known), effect=effect,
        )  # fmt: skip
    return str(files.html)


def _reasons_told(ledger: Any, rows: pd.DataFrame) -> pd.Series:
    reasons: pd.Series = ledger.texts(rows).reasons
    return reasons


def served_so_far(settings: Settings, facts: Facts, now: datetime) -> pd.DataFrame | None:
    """The ledger's predictions beside what is judged of them, one an account and day, without texts, with the segment
    and owner of today; None while there is none."""
    from evaluation.outcomes import FORECASTS, judged_so_far

    main = f"{settings.main_horizon_days}d"
    told = ["batch_id", "row", "lifecycle_stage", "risk_level", "health_score", "arr", "has_signal", "model_version"]
    told += ["config_version", *(f"p_churn_{days}d" for days in settings.horizons_days), f"p_health_{main}"]
    told += ["coverage", *(f"health_{name}" for name in DIMENSIONS)]
    with open_ledger(settings) as ledger:
        if not ledger.count(FORECASTS, pd.Timestamp(now)):
            return None
        frame = judged_so_far(ledger, settings, pd.Timestamp(now), columns=told)
    frame = frame.drop_duplicates(["account_id", "as_of"], keep="first", ignore_index=True)
    frame = _beside_calls(settings, frame, now)
    context = facts.accounts.reindex(columns=["account_id", "segment", "owner"])
    return frame.merge(context, on="account_id", how="left", validate="many_to_one")


def _with_drawn(settings: Settings, facts: Facts) -> Facts:
    """The facts, with the accounts that were held out by draw among the interventions."""
    from evaluation.outcomes import with_drawn

    if not settings.has_ledger:
        return facts
    with open_ledger(settings) as ledger:
        return replace(facts, interventions=with_drawn(facts.interventions, ledger, facts.accounts.account_id.tolist()))


def _beside_calls(settings: Settings, rows: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """Scorings with the CSMs' calls that held on their day; as they are while nobody has made any."""
    from evaluation.outcomes import with_calls

    if not settings.has_ledger:
        return rows
    with open_ledger(settings) as ledger:
        calls = ledger.overrides(pd.Timestamp(now))
    return rows if calls.empty else with_calls(rows, calls)


def explain(settings: Settings, account: str, as_of: datetime | None, now: datetime) -> dict[str, Any]:
    """One account's prediction with every reason, and `call`: the automated level, the CSM's where one holds, and the
    final one. It is in the ledger like any other that is shown."""
    from evaluation.outcomes import standing

    scorer = Scorer.open(settings, day(as_of))
    answer = scorer.answer([scorer.require(account)], "explain", now, full=True)
    prediction = answer.results[0].prediction
    assert prediction is not None  # `require` has made sure that the account is there
    level = pd.DataFrame({"account_id": [account], "risk_level": [prediction.risk_level]})
    at = pd.Timestamp(now).tz_localize(None)
    (call,) = standing(level, scorer.ledger.overrides(at), at)
    return {**prediction.model_dump(mode="json"), "call": call}


def ledger_verify(settings: Settings) -> dict[str, Any]:
    """Whether every batch of the ledger is as it was written."""
    with open_ledger(settings) as ledger:
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
    with open_ledger(settings) as ledger:
        made = ledger.export(out)
    return {"files": [str(path) for path in made]}


def open_ledger(settings: Settings) -> Any:
    """The project's ledger; UsageError while there is none."""
    from evaluation.ledger import Ledger

    if not settings.has_ledger:
        raise UsageError(Fault("ledger", "nothing", "at least one prediction", "run `forewarn score` first"))
    return Ledger.open(settings)
