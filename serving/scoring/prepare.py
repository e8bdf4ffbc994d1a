"""A day's answers, all accounts at once: what the service sends is worked out here, and only here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from configs.errors import Fault, UsageError
from evaluation.ledger import prediction_rows
from evaluation.outcomes import assign, mark_draw
from evaluation.promotion import note_model_files
from serving.messages import AccountReasons
from serving.prepared import DayHeader, DayWriter, PreparedAccount, Summary, current_day, set_current
from serving.project import Project
from serving.scoring.lists import ListedAccount, ListFacts, list_facts, list_fields, pairs_by_account
from serving.scoring.live_signals import signals_hash, with_belonging
from serving.scoring.scorer import Scorer

ACCOUNTS_A_TIME = 500
# What works answers out: other code, and a day is prepared anew.
CODE = (
    "configs",
    "features",
    "training",
    "evaluation",
    "serving/scoring",
    "serving/prepared",
    "serving/messages",
    "serving/alerts",
)


def prepare(config: Path, now: datetime) -> Path:
    """Prepares the newest day with the project's champion, unless it is already, and names it as the current one.

    Parameters
    ----------
    config : Path
        The project's file.
    now : datetime
        With a time zone.

    Returns
    -------
    Path
        The folder of the day.

    Raises
    ------
    ForewarnError
        What keeps it from being served: settings, sources, no champion, a model that is not as it was registered, or
        gives no probability, or others than when it was logged.
    """
    with Project.open(config, now=now) as project:
        scorer = Scorer.open(project)
        self_test(scorer)
        at = pd.Timestamp(now)
        note_model_files(project.ledger, scorer.model.version, scorer.model.digest, "serve", at)
        served, key = project.paths.served, _key(project, scorer)
        folder = served / key
        if current_day(served) != folder:
            if not folder.is_dir():
                prepare_day(scorer, folder, project.sources.fingerprint, now, list_facts(project, scorer))
            mark_draw(project.ledger, project.settings.evaluation.holdout, at, "serve")
            set_current(served, key)
        return folder


def self_test(scorer: Scorer) -> None:
    """Scores an account, which must give a probability, and what the model gave for some when it was logged, which must
    come out the same: what cannot is not served."""
    scorer.model.self_test()
    if not scorer.probe():
        found = f"version {scorer.model.version} gives no probability for {scorer.frame.index[0]}"
        raise UsageError(Fault("model", found, "a number from 0 to 1", "promote another version"))


def _key(project: Project, scorer: Scorer) -> str:
    """The name of a prepared day: other data, settings, model, draw or code, another name."""
    draw = project.settings.evaluation.holdout
    of = [
        scorer.as_of.isoformat(),
        project.sources.fingerprint,
        project.settings.version,
        scorer.model.version,
        scorer.model.digest,
        None if draw is None else [draw.salt, draw.share],
        _code_mark(),
    ]
    return f"{scorer.as_of:%Y-%m-%d}-{hashlib.sha256(json.dumps(of).encode()).hexdigest()[:16]}"


def _code_mark() -> str:
    """Changes with the code that works answers out."""
    root = Path(__file__).resolve().parents[2]
    files = sorted(path for name in CODE for path in (root / name).rglob("*.py"))
    marks = [(path.relative_to(root).as_posix(), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(json.dumps(marks).encode()).hexdigest()


def prepare_day(
    scorer: Scorer, folder: Path, data_fingerprint: str, now: datetime, facts: ListFacts | None = None
) -> Path:
    """Writes the answers of every account in play: each with the strongest reasons, each with every one.

    Parameters
    ----------
    scorer : Scorer
        Of the day.
    folder : Path
        Where to; it appears whole.
    data_fingerprint : str
        Of the sources.
    now : datetime
        When.
    facts : ListFacts, optional
        What lists tell beside the scores; without, they compare with nothing.

    Returns
    -------
    Path
        The folder.
    """
    facts = facts or ListFacts()
    settings = scorer.settings
    accounts = list(scorer.frame.index)
    header = DayHeader(
        as_of=f"{scorer.as_of:%Y-%m-%d}",
        data_end=f"{scorer.data_end:%Y-%m-%d}",
        scored_at=now.isoformat(timespec="seconds"),
        model_version=str(scorer.model.version),
        model_digest=scorer.model.digest,
        config_version=settings.version,
        data_fingerprint=data_fingerprint,
        horizons_days=settings.horizons_days,
        main_horizon_days=settings.main_horizon_days,
        levels=tuple(level.name for level in settings.framework.levels),
        currency=settings.currency,
        coverage=float(scorer.frame.coverage.mean()),
        has_signal=scorer.model.churn.has_signal,
    )
    with DayWriter(folder) as writer:
        for start in range(0, len(accounts), ACCOUNTS_A_TIME):
            for account in _prepared(scorer, accounts[start : start + ACCOUNTS_A_TIME], facts):
                writer.add(account)
        return writer.close(header, facts.lists)


def _prepared(scorer: Scorer, accounts: list[str], facts: ListFacts) -> Iterator[PreparedAccount]:
    predicted = scorer.predict(accounts)
    frame = scorer.frame.loc[accounts]
    hashes = signals_hash(frame, scorer.model.schema)
    draw = scorer.settings.evaluation.holdout
    arms = [None] * len(accounts) if draw is None else assign(accounts, draw.salt, draw.share).tolist()
    rows = prediction_rows(with_belonging(predicted, frame), hashes)
    pairs = pairs_by_account(facts, predicted, scorer.settings)
    parts = zip(
        predicted.to_dict("records"), frame.to_dict("records"), scorer.every_reason(accounts), rows, hashes, arms,
        strict=True,
    )  # fmt: skip
    for record, signals, every, row, of_signals, arm in parts:
        strongest = AccountReasons.from_column(json.loads(record["reasons"]))
        short, full = (scorer.message(record, reasons) for reasons in (strongest, every))
        listed = ListedAccount({**record, **_lists(record)}, signals, every, pairs.get(record["account_id"]))
        yield PreparedAccount(
            summary=replace(
                _summary(record, signals, arm, scorer.settings.main_horizon_days),
                **list_fields(listed, facts, scorer.settings),
            ),
            score=short.model_dump_json().encode(),
            explain=full.model_dump_json().encode(),
            row=row[1:],
            signals_hash=of_signals,
        )


def _lists(record: dict[Any, Any]) -> dict[str, Any]:
    return {name: json.loads(record[name]) for name in ("triggers", "actions")}


def _summary(predicted: dict[Any, Any], signals: dict[Any, Any], arm: str | None, main: int) -> Summary:
    def of(row: dict[Any, Any], name: str) -> Any:
        value = row.get(name)
        return None if value is None or pd.isna(value) else value

    return Summary(
        account_id=predicted["account_id"],
        name=of(signals, "name"),
        segment=of(signals, "segment"),
        owner=of(signals, "owner"),
        lifecycle_stage=predicted["lifecycle_stage"],
        risk_level=predicted["risk_level"],
        p_churn=predicted[f"p_churn_{main}d"],
        health_score=of(predicted, "health_score"),
        coverage=predicted["coverage"],
        arr=of(predicted, "arr"),
        expected_arr_loss=of(predicted, f"expected_arr_loss_{main}d"),
        arm=arm,
    )
