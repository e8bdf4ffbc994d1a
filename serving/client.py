"""A client of forewarn's API in one file: it needs httpx and nothing else of forewarn, so it may be copied as it is.

    with Client("https://forewarn.example", key) as client:
        for account in client.accounts(level="high,medium"):
            print(account["account_id"], account["p_churn"])
        client.override("acc-0001", level="low", reason="They renew next week.")

A request that failed on the way, or was shed (429, 502, 503, 504), is sent again: after what Retry-After says, if
anything, and a wait on top that doubles each time, with jitter. What enters something carries an idempotency key of its
own, so that it is entered once however often it had to be sent. What is refused raises `Refused` with every fault; what
stays out of reach raises `Unreachable`.

    ClientError
        Refused         4xx but 429, and 500: the service has answered, and sending the same again would not help
        Unreachable     no answer, or none but "later", in all attempts; or a Retry-After beyond the longest wait
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NotRequired, Required, Self, TypedDict
from urllib.parse import quote

import httpx

LATER = frozenset({429, 502, 503, 504})
AT_A_TIME = 500  # accounts in one request of `score_all`

Body = dict[str, Any]


class Level(TypedDict):
    """The risk level that counts, beside the model's and the CSM's."""

    automated: str
    csm: str | None
    final: str
    counts: str
    reason: str | None
    expires_at: str | None


class Entry(TypedDict):
    """One account of an answer: its prediction, or why there is none."""

    account_id: str
    prediction: Body | None
    level: Level | None
    arm: str | None
    may_contact: bool
    ledger: Body | None
    error: Body | None


class Scores(TypedDict):
    """The answer to `score` and `explain`: one model, one day."""

    as_of: str
    scored_at: str
    model_version: str
    config_version: str
    data: Body
    request_id: str
    results: list[Entry]


class AccountRow(TypedDict, total=False):
    """An account of a list; with `fields`, those alone, and always account_id."""

    account_id: Required[str]
    name: str | None
    segment: str | None
    owner: str | None
    lifecycle_stage: str
    risk_level: str
    automated_level: str
    p_churn: float
    health_score: float | None
    coverage: float
    arr: float | None
    expected_arr_loss: float | None
    arm: str | None
    may_contact: bool


class Entered(TypedDict):
    """Where an entry stands in the ledger; `level` of an override."""

    account_id: str
    batch_id: int
    entered_at: str
    level: NotRequired[Level]


class ClientError(Exception):
    """No answer of the kind that was asked for."""


class Unreachable(ClientError):
    """The service gave no answer in all attempts, or asked for more time than the client waits."""


class Refused(ClientError):
    """The service has refused; the attributes are those of its problem details.

    Attributes
    ----------
    status : int
    detail : str
    faults : list of dict
        Each with where, found, expected, do.
    request_id : str or None
        Under which the service's log tells of it.
    """

    def __init__(self, status: int, detail: str, faults: list[dict[str, str]], request_id: str | None) -> None:
        lines = [f"  {fault['where']}: {fault['found']}; expected {fault['expected']}" for fault in faults]
        super().__init__("\n".join([f"{status}: {detail}", *lines]))
        self.status, self.detail, self.faults, self.request_id = status, detail, faults, request_id


class Client:
    """A client of one service. Threads may share it; close it, or use `with`.

    Parameters
    ----------
    url : str
        Of the service, without /v1.
    key : str
        `fw_<id>_<secret>`.
    attempts : int
        How often a request is sent at most.
    waits : (float, float)
        Seconds before the second attempt, and the most that doubling leads to; a longer Retry-After is not waited for.
    timeout : float
        Seconds for one attempt.
    transport, sleep : optional
        For tests.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        attempts: int = 5,
        waits: tuple[float, float] = (0.5, 30.0),
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.attempts = attempts
        self.first_wait, self.longest_wait = waits
        self._sleep = sleep
        headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
        self._http = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=timeout, transport=transport)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def score(self, account_ids: Sequence[str]) -> Scores:
        """Predictions with the strongest reasons; one request, as many accounts as the service takes."""
        return self._json("POST", "/v1/score", {"account_ids": list(account_ids)})

    def explain(self, account_ids: Sequence[str]) -> Scores:
        """Predictions with every reason."""
        return self._json("POST", "/v1/explain", {"account_ids": list(account_ids)})

    def score_supplied(self, accounts: Sequence[Mapping[str, Any]], *, explain: bool = False) -> Scores:
        """Predictions from signals of yours: account_id and signals of each, as_of where it is not the day served."""
        return self._json("POST", "/v1/explain" if explain else "/v1/score", {"accounts": [*map(dict, accounts)]})

    def score_all(self, account_ids: Sequence[str], at_a_time: int = AT_A_TIME) -> Iterator[Entry]:
        """The entries of any number of accounts, in order, so many in one request."""
        for start in range(0, len(account_ids), at_a_time):
            yield from self.score(account_ids[start : start + at_a_time])["results"]

    def accounts(self, **query: str | int) -> Iterator[AccountRow]:
        """Accounts in play, page by page: level, stage, segment, owner, sort, fields, limit (of a page).

        Refused with 409 when another day begins to serve between two pages: begin again.
        """
        for page in self.account_pages(**query):
            yield from page["accounts"]

    def account_pages(self, **query: str | int) -> Iterator[Body]:
        """The same as pages: as_of, model_version, horizon_days, currency, total, accounts."""
        cursor: str | None = None
        while True:
            more = {} if cursor is None else {"cursor": cursor}
            page: Body = self._json("GET", "/v1/accounts", params={**query, **more})
            yield page
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def account(self, account_id: str) -> Body:
        """One account with its prediction, the level that counts and its place in the ledger."""
        return self._of_account(account_id, "")

    def history(self, account_id: str, **query: str | int) -> Body:
        """Scores (since, until, limit), overrides, feedback, interventions and outcomes in the ledger."""
        return self._of_account(account_id, "/history", query)

    def changes(self, account_id: str) -> Body:
        """What changed since the last score: parts that add up to the difference."""
        return self._of_account(account_id, "/changes")

    def signals(self, account_id: str) -> Body:
        """Every signal beside what is normal for the account, and beside its peers."""
        return self._of_account(account_id, "/signals")

    def what_if(self, account_id: str, signals: Mapping[str, float | str | None]) -> Body:
        """Both scores: today's, and with these values of signals."""
        return self._json("POST", "/v1/what-if", {"account_id": account_id, "signals": dict(signals)})

    def override(
        self, account_id: str, *, level: str, reason: str, idempotency_key: str | None = None, **more: Any
    ) -> Entered:
        """A CSM's own level of an account, from now on; also by, expires_at."""
        body = {"level": level, "reason": reason, **more}
        return self._enter(f"/v1/accounts/{quote(account_id, safe='')}/overrides", body, idempotency_key)

    def feedback(
        self, account_id: str, *, signal: str, verdict: str, idempotency_key: str | None = None, **more: Any
    ) -> Entered:
        """What a CSM says of a reason: right, wrong or known; also comment, by."""
        body = {"signal": signal, "verdict": verdict, **more}
        return self._enter(f"/v1/accounts/{quote(account_id, safe='')}/feedback", body, idempotency_key)

    def intervention(
        self, account_id: str, kind: str, started_at: datetime, *, idempotency_key: str | None = None, **more: Any
    ) -> Entered:
        """Something that is done about an account; also ended_at, arm, note, by."""
        body = {"account_id": account_id, "kind": kind, "started_at": started_at, **more}
        return self._enter("/v1/interventions", body, idempotency_key)

    def outcome(
        self, account_id: str, kind: str, occurred_at: datetime, *, idempotency_key: str | None = None, **more: Any
    ) -> Entered:
        """Something that became of an account; also arr_change, reason, voluntary, by."""
        body = {"account_id": account_id, "kind": kind, "occurred_at": occurred_at, **more}
        return self._enter("/v1/outcomes", body, idempotency_key)

    def task_event(
        self, account_id: str, task: str, kind: str, *, idempotency_key: str | None = None, **more: Any
    ) -> Entered:
        """What became of a task: done, snoozed, assigned, ticked, reopened; also step, until, comment, by ..."""
        body = {"account_id": account_id, "task": task, "kind": kind, **more}
        return self._enter("/v1/tasks", body, idempotency_key)

    def note(self, account_id: str, text: str, *, by: str | None = None, idempotency_key: str | None = None) -> Entered:
        """Something to remember about an account."""
        return self._enter("/v1/notes", {"account_id": account_id, "text": text, "by": by}, idempotency_key)

    def reports(self) -> list[Body]:
        """The files of the newest report."""
        return self._json("GET", "/v1/reports")["reports"]

    def report(self, name: str) -> bytes:
        """One of them, as it is."""
        return self._sent("GET", f"/v1/reports/{quote(name, safe='')}").content

    def model(self) -> Body:
        """The model that serves: card, gates, calibration."""
        return self._json("GET", "/v1/model")

    def status(self) -> Body:
        """What serves, since when, of which day, and what was refused since."""
        return self._json("GET", "/v1/status")

    def _of_account(self, account_id: str, what: str, query: Mapping[str, str | int] | None = None) -> Body:
        return self._json("GET", f"/v1/accounts/{quote(account_id, safe='')}{what}", params=query)

    def _enter(self, path: str, body: Mapping[str, Any], key: str | None) -> Entered:
        plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in body.items()}
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}  # one for all attempts
        return self._json("POST", path, plain, headers=headers)

    def _json(self, method: str, path: str, body: Mapping[str, Any] | None = None, **more: Any) -> Any:
        return self._sent(method, path, **({} if body is None else {"json": dict(body)}), **more).json()

    def _sent(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The answer of the first attempt that brings one."""
        last = "no attempt was made"
        for attempt in range(1, self.attempts + 1):
            asked_for: float | None = None
            try:
                answer = self._http.request(method, path, **more)
            except httpx.TransportError as error:
                last = f"{type(error).__name__}: {error}"
            else:
                if answer.status_code < 400:
                    return answer
                if answer.status_code not in LATER:
                    raise _refused(answer)
                last, asked_for = str(_refused(answer)), _retry_after(answer.headers.get("retry-after"))
            if attempt == self.attempts or (asked_for or 0.0) > self.longest_wait:
                break
            self._sleep(self._wait(attempt, asked_for))
        raise Unreachable(f"{method} {path}: {last}")

    def _wait(self, attempt: int, asked_for: float | None) -> float:
        """Seconds before the next attempt: not sooner than asked for, and not all callers at once."""
        longest = min(self.longest_wait, self.first_wait * 2 ** (attempt - 1))
        return (asked_for or 0.0) + random.uniform(longest / 2, longest)


def _refused(answer: httpx.Response) -> Refused:
    try:
        body = answer.json()
        detail, faults = str(body["detail"]), list(body.get("faults", []))
    except (ValueError, KeyError, TypeError):  # not from the service itself
        detail, faults = answer.reason_phrase or "no reason given", []
    return Refused(answer.status_code, detail, faults, answer.headers.get("x-request-id"))


def _retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds of a Retry-After, which is a number of them or a date; None for anything else.

    >>> _retry_after("7"), _retry_after("soon"), _retry_after(None)
    (7.0, None, None)
    >>> _retry_after("Thu, 01 Jan 2026 00:00:09 GMT", datetime(2026, 1, 1, tzinfo=UTC))
    9.0
    """
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())
