"""Sends the newest scores to a receiver: only what changed since it was told last, and on from where it broke off."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from configs.atomic_files import write_text
from configs.errors import Fault, UsageError
from serving.exchange.receivers import Limits, Receiver
from serving.exchange.records import Record, digest, gone, record
from serving.project import Project

KINDS = ("batch",)


@dataclass(frozen=True)
class Pushed:
    """A push that is done.

    Attributes
    ----------
    receiver : str
    as_of : str
        The day of the scores.
    sent, calls : int
        Records that left, and the calls that they left in.
    unchanged : int
        Accounts that were not told again.
    gone : int
        Of those sent, accounts that are in play no longer.
    held_out : int
        Accounts that are left alone, and so not told of at all.
    """

    receiver: str
    as_of: str
    sent: int
    calls: int
    unchanged: int
    gone: int
    held_out: int


def push(project: Project, receiver: Receiver, limits: Limits, now: datetime) -> Pushed:
    """Tells a receiver the newest score of every account, where that is news to it.

    Parameters
    ----------
    project : Project
    receiver : Receiver
    limits : Limits
        Of which `records_a_call` is kept here.
    now : datetime
        With a time zone: scores written later do not count.

    Returns
    -------
    Pushed

    Raises
    ------
    UsageError
        Where nothing was scored yet, or the receiver refuses; what had arrived before is noted, and not sent again.
    """
    rows, as_of, held_out = _newest(project, pd.Timestamp(now).tz_convert("UTC").tz_localize(None))
    named = ({str(name): value for name, value in row.items()} for row in rows.to_dict("records"))
    told = [record(row, project.settings) for row in named]
    path = project.paths.pushed(receiver.name)
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    scored = {str(one["account_id"]) for one in told}
    left = [gone(account, as_of, project.settings) for account in sorted(set(known) - scored - held_out)]
    news: list[tuple[Record, str]] = []
    for one in (*told, *left):
        mark = digest(one)
        if known.get(str(one["account_id"])) != mark:
            news.append((one, mark))
    calls = 0
    for start in range(0, len(news), limits.records_a_call):
        part = news[start : start + limits.records_a_call]
        project.tell(f"pushing {start + len(part)} of {len(news)} accounts")
        receiver.take([one for one, _ in part])
        calls += 1
        known |= {str(one["account_id"]): mark for one, mark in part}
        write_text(path, json.dumps(known, sort_keys=True))
    return Pushed(
        receiver=receiver.name.split(" ")[0],
        as_of=as_of,
        sent=len(news),
        calls=calls,
        unchanged=len(told) + len(left) - len(news),
        gone=sum(not one["in_play"] for one, _ in news),
        held_out=len(held_out),
    )


def _newest(project: Project, now: pd.Timestamp) -> tuple[pd.DataFrame, str, set[str]]:
    """The newest scoring of all accounts, its day, and the accounts that the draw leaves alone."""
    from evaluation.outcomes import HOLDOUT, assign, levels_in_force

    settings, ledger = project.settings, project.ledger_or_none
    main = settings.main_horizon_days
    columns = ["account_id", "as_of", f"p_churn_{main}d", "risk_level", "health_score", "arr"]
    columns += [f"expected_arr_loss_{main}d", "reasons", "actions", "model_version"]
    rows = pd.DataFrame() if ledger is None else ledger.newest(KINDS, now, columns)
    if ledger is None or not len(rows):
        raise UsageError(Fault("push", "no scores in the ledger", "a scoring", "run `forewarn score` first"))
    newest = rows.as_of.max()
    rows = rows[rows.as_of == newest].sort_values("account_id", ignore_index=True)
    levels = levels_in_force(rows[["account_id", "risk_level"]], ledger.overrides(now), now)
    rows["risk_level"] = [level.final for level in levels]
    held: set[str] = set()
    if (drawn := settings.evaluation.holdout) is not None:
        arms = np.asarray(assign(rows.account_id.tolist(), drawn.salt, drawn.share))
        held = set(rows.account_id[arms == HOLDOUT])
        rows = rows[arms != HOLDOUT]
    return rows, f"{pd.Timestamp(newest):%Y-%m-%d}", held
