"""What the ledger's questions cost with a million predictions in it, or ten, and how much of that is spent in SQL.

`python tests/benchmarks/ledger.py DIR [--rows 1000000] [--profile]` makes, once, a company of yearly contracts and a
SQLite ledger of its monthly predictions in DIR (texts of the usual length: some 2.5 GB a million rows; of more than two
million rows short ones, some 0.7 GB a million), and times on a copy: a bare scan of the predictions, one account's
history, the newest score of all accounts, the first `outcomes`, a second one with nothing new, verify and export. Of up
to two million rows also the report on what was judged: rows from the ledger to the frame, figures and page apart, and
what the bootstraps take of it. Times are of the processor, of one thread, in seconds; beside them the share spent in
SQLite, the times a bare scan, and the most memory held. `--profile` tells where they go; it slows the parts in Python
down, up to twofold.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import re
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine, event
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from configs.settings import Settings
from configs.settings_file import DEFAULT_FILE, read_body, settings_from
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.rows import column_order
from evaluation.metrics import bootstrap
from evaluation.outcomes.company_facts import facts_of
from evaluation.outcomes.outcomes import FORECASTS
from serving.commands.outcomes import Judged, outcomes
from serving.commands.report import SharedInputs, ledger_report, served_so_far
from serving.project import Project

MONTHS = 48
FIRST = pd.Timestamp("2022-01-01")
NOW = datetime(2026, 1, 2)
MANY = 2_000_000
LEAVES = 0.12  # of accounts at each end of a term
SPENT = {"sql": 0.0, "bootstraps": 0.0}


class Cursor(sqlite3.Cursor):
    """One that adds up the time spent in SQLite, as the connection does."""

    def execute(self, *given: Any) -> Any:
        return clocked("sql", super().execute, *given)

    def executemany(self, sql: str, rows: Any) -> Any:
        whole = list(rows)  # made outside of SQLite
        return clocked("sql", super().executemany, sql, whole)

    def fetchmany(self, *given: Any) -> Any:
        return clocked("sql", super().fetchmany, *given)

    def fetchall(self) -> Any:
        return clocked("sql", super().fetchall)


class Connected(sqlite3.Connection):
    def cursor(self, factory: Any = Cursor) -> Any:
        return super().cursor(Cursor)

    def commit(self) -> None:
        clocked("sql", super().commit)

    def close(self) -> None:  # the last one brings the write-ahead log into the file
        clocked("sql", super().close)


def _clocked(_dialect: Any, _record: Any, _given: Any, named: dict[str, Any]) -> None:
    named["factory"] = Connected


def clocked(what: str, run: Callable[..., Any], *given: Any, **named: Any) -> Any:
    start = time.process_time()
    try:
        return run(*given, **named)
    finally:
        SPENT[what] += time.process_time() - start


def settings_of(folder: Path) -> Settings:
    body = read_body(DEFAULT_FILE)
    body["tables"] = {name: {"from": f"{name}.parquet"} for name in ("accounts", "contracts")}
    body["data_end"] = "2026-01-01"
    body["engine"]["threads"] = 1
    return settings_from(body, folder)


def company(rows: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """accounts, contracts, and account_id, as_of, chance of every month of every account's life, `rows` of them."""
    random = np.random.default_rng(3)
    count = int(rows / MONTHS * 2.4) + 50
    names = np.array([f"account-{number:06d}" for number in range(count)])
    began = FIRST - pd.to_timedelta(random.integers(-900, 700, count), unit="D")
    chance = np.clip(random.beta(2, 2 / LEAVES - 2, count), 0.005, 0.9)
    terms = random.geometric(chance)
    accounts = pd.DataFrame({"account_id": names, "created_at": began})
    accounts["segment"] = random.choice(["enterprise", "mid-market", "smb"], count)
    accounts["owner"] = [f"csm-{number % 40:02d}" for number in range(count)]
    arr = np.round(random.lognormal(9.5, 1, count), -2)
    parts = []
    for term in range(6):
        here = (terms > term) & (began + pd.Timedelta(days=365 * term) < pd.Timestamp(NOW))
        start = (began + pd.Timedelta(days=365 * term))[here]
        ends = start + pd.Timedelta(days=365)
        parts.append(pd.DataFrame({"account_id": names[here], "starts_at": start, "ends_at": ends, "arr": arr[here]}))
    left = (began + pd.to_timedelta(365 * terms, unit="D")).to_numpy()
    scored = []
    for month in range(MONTHS):
        day = FIRST + pd.DateOffset(months=month)
        alive = np.flatnonzero((began <= day) & (left > day.to_datetime64()))
        to_end = 365 - (day - began[alive]).days.to_numpy() % 365
        noisy = 1 / (1 + np.exp(-(np.log(chance[alive] / (1 - chance[alive])) + random.normal(0, 0.7, alive.size))))
        scored.append(
            pd.DataFrame({"account_id": names[alive], "as_of": day, "to_end": to_end, "p": noisy, "arr": arr[alive]})
        )
    return accounts, pd.concat(parts, ignore_index=True), pd.concat(scored, ignore_index=True).head(rows)


def texts(rows: int) -> tuple[str, str, str]:
    """Reasons, triggers and actions of the usual length, ten reasons; of many rows, one."""
    reasons = [
        {"signal": f"signal_{number}_90d", "dimension": "usage", "value": 12.5 * number, "contribution": 0.0123456789,
         "sentence": "a sentence of about the usual length that says what it is"}
        for number in range(10 if rows <= MANY else 1)
    ]  # fmt: skip
    steps = ["Ask the heaviest users what changed", "Agree on one outcome for the next 30 days"]
    if rows > MANY:
        return json.dumps(reasons), "[]", "[]"
    actions = [{"playbook": "risk_mitigation", "title": "Find out why use is falling", "steps": steps}]
    return json.dumps(reasons), json.dumps(["usage_decline"]), json.dumps(actions)


def make(folder: Path, rows: int) -> None:
    """The sources, and the ledger as monthly scoring would have left it; nothing when they are there."""
    if (folder / "made.db").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    accounts, contracts, scored = company(rows)
    accounts.to_parquet(folder / "accounts.parquet")
    contracts.to_parquet(folder / "contracts.parquet")
    reasons, triggers, actions = texts(rows)
    with Ledger.open(f"sqlite:///{folder / 'made.part.db'}") as ledger:
        for group, at in scored.groupby("as_of"):
            day = pd.Timestamp(str(group))
            made = pd.DataFrame({"account_id": at.account_id, "as_of": at.as_of.astype("datetime64[us]")})
            for days in (30, 60, 90, 180):
                made[f"p_churn_{days}d"] = np.where(at.to_end <= days, at.p, 0.002 * days / 30)
            main = made.p_churn_90d
            made["p_low_90d"], made["p_high_90d"], made["p_health_90d"] = main * 0.7, main, np.sqrt(main * LEAVES)
            made["lifecycle_stage"] = np.where(at.to_end <= 90, "renewal", "value_realization")
            made["risk_level"] = np.select([main > 0.06, main > 0.03], ["high", "medium"], "low")
            for name in ("score", "usage", "engagement", "financial", "relationship"):
                made[f"health_{name}"] = 90 - 60 * main
            made["coverage"], made["arr"], made["has_signal"] = 0.9, at.arr, True
            made["expected_arr_loss_90d"] = main * at.arr
            made["reasons"], made["triggers"], made["actions"] = reasons, triggers, actions
            made["model_version"], made["config_version"] = str(day.year), "abc"
            made = made[column_order([30, 60, 90, 180], [90])]
            keys = [f"{number:016x}" for number in range(len(made))]
            ledger.write(made, kind="batch", asked_by="score", at=day + pd.Timedelta(hours=7), signals_hash=keys)
    (folder / "made.part.db").replace(folder / "made.db")


def most_memory() -> int:
    """The most MB held since the last call."""
    status = Path("/proc/self/status").read_text()
    Path("/proc/self/clear_refs").write_text("5")
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) // 1024  # type: ignore[index]


SCAN = [0.0]


def timed(what: str, run: Callable[[], Any], profiled: bool = False) -> Any:
    profiler = cProfile.Profile(time.process_time)
    SPENT.update(dict.fromkeys(SPENT, 0.0))
    most_memory()
    start = time.process_time()
    result = profiler.runcall(run) if profiled else run()
    took = time.process_time() - start
    SCAN[0] = SCAN[0] or took
    told = f"{what:<30}{took:9.3f} s, {SPENT['sql'] / took:4.0%} of it in SQL, {took / SCAN[0]:7.1f} bare scans"
    told += f", {most_memory():6,} MB"
    print(told + (f", bootstraps {SPENT['bootstraps']:.1f} s" if SPENT["bootstraps"] else ""), flush=True)
    if profiled:
        inside = dict(pstats.Stats(profiler).stats)  # type: ignore[attr-defined]
        for place, one in sorted(inside.items(), key=lambda item: -item[1][2])[:14]:
            print(f"    {one[2]:7.2f} s {one[0]:>9} calls  {Path(place[0]).name}:{place[1]} {place[2]}")
    return result


def scan(file: Path) -> float:
    with closing(sqlite3.connect(file)) as connection:
        return float(connection.execute("select sum(p_churn) from predictions").fetchone()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--profile", action="store_true", help="where the time goes (profiling itself costs some)")
    chosen = parser.parse_args()
    event.listen(Engine, "do_connect", _clocked)
    make(chosen.folder, chosen.rows)
    settings = settings_of(chosen.folder)
    settings.paths.folder.mkdir(exist_ok=True)
    for left in settings.paths.folder.glob("ledger.db*"):
        left.unlink()
    shutil.copyfile(chosen.folder / "made.db", settings.paths.ledger)
    columns = ["account_id", "as_of", "p_churn_90d", "risk_level"]
    with Ledger.open(settings) as ledger:  # an older one is brought up to date
        scan(settings.paths.ledger)
        timed("a bare scan", lambda: scan(settings.paths.ledger))
        timed("one account's history", lambda: ledger.predictions(account_id="account-000123"))
        timed(
            "the newest of one account",
            lambda: ledger.newest(FORECASTS, pd.Timestamp(NOW), columns, ["account-000123"]),
        )
        timed(
            "the newest of all accounts", lambda: ledger.newest(FORECASTS, pd.Timestamp(NOW), columns), chosen.profile
        )
    result = timed("outcomes, the first time", lambda: judged(settings), chosen.profile)
    print(result.summary)
    timed("outcomes, nothing new", lambda: judged(settings), chosen.profile)
    if chosen.rows <= MANY:
        report(settings, chosen.profile)
    with Ledger.open(settings) as ledger:
        print(timed("verify", ledger.verify, chosen.profile))
        timed("export", lambda: ledger.export(settings.paths.folder / "export.parquet"), chosen.profile)


def judged(settings: Settings) -> Judged:
    """`forewarn outcomes`, its sources and ledger opened for it."""
    with Project(settings) as project:
        return outcomes(project, NOW)


def report(settings: Settings, profiled: bool) -> None:
    """The report on the ledger, its parts apart."""
    project = Project(settings)
    facts = timed("report: the sources", lambda: facts_of(project.sources, settings))
    served = timed("report: ledger to frame", lambda: served_so_far(project, facts, NOW), profiled)
    drawn, bootstrap.draw = bootstrap.draw, partial(clocked, "bootstraps", bootstrap.draw)
    folder = settings.paths.folder / "report"
    made = partial(ledger_report, project, folder, served, SharedInputs("now", facts, (), None))
    timed("report: figures and page", made, profiled)
    bootstrap.draw = drawn
    project.close()


if __name__ == "__main__":
    with threadpool_limits(limits=1):
        main()
