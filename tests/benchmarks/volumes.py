"""Writes a large company of plain noise in the eleven canonical tables: volumes are what it is for, not sense.

Beside its usage, an account hears from its CSM twice a month, opens a ticket every other month, gets an invoice a month
and answers a survey a quarter, for two years.

`python tests/benchmarks/volumes.py DIR --events N --accounts N` writes DIR/{table}.parquet and DIR/forewarn.yaml.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb
import yaml

MONTHS = 24
FIRST, LAST = "2024-01-01", "2026-01-01"
SECONDS = 731 * 86_400

ACCOUNT = "'acc-' || lpad((hash(i) % {accounts})::varchar, 6, '0')"
WHEN = f"timestamp '{FIRST}' + to_seconds((i * {SECONDS} / {{rows}})::bigint)"
KNOWN = "{when} + case when hash(i + 7) % 50 = 0 then interval 3 day else interval 1 hour end"


def pick(words: tuple[str, ...], salt: int) -> str:
    listed = ", ".join(f"'{word}'" for word in words)
    return f"([{listed}])[1 + (hash(i + {salt}) % {len(words)})::int]"


def number(least: float, span: int, salt: int) -> str:
    return f"({least} + hash(i + {salt}) % {span})::double"


# table: rows an account, time column, further columns (SQL over i, {when}, {account})
ROWS: dict[str, tuple[float, str, dict[str, str]]] = {
    "tickets": (
        12,
        "opened_at",
        {
            "ticket_id": "'tic-' || i",
            "resolved_at": "{when} + to_hours((hash(i + 11) % 400)::int)",
            "reopened_at": "case when hash(i + 15) % 10 = 0 then {when} + to_hours((500 + i % 200)::int) end",
            "priority": pick(("low", "normal", "high", "urgent"), 12),
            "satisfaction": number(1, 5, 13),
            "sentiment": "(hash(i + 14) % 200)::double / 100 - 1",
        },
    ),
    "interactions": (
        48,
        "occurred_at",
        {
            "kind": pick(("email", "email", "call", "meeting", "qbr", "training", "webinar", "community"), 21),
            "contact_id": "{account} || '-c' || hash(i + 22) % 8",
            "initiated_by": pick(("us", "us", "customer"), 23),
            "attended": "hash(i + 24) % 3 > 0",
            "responded_at": "{when} + to_hours((hash(i + 25) % 200)::int)",
            "sentiment": "(hash(i + 26) % 200)::double / 100 - 1",
        },
    ),
    "invoices": (
        24,
        "issued_at",
        {
            "invoice_id": "'inv-' || i",
            "due_at": "{when} + interval 30 day",
            "paid_at": "{when} + to_days((hash(i + 31) % 60)::int)",
            "amount": number(100, 5000, 32),
            "kind": pick(("invoice", "invoice", "invoice", "credit_note", "failed_payment"), 33),
        },
    ),
    "surveys": (
        8,
        "occurred_at",
        {
            "kind": pick(("nps", "nps", "csat", "ces"), 41),
            "score": number(0, 11, 42),
            "contact_id": "{account} || '-c' || hash(i + 43) % 8",
        },
    ),
    "contacts": (
        6,
        "since",
        {
            "contact_id": "{account} || '-c' || hash(i + 51) % 8",
            "role": pick(("executive_sponsor", "champion", "admin", "user"), 52),
            "until": "case when hash(i + 53) % 3 = 0 then {when} + to_days((hash(i + 54) % 300)::int) end",
        },
    ),
    "milestones": (5, "reached_at", {"milestone": pick(("kickoff", "data_import", "first_workflow"), 61)}),
    "outcomes": (
        2,
        "occurred_at",
        {"kind": pick(("expansion", "contraction", "renewal"), 71), "arr_change": number(-1000, 2000, 72)},
    ),
    "interventions": (
        1,
        "started_at",
        {"kind": pick(("call", "discount"), 81), "arm": pick(("treated", "holdout"), 82)},
    ),
}


def make(folder: Path, events: int, accounts: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()

    def write(name: str, sql: str) -> None:
        connection.execute(f"copy ({sql}) to '{folder / name}.parquet' (format parquet)")

    every = f"select 'acc-' || lpad(i::varchar, 6, '0') as account_id, i from range({accounts}) t(i)"
    write(
        "accounts",
        f"select account_id, timestamp '{FIRST}' - to_days((hash(i) % 900)::int) as created_at, account_id as name, "
        f"{pick(('enterprise', 'mid_market', 'smb'), 1)} as segment, 'csm-' || i % 40 as owner, "
        f"case when i % 10 > 0 then 'acc-' || lpad((i - i % 10)::varchar, 6, '0') end as parent_account_id, "
        f"{pick(('north', 'south', 'east'), 2)} as region from ({every})",
    )
    write(
        "contracts",
        "select account_id, 'con-' || i || '-' || term as contract_id, "
        f"timestamp '{FIRST}' - to_days((hash(i) % 365)::int) + to_days(365 * term) as starts_at, "
        f"timestamp '{FIRST}' - to_days((hash(i) % 365)::int) + to_days(365 * (term + 1)) as ends_at, "
        f"{number(1000, 90000, 91)} + term as arr, {number(1, 50, 92)} as seats, {pick(('basic', 'pro'), 93)} as plan, "
        f"'year' as billing_period, hash(i) % 2 = 0 as auto_renews, hash(i + term)::double % 30 / 100 as discount "
        f"from ({every}), (select unnest([0, 1, 2]) as term)",
    )
    for name, (each, time, columns) in ROWS.items():
        _events(write, name, round(each * accounts), accounts, time, columns)
    usage = {
        "feature": "'feature-' || hash(i + 101) % 20",
        "user_id": "{account} || '-u' || hash(i + 102) % 25",
        "quantity": number(1, 5, 103),
    }
    _events(write, "usage_events", events, accounts, "occurred_at", usage)
    (folder / "forewarn.yaml").write_text(yaml.safe_dump(config()))


def _events(write, name: str, rows: int, accounts: int, time: str, columns: dict[str, str]) -> None:  # type: ignore[no-untyped-def]
    parts = {"when": WHEN.format(rows=rows), "account": ACCOUNT.format(accounts=accounts)}
    body = {"account_id": "{account}", time: "{when}", **columns, "recorded_at": KNOWN}
    listed = ", ".join(f"{sql.format(**parts)} as {column}" for column, sql in body.items())
    write(name, f"select {listed} from range({rows}) t(i)")


def config() -> dict[str, object]:
    names = ("accounts", "contracts", "usage_events", *ROWS)
    tables: dict[str, dict[str, object]] = {name: {"from": f"{name}.parquet"} for name in names}
    tables["accounts"]["attributes"] = ["region"]
    tables["contracts"]["measures"] = ["discount"]
    return {
        "extends": "default",
        "data_end": LAST,
        "tables": tables,
        "churn": {"kind": "contract_end"},
        "snapshots": {"every": "month", "from": "2024-02-01"},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--accounts", type=int, default=10_000)
    chosen = parser.parse_args()
    make(chosen.folder, chosen.events, chosen.accounts)


if __name__ == "__main__":
    main()
