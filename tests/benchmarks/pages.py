"""Processor time and size of every page with 10,000 accounts: `python tests/benchmarks/pages.py PROJECT`.

PROJECT is the folder of a project with a champion (`forewarn demo`); it is copied. Its accounts in play are copied
under new ids until there are so many, in the prepared day and in what the worker holds, and every page that there
is is asked for in this process. Printed for each: milliseconds of processor time, the median and the worst of the
rounds after the first, in the service and in the worker that answers its questions, and bytes before compression.
The budget is 100 ms and 200,000 bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import astuple, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pandas as pd

from configs.settings_file import load_settings
from serving.api import Front, Live, Router
from serving.api.routes import ROUTES
from serving.keys import KeyStore
from serving.pages import PAGES, refused
from serving.prepared import DayWriter, PreparedAccount, PreparedDay, Summary, current_day
from serving.scoring.questions import Questions, asked_in

ROUNDS, MOST_MS, MOST_BYTES = 12, 100.0, 200_000


class NoMetrics:
    """Takes figures and keeps none."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def new_id(account_id: str, copy: int) -> str:
    return account_id if copy == 0 else f"{account_id}-{copy}"


def many_accounts(day: PreparedDay, count: int, folder: Path) -> PreparedDay:
    """A day with so many accounts, copies of those of another."""
    pairs = itertools.islice(((copy, one) for copy in itertools.count() for one in day), count)
    with DayWriter(folder) as writer:
        for copy, account_id in pairs:
            named = new_id(account_id, copy)
            before, after = (
                json.dumps({"account_id": one})[1:-1].replace(": ", ":").encode() for one in (account_id, named)
            )
            summary = Summary(named, *astuple(day.summaries[account_id])[1:])
            bodies = [body(account_id).replace(before, after) for body in (day.score_body, day.explain_body)]
            row = (named, *day.row_values(account_id)[1:])
            writer.add(PreparedAccount(summary, bodies[0], bodies[1], row, day.signals_hash(account_id)))
        writer.close(day.header, day.lists)
    return PreparedDay.load(folder)


def copied(frame: pd.DataFrame, times: int) -> pd.DataFrame:
    """A frame of accounts, so many times under new ids."""
    many = pd.concat([frame] * times, ignore_index=True)
    many["account_id"] = [new_id(one, copy) for copy in range(times) for one in frame.account_id]
    return many


class Worker:
    """Answers questions in this process, and keeps the processor time that they took."""

    def __init__(self, config: Path, times: int) -> None:
        self.questions = Questions(config, datetime.now(UTC))
        scorer = self.questions.scorer
        frame = copied(scorer.frame.reset_index(drop=True), times).set_index("account_id", drop=False)
        self.questions.scorer = replace(scorer, frame=frame)
        self.questions.day = replace(self.questions.day, scorer=self.questions.scorer)
        month_ago = self.questions.day.month_ago
        if month_ago is not None:
            many = copied(month_ago.reset_index(drop=True), times).set_index("account_id", drop=False)
            self.questions.day = replace(self.questions.day, month_ago=many)
        self.spent = 0.0

    async def ask(self, request: Mapping[str, Any], seconds: float = 0.0) -> Mapping[str, Any]:
        began = time.process_time()
        answer = self.questions.answer(asked_in(request))
        self.spent += time.process_time() - began
        return {"result": answer}

    async def look(self, seconds: float = 0.0) -> bool:
        return True


async def measured(front: Front, worker: Worker, role: str, key: str, accounts: list[str]) -> bool:
    """Prints a line for each page that a role may open; whether all keep to the budget."""
    transport = httpx.ASGITransport(front)
    async with httpx.AsyncClient(transport=transport, base_url="http://here", timeout=600) as client:
        signed = front.live.sessions.open(key[3:11])
        client.cookies.set("fw_session", signed)
        keeps = True
        for route in PAGES:
            if route.method != "GET" or role not in route.roles or set(route.names) - {"account_id"}:
                continue
            if route.path.endswith(".csv"):  # a file with all accounts, no page
                continue
            in_service, in_worker, size = [], [], 0
            for turn in range(ROUNDS):
                path = route.path.replace("{account_id}", accounts[turn * 37 % len(accounts)])
                worker.spent, began = 0.0, time.process_time()
                answer = await client.get(path, headers={"accept": "text/html", "accept-encoding": "gzip"})
                in_service.append(1000 * (time.process_time() - began - worker.spent))
                in_worker.append(1000 * worker.spent)
                size = max(size, len(answer.content))
                assert answer.status_code in (200, 303), f"{path}: {answer.status_code} {answer.text[:500]}"
            service, asked = in_service[1:], in_worker[1:]
            over = statistics.median(service) > MOST_MS or size > MOST_BYTES
            keeps &= not over
            print(
                f"{role:10} {route.path:34} {statistics.median(service):7.1f} {max(service):7.1f} "
                f"{statistics.median(asked):7.1f} {size:9,}{'   over' if over else ''}",
                flush=True,
            )
        return keeps


async def run(project: Path, count: int) -> bool:
    config = project / "forewarn.yaml"
    settings = load_settings(config)
    folder = current_day(settings.paths.served)
    if folder is None:
        from serving.scoring import prepare

        folder = prepare(config, datetime.now(UTC))
    day = PreparedDay.load(folder)
    many = many_accounts(day, count, project / "many")
    live = Live(settings, config, NoMetrics())  # type: ignore[arg-type]
    worker = Worker(config, -(-count // len(day)))
    live.worker = worker  # type: ignore[assignment]
    live._loop = asyncio.get_running_loop()
    live.writer.start()
    live._swap(many, "now")
    front = Front(None, Router((*ROUTES, *PAGES)), live, refused)  # type: ignore[arg-type]
    store, now = KeyStore(settings.paths.keys), datetime.now(UTC)
    print(f"{len(many):,} accounts; ms of processor time (median, worst), in the worker, bytes")
    keeps = True
    for role in ("csm", "leader", "scientist", "admin"):
        keeps &= await measured(front, worker, role, store.create(role, now), list(day))
    live.writer.close()
    live.ledger.close()
    return keeps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("--accounts", type=int, default=10_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        shutil.copytree(asked.project, project)
        sys.exit(0 if asyncio.run(run(project, asked.accounts)) else 1)


if __name__ == "__main__":
    main()
