"""What lists of accounts tell beside the day's scores: what happened since, what calls for what, where one is stuck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from configs.atomic_files import read_marked
from configs.framework import DIMENSIONS
from configs.settings import Settings
from evaluation.formatting import percent
from evaluation.ledger import Ledger, Outbox
from evaluation.outcomes import FORECASTS
from serving.alerts import ScorePair, changes_of, pairs_of
from serving.messages import AccountReasons
from serving.prepared import DayLists, EarlierAccount, EarlierDay
from serving.project import Project
from serving.scoring.milestones import journey
from serving.scoring.scorer import Scorer

LAST_WEEK_DAYS, LAST_MONTH_DAYS = 7, 28
LEAST_MOVE = 0.005  # of probability, below which nothing is said to have moved it
MOST_BEFORE_DAYS = 31  # further back, what was called for then is not taken for what is called for now
DRIVER = "driver_"
BELONGING = ["owner", "segment"]


@dataclass(frozen=True)
class ListFacts:
    """What is known once of a whole day, before its accounts are gone through.

    Attributes
    ----------
    lists : DayLists
    before : DataFrame
        Predictions of `lists.before_as_of`, an account once; empty where there are none.
    stage_days : mapping of account id to int
    stuck : mapping of account id to (milestone, days)
    """

    lists: DayLists = field(default_factory=DayLists)
    before: pd.DataFrame = field(default_factory=pd.DataFrame)
    stage_days: Mapping[str, int] = field(default_factory=dict)
    stuck: Mapping[str, tuple[str, int]] = field(default_factory=dict)


def list_facts(project: Project, scorer: Scorer) -> ListFacts:
    """Gathers them from the ledger, the kept snapshots and the tables.

    Parameters
    ----------
    project : Project
    scorer : Scorer
        Of the day.

    Returns
    -------
    ListFacts
    """
    day = scorer.as_of
    stages = scorer.frame.lifecycle_stage
    ledger, outbox = project.ledger, Outbox(project.ledger)
    week, month = (
        outbox.scored_days(f"{day - pd.Timedelta(days=days):%Y-%m-%d}")[0] for days in (LAST_WEEK_DAYS, LAST_MONTH_DAYS)
    )
    week = week or outbox.scored_days(f"{day - pd.Timedelta(days=1):%Y-%m-%d}")[0]
    stuck, retention = journey(project, day, dict(zip(scorer.frame.index, stages, strict=True)))
    lists = DayLists(
        before_as_of=week,
        earlier=None if month is None else _earlier(project, ledger, month),
        milestones=retention,
        stages=tuple(stage.name for stage in project.settings.framework.stages),
    )
    before = pd.DataFrame() if week is None else _scored(ledger, week)
    return ListFacts(lists, before, _stage_days(project, day, stages), stuck)


def _scored(ledger: Ledger, day: str) -> pd.DataFrame:
    """The predictions of a day, of several of one account the newest."""
    first = pd.Timestamp(day)
    rows = ledger.predictions(first, first + pd.Timedelta(days=1), kinds=FORECASTS)
    return rows.drop_duplicates("account_id", keep="last").reset_index(drop=True)


def _earlier(project: Project, ledger: Ledger, day: str) -> EarlierDay:
    rows = _scored(ledger, day)
    path = project.paths.signals(pd.Timestamp(day))
    signals = pd.DataFrame(columns=["account_id", "days_to_renewal", *BELONGING])
    if path.exists():
        signals = pd.read_parquet(path).reindex(columns=signals.columns).drop_duplicates("account_id")
    rows = rows.merge(signals, on="account_id", how="left", suffixes=("", "_then"))
    for name in BELONGING:  # scores of before the ledger kept both have them from the day's signals
        rows[name] = rows[name].where(rows[name].notna(), rows[f"{name}_then"])
    p = f"p_churn_{project.settings.main_horizon_days}d"
    accounts = []
    for row in rows.to_dict("records") if p in rows else ():
        if pd.isna(row[p]):
            continue
        accounts.append(
            EarlierAccount(
                account_id=row["account_id"],
                owner=_known(row.get("owner")),
                segment=_known(row.get("segment")),
                lifecycle_stage=_known(row["lifecycle_stage"]),
                risk_level=_known(row["risk_level"]),
                p_churn=float(row[p]),
                arr=_known(row["arr"]),
                days_to_renewal=_whole(row["days_to_renewal"]),
            )
        )
    return EarlierDay(day, path.exists(), tuple(accounts))


def _stage_days(project: Project, day: pd.Timestamp, stages: pd.Series) -> dict[str, int]:
    """How long each account has stood in its stage without a break, by the project's own snapshots."""
    settings = project.settings
    columns = ["account_id", "as_of", "lifecycle_stage"]
    kept = read_marked(settings.paths.history, {"settings": settings.data_version}, columns)
    if kept is None:
        return {}
    past = kept[0]
    past = past[(past.as_of < day) & past.account_id.isin(stages.index)].sort_values("as_of", ascending=False)
    same = (past.lifecycle_stage == past.account_id.map(stages)).astype(int)
    run = past[same.groupby(past.account_id).cummin() == 1]
    began = run.groupby("account_id").as_of.min()
    found = {account: int((day - first).days) for account, first in began.items()}
    return {**dict.fromkeys(past.account_id.unique(), 0), **found}


@dataclass(frozen=True)
class ListedAccount:
    """What is known of one account: its prediction (actions and triggers read), its signals, all of its reasons, and
    its score beside the one before."""

    predicted: Mapping[Any, Any]
    signals: Mapping[Any, Any]
    reasons: AccountReasons
    pair: ScorePair | None


def list_fields(account: ListedAccount, facts: ListFacts, of: Settings) -> dict[str, Any]:
    """What an account's `Summary` holds beside its score.

    Parameters
    ----------
    account : ListedAccount
    facts : ListFacts
    of : Settings

    Returns
    -------
    dict of str to value
    """
    predicted, signals, pair = account.predicted, account.signals, account.pair
    account_id, triggers, actions = predicted["account_id"], predicted["triggers"], predicted["actions"]
    why, words = _why(actions[0]["playbook"], triggers, account.reasons, of) if actions else (None, None)
    milestone, days = facts.stuck.get(account_id, (None, None))
    loss = _known(predicted[f"expected_arr_loss_{of.main_horizon_days}d"])
    return {
        "days_to_renewal": _whole(signals.get("days_to_renewal")),
        "triggers": tuple(triggers),
        "action": actions[0]["playbook"] if actions else None,
        "action_title": actions[0]["title"] if actions else None,
        "due_on": _due_on(predicted["as_of"], actions[0], pair) if actions else None,
        "why": why,
        "why_words": words,
        "saves": None if loss is None else loss * of.evaluation.costs.success,
        "stage_days": facts.stage_days.get(account_id),
        "stuck_at": milestone,
        "stuck_days": days,
        "p_before": None if pair is None else pair.before.p,
        "level_before": None if pair is None else pair.before.risk_level,
        "happened": None if pair is None else _sentence(pair, why),
    }


def _due_on(as_of: pd.Timestamp, action: Mapping[str, Any], pair: ScorePair | None) -> str | None:
    """The day by which to begin; it counts from the score before where that called for the same, and is not put off
    by being scored again."""
    hours = action["within_hours"]
    if hours is None:
        return None
    since = as_of
    if pair is not None and as_of - pair.before.as_of <= pd.Timedelta(days=MOST_BEFORE_DAYS):
        told = any(one["playbook"] == action["playbook"] for one in pair.before.actions)
        since = pair.before.as_of if told else as_of
    return f"{since + pd.Timedelta(hours=hours):%Y-%m-%d}"


def _why(playbook: str, triggers: Sequence[str], reasons: AccountReasons, of: Settings) -> tuple[str, str]:
    """What calls for a playbook: the gravest escalation or trigger that names it, else the dimension that drives."""
    for alert in of.framework.alerts:
        if alert.name in triggers and alert.playbook == playbook:
            return alert.name, alert.description
    added = dict.fromkeys(DIMENSIONS, 0.0)
    for reason in reasons.signals:
        if reason.dimension in added:
            added[reason.dimension] += reason.contribution
    driver = max(DIMENSIONS, key=added.__getitem__)
    return f"{DRIVER}{driver}", f"{driver.capitalize()} drives the risk"


def pairs_by_account(facts: ListFacts, predicted: pd.DataFrame, of: Settings) -> dict[str, ScorePair]:
    """Each account's score beside the one before it, of those that had one."""
    p, loss = (f"{name}_{of.main_horizon_days}d" for name in ("p_churn", "expected_arr_loss"))
    if facts.before.empty or not {p, loss} <= set(facts.before):  # scored with another main horizon
        return {}
    before = facts.before[facts.before.account_id.isin(predicted.account_id) & facts.before[p].notna()]
    before = before[before[loss].notna() | before.arr.isna()]
    return {pair.after.account_id: pair for pair in pairs_of(before, predicted, of)}


def _sentence(pair: ScorePair, why: str | None) -> str:
    """What happened since the score before: that the level changed, else the gravest change that is not told by `why`
    beside it, else what moved the risk most."""
    changes = changes_of(pair)
    told = sorted((one for one in changes if one.subject != why), key=lambda one: one.kind != "level_change")
    if told:
        more = len(changes) - 1
        rest = "" if not more else f", and {more} more change{'s' if more > 1 else ''}"
        return f"{told[0].sentence}{rest}."
    new = "This is new. " if changes else ""
    moved = pair.after.p - pair.before.p
    if abs(moved) < LEAST_MOVE:
        return f"{new}Nothing else moved the risk." if new else "Nothing that moved the risk."
    way = "rose" if moved > 0 else "fell"
    said = f"{new}Risk {way} from {percent(pair.before.p)} to {percent(pair.after.p)}"
    if pair.before.versions != pair.after.versions:
        return f"{said}; the model or the configuration is another one."
    mover = _mover(pair, 1 if moved > 0 else -1)
    return f"{said}{'' if mover is None else f', most by: {mover}'}."


def _mover(pair: ScorePair, sign: int) -> str | None:
    """The signal whose share of the probability moved most that way, among the strongest reasons of both days."""
    earlier = {one["signal"]: one for one in pair.before.reasons}
    best, most = None, LEAST_MOVE
    for one in pair.after.reasons:
        old = earlier.get(one["signal"])
        if old is None or one["value"] is None or old["value"] is None or one["value"] == old["value"]:
            continue
        step = sign * (one["contribution"] - old["contribution"])
        if step >= most:
            best, most = f"{one['sentence']} went from {_short(old['value'])} to {_short(one['value'])}", step
    return best


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _known(value: Any) -> Any:
    return None if value is None or pd.isna(value) else value


def _whole(value: Any) -> int | None:
    return None if value is None or pd.isna(value) else int(np.floor(value))
