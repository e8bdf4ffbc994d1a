"""The client against a transport of our own: what it sends again and when, what it gives up on, what it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from serving.client import Client, Refused, Unreachable

KEY = "fw_00000000_secret"
PROBLEM = {
    "title": "Unprocessable Entity",
    "status": 422,
    "detail": "the body does not fit",
    "faults": [{"where": "level", "found": "'hi'", "expected": "one of low, high", "do": "did you mean 'high'?"}],
}


class Service:
    """Answers in order, the last one for ever; keeps what it was sent and how long the client slept."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[httpx.Request] = []
        self.slept: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, **more: float | int | tuple[float, float]) -> Client:
        transport = httpx.MockTransport(self)
        return Client("http://service/", KEY, transport=transport, sleep=self.slept.append, **more)  # type: ignore[arg-type]


def ok(**body: object) -> httpx.Response:
    return httpx.Response(200, json=body)


def later(status: int = 503, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"detail": "later", "faults": []}, headers=headers)


@pytest.mark.parametrize("failure", [later(429), later(502), later(503), later(504), httpx.ConnectError("no route")])
def test_what_may_pass_is_sent_again(failure: httpx.Response | Exception) -> None:
    service = Service(failure, ok(ready=True))
    with service.client() as client:
        assert client.status() == {"ready": True}
    assert len(service.sent) == 2
    assert service.sent[0].headers["authorization"] == f"Bearer {KEY}"
    assert str(service.sent[0].url) == "http://service/v1/status"


def test_waits_double_with_jitter_up_to_the_longest() -> None:
    service = Service(later())
    with service.client(attempts=6, waits=(1.0, 4.0)) as client, pytest.raises(Unreachable, match="503: later"):
        client.status()
    assert len(service.sent) == 6
    assert [longest / 2 <= slept <= longest for slept, longest in zip(service.slept, (1, 2, 4, 4, 4), strict=True)] == [
        True
    ] * 5
    assert len(set(service.slept)) == 5


def test_it_does_not_come_back_sooner_than_asked() -> None:
    service = Service(later(429, **{"retry-after": "7"}), ok())
    with service.client(waits=(0.5, 30.0)) as client:
        client.status()
    (slept,) = service.slept
    assert 7.25 <= slept <= 7.5


def test_it_does_not_wait_longer_than_it_may() -> None:
    service = Service(later(**{"retry-after": "3600"}), ok())
    with service.client() as client, pytest.raises(Unreachable):
        client.status()
    assert (len(service.sent), service.slept) == (1, [])


def test_a_refusal_is_told_with_every_fault_and_not_sent_again() -> None:
    service = Service(httpx.Response(422, json=PROBLEM, headers={"x-request-id": "r1"}))
    with service.client() as client, pytest.raises(Refused) as refused:
        client.override("a", level="hi", reason="x")
    assert (refused.value.status, refused.value.request_id, len(service.sent)) == (422, "r1", 1)
    assert str(refused.value) == "422: the body does not fit\n  level: 'hi'; expected one of low, high"


def test_an_answer_of_something_else_is_a_refusal_too() -> None:
    service = Service(httpx.Response(404, text="<html>"))
    with service.client() as client, pytest.raises(Refused, match="404: Not Found"):
        client.model()


ENTRIES: list[tuple[str, Callable[[Client], object]]] = [
    ("/v1/accounts/a%2Fb/overrides", lambda client: client.override("a/b", level="low", reason="r")),
    ("/v1/accounts/a/feedback", lambda client: client.feedback("a", signal="logins", verdict="known")),
    ("/v1/interventions", lambda client: client.intervention("a", "call", datetime(2026, 1, 1, tzinfo=UTC))),
    ("/v1/outcomes", lambda client: client.outcome("a", "churn", datetime(2026, 1, 1, tzinfo=UTC), arr_change=-1.0)),
    ("/v1/tasks", lambda client: client.task_event("a", "renewal", "snoozed", until="2100-01-01")),
    ("/v1/notes", lambda client: client.note("a", "They move.")),
]


@pytest.mark.parametrize(("path", "enter"), ENTRIES)
def test_an_entry_has_one_key_for_all_attempts_and_another_the_next_time(
    path: str, enter: Callable[[Client], object]
) -> None:
    service = Service(httpx.ReadTimeout("lost"), ok(batch_id=3))
    with service.client() as client:
        assert enter(client) == {"batch_id": 3}
        enter(client)
    keys = [request.headers["idempotency-key"] for request in service.sent]
    assert [keys[0] == keys[1], keys[1] == keys[2]] == [True, False]
    assert {request.url.raw_path.decode() for request in service.sent} == {path}


def test_moments_leave_as_iso_text() -> None:
    service = Service(ok())
    with service.client() as client:
        client.outcome("a", "churn", datetime(2026, 1, 1, 9, tzinfo=UTC), idempotency_key="mine")
    (sent,) = service.sent
    assert json.loads(sent.content)["occurred_at"] == "2026-01-01T09:00:00+00:00"
    assert sent.headers["idempotency-key"] == "mine"


def test_pages_are_followed_to_the_last() -> None:
    pages = [
        ok(accounts=[{"account_id": "a"}, {"account_id": "b"}], next_cursor="c1"),
        ok(accounts=[{"account_id": "c"}], next_cursor=None),
    ]
    service = Service(*pages)
    with service.client() as client:
        assert [row["account_id"] for row in client.accounts(level="high", limit=2)] == ["a", "b", "c"]
    assert [dict(request.url.params) for request in service.sent] == [
        {"level": "high", "limit": "2"},
        {"level": "high", "limit": "2", "cursor": "c1"},
    ]


def test_many_accounts_are_scored_in_parts() -> None:
    service = Service(ok(results=[1, 2]), ok(results=[3]))
    with service.client() as client:
        assert list(client.score_all(["a", "b", "c"], at_a_time=2)) == [1, 2, 3]
    assert [json.loads(request.content)["account_ids"] for request in service.sent] == [["a", "b"], ["c"]]
