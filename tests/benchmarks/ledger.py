"""What `outcomes` and the ledger's report cost with a million predictions in the ledger, and where that time is spent.

`python tests/benchmarks/ledger.py DIR [--rows 1000000] [--profile]` makes, once, a company of yearly contracts and a
SQLite ledger of its monthly predictions (texts of the usual length: some 2.5 GB a million rows) in DIR, and times on a
copy: the first `outcomes`, a second one with nothing new, and the report on what was judged, figures and page included.
Times are of the processor, of one thread, in seconds. `--profile` tells where they go, and how many of them in
SQLite and DuckDB; it slows the parts in Python down, up to twofold, and leaves those in the databases as they are.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import shutil
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from configs.settings import HERE, Settings, _read, settings_from
from evaluation.ledger import Ledger
from evaluation.ledger_rows import column_order
from serving import stages

MONTHS = 48
FIRST = pd.Timestamp("2022-01-01")
NOW = datetime(2026, 1, 2)
LEAVES = 0.12  # of accounts at each end of a term
DATABASES = ("sqlite3.", "DuckDB", "duckdb", "psycopg")


def settings_of(folder: Path) -> Settings:
    body = _read(HERE / "default.yaml")
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


def texts() -> tuple[str, str, str]:
    """Reasons, triggers and actions of the usual length."""
    reasons = [
        {"signal": f"signal_{number}_90d", "dimension": "usage", "value": 12.5 * number, "contribution": 0.0123456789,
         "sentence": "a sentence of about the usual length that says what it is"}
        for number in range(10)
    ]  # fmt: skip
    steps = ["Ask the heaviest users what changed", "Agree on one outcome for the next 30 days"]
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
    reasons, triggers, actions = texts()
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


def timed(what: str, run: Callable[[], Any], profiled: bool) -> Any:
    profiler = cProfile.Profile(time.process_time)
    start = time.process_time()
    found = profiler.runcall(run) if profiled else run()
    took = time.process_time() - start
    if not profiled:
        print(f"{what:<28}{took:8.1f} s of the processor", flush=True)
        return found
    stats = pstats.Stats(profiler)
    inside = dict(stats.stats)  # type: ignore[attr-defined]
    databases = sum(one[2] for place, one in inside.items() if any(name in place[2] for name in DATABASES))
    print(f"{what:<28}{took:8.1f} s of the processor, {databases:.1f} of them in SQL", flush=True)
    for place, one in sorted(inside.items(), key=lambda item: -item[1][2])[:14]:
        print(f"    {one[2]:7.2f} s {one[0]:>9} calls  {Path(place[0]).name}:{place[1]} {place[2]}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--profile", action="store_true", help="where the time goes (profiling itself costs some)")
    chosen = parser.parse_args()
    make(chosen.folder, chosen.rows)
    settings = settings_of(chosen.folder)
    settings.state_dir.mkdir(exist_ok=True)
    for left in settings.state_dir.glob("ledger.db*"):
        left.unlink()
    shutil.copyfile(chosen.folder / "made.db", settings.state_dir / "ledger.db")
    Ledger.open(settings).close()  # an older one is brought up to date
    found = timed("outcomes, the first time", lambda: stages.outcomes(settings, NOW), chosen.profile)
    print(found["words"])
    timed("outcomes, nothing new", lambda: stages.outcomes(settings, NOW), chosen.profile)
    report = settings.state_dir / "report"
    timed("report", lambda: stages.ledger_report(settings, report, "now", [], NOW), chosen.profile)


if __name__ == "__main__":
    with threadpool_limits(limits=1):
        main()
