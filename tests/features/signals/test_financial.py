"""Financial, counted by hand: terms that had not begun, invoices paid since, changes recorded a day too late."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.errors import SourceError
from features.dataset import Dataset, load_dataset
from features.signals.financial import FINANCIAL
from tests.features.by_hand import FIRST, GONE, SECOND, Case, build, check, no_signal_without_case, project, rows

TABLES = {
    "accounts": rows("account_id created_at", ("busy", 810), ("quiet", 190), ("absent", 55)),
    "contracts": rows(
        "account_id starts_at contract_id ends_at arr seats plan billing_period auto_renews cancelled_at recorded_at",
        ("busy", 800, "1", 435, 1000, 10, "a", "monthly", True, None, None),
        ("busy", 435, "2", 70, 1200, 10, "b", "annual", True, 75, None),  # notice of a contract that ended
        ("busy", 70, "3", -295, 900, 9, "c", "quarterly", False, -5, None),  # notice given after the second as_of
        ("busy", 30, "4", -295, 100, 2, "addon", "monthly", None, 4, None),
        ("busy", 20, "5", -345, 5000, 50, "d", "annual", True, 15, -1),  # known a day too late
        ("busy", -10, "6", -375, 7000, 70, "e", "annual", True, None, None),
        ("quiet", 200, "7", None, 600, 5, "a", "annual", None, None, None),
        ("absent", 50, "8", -315, None, None, None, None, True, None, None),
    ),
    "usage_events": rows(
        "account_id occurred_at user_id",
        ("busy", 10, "u1"),
        ("busy", 80, "u2"),
        ("busy", 100, "u3"),
        ("busy", 150, "u4"),
        ("quiet", 199, "u5"),
    ),
    "invoices": rows(
        "account_id issued_at invoice_id due_at paid_at amount kind recorded_at",
        ("busy", 460, "1", 430, 425, 100, "invoice", None),  # 5 days late
        ("busy", 300, "2", 270, 260, 100, "invoice", None),  # 10
        ("busy", 200, "3", 170, 169.5, 200, "invoice", None),  # paid in the course of the day
        ("busy", 120, "4", 100, 80, 300, "invoice", None),  # 20, of which 9 had passed at the first as_of
        ("busy", 85, "5", 55, 56, 100, None, None),  # a day early
        ("busy", 40, "6", 10, -2, 400, "invoice", None),  # paid after the second as_of
        ("busy", 5, "7", -25, None, 50, "invoice", None),  # not due
        ("busy", 95, "8", None, None, 10, "failed_payment", None),
        ("busy", 9, "9", None, None, 400, "failed_payment", None),
        ("busy", 50, "10", None, None, -30, "credit_note", None),
        ("busy", 3, "11", 2, None, 999, "invoice", -1),
        ("busy", -3, "12", -3, None, 999, "invoice", None),
        ("quiet", 400, "13", 370, 370, 50, "invoice", None),
        ("quiet", 390, "14", None, None, -20, "invoice", None),  # a credit note by its amount
    ),
    "outcomes": rows(
        "account_id occurred_at kind arr_change recorded_at",
        ("busy", 435, "expansion", 200, None),
        ("busy", 300, "contraction", 40, None),  # written without its minus
        ("busy", 70, "contraction", -300, 69),
        ("busy", 30, "expansion", 100, None),
        ("busy", 10, "contraction", -50, -1),
        ("busy", -1, "expansion", 70, None),
    ),
}
CASES: dict[str, Case] = {
    "arr": (1200, 1000, 600, GONE),
    "arr_year_ago": (1000, 1200, GONE, GONE),
    "arr_growth_365d": (1.2, 1000 / 1200, GONE, GONE),
    "arr_growth_90d": (1, 1000 / 1200, 1, GONE),
    "seats": (10, 11, 5, GONE),
    "seats_growth_365d": (1, 1.1, GONE, GONE),
    "arr_per_seat": (120, 1000 / 11, 120, GONE),
    "price_change_365d": (1.2, (1000 / 11) / 120, GONE, GONE),
    "arr_per_active_user": (600, 500, GONE, GONE),
    "days_to_renewal": (21, 295, 165, 315),  # open-ended, billed yearly: 200 days into a term
    "term_days": (365, 365, 365, 365),
    "contract_age_days": (344, 30, 200, 50),
    "first_contract_age_days": (709, 800, 200, 50),
    "signup_lead_days": (10, 10, -10, 5),
    "terms_begun": (2, 4, 1, 1),
    "auto_renews": (1, 0, GONE, 1),
    "contracts_under_notice": (0, 1, 0, 0),
    "plan": ("b", "addon", "a", GONE),
    "billing_period": ("annual", "monthly", "annual", GONE),
    "invoices_30d": (1, 1, 0, GONE),
    "invoices_90d": (1, 3, 0, GONE),
    "invoices_180d": (2, 4, 0, GONE),
    "invoices_365d": (3, 6, 0, GONE),
    "amount_30d": (300, 50, 0, GONE),
    "amount_90d": (300, 550, 0, GONE),
    "amount_180d": (500, 850, 0, GONE),
    "amount_365d": (600, 1150, 0, GONE),
    "amount_change_90d": (1.5, 550 / 300, GONE, GONE),
    "days_since_invoice": (29, 5, 400, GONE),
    "first_invoice_age_days": (369, 460, 400, GONE),
    "invoice_days": (4, 7, 1, GONE),
    "invoice_gap_days": (340 / 3, 455 / 6, GONE, GONE),
    "invoice_overdue_ratio": (29 * 3 / 340, 5 * 6 / 455, GONE, GONE),
    "invoices_next_90d_last_year": (0, 1, 0, GONE),
    "days_late_90d": ((0.5 + 9) / 2, (0 + 10) / 2, GONE, GONE),
    "days_late_365d": ((5 + 10 + 0.5 + 9) / 4, (10 + 0.5 + 20 + 0 + 10) / 5, GONE, GONE),
    "days_late_change": (4.75 - (5 + 10) / 2, 5 - (10 + 0.5 + 20) / 3, GONE, GONE),
    "paid_late_share_365d": (3 / 4, 3 / 5, GONE, GONE),
    "invoices_overdue": (1, 1, 0, GONE),
    "overdue_days": (9, 10, 0, GONE),
    "amount_overdue": (300, 400, 0, GONE),
    "amount_overdue_per_arr": (0.25, 0.4, 0, GONE),
    "failed_payments_90d": (1, 1, 0, GONE),
    "contractions_365d": (1, 2, 0, 0),
    "contraction_arr_365d": (40, 340, 0, 0),
    "expansions_365d": (1, 1, 0, 0),
    "expansion_arr_365d": (200, 100, 0, 0),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return build(tmp_path_factory.mktemp("financial"), TABLES)


@pytest.mark.parametrize("name", CASES)
def test_counted_by_hand(data: Dataset, name: str) -> None:
    check(data, name, CASES[name])


def test_no_signal_without_a_case() -> None:
    no_signal_without_case(FINANCIAL, CASES)


def test_attributes_of_contracts_are_those_of_the_contract_that_began_last(tmp_path: Path) -> None:
    contracts = rows(
        "account_id starts_at ends_at product seats_included indexed recorded_at",
        ("busy", 435, 70, "basic", 5, True, None),
        ("busy", 70, -295, "pro", 20, False, None),
        ("busy", 20, -345, "enterprise", 90, True, -1),  # known a day too late
        ("quiet", 200, None, "basic", None, None, None),
        ("absent", 50, -315, None, None, None, None),
    )
    names = ["product", "seats_included", "indexed"]
    made = project(tmp_path, {"accounts": TABLES["accounts"], "contracts": contracts})
    mapped = {**made.tables, "contracts": made.tables["contracts"].model_copy(update={"attributes": (*names,)})}
    data = load_dataset(made.model_copy(update={"tables": mapped}), as_ofs=[FIRST, SECOND])
    check(data, "contract_product", ("basic", "pro", "basic", GONE))
    check(data, "contract_seats_included", (5, 20, GONE, GONE))
    check(data, "contract_indexed", ("True", "False", GONE, GONE))
    assert [data.schema.info(f"contract_{name}").kind for name in names] == ["category", "number", "category"]

    for name, says in (("age_days", "contract_age_days"), ("renewal_status", "when the contract began")):
        late = contracts.rename(columns={"product": name})
        made = project(tmp_path, {"accounts": TABLES["accounts"], "contracts": late})
        mapped = {**made.tables, "contracts": made.tables["contracts"].model_copy(update={"attributes": (name,)})}
        with pytest.raises(SourceError, match=says):
            load_dataset(made.model_copy(update={"tables": mapped}), as_ofs=[SECOND])
