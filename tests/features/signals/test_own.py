"""A project's own signals: counted by hand in its features, part of its version, and each fault of their file told."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.errors import ConfigError
from features.dataset import load_dataset
from features.signals.own import own_signals
from tests.features.by_hand import FIRST, GONE, SECOND, check, project, rows

TABLES = {
    "accounts": rows("account_id created_at", ("busy", 400), ("quiet", 400), ("absent", 200)),
    "tickets": rows(
        "account_id opened_at ticket_id priority",
        ("busy", 120, "1", "billing"),
        ("busy", 60, "2", "billing"),
        ("busy", 20, "3", "billing"),
        ("busy", 10, "4", "low"),
        ("busy", -2, "5", "billing"),
        ("quiet", 300, "6", "low"),
    ),
}
OWN = """
from features.signal import AggregateSignal, DerivedSignal

SIGNALS = (
    AggregateSignal(
        name="billing_tickets_90d",
        dimension="engagement",
        unit="tickets",
        healthier=-1,
        sentence="tickets about billing in the last 90 days",
        frame="tickets",
        value=lambda t: t.count(where=(t.age <= 90) & (t.priority == "billing")),
        window_days=90,
        needs=("tickets.priority",),
        outage="scale",
        empty=0.0,
    ),
    DerivedSignal(
        name="billing_tickets_share_90d",
        dimension="engagement",
        unit="share",
        healthier=-1,
        sentence="share of the tickets of 90 days that are about billing",
        value=lambda t: t.billing_tickets_90d / t.tickets_90d.where(t.tickets_90d > 0),
        of=("billing_tickets_90d", "tickets_90d"),
        window_days=90,
    ),
    DerivedSignal(
        name="billing_tickets_above_peers",
        dimension="engagement",
        unit="tickets",
        healthier=-1,
        sentence="tickets about billing, less the mean of all accounts of that day",
        value=lambda t: t.billing_tickets_90d - t.billing_tickets_90d.groupby(t.as_of).transform("mean"),
        of=("billing_tickets_90d",),
        peers=True,
    ),
)
"""
SIGNAL = """
from features.signal import AggregateSignal, DerivedSignal
SIGNALS = (
    AggregateSignal(name="{name}", dimension="{dimension}", unit="tickets", healthier=0, sentence="tickets",
                    frame="{frame}", value=lambda t: t.{value}, window_days={days}, outage="scale"),
)
"""
SOUND = {"name": "own_tickets", "dimension": "engagement", "frame": "tickets", "value": "count()", "days": 90}


def write(folder: Path, text: str) -> None:
    (folder / "my_signals.py").write_text(text, encoding="utf-8")


def test_own_signals_are_features_like_any_other(tmp_path: Path) -> None:
    write(tmp_path, OWN)
    data = load_dataset(project(tmp_path, TABLES, signals="my_signals.py"), as_ofs=[FIRST, SECOND])
    check(data, "billing_tickets_90d", (1, 2, 0, GONE))
    check(data, "billing_tickets_share_90d", (1, 2 / 3, GONE, GONE))
    check(data, "billing_tickets_above_peers", (1 - 1 / 2, 2 - 2 / 2, 0 - 2 / 2, GONE))
    info = data.schema.info("billing_tickets_share_90d")
    assert (info.tables, info.windows_days, info.sentence[:16]) == (("tickets",), (90,), "share of the tic")


def test_one_whose_column_is_not_there_does_not_exist(tmp_path: Path) -> None:
    write(tmp_path, OWN)
    without = {**TABLES, "tickets": TABLES["tickets"].drop(columns="priority")}
    names = load_dataset(project(tmp_path, without, signals="my_signals.py"), as_ofs=[SECOND]).schema.names
    assert "tickets_90d" in names
    assert not {name for name in names if name.startswith("billing")}


def test_another_file_is_another_configuration_and_its_name_is_not(tmp_path: Path) -> None:
    write(tmp_path, OWN)
    plain, own = project(tmp_path, TABLES), project(tmp_path, TABLES, signals="my_signals.py")
    versions = [own.version, own.data_version]
    assert not set(versions) & {plain.version, plain.data_version}
    (tmp_path / "same.py").write_text(OWN, encoding="utf-8")
    same = project(tmp_path, TABLES, signals="same.py")
    assert [same.version, same.data_version] == versions
    write(tmp_path, OWN.replace("<= 90", "<= 30"))
    assert not set(versions) & {own.version, own.data_version}


def test_users_are_counted_over_any_window_that_is_kept(tmp_path: Path) -> None:
    write(tmp_path, SIGNAL.format(**SOUND | {"frame": "usage_users", "days": 10}))
    assert len(own_signals(project(tmp_path, TABLES, signals="my_signals.py"))) == 1


FAULTS = {
    "no file": (None, r"no file .*my_signals\.py.*A signal of your own"),
    "does not parse": ("SIGNALS = (", r"my_signals\.py line 1: SyntaxError"),
    "does not run": ("import math\nx = 1\nSIGNALS = (1 / 0,)", r"my_signals\.py line 3: ZeroDivisionError"),
    "no tuple": ("x = 1", "no SIGNALS.*with a tuple SIGNALS"),
    "a list": ("SIGNALS = []", "SIGNALS is a list"),
    "something else": ("SIGNALS = (3,)", "3 in SIGNALS"),
    "a name of the catalogue": (SOUND | {"name": "tickets_90d"}, r"signals\.tickets_90d.*exists already"),
    "a name of the frame": (SOUND | {"name": "lifecycle_stage"}, "exists already"),
    "a name of attributes": (SOUND | {"name": "account_size"}, "exists already"),
    "no such dimension": (SOUND | {"dimension": "support"}, r"own_tickets\.dimension: found 'support'"),
    "no such frame": (SOUND | {"frame": "ticket"}, r"own_tickets\.frame: found 'ticket'.*tickets"),
    "a window that usage cannot show": (SOUND | {"frame": "usage_days", "days": 45}, r"window_days: found 45.*30, 60"),
    "a window longer than users are kept": (
        SOUND | {"frame": "usage_users", "days": 120},
        "window_days: found 120; expected up to 90 days",
    ),
    "scaled without a window": (SOUND | {"days": None}, "window_days: found none"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_faults_of_the_file(tmp_path: Path, case: str) -> None:
    text, message = FAULTS[case]
    if text is not None:
        write(tmp_path, text if isinstance(text, str) else SIGNAL.format(**text))
    with pytest.raises(ConfigError, match=message):
        own_signals(project(tmp_path, TABLES, signals="my_signals.py"))


def test_every_fault_of_the_file_is_told_at_once(tmp_path: Path) -> None:
    twice = OWN.replace("billing_tickets_share_90d", "billing_tickets_90d").replace('"tickets_90d")', '"ticket_90d")')
    write(tmp_path, twice)
    with pytest.raises(ConfigError, match="exists already") as refused:
        own_signals(project(tmp_path, TABLES, signals="my_signals.py"))
    assert {fault.where for fault in refused.value.faults} == {
        "signals.billing_tickets_90d",
        "signals.billing_tickets_90d.of",
    }


def test_a_value_that_fails_is_told_with_what_the_frame_has(tmp_path: Path) -> None:
    write(tmp_path, SIGNAL.format(**SOUND | {"value": "seats.sum()"}))
    with pytest.raises(
        ConfigError, match=r"signals\.own_tickets: found my_signals\.py line 5.*seats.*frame tickets.*priority"
    ):
        load_dataset(project(tmp_path, TABLES, signals="my_signals.py"), as_ofs=[SECOND])


def test_no_column_of_the_frame_can_be_taken(tmp_path: Path) -> None:
    write(tmp_path, OWN)
    columns = load_dataset(project(tmp_path, TABLES), as_ofs=[SECOND]).signals.columns
    for name in columns:
        write(tmp_path, SIGNAL.format(**SOUND | {"name": name}))
        with pytest.raises(ConfigError, match="exists already"):
            own_signals(project(tmp_path, TABLES, signals="my_signals.py"))
