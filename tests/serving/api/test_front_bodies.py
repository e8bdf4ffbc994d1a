"""The front and the bodies that come in: their kind, their length, and each of their faults."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from configs.settings import Settings
from serving.api.routing import (
    MOST_BODY_BYTES,
    MOST_FAULTS,
    SHOWN,
    body_problem,
)
from tests.serving.api.house import TABLES, TRIED, House, is_problem


@pytest.mark.parametrize(
    "kind",
    ["application/vnd.bentoml+pickle", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "a"],
)
def test_only_json_comes_in(house: House, kind: str) -> None:
    assert is_problem(house.call("POST", "/echo", "csm", headers={"Content-Type": kind}, content=b"{}"), 415)


@pytest.mark.parametrize("size", [MOST_BODY_BYTES, MOST_BODY_BYTES + 1])
def test_a_body_may_be_so_long_and_no_longer(house: House, size: int) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    answer = house.call("POST", "/echo", "csm", headers=headers, content=b"x" * size)
    assert answer.status_code == (200 if size <= MOST_BODY_BYTES else 413)


def test_a_route_of_accounts_takes_as_much_as_they_come_to(make_settings: Callable[..., Settings]) -> None:
    of_accounts = replace(TRIED[1], bytes_an_account=1000)
    house = House(make_settings(tables=TABLES, serving={"max_accounts": 1500}), (of_accounts,))
    kind = {"Content-Type": "application/json"}
    sizes = (1_500_000, 1_500_001)
    answers = [house.call("POST", "/echo", "csm", headers=kind, content=b"x" * size) for size in sizes]
    assert [answer.status_code for answer in answers] == [200, 413]


def parsed(house: House, body: bytes) -> httpx.Response:
    return house.call("POST", "/parsed", "csm", content=body, headers={"Content-Type": "application/json"})


def processor_seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """The least of three, and what it gave."""
    took = []
    for _ in range(3):
        began = time.process_time()
        found = work()
        took.append(time.process_time() - began)
    return min(took), found


@pytest.mark.parametrize("count", [MOST_FAULTS + 1, 3000, 400_000])
def test_a_body_with_very_many_faults_is_refused_at_once(house: House, count: int) -> None:
    sent = json.dumps({"account_ids": [1] * count}, separators=(",", ":")).encode()
    right = processor_seconds(lambda: parsed(house, b'{"account_ids":["a"]}'))[0]
    read = processor_seconds(lambda: json.loads(sent))[0]
    took, answer = processor_seconds(lambda: parsed(house, sent))
    assert took < 20 * right + 200 * read  # each fault in the time of all before it took hours
    assert is_problem(answer, 422)
    body = answer.json()
    assert len(body["faults"]) == (1 if count > 10_000 else MOST_FAULTS)
    assert count > 10_000 or f"{count:,} faults" in body["title"] + body["detail"]


INVALID = [
    (b'{"account_ids": ["a"', 400, []),
    (b"\xff\xfe", 400, []),
    (b"", 422, ["body"]),
    (b"{}", 422, ["body"]),
    (b'{"account_ids": ["a"], "accounts": [{"account_id": "a", "signals": {}}]}', 422, ["body"]),
    (b'{"account_ids": []}', 422, ["account_ids"]),
    (b"[]", 422, ["body"]),
    (b'{"account_ids": [1, null], "more": 1}', 422, ["account_ids.0", "account_ids.1", "more"]),
]


@pytest.mark.parametrize(("content", "status", "faults"), INVALID)
def test_each_fault_of_a_body_is_named(house: House, content: bytes, status: int, faults: list[str]) -> None:
    answer = house.call("POST", "/parsed", "csm", content=content, headers={"Content-Type": "application/json"})
    assert is_problem(answer, status)
    assert [fault["where"] for fault in answer.json()["faults"]] == faults


def test_a_fault_says_what_was_found_at_its_place() -> None:
    asked = b'{"account_ids": [1, "' + b"x" * 200 + b'"], "more": null}'
    places: list[list[str | int]] = [[], ["account_ids", 0], ["account_ids", 1], ["more"], ["as_of"]]
    errors = [{"type": "odd", "loc": place, "msg": "other"} for place in places]
    found = [fault.found for fault in body_problem(errors, asked).faults]
    assert [found[1], *found[3:]] == ["1", "null", "nothing"]
    assert found[0].startswith('{"account_ids": [1, "xxx')
    assert found[2] == '"' + "x" * (SHOWN - 1) + "..."
