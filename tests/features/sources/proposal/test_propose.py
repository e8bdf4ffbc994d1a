"""What `forewarn init` proposes: hand-written folders, and the public data, whose columns are named otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from configs import settings_file, tables
from configs.errors import SourceError
from configs.settings_file import load_settings
from configs.tables import Column, Table
from features.checks.check_report import check
from features.sources import reading
from features.sources.proposal import candidates, propose, questions
from features.sources.proposal.propose import propose_mapping
from features.sources.sources import open_sources
from features.timeline import visibility
from serving.setup.init import refused


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_csv", ".csv")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


def proposed(folder: Path) -> dict[str, Any]:
    return yaml.safe_load(propose_mapping(folder).text())


CUSTOMERS = """customer_id,company_name,sign_up_date,plan_tier,industry,is_churned,last_login,gender
1,Account 0001,2023-01-01,smb,bank,true,2023-05-01,f
2,Account 0002,2023-01-02,smb,retail,false,2023-06-01,m
3,Account 0003,2023-01-03,pro,bank,false,2023-06-02,f
4,Account 0004,2023-01-04,pro,bank,false,2023-06-03,m
"""


def test_names_that_others_use_are_mapped(tmp_path: Path) -> None:
    body = proposed(
        write(
            tmp_path,
            customers_csv=CUSTOMERS,
            subscriptions_csv="subscription_id,customer_id,start_date,end_date,mrr_amount,seats,discount\n"
            "s1,1,2023-01-01,2023-12-31,10,3,0.1\n",
            feature_usage_csv="customer_id,usage_date,feature_name,usage_count,usage_secs\n1,2023-01-05,export,3,20\n",
            support_tickets_csv="ticket_id,customer_id,submitted_at,closed_at,priority,csat\nt,1,2023-02-01,,high,4\n",
            churn_events_csv="customer_id,churn_date,reason_code\n1,2023-12-31,price\n",
        )
    )
    tables = body["tables"]
    assert tables["accounts"] == {
        "from": "customers.csv",
        "columns": {
            "account_id": "customer_id",
            "created_at": "sign_up_date",
            "name": "company_name",
            "segment": "plan_tier",
        },
        "attributes": ["industry"],
    }
    assert tables["contracts"]["columns"] == {
        "account_id": "customer_id",
        "starts_at": "start_date",
        "contract_id": "subscription_id",
        "ends_at": "end_date",
        "mrr": "mrr_amount",
    }
    assert tables["contracts"]["measures"] == ["discount"]
    assert tables["usage_events"]["columns"]["quantity"] == "usage_count"
    assert tables["usage_events"]["measures"] == ["usage_secs"]
    assert tables["tickets"]["columns"]["satisfaction"] == "csat"
    assert tables["outcomes"]["columns"]["occurred_at"] == "churn_date"
    assert tables["outcomes"]["constants"] == {"kind": "churn"}
    assert body["churn"] == {"kind": "outcome"}


def test_doubts_are_said_where_columns_are_left_out(tmp_path: Path) -> None:
    text = propose_mapping(
        write(tmp_path, customers_csv=CUSTOMERS, orders_csv="customer_id,order_date\n1,2023-02-01\n")
    ).text()
    assert "# is_churned is left out: it sounds like knowledge from after the fact" in text
    assert "# gender is left out" in text
    assert "silence: {of: invoices, days: 90, active_days: 180}" in text


def test_the_proposal_opens_as_it_stands(tmp_path: Path) -> None:
    write(
        tmp_path,
        customers_csv=CUSTOMERS,
        contracts_csv="customer id,Start,renewal_date\n1,2023-01-01,2023-12-31\n2,2023-01-02,2024-01-01\n",
        logins__login_2023_01_csv="customer_id,ts\n1,2023-01-05 10:00:00\n",
        logins__login_2023_02_csv="customer_id,ts\n2,2023-02-05 10:00:00\n",
        readme_csv="a,b\n1,2\n",
    )
    text = propose_mapping(tmp_path).text()
    (tmp_path / "forewarn.yaml").write_text(text)
    settings = load_settings(tmp_path / "forewarn.yaml")
    assert settings.churn.kind == "contract_end"
    assert settings.tables["usage_events"].from_ == "logins/login_*.csv"
    report = check(settings)
    assert report.faults == ()
    assert {feed.table: feed.rows for feed in report.feeds} == {"accounts": 4, "contracts": 2, "usage_events": 2}


def test_without_accounts_they_begin_with_their_first_row(tmp_path: Path) -> None:
    write(tmp_path, invoices_csv="customer_id,invoice_date,amount\n7,2023-02-01,1\n7,2023-01-15,2\n8,2023-03-01,3\n")
    (tmp_path / "forewarn.yaml").write_text(propose_mapping(tmp_path).text())
    report = check(load_settings(tmp_path / "forewarn.yaml"))
    assert report.faults == ()
    assert report.feeds[0].first_day == "2023-01-15"
    assert report.feeds[0].rows == 2


def test_rows_without_a_required_value_are_left_out_by_a_query(tmp_path: Path) -> None:
    broken = CUSTOMERS + "5,Account 0005,,pro,bank,false,2023-06-03,m\n"
    write(tmp_path, customers_csv=broken, orders_csv="customer_id,order_date\n1,2023-02-01\n")
    text = propose_mapping(tmp_path).text()
    assert "# 1 rows without sign_up_date are left out" in text
    (tmp_path / "forewarn.yaml").write_text(text)
    assert check(load_settings(tmp_path / "forewarn.yaml")).feeds[0].rows == 4


def test_two_files_for_one_table(tmp_path: Path) -> None:
    write(
        tmp_path, clients_csv="a,b\n1,2\n", customers_csv=CUSTOMERS, orders_csv="customer_id,order_date\n1,2023-02-01\n"
    )
    text = propose_mapping(tmp_path).text()
    assert yaml.safe_load(text)["tables"]["accounts"]["from"] == "customers.csv"
    assert "clients.csv: looks like accounts too, which customers.csv fills better" in text


@pytest.mark.parametrize(
    ("files", "says"),
    [({}, "put the exports of your tables there"), ({"zebra_csv": "a,b\n1,2\n"}, "rename the files after the tables")],
)
def test_nothing_to_propose(files: dict[str, str], says: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=says):
        propose_mapping(write(tmp_path, **files))


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such folder"):
        propose_mapping(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "kind", "renamed"),
    [
        ("oulad", "outcome", {"interactions": {"occurred_at": "due_date", "kind": "assessment_type"}}),
        ("online_retail", "silence", {"invoices": {"issued_at": "timestamp", "invoice_id": "invoice"}}),
        (
            "fightchurn_crm5",
            "outcome",
            {
                "accounts": {"created_at": "signup_date"},
                "usage_events": {"occurred_at": "timestamp", "feature": "event_type", "quantity": "n_events"},
            },
        ),
    ],
)
def test_the_public_data_get_a_mapping_that_opens(
    name: str, kind: str, renamed: dict[str, Any], shared_data: Path, tmp_path: Path
) -> None:
    text = propose_mapping(shared_data / name).text()
    tables = yaml.safe_load(text)["tables"]
    for table, columns in renamed.items():
        assert tables[table]["columns"] == columns
    here = tmp_path / "data"
    here.symlink_to(shared_data / name)
    (tmp_path / "data.yaml").write_text(text)
    settings = load_settings(tmp_path / "data.yaml").model_copy(update={"folder": here})
    assert settings.churn.kind == kind
    assert check(settings).faults == ()
    assert "gender" not in tables["accounts"]["attributes"]


def test_one_entry_adds_a_table_to_mapping_checks_and_init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No list beside configs/tables.py has to know the table: its file is found, mapped, opened and checked."""
    moment, account = Column("logged_at", "time", required=True), Column("account_id", "text", required=True)
    calls = Table("phone_calls", "logged_at", (account, moment, Column("minutes", "number", low=0)), activity=True)
    extended = (*tables.TABLES, calls)
    for module in (tables, candidates, propose, questions, reading, settings_file):
        monkeypatch.setattr(module, "TABLES", extended)
    monkeypatch.setattr(settings_file, "TABLE_NAMES", tuple(known.name for known in extended))
    monkeypatch.setitem(visibility.TIME, calls.name, calls.time)
    write(
        tmp_path,
        accounts_csv="account_id,created_at\n1,2023-01-01\n2,2023-01-02\n",
        phone_call_export_csv="customer_id,logged_at,minutes\n1,2024-01-05,3\n2,2024-02-05,4.5\n",
    )
    text = propose_mapping(tmp_path).text()
    assert yaml.safe_load(text)["tables"]["phone_calls"]["columns"] == {"account_id": "customer_id"}
    (tmp_path / "forewarn.yaml").write_text(text)
    settings = load_settings(tmp_path / "forewarn.yaml")
    sources = open_sources(settings)
    assert sources.engine.to_pandas(sources.tables["phone_calls"]).minutes.tolist() == [3.0, 4.5]
    sources.close()
    (tmp_path / "phone_call_export.csv").write_text("customer_id,logged_at,minutes\n1,2024-01-05,-3\n")
    with pytest.raises(SourceError, match=r"phone_calls\.minutes"):
        open_sources(settings)


def test_a_measure_that_is_known_later_is_tied_to_its_moment(tmp_path: Path) -> None:
    """By its name, and, where that says nothing, by what `check` finds in its values."""
    tickets = [f"{1 + day % 4},t{day},2023-03-{day},2023-03-{day + 3},72,72,{day}\n" for day in range(10, 28)]
    write(
        tmp_path,
        customers_csv=CUSTOMERS,
        contracts_csv="customer_id,start_date,end_date\n1,2023-01-01,2024-01-01\n2,2023-01-02,2024-01-02\n",
        tickets_csv="customer_id,ticket_id,opened_at,resolved_at,resolution_hours,effort,length\n" + "".join(tickets),
    )
    body = yaml.safe_load(propose_mapping(tmp_path, lambda text: refused(tmp_path, text)).text())["tables"]["tickets"]
    assert body["measures"] == ["resolution_hours", "effort", "length"]
    assert body["known_from"] == {"resolution_hours": "resolved_at", "effort": "resolved_at"}
