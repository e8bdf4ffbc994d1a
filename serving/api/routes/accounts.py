"""Lists of accounts, single ones, and their history: what is shown of a score stands in the ledger first."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from configs.errors import Fault, UsageError, nearest
from evaluation.jsonable import to_jsonable
from evaluation.ledger import Ledger, Pointer
from serving.api.live import Snapshot
from serving.api.routes.scores import sees, snapshot_of
from serving.api.routing import Answer, Call, ProblemRaised, Route
from serving.keys import ROLES
from serving.messages import FIELDS, AccountAnswer, AccountHistory, AccountPage, AccountsQuery, HistoryQuery, problem

BY_HORIZON = ("p_churn_", "p_low_", "p_high_")  # an interval is that of the main horizon
PAST_COLUMNS = ("as_of", "requested_at", "lifecycle_stage", "risk_level", "health_score", "coverage", "arr")


def account_of(call: Call, snapshot: Snapshot) -> str:
    """The account that the path names.

    Parameters
    ----------
    call : Call
    snapshot : Snapshot

    Returns
    -------
    str

    Raises
    ------
    ProblemRaised
        404 for one that is not in play, or that the key may not see.
    """
    account_id = call.path["account_id"]
    if not sees(call, snapshot, account_id):
        detail = f"no account {account_id!r} is in play on {snapshot.day.header.as_of}, or this key may not see it"
        raise ProblemRaised(problem(404, detail))
    return account_id


async def written(call: Call, route: str, account_ids: list[str], snapshot: Snapshot) -> list[Pointer]:
    """Where the predictions of these accounts stand in the ledger, once that they were shown is written there too."""
    live, day = call.live, snapshot.day
    if not account_ids:
        return []
    began = time.perf_counter()
    pointers = await live.write(live.asked(call.request_id, call.asked_by, route, account_ids, snapshot))
    live.metrics.written(began)
    live.metrics.scores([day.summaries[account].risk_level for account in account_ids])
    return pointers


async def accounts(call: Call) -> Answer:
    """Accounts in play by filters, in an order, a page at a time."""
    query, snapshot = call.parameters(AccountsQuery), snapshot_of(call)
    names, levels = _asked_for(query, snapshot)
    rows = rest = _passing(call, snapshot, query, levels)
    if query.cursor is not None:
        order = snapshot.order(query.sort)
        later = set(order[_after(order, _last_account(query.cursor, _token(snapshot, query))) :])
        rest = [one for one in rows if one in later]  # levels may have changed since, the order has not
    page = rest[: query.limit]
    await written(call, "accounts", page, snapshot)
    header = snapshot.day.header
    body = {
        **_head(snapshot),
        "horizon_days": header.main_horizon_days,
        "currency": header.currency,
        "total": len(rows),
        "accounts": [{name: row[name] for name in names} for row in (_row(snapshot, account) for account in page)],
        "next_cursor": _cursor(_token(snapshot, query), page[-1]) if len(rest) > len(page) else None,
    }
    return Answer(json.dumps(body, separators=(",", ":")).encode(), accounts=len(page))


def _head(snapshot: Snapshot) -> dict[str, Any]:
    header = snapshot.day.header
    named = {name: getattr(header, name) for name in ("as_of", "scored_at", "model_version", "config_version")}
    return {**named, "data": snapshot.data_age(datetime.now(UTC).date()).model_dump()}


def _row(snapshot: Snapshot, account_id: str) -> dict[str, Any]:
    row = asdict(snapshot.day.summaries[account_id])
    level = snapshot.level(account_id)
    return {
        **row,
        "risk_level": level["final"],
        "automated_level": level["automated"],
        "may_contact": row["arm"] != "holdout",
    }


def _passing(call: Call, snapshot: Snapshot, query: AccountsQuery, levels: set[str] | None) -> list[str]:
    """The accounts that the key may see and the filters let pass, in the order asked for."""
    asked = {"lifecycle_stage": query.stage, "segment": query.segment, "owner": query.owner}
    same = [(name, value) for name, value in asked.items() if value is not None]
    rows = snapshot.order(query.sort)
    if same or call.key.owner is not None:
        of = snapshot.day.summaries
        same += [] if call.key.owner is None else [("owner", call.key.owner)]
        rows = [one for one in rows if all(getattr(of[one], name) == value for name, value in same)]
    return rows if levels is None else [one for one in rows if snapshot.level(one)["final"] in levels]


def _asked_for(query: AccountsQuery, snapshot: Snapshot) -> tuple[list[str], set[str] | None]:
    """Fields and levels; UsageError with every one that there is not."""
    known = snapshot.day.header.levels
    faults = []
    levels = None if query.level is None else [part.strip() for part in query.level.split(",")]
    for level in levels or ():
        if level not in known:
            faults.append(Fault("level", repr(level), f"one of {', '.join(known)}", nearest(level, list(known))))
    asked = FIELDS if query.fields is None else tuple(part.strip() for part in query.fields.split(","))
    for name in asked:
        if name not in FIELDS:
            faults.append(Fault("fields", repr(name), f"one of {', '.join(FIELDS)}", nearest(name, list(FIELDS))))
    if faults:
        raise UsageError(faults)
    names = [name for name in FIELDS if name == "account_id" or name in asked]
    return names, None if levels is None else set(levels)


def _token(snapshot: Snapshot, query: AccountsQuery) -> list[Any]:
    """What a cursor holds for: this day, model and settings, these filters, this order."""
    return [snapshot.day.folder.name, query.model_dump(exclude={"cursor", "limit", "fields"})]


def _cursor(token: list[Any], last: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([*token, last], separators=(",", ":")).encode()).decode()


def _last_account(cursor: str, token: list[Any]) -> str:
    """The last account of the page before; 422 for what is no cursor, 409 for one of another day or question."""
    try:
        *asked, last = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
        is_cursor = isinstance(last, str) and len(asked) == len(token)
    except (ValueError, TypeError):
        is_cursor, asked, last = False, [], ""
    if not is_cursor:
        do = "send next_cursor of the page before as it was given"
        raise UsageError(Fault("cursor", "no cursor", "next_cursor of the page before", do))
    if asked != token:
        detail = "this cursor is of another day, model, filter or order; begin again without one"
        raise ProblemRaised(problem(409, detail))
    return str(last)


def _after(order: list[str], last: str) -> int:
    if last not in order:
        do = "send next_cursor of the page before as it was given"
        raise UsageError(Fault("cursor", f"an account {last!r}", "one of this day", do))
    return order.index(last) + 1


async def account(call: Call) -> Answer:
    """One account with its prediction and the strongest reasons."""
    snapshot = snapshot_of(call)
    account_id = account_of(call, snapshot)
    ((batch_id, row),) = await written(call, "account", [account_id], snapshot)
    one = snapshot.day.summaries[account_id]
    body = {**_head(snapshot), **{name: getattr(one, name) for name in ("account_id", "name", "segment", "owner")}}
    head = json.dumps(body, separators=(",", ":")).encode()[:-1]
    prediction, middle = snapshot.day.score_body(account_id), snapshot.middle(account_id)
    place = b'{"batch_id":%d,"row":%d}' % (batch_id, row)
    return Answer(b'%b,"prediction":%b%b,"ledger":%b}' % (head, prediction, middle, place), accounts=1)


async def history(call: Call) -> Answer:
    """What the ledger holds of an account: its scores, and what was entered beside them."""
    query, snapshot = call.parameters(HistoryQuery), snapshot_of(call)
    account_id = account_of(call, snapshot)
    since, until = (_day(name, getattr(query, name)) for name in ("since", "until"))
    found = await call.live.ledger.ask(lambda ledger: account_history(ledger, account_id, since, until, query.limit))
    return Answer(found.model_dump_json().encode(), accounts=len(found.scores))


def _day(name: str, text: str | None) -> pd.Timestamp | None:
    if text is None:
        return None
    try:
        return pd.Timestamp(datetime.strptime(text, "%Y-%m-%d"))
    except ValueError:
        raise UsageError(Fault(name, repr(text), "a day, YYYY-MM-DD", "e.g. 2026-03-31")) from None


def account_history(
    ledger: Ledger, account_id: str, since: pd.Timestamp | None, until: pd.Timestamp | None, limit: int
) -> AccountHistory:
    """What the ledger holds of an account.

    Parameters
    ----------
    ledger : Ledger
    account_id : str
    since, until : Timestamp or None
        Scores with since <= as_of < until.
    limit : int
        Scores at most, the newest.

    Returns
    -------
    AccountHistory
    """
    from evaluation.outcomes import FORECASTS  # with what judges them: nothing that a start should wait for

    frame = ledger.predictions(since, until, account_id=account_id, kinds=FORECASTS, texts=False)
    newest = frame.sort_values(["as_of", "batch_id", "row"], ascending=False, kind="stable").head(limit)
    entered: dict[str, Any] = {
        name: _records(ledger.entries(kind, account_id))
        for name, kind in (
            ("overrides", "override"),
            ("feedback", "feedback"),
            ("interventions", "intervention"),
            ("outcomes", "outcome"),
        )
    }
    # Moments as all others here; a day (until) stays one.
    entered["tasks"] = [
        {**asdict(one), "made_at": f"{one.made_at}Z"} for one in ledger.task_events(account_id=account_id)
    ]
    entered["notes"] = [{**asdict(one), "written_at": f"{one.written_at}Z"} for one in ledger.notes(account_id)]
    scores: Any = _scores(newest)
    return AccountHistory(account_id=account_id, scores=scores, more=len(frame) > limit, **entered)


def _scores(frame: pd.DataFrame) -> list[dict[str, Any]]:
    curves = [name for name in frame if str(name).startswith(BY_HORIZON)]
    columns = [*PAST_COLUMNS, *curves, "model_version", "config_version", "batch_id", "row"]
    scores = []
    for row in _records(frame.reindex(columns=columns)):
        place = {"batch_id": row.pop("batch_id"), "row": row.pop("row")}
        # A horizon that only other rows have is none of this one's.
        kept = {name: value for name, value in row.items() if value is not None or name not in curves}
        scores.append({**kept, "ledger": place})
    return scores


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with plain values: days and moments as ISO text in UTC, nothing for what is missing."""
    columns: dict[str, list[Any]] = {}
    for name in frame:
        values = frame[name]
        if pd.api.types.is_datetime64_dtype(values.dtype):
            form = "%Y-%m-%d" if name == "as_of" else "%Y-%m-%dT%H:%M:%S.%fZ"
            columns[str(name)] = [None if pd.isna(moment) else moment.strftime(form) for moment in values]
        else:
            columns[str(name)] = [None if pd.isna(value) else to_jsonable(value) for value in values.tolist()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


READS = (404, 422)

ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/v1/accounts",
        ROLES,
        accounts,
        "Accounts in play, by filters, the largest expected ARR loss first, a page at a time.",
        gives=AccountPage,
        query=AccountsQuery,
        statuses=(409, 422),
        tag="accounts",
    ),
    Route(
        "GET",
        "/v1/accounts/{account_id}",
        ROLES,
        account,
        "One account: its prediction with the strongest reasons, and the level that counts.",
        gives=AccountAnswer,
        statuses=(404,),
        tag="accounts",
    ),
    Route(
        "GET",
        "/v1/accounts/{account_id}/history",
        ROLES,
        history,
        "What the ledger holds of an account: scores, and what was entered beside them, tasks and notes too.",
        gives=AccountHistory,
        query=HistoryQuery,
        statuses=READS,
        tag="accounts",
    ),
)
