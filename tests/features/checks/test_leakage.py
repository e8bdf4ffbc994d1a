"""Columns that know the future, each kind planted in a company that is otherwise clean, and none suspected there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from configs.errors import DataError
from configs.settings import Settings
from features.checks.leakage import find_suspects, require_no_suspects
from features.checks.suspicions import Suspect
from features.sources.sources import known_at, open_sources

END = pd.Timestamp("2024-07-01")

DAY = pd.Timedelta(days=1)

Frames = dict[str, pd.DataFrame]


def company(seed: int, accounts: int = 280) -> Frames:
    """Yearly contracts, usage every nine days until an account leaves; about 40 % do, in random months.

    `size` is a good predictor (AUC 0.8), `cohort` and `number` follow the sign-up, `founded` is a date long before it.
    `frames["accounts"]` carries left_at, which is not mapped.
    """
    rng = np.random.default_rng(seed)
    ids = np.array([f"a{number:03}" for number in range(accounts)])
    created = pd.Timestamp("2021-06-01") + pd.to_timedelta(np.sort(rng.integers(0, 900, accounts)), unit="D")
    lasted = pd.to_timedelta(rng.exponential(1500, accounts).astype(int) + 40, unit="D")
    left_at = pd.Series(created + lasted).where(created + lasted < END - 10 * DAY)
    left = left_at.notna().to_numpy()
    usage, contracts = [], []
    for name, begin, end in zip(ids, created, left_at.fillna(END), strict=True):
        days = pd.date_range(begin + DAY, end - DAY, freq="9D")
        near = (end - days).days < 60
        clicks = rng.poisson(np.where(near & (end < END), 4, 10))
        usage.append(pd.DataFrame({"account_id": name, "occurred_at": days, "clicks": clicks}))
        starts = pd.date_range(begin, end - DAY, freq="365D")
        contracts.append(pd.DataFrame({"account_id": name, "starts_at": starts, "ends_at": starts + 365 * DAY}))
    agreed = pd.concat(contracts, ignore_index=True)
    agreed["plan"] = rng.choice(["basic", "pro", "max"], len(agreed))
    agreed["arr"] = rng.lognormal(9, 1, len(agreed)).round(2)
    agreed["discount"] = rng.choice([0, 0, 5, 10], len(agreed))
    people = pd.DataFrame({"account_id": ids, "created_at": created, "left_at": left_at})
    people["owner"] = rng.choice(["kim", "lee", "max", "noa"], accounts)
    people["size"] = rng.normal(1.19 * ~left, 1).round(4)  # two normals 1.19 apart have an AUC of 0.8
    people["industry"] = rng.choice(["retail", "health", "energy"], accounts)
    people["cohort"] = "h" + people.created_at.dt.to_period("Q").astype("str")
    people["number"] = np.arange(accounts)
    people["founded"] = (created - pd.to_timedelta(rng.integers(400, 9000, accounts), unit="D")).strftime("%Y%m%d")
    people["founded"] = people.founded.astype(int)
    outcomes = pd.DataFrame({"account_id": ids[left], "occurred_at": left_at[left], "kind": "churn"})
    return {
        "accounts": people,
        "contracts": agreed,
        "usage_events": pd.concat(usage, ignore_index=True),
        "outcomes": outcomes.reset_index(drop=True),
    }


ATTRIBUTES = ("size", "industry", "cohort", "number", "founded")


@pytest.fixture
def project(make_settings: Callable[..., Settings], write_tables: Callable[..., None]) -> Callable[..., Settings]:
    def make(frames: Frames, **more: Any) -> Settings:
        known = {*ATTRIBUTES, "account_id", "created_at", "left_at", "owner"}
        planted = [name for name in frames["accounts"] if name not in known]
        write_tables({**frames, "accounts": frames["accounts"].drop(columns="left_at")}, "parquet")
        tables: dict[str, Any] = {name: {"from": f"{name}.parquet"} for name in frames}
        tables["accounts"]["attributes"] = [*ATTRIBUTES, *planted]
        tables["contracts"]["measures"] = ["discount"]
        tables["contracts"]["attributes"] = [name for name in ("bundle",) if name in frames["contracts"]]
        further = [name for name in frames["usage_events"] if name not in ("account_id", "occurred_at")]
        tables["usage_events"]["measures"] = further
        body = {"churn": {"kind": "outcome"}, "data_end": f"{END:%Y-%m-%d}", **more}
        return make_settings(tables=tables, **body)

    return make


def suspects(settings: Settings) -> dict[str, Suspect]:
    sources = open_sources(settings)
    result = {suspect.column: suspect for suspect in find_suspects(settings, sources)}
    sources.close()
    return result


@pytest.mark.parametrize("seed", range(3))
def test_a_clean_company_is_not_suspected(project: Callable[..., Settings], seed: int) -> None:
    assert suspects(project(company(seed))) == {}


def test_nor_when_its_churn_is_a_contract_that_ends_or_a_silence(project: Callable[..., Settings]) -> None:
    frames = company(1)
    assert suspects(project(frames, churn={"kind": "contract_end"})) == {}
    assert suspects(project(frames, churn={"kind": "silence", "silence": {"days": 30, "active_days": 60}})) == {}


# -- attributes ----------------------------------------------------------------------------------------------------


def gone(people: pd.DataFrame) -> pd.Series:
    return people.left_at.notna()


def last_use(frames: Frames) -> pd.Series:
    return frames["accounts"].account_id.map(frames["usage_events"].groupby("account_id").occurred_at.max())


def written_for_some(people: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """A reason that 60 % of those that left gave: an AUC of 0.8, and still a certainty."""
    reasons = pd.Series(rng.choice(["price", "product", "merger"], len(people)))
    return reasons.where(gone(people) & (rng.random(len(people)) < 0.6))


def from_the_future(people: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(rng.normal(3.0 * gone(people), 1))


def of_an_older_extraction(people: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(rng.normal(3.0 * (people.left_at < "2023-02-01"), 1))


def mostly_end_dates(people: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    other = people.created_at + pd.to_timedelta(rng.integers(0, 30, len(people)), unit="D")
    return people.left_at.fillna(other).dt.strftime("%Y-%m-%d").where(rng.random(len(people)) < 0.95, "unknown")


def in_words(times: pd.Series, rng: np.random.Generator) -> pd.Series:
    text = times.dt.strftime("%Y-%m-%dT%H:%M:%S")
    return text.where(rng.random(len(text)) < 0.97, "never")


def test_attributes_that_know_the_future(project: Callable[..., Settings]) -> None:
    frames, rng = company(2), np.random.default_rng(9)
    people, used = frames["accounts"], last_use(frames)
    age = (END - people.created_at).dt.days
    planted: dict[str, tuple[Any, str]] = {
        "colour": (gone(people).map({True: "blue", False: "red"}), "AUC 1.00"),
        "flag": (gone(people), "AUC 1.00"),
        "score": (from_the_future(people, rng), "alone it separates those that left after"),
        "why": (written_for_some(people, rng), "any value holds for"),
        "old": (of_an_older_extraction(people, rng), "those that had left by"),
        "days_with_us": (age, "the days from created_at to 2024-07-01"),
        "months": (age // 30.4375, "the months from created_at"),
        "stay": ((people.left_at.fillna(END) - people.created_at).dt.days, "the days from created_at to 2024-07-01"),
        "until": (mostly_end_dates(people, rng), "a date on or after the account's end for"),
        "quiet": ((END - used).dt.days, "from the last row of usage_events"),
        "seen": (in_words(used, rng), "within 31 days of the data's end"),
        "seen_too": (in_words(used, rng), "the day of the last row of usage_events"),
        "clicks": (people.account_id.map(frames["usage_events"].account_id.value_counts()), "the number of rows of"),
    }
    frames["accounts"] = people.assign(**{name: values for name, (values, _) in planted.items()})
    result = suspects(project(frames))
    assert set(result) == {f"accounts.{name}" for name in planted}
    whys = {name: result[f"accounts.{name}"].why for name in planted}
    assert {name: whys[name] for name, (_, words) in planted.items() if words not in whys[name]} == {}
    assert "allow_leaking: [accounts.flag]" in result["accounts.flag"].do


def test_an_owner_who_takes_over_what_is_leaving(project: Callable[..., Settings]) -> None:
    frames = company(3)
    people = frames["accounts"]
    people["owner"] = people.owner.where(people.left_at.isna(), "offboarding desk")
    assert set(suspects(project(frames))) == {"accounts.owner"}


def test_a_name_is_enough(project: Callable[..., Settings]) -> None:
    frames = company(3)
    frames["accounts"]["last_login"] = 5
    assert "its name sounds like the state of today" in suspects(project(frames))["accounts.last_login"].why


# -- contracts, measures, feeds ------------------------------------------------------------------------------------


def last_of_those_that_left(frames: Frames) -> pd.Series:
    rows = frames["contracts"]
    return ~rows.duplicated("account_id", keep="last") & rows.account_id.isin(frames["outcomes"].account_id)


def test_contracts_and_measures_that_know_the_future(project: Callable[..., Settings]) -> None:
    frames = company(4)
    rows, ended = frames["contracts"], last_of_those_that_left(frames)
    rows["billing_period"] = rows.plan.mask(ended & (np.arange(len(rows)) % 2 == 0), "cancelled")
    rows["plan"] = rows.plan.mask(ended, "cancelled")
    rows.loc[ended, ["arr", "discount"]] = [0.0, 100]
    rows["bundle"] = rows.plan.mask(ended, "none")  # an attribute
    rows["seats"] = rows.arr.rank()  # no leak of its own, but made of one
    left = frames["usage_events"].account_id.isin(frames["outcomes"].account_id)
    frames["usage_events"]["state"] = left * 1.0
    result = suspects(project(frames))
    expected = {
        "contracts.plan": "the last contracts of accounts that left",
        "contracts.billing_period": "the value cancelled holds for",
        "contracts.bundle": "the last contracts of accounts that left",
        "contracts.arr": "AUC 1.00",
        "contracts.discount": "AUC 1.00",
        "contracts.seats": "AUC 1.00",
        "usage_events.state": "accounts half-way to their end",
    }
    assert set(result) == set(expected)
    assert {name: result[name].why for name, words in expected.items() if words not in result[name].why} == {}


def test_a_feed_that_goes_on_after_the_end(project: Callable[..., Settings]) -> None:
    frames = company(4)
    days = pd.date_range("2024-05-01", END - DAY, freq="7D")
    more = frames["accounts"][["account_id"]].merge(pd.DataFrame({"occurred_at": days, "clicks": 1}), how="cross")
    frames["usage_events"] = pd.concat([frames["usage_events"], more], ignore_index=True)
    result = suspects(project(frames))
    assert set(result) == {"usage_events.occurred_at"}
    assert "more than 60 days after the account's end" in result["usage_events.occurred_at"].why
    assert result["usage_events.occurred_at"].do.startswith("fix the time of the churns or the table")


def test_a_schedule_beside_a_feed_that_ends_is_no_suspect(project: Callable[..., Settings]) -> None:
    frames = company(4)
    due = pd.DataFrame({"occurred_at": pd.date_range("2022-01-01", END - DAY, freq="30D"), "kind": "meeting"})
    frames["interactions"] = frames["accounts"][["account_id"]].merge(due, how="cross")
    assert suspects(project(frames)) == {}


# -- what follows --------------------------------------------------------------------------------------------------


def test_training_refuses_all_suspects_at_once_unless_they_are_allowed(project: Callable[..., Settings]) -> None:
    from serving.commands.backtest import backtest
    from serving.commands.data import check
    from serving.commands.train import train
    from serving.project import Project

    frames = company(5)
    frames["contracts"].loc[last_of_those_that_left(frames), "plan"] = "cancelled"
    frames["accounts"]["mood"] = gone(frames["accounts"])
    left = frames["outcomes"].set_index("account_id").occurred_at  # those who leave give notice
    frames["contracts"]["cancelled_at"] = frames["contracts"].account_id.map(left)
    settings = project(frames)
    for command in (train, backtest):  # refused before a signal is built
        with Project(settings) as opened, pytest.raises(DataError, match="2 faults") as refused:
            command(opened)
        assert refused.value.exit_code == 2
        assert {fault.where for fault in refused.value.faults} == {"accounts.mood", "contracts.plan"}
    with Project(settings) as opened:
        assert check(opened).open_suspects == ("accounts.mood", "contracts.plan")
    half = project(frames, allow_leaking=["accounts.mood"])
    sources = open_sources(half)
    with pytest.raises(DataError, match=r"1 fault\)") as refused:
        require_no_suspects(half, sources)
    assert refused.value.faults[0].where == "contracts.plan"
    assert {suspect.column: suspect.allowed for suspect in find_suspects(half, sources)} == {
        "accounts.mood": True,
        "contracts.plan": False,
    }
    require_no_suspects(project(frames, allow_leaking=["accounts.mood", "contracts.plan"]), sources)
    sources.close()


def test_few_churns_prove_nothing_but_a_blatant_leak_is_seen(project: Callable[..., Settings]) -> None:
    frames = company(6)
    people = frames["accounts"]
    left = people.index[gone(people)]
    people.loc[left[12:], "left_at"] = pd.NaT
    frames["outcomes"] = frames["outcomes"].iloc[:12]
    assert suspects(project(frames)) == {}
    people["flag"] = gone(people)
    assert set(suspects(project(frames))) == {"accounts.flag"}


def test_without_a_churn_nothing_can_be_told(project: Callable[..., Settings]) -> None:
    frames = company(6)
    frames["accounts"]["left_at"] = pd.NaT
    frames["outcomes"] = frames["outcomes"].iloc[:1].assign(kind="renewal")
    assert suspects(project(frames)) == {}


def test_the_sources_of_an_earlier_day_may_hold_empty_tables(project: Callable[..., Settings]) -> None:
    frames = company(6)
    settings = project(frames)
    sources = open_sources(settings)
    for day in ("2021-06-02", "2023-06-01"):
        assert not list(find_suspects(settings, known_at(sources, pd.Timestamp(day))))
    sources.close()
