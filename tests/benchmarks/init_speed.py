"""How long `forewarn init` takes on a folder of one gigabyte, and how many times a bare scan of the same files that is.

python tests/benchmarks/init_speed.py [GIGABYTES]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from serving.setup import init

BYTES_A_ROW = 74
ACCOUNTS = 20_000


def made(folder: Path, gigabytes: float) -> None:
    """Accounts, contracts, and usage that knows a user, whose account a third file knows."""
    rows = int(gigabytes * 1e9 / BYTES_A_ROW)
    queries = {
        "customers": f"select 'acc_' || i as customer_id, date '2022-01-01' + (i % 700)::int as signup_date, "
        f"['smb', 'mid', 'large'][1 + i % 3] as tier from range({ACCOUNTS}) t(i)",
        "contracts": "select 'c_' || i as contract_id, 'acc_' || i as customer_id, 100 + i % 50 as mrr, "
        "date '2022-01-01' + (i % 700)::int as start_date, date '2023-01-01' + (i % 700)::int as end_date "
        f"from range({ACCOUNTS}) t(i)",
        "users": f"select 'user_' || i as user_id, 'acc_' || (i % {ACCOUNTS}) as customer_id "
        f"from range({5 * ACCOUNTS}) t(i)",
        "usage": f"select 'user_' || (hash(i) % {5 * ACCOUNTS}) as user_id, 'feature_' || (i % 40) as feature, "
        "timestamp '2022-01-01' + to_seconds((i % 60000000)::bigint) as occurred_at, i % 9 as clicks, "
        f"'session-' || hash(i + 1) as session from range({rows}) t(i)",
    }
    for name, query in queries.items():
        duckdb.sql(f"copy ({query}) to '{folder / name}.csv' (header)")


def seconds(task: Callable[[], object]) -> float:
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def main() -> None:
    gigabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    with tempfile.TemporaryDirectory() as made_in:
        folder = Path(made_in)
        made(folder, gigabytes)
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e9
        bare = f"select count(*), max(session) from '{folder / 'usage.csv'}'"
        scan = seconds(lambda: duckdb.connect().execute(bare).fetchall())
        taken = seconds(lambda: init(folder))
        print((folder / "forewarn.yaml").read_text())
    print(f"init of {size:.2f} GB: {taken:.1f} s, {taken / scan:.1f} times a bare scan of the usage ({scan:.1f} s)")


if __name__ == "__main__":
    main()
