"""A newcomer's first hour: init, as few edits as need be, check; on three folders of CSV."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from serving.cli.main import main
from serving.commands.data import check
from serving.project import Project
from serving.setup import init

NOW = datetime(2026, 11, 29, tzinfo=UTC)
FIRST, ACCOUNTS = date(2022, 1, 1), 60
MOST_EDITS = 2
Edit = tuple[str, str]


def day(number: int) -> str:
    return str(FIRST + timedelta(number))


def table(header: str, rows: list[str]) -> str:
    return "\n".join([header, *rows]) + "\n"


def plain() -> dict[str, str]:
    """Named as most name them, with what is known only later among the columns."""
    luck = random.Random(1)
    return {
        "customers": table(
            "customer_id,company_name,sign_up_date,industry,employee_count,is_churned,last_login",
            [
                f"{n},Firm {n},{day(n)},{luck.choice(['bank', 'shop'])},{n * 3},{n % 4 == 0},{day(700)}"
                for n in range(60)
            ],
        ),
        "subscriptions": table(
            "subscription_id,customer_id,start_date,end_date,mrr,currency",
            [f"s{n},{n},{day(n)},{day(n + 365 + (n % 3) * 100)},{100 + n},USD" for n in range(60)],
        ),
        "logins": table(
            "customer_id,login_at,user_id",
            [f"{n},{day(n + luck.randrange(400))} {luck.randrange(24)}:05,u{n}" for n in range(60) for _ in range(20)],
        ),
    }


def relational() -> dict[str, str]:
    """Logins know a seat, seats a subscription, subscriptions an organisation; tickets know an e-mail address."""
    luck = random.Random(2)
    return {
        "organizations": table(
            "org_id,org_name,created_on,industry", [f"org_{n:03},Firm {n},{day(n)},{'ab'[n % 2]}" for n in range(60)]
        ),
        "subscriptions": table(
            "id,org_id,start_date,end_date,mrr",
            [f"sub_{n},org_{n:03},{day(n)},{day(n + 365 + (n % 3) * 100)},{100 + n}" for n in range(60)],
        ),
        "seats": table(
            "seat_id,subscription,email", [f"seat_{n}_{k},sub_{n},a{n}{k}@x.io" for n in range(60) for k in range(3)]
        ),
        "logins": table(
            "seat,ts,page",
            [f"seat_{n}_{luck.randrange(3)},{day(n + luck.randrange(400))},home" for n in range(60) for _ in range(20)],
        ),
        "cases": table(
            "case_no,opened,closed,reporter,severity",
            [f"c{n}_{k},{day(n + 40 * k)},{day(n + 40 * k + 3)},a{n}0@x.io,high" for n in range(60) for k in range(3)],
        ),
    }


def messy() -> dict[str, str]:
    """Unix milliseconds, days as one country writes them, a flag of deletion, empty cells, ids with leading zeros."""
    luck = random.Random(3)
    start = int(datetime(2022, 1, 1, tzinfo=UTC).timestamp() * 1000)
    one_day = 86_400_000
    return {
        "tenants": table(
            "tenant_id,created,plan_tier,is_deleted",
            [f"{n:05},{start + n * one_day},{'pro' if n % 2 else 'free'},{n == 59}" for n in range(60)],
        ),
        "payments": table(
            "payment_id,tenant_id,invoice_date,amount",
            [f"p{n}_{k},{n:05},{day(n + 30 * k)},{luck.randrange(100)}" for n in range(59) for k in range(10)],
        ),
        "tickets": table(
            "ticket_id,tenant_id,submitted_at,priority",
            [f"t{n},{n:05},{(FIRST + timedelta(n + 30)):%d/%m/%Y},high" for n in range(59)],
        ),
    }


# What a newcomer does to the proposed file, at most MOST_EDITS times.
FOLDERS: dict[str, tuple[Callable[[], dict[str, str]], tuple[Edit, ...]]] = {
    "plain": (plain, ()),
    "relational": (relational, ()),
    "messy": (
        messy,
        (
            (
                "\nchurn:",
                "  tickets:\n"
                "    query: select *, strptime(submitted_at, '%d/%m/%Y') as opened_at from 'tickets.csv'\n"
                "    columns: {account_id: tenant_id}\n"
                "\nchurn:",
            ),
        ),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FOLDERS)
def test_a_newcomer_needs_at_most_two_edits(name: str, tmp_path: Path) -> None:
    files, edits = FOLDERS[name]
    for file, text in files().items():
        (tmp_path / f"{file}.csv").write_text(text)
    proposal = init(tmp_path)
    text = proposal.text
    assert len(edits) <= MOST_EDITS
    for old, new in edits:
        assert text.count(old) == 1
        text = text.replace(old, new)
    (tmp_path / "forewarn.yaml").write_text(text)
    if name == "relational":
        body = yaml.safe_load(text)["tables"]
        assert body["usage_events"]["via"] == {"seats": "seat"}
        assert body["tickets"]["via"] == {"seats_by_email": "reporter"}
        assert body["seats"] == {
            "from": "seats.csv",
            "columns": {"key": "seat_id"},
            "via": {"contracts": "subscription"},
        }
    with Project.open(tmp_path / "forewarn.yaml", now=NOW) as project:
        checked = check(project)
        rows = {feed.table: (feed.rows, feed.accounts) for feed in checked.report.feeds}
    assert checked.passed, checked.open_suspects
    assert rows == EXPECTED[name]
    assert (proposal.beliefs, bool(proposal.questions)) != ({}, False)


EXPECTED = {
    "plain": {"accounts": (60, 60), "contracts": (60, 60), "usage_events": (1200, 60)},
    "relational": {"accounts": (60, 60), "contracts": (60, 60), "usage_events": (1200, 60), "tickets": (180, 60)},
    "messy": {"accounts": (59, 59), "invoices": (590, 59), "tickets": (59, 59)},
}


def test_small_numbers_in_common_are_no_join(tmp_path: Path) -> None:
    files = {
        "customers": table("customer_id,sign_up_date", [f"firm{n},{day(n)}" for n in range(40)]),
        "orders": table("order_id,customer_id,order_date", [f"{n},firm{n},{day(n + 9)}" for n in range(40)]),
        "logins": table("shelf_id,login_at", [f"{n},{day(n + 5)}" for n in range(40)]),
    }
    for file, text in files.items():
        (tmp_path / f"{file}.csv").write_text(text)
    proposal = init(tmp_path)
    assert "usage_events" not in yaml.safe_load(proposal.text)["tables"]
    assert "logins.csv: looks like usage_events, but has no account_id" in proposal.text


@pytest.mark.slow
def test_what_it_believes_and_asks_is_said_in_the_terminal(tmp_path: Path) -> None:
    for file, text in relational().items():
        (tmp_path / f"{file}.csv").write_text(text)
    run = CliRunner().invoke(
        main, ["init", str(tmp_path), "--ask"], input="Europe/Berlin\nsilence\n\n", catch_exceptions=False
    )
    assert run.exit_code == 0, run.output
    assert "account_id from org_id: 100% are accounts" in run.output
    assert "ends_at from end_date: 2023-01-01 to " in run.output
    assert "can be rewritten, with no history to prove what it was: ends_at, mrr" in run.output
    body = yaml.safe_load((tmp_path / "forewarn.yaml").read_text())
    assert (body["timezone"], body["churn"]["kind"], body["currency"]) == ("Europe/Berlin", "silence", "USD")


# Of each system some tables, and those that its accounts may come from.
SCHEMAS: dict[str, tuple[str, ...]] = {
    "stripe": ("account", "customer", "subscription", "invoice", "charge", "card", "subscription_history"),
    "zendesk": ("organization", "sla_policy_metric_history", "sla_policy_history", "ticket", "user"),
    "hubspot": ("company", "deal_company", "ticket_company", "ticket", "company_property_history"),
}
ACCOUNTS_OF = {"stripe": ("customer_data.csv", "created"), "hubspot": ("company_data.csv", "property_createdate")}


@pytest.mark.slow
@pytest.mark.parametrize("system", SCHEMAS)
def test_real_columns_of_systems(system: str, shared_data: Path, tmp_path: Path) -> None:
    """Stripe's customer and not its merchant; HubSpot's property_createdate; no contracts of Zendesk's SLA policies."""
    source = shared_data / "fivetran_schemas" / system
    if not source.is_dir():
        pytest.skip("the column sets are not here")
    for name in SCHEMAS[system]:
        file = source / f"{name}_data.csv"
        if file.exists():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    tables = yaml.safe_load(init(tmp_path).text)["tables"]
    assert "contracts" not in tables or "sla" not in str(tables["contracts"])
    if system in ACCOUNTS_OF:
        origin, created = ACCOUNTS_OF[system]
        assert (tables["accounts"]["from"], tables["accounts"]["columns"]["created_at"]) == (origin, created)
