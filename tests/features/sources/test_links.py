"""Tables that name a subscription, a user or a device: whose rows they are, at which time, and known since when."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from configs.errors import ConfigError, SourceError
from configs.settings import Settings
from features.sources import Sources, known_at, open_sources

Make = Callable[..., Settings]
ACCOUNTS = "account_id,created_at\na,2023-01-01\nb,2023-01-01\n"
CONTRACTS = "contract_id,account_id,starts_at,ends_at\nc1,a,2023-01-01,2024-01-01\nc2,b,2023-01-01,2024-01-01\n"


def write(folder: Path, **files: str) -> None:
    for name, text in {"accounts": ACCOUNTS, "contracts": CONTRACTS, **files}.items():
        (folder / f"{name}.csv").write_text(text)


def mapping(**tables: Any) -> dict[str, Any]:
    return {"accounts": {"from": "accounts.csv"}, "contracts": {"from": "contracts.csv"}, **tables}


def opened(make_settings: Make, **tables: Any) -> Sources:
    return open_sources(make_settings(tables=mapping(**tables)))


def usage(sources: Sources) -> list[tuple[str, str, str | None]]:
    """(account, day of the event, day since when it is known where that is later) in order of the events."""
    rows = sources.engine.to_pandas(sources.tables["usage_events"]).sort_values(["occurred_at", "account_id"])
    if "recorded_at" not in rows:
        rows["recorded_at"] = pd.NaT
    days = [None if pd.isna(at) else f"{at:%m-%d}" for at in rows.recorded_at]
    return list(zip(rows.account_id, rows.occurred_at.dt.strftime("%m-%d"), days, strict=True))


USAGE = {"from": "usage.csv", "via": {"subscriptions": "subscription_id"}}
EVENTS = "subscription_id,occurred_at\ns1,2023-02-01\ns1,2023-03-01\ns2,2023-02-01\n"


def test_a_table_finds_its_accounts_through_another(make_settings: Make, tmp_path: Path) -> None:
    write(tmp_path, usage=EVENTS, subscriptions="subscription_id,customer\ns1,a\ns2,b\n")
    helper = {"from": "subscriptions.csv", "columns": {"account_id": "customer"}}
    sources = opened(make_settings, usage_events=USAGE, subscriptions=helper)
    assert usage(sources) == [("a", "02-01", None), ("b", "02-01", None), ("a", "03-01", None)]
    assert "subscriptions" not in sources.tables
    sources.close()


def test_through_contracts_a_row_is_known_once_its_contract_is(make_settings: Make, tmp_path: Path) -> None:
    write(tmp_path, usage="sub,occurred_at\nc1,2022-12-30\nc1,2023-02-01\nc2,2023-02-02\n")
    sources = opened(make_settings, usage_events={"from": "usage.csv", "via": {"contracts": "sub"}})
    assert usage(sources) == [("a", "12-30", "01-01"), ("a", "02-01", None), ("b", "02-02", None)]
    sources.close()


def test_two_joins_away(make_settings: Make, tmp_path: Path) -> None:
    write(
        tmp_path,
        usage="device,occurred_at\nd1,2023-02-01\nd2,2023-02-02\n",
        devices="id,subscription_id\nd1,s1\nd2,s2\n",
        subscriptions="id,customer\ns1,a\ns2,b\n",
    )
    sources = opened(
        make_settings,
        usage_events={"from": "usage.csv", "via": {"devices": "device"}},
        devices={"from": "devices.csv", "via": {"subscriptions": "subscription_id"}, "columns": {"key": "id"}},
        subscriptions={"from": "subscriptions.csv", "columns": {"key": "id", "account_id": "customer"}},
    )
    assert usage(sources) == [("a", "02-01", None), ("b", "02-02", None)]
    sources.close()


# u moves from a to b on 1 March, which is known on 10 March; links are given with what they know.
TIMED = {
    "valid": ("u,a,2023-01-01,2023-03-01,", "u,b,2023-03-01,,"),
    "recorded": ("u,a,,,2023-01-01", "u,b,,,2023-03-10"),
    "both": ("u,a,2023-01-01,,2023-01-01", "u,a,2023-01-01,2023-03-01,2023-03-10", "u,b,2023-03-01,,2023-03-10"),
    "late": ("u,a,,,2023-03-10",),
    "gone": ("u,a,2023-01-01,2023-03-01,",),
    "gap": ("u,a,2023-01-01,2023-03-01,2023-01-01", "u,b,2023-03-01,,2023-03-10"),
}
EXPECTED = {
    "valid": [("a", "02-01", None), ("b", "03-05", None), ("b", "03-20", None)],
    "recorded": [("a", "02-01", None), ("a", "03-05", None), ("b", "03-20", None)],
    "both": [("a", "02-01", None), ("a", "03-05", None), ("b", "03-20", None)],
    "late": [("a", "02-01", "03-10"), ("a", "03-05", "03-10"), ("a", "03-20", None)],
    "gone": [("a", "02-01", None)],
    "gap": [("a", "02-01", None), ("b", "03-05", "03-10"), ("b", "03-20", None)],
}
PEOPLE = {
    "from": "people.csv",
    "columns": {"key": "user_id", "account_id": "org"},
}


def with_people(make_settings: Make, tmp_path: Path, *links: str) -> Sources:
    write(
        tmp_path,
        usage="user_id,occurred_at\nu,2023-02-01\nu,2023-03-05\nu,2023-03-20\n",
        people="\n".join(("user_id,org,valid_from,valid_to,recorded_at", *links)),
    )
    return opened(make_settings, usage_events={"from": "usage.csv", "via": {"people": "user_id"}}, people=PEOPLE)


@pytest.mark.parametrize("case", TIMED)
def test_where_the_link_changes(case: str, make_settings: Make, tmp_path: Path) -> None:
    sources = with_people(make_settings, tmp_path, *TIMED[case])
    assert usage(sources) == EXPECTED[case]
    sources.close()


@pytest.mark.parametrize("case", TIMED)
@pytest.mark.parametrize("as_of", ["2023-02-15", "2023-03-07", "2023-03-15"])
def test_no_row_changes_its_account_when_later_links_come(
    case: str, as_of: str, make_settings: Make, tmp_path: Path
) -> None:
    """What an as_of sees of everything is what it sees where files hold nothing that came later."""
    sources = with_people(make_settings, tmp_path, *TIMED[case])
    then = usage(known_at(sources, pd.Timestamp(as_of)))
    sources.close()
    until = [link for link in TIMED[case] if _known(link) <= as_of]
    if not until:
        assert then == []
        return
    sources = with_people(make_settings, tmp_path, *until)
    assert usage(known_at(sources, pd.Timestamp(as_of))) == then
    sources.close()


def _known(link: str) -> str:
    _, _, valid_from, _, recorded_at = link.split(",")
    return recorded_at or valid_from


def test_two_accounts_of_one_key_need_a_time(make_settings: Make, tmp_path: Path) -> None:
    write(tmp_path, usage=EVENTS, subscriptions="subscription_id,account_id\ns1,a\ns1,b\ns2,b\n")
    with pytest.raises(SourceError, match="1 keys with more than one account, for example 's1'"):
        opened(make_settings, usage_events=USAGE, subscriptions={"from": "subscriptions.csv"})


def test_rows_that_lead_nowhere_are_told(make_settings: Make, tmp_path: Path) -> None:
    write(tmp_path, usage=EVENTS + "s9,2023-02-01\n,2023-02-01\n", subscriptions="subscription_id,account_id\ns1,a\n")
    sources = opened(make_settings, usage_events=USAGE, subscriptions={"from": "subscriptions.csv"})
    (warning,) = sources.warnings
    assert "2 of 5 rows, of 2 of 3 keys, lead to no account through subscriptions, for example 's2', 's9'" in warning
    assert "1 rows have no key" in warning
    sources.close()


def test_a_wrong_key_is_a_fault(make_settings: Make, tmp_path: Path) -> None:
    write(tmp_path, usage=EVENTS, subscriptions="subscription_id,account_id\nx1,a\nx2,b\n")
    with pytest.raises(SourceError, match=r"tables.usage_events.via: .*subscriptions has 'x1'"):
        opened(make_settings, usage_events=USAGE, subscriptions={"from": "subscriptions.csv"})


def test_a_way_in_a_circle_is_a_fault(make_settings: Make, tmp_path: Path) -> None:
    write(tmp_path, usage=EVENTS, x="key,y\n1,1\n", y="key,x\n1,1\n")
    with pytest.raises(SourceError, match="usage_events -> x -> y -> x"):
        opened(
            make_settings,
            usage_events={"from": "usage.csv", "via": {"x": "subscription_id"}},
            x={"from": "x.csv", "via": {"y": "y"}},
            y={"from": "y.csv", "via": {"x": "x"}},
        )


def test_a_table_that_nobody_goes_through_is_misspelt(make_settings: Make) -> None:
    with pytest.raises(ConfigError, match="did you mean 'usage_events'"):
        make_settings(tables=mapping(usage_event={"from": "usage.csv"}))
    with pytest.raises(
        ConfigError, match=r"tables.usage_events.via: found 'subscription'.*did you mean 'subscriptions'"
    ):
        make_settings(
            tables=mapping(
                usage_events={"from": "usage.csv", "via": {"subscription": "id"}},
                tickets={"from": "tickets.csv", "via": {"subscriptions": "id"}},
                subscriptions={"from": "s.csv"},
            )
        )


def test_both_a_way_and_an_account_is_a_fault(make_settings: Make, tmp_path: Path) -> None:
    write(tmp_path, usage=EVENTS, subscriptions="subscription_id,account_id\ns1,a\ns2,b\n")
    with pytest.raises(SourceError, match="both via: and an account_id"):
        opened(
            make_settings,
            usage_events={**USAGE, "columns": {"account_id": "subscription_id"}},
            subscriptions={"from": "subscriptions.csv"},
        )


def test_rows_whose_flag_is_set_do_not_count(make_settings: Make, tmp_path: Path) -> None:
    write(
        tmp_path,
        usage="subscription_id,occurred_at,gone\ns1,2023-02-01,false\ns1,,True\ns2,2023-02-02,\n",
        subscriptions="subscription_id,account_id,removed\ns1,a,0\ns2,b,0\ns2,a,1\n",
    )
    sources = opened(
        make_settings,
        usage_events={**USAGE, "deleted": "gone"},
        subscriptions={"from": "subscriptions.csv", "deleted": "removed"},
    )
    assert usage(sources) == [("a", "02-01", None), ("b", "02-02", None)]
    assert "deleted" not in sources.tables["usage_events"].columns
    sources.close()


def test_a_flag_of_deletion_that_says_neither_is_a_fault(make_settings: Make, tmp_path: Path) -> None:
    write(tmp_path, usage="account_id,occurred_at,gone\na,2023-02-01,perhaps\n")
    with pytest.raises(SourceError, match=r"usage_events.deleted: found 1 row that cannot be read, .*'perhaps'"):
        opened(make_settings, usage_events={"from": "usage.csv", "deleted": "gone"})
