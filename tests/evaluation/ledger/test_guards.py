"""Triggers that were dropped, changed or switched off are named, on both databases; history itself stays intact."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import make_url

from evaluation.ledger.guards import guarded_tables
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.tables import metadata
from tests.evaluation.ledgers import frame, put


def is_sqlite(url: str) -> bool:
    return make_url(url).get_backend_name() == "sqlite"


def test_every_table_of_history_is_guarded() -> None:
    assert set(guarded_tables()) | {"head", "replies"} == set(metadata.tables)


def test_a_ledger_as_it_was_made_is_guarded(ledger: Ledger) -> None:
    put(ledger, frame(2))
    assert ledger.verify().unguarded == ()


@pytest.mark.parametrize("table", [*guarded_tables(), "head"])
def test_a_trigger_that_is_gone_is_named(table: str, ledger: Ledger, url: str, raw: Callable) -> None:
    put(ledger, frame(2))
    if is_sqlite(url):
        name = "head_advances" if table == "head" else f"{table}_no_update"
        raw(f"drop trigger {name}")
        expected = f"{name}: missing"
    else:
        raw(f"alter table {table} disable trigger all")
        expected = f"{table}: no trigger that refuses changes is in force"
    verified = ledger.verify()
    assert (verified.ok, verified.unguarded) == (True, (expected,))


def test_a_trigger_that_lets_everything_pass_is_named(ledger: Ledger, url: str, raw: Callable) -> None:
    if is_sqlite(url):
        raw("drop trigger predictions_no_update")
        raw("create trigger predictions_no_update before update on predictions begin select 1; end")
        assert ledger.verify().unguarded == ("predictions_no_update: not as it was made",)
        return
    raw(
        "create or replace function forewarn_append_only() returns trigger language plpgsql "
        "as $$ begin return null; end $$"
    )
    assert len(ledger.verify().unguarded) == len(guarded_tables())


def test_a_trigger_for_some_rows_alone_is_none(ledger: Ledger, url: str, raw: Callable) -> None:
    if is_sqlite(url):
        pytest.skip("its text is compared as a whole")
    raw("drop trigger answers_append_only on answers")
    raw("create trigger answers_append_only before delete on answers execute function forewarn_append_only()")
    assert ledger.verify().unguarded == ("answers: no trigger that refuses changes is in force",)
