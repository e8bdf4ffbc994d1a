"""How long working out all signals takes, as a multiple of a bare scan of the same usage events in the same run.

    python tests/benchmarks/signals.py --events 10000000

The reference is DuckDB reading the Parquet file and grouping it by account and day, in a process of its own; a second
one does the same to the files of all eleven tables. Beside it: everything from opening the sources to the finished
frame (24 monthly as_ofs, every signal of all tables), and folding a new day into the kept state (the mean of three).
They are processes of their own, start and imports included. Processor seconds are compared, the least of `--runs` runs:
other work on a shared machine can only add to them. Seconds on the clock are printed beside them. With `--strategies`
the whole build is measured a second time with no memory given to arrays, so that usage is added up in SQL alone: what
the arrays buy.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from configs.tables import TABLES  # noqa: E402
from tests.benchmarks.volumes import make  # noqa: E402

BARE = """
import duckdb
con = duckdb.connect()
con.execute("set enable_progress_bar = false")
con.execute("create table days as select account_id, date_trunc('day', occurred_at) as day, count(*), sum(quantity) "
            "from 'usage_events.parquet' group by 1, 2").fetchall()
"""
OPEN = """
import json, sys, time
import pandas as pd
from configs.settings_file import load_settings
from features.sources import open_sources
settings = load_settings("forewarn.yaml")
sources = open_sources(settings)
"""
BARE_ALL = (
    BARE
    + """
for name, time in TIMES.items():
    con.execute(f"create table {name} as select account_id, date_trunc('day', {time}) as day, count(*) "
                f"from '{name}.parquet' group by 1, 2").fetchall()
""".replace("TIMES", repr({table.name: table.time for table in TABLES if table.name != "usage_events"}))
)
FULL = (
    OPEN
    + """
from features.dataset import load_dataset
data = load_dataset(settings, sources)
print(json.dumps({"rows": len(data.signals), "signals": len(data.schema.signals)}))
"""
)
SQL_ALONE = (
    """
import features.usage.strategy, features.usage.stream_rollup
features.usage.strategy.SHARE = features.usage.stream_rollup.SHARE = 0.0
"""
    + FULL
)
NEW_DAY = (
    OPEN
    + """
import tempfile
from pathlib import Path
from features.usage import UsageState
kept = tempfile.TemporaryDirectory(dir=".")  # a state of its own, so that the folder can be used again
state = UsageState.open(settings, Path(kept.name) / "state.duckdb")
state.fold_in(sources, sources.data_end - pd.Timedelta(days=3))
began = time.process_time()
added = [state.fold_in(sources, sources.data_end - pd.Timedelta(days=back)).added for back in (2, 1, 0)]
print(json.dumps({"added": sum(added) / 3, "cpu": (time.process_time() - began) / 3}))
state.close()
kept.cleanup()
"""
)


@dataclass(frozen=True)
class Run:
    """Processor seconds, seconds on the clock, the most memory held, and what was printed."""

    cpu: float
    clock: float
    gigabytes: float
    said: dict[str, float]


def run(code: str, folder: Path) -> Run:
    began = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen([sys.executable, "-c", code], cwd=folder, stdout=subprocess.PIPE, env=environment)
    assert child.stdout is not None
    said = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(child.returncode)
    clock = time.perf_counter() - began
    return Run(used.ru_utime + used.ru_stime, clock, used.ru_maxrss / 1e6, json.loads(said or b"{}"))


def least(code: str, folder: Path, runs: int) -> Run:
    return min((run(code, folder) for _ in range(runs)), key=lambda taken: taken.cpu)


def measure(folder: Path, runs: int) -> dict[str, float]:
    bare, every, full = (least(code, folder, runs) for code in (BARE, BARE_ALL, FULL))
    day = run(NEW_DAY, folder)
    return {
        "bare_s": bare.cpu,
        "full_s": full.cpu,
        "ratio": full.cpu / bare.cpu,
        "ratio_of_all": full.cpu / every.cpu,
        "ratio_on_the_clock": full.clock / bare.clock,
        "gigabytes": full.gigabytes,
        "rows": full.said["rows"],
        "signals": full.said["signals"],
        "new_day_s": day.said["cpu"],
        "new_day_rows": day.said["added"],
        "new_day_share": day.said["cpu"] / full.cpu,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--strategies", action="store_true", help="measure usage added up in SQL alone as well")
    parser.add_argument("--folder", type=Path, help="where the made tables stand; kept, and used again")
    chosen = parser.parse_args()
    for events in chosen.events:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(chosen.folder or temporary) / f"{events}"
            if not (folder / "forewarn.yaml").exists():
                make(folder, events, chosen.accounts)
            result = measure(folder, chosen.runs)
            sql = least(SQL_ALONE, folder, chosen.runs) if chosen.strategies else None
        print(
            f"{events:,} events, {chosen.accounts:,} accounts: {result['signals']:.0f} signals on"
            f" {result['rows']:,.0f} snapshots in {result['full_s']:.1f} s, {result['ratio']:.1f} times the bare scan "
            f"({result['bare_s']:.2f} s), {result['ratio_of_all']:.1f} times that of all tables; "
            f"{result['ratio_on_the_clock']:.1f} times on the clock; {result['gigabytes']:.1f} GB; "
            f"a new day ({result['new_day_rows']:,.0f} rows) {result['new_day_s']:.2f} s, "
            f"{result['new_day_share']:.1%} of the full build",
            flush=True,
        )
        if sql is not None:
            print(f"in SQL alone {sql.cpu:.1f} s, {sql.clock:.1f} s on the clock, {sql.gigabytes:.1f} GB", flush=True)


if __name__ == "__main__":
    main()
