"""A silence needs a feed that worked for half of it: nobody leaves, or begins a new life, because of an outage."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import pandas as pd
import pytest

from configs.settings import Settings
from features.labels.churn_events import churn_events
from features.labels.labels import labels_for
from features.sources.sources import Sources, known_at
from features.timeline.outage_clock import ALWAYS, FeedUptimeClock
from features.timeline.snapshots import snapshots
from tests.features.small_company import Rows, day, settings_for, sources_of

Make = Callable[..., Settings]
CROWD = [f"c{number}" for number in range(10)]
# The feed is down from 07-01 up to 08-04, for 35 days; a silence is complete after 30, in play is who spoke within 60.
DOWN, BACK = "2023-07-01", "2023-08-05"
QUIET = {"silence": {"of": "usage_events", "days": 30, "active_days": 60}, "settling_days": 0}
AS_OFS = pd.DatetimeIndex(["2023-06-10", "2023-06-30", "2023-07-20", "2023-08-10", "2023-08-24", "2023-10-01"])


@pytest.fixture(scope="module")
def sources() -> Sources:
    """A crowd that uses the product every day, `left` whose last use lies before the outage, and `paused`, ten days
    silent before it and two after it."""
    days = pd.date_range("2023-01-01", "2023-12-31")
    worked = days[(days < DOWN) | (days >= BACK)]
    uses: Rows = [(one, f"{at:%Y-%m-%d} 12:00") for one in CROWD for at in worked]
    uses += [("left", f"{at:%Y-%m-%d} 12:00") for at in worked[worked < "2023-06-21"]]
    uses += [("paused", f"{at:%Y-%m-%d} 12:00") for at in worked[(worked < "2023-06-21") | (worked >= "2023-08-07")]]
    accounts: Rows = [(one, "2023-01-01") for one in (*CROWD, "left", "paused")]
    return sources_of(
        "2024-01-01", accounts=("account_id created_at", accounts), usage_events=("account_id occurred_at", uses)
    )


@pytest.fixture
def settings(make_settings: Make) -> Settings:
    return settings_for(make_settings, "silence", **QUIET)


def test_an_outage_makes_nobody_leave(sources: Sources, settings: Settings) -> None:
    pairs = snapshots(sources, settings, AS_OFS)
    labels = labels_for(sources, pairs, settings).set_index(["account_id", "as_of"]).churn_at
    assert labels.drop("left", level="account_id").isna().all()
    # Of `left`, fifteen days with the feed from 06-20 12:00: ten and a half before the outage, the others from its end
    # on; at later as_ofs fifteen from then, of which one and none come before it; at last thirty without any outage.
    assert [f"{one:%m-%d %H:%M:%S}" for one in labels["left"]] == [
        "08-09 11:59:59",
        *(f"{one} 23:59:59" for one in ("08-18", "08-19", "09-08", "09-22")),
    ]
    events = churn_events(sources, settings)
    assert events.to_dict("records") == [
        {"account_id": "left", "at": day("2023-08-09 12:00"), "end_at": day("2023-06-20 12:00"), "returned": False}
    ]


def test_who_is_in_play_and_since_when(sources: Sources, settings: Settings) -> None:
    pairs = snapshots(sources, settings, AS_OFS)
    in_play = pairs[pairs.account_id == "left"].as_of
    assert in_play.tolist() == AS_OFS[:-1].tolist()  # at 08-24 65 days after its last use, 30 of which count
    assert (pairs.spell_start == day("2023-01-01")).all()  # and nobody came back
    assert pairs.groupby("as_of").size().tolist() == [12] * 5 + [11]


def test_an_outage_counts_as_far_as_it_was_known(sources: Sources, settings: Settings) -> None:
    everything = snapshots(sources, settings, AS_OFS)
    for as_of in AS_OFS:
        then = snapshots(known_at(sources, as_of), settings, pd.DatetimeIndex([as_of]))
        pd.testing.assert_frame_equal(then, everything[everything.as_of == as_of].reset_index(drop=True))


def test_a_clock_that_never_stands_still_is_caught(
    sources: Sources, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("features.timeline.episodes"), "clock_at_end", lambda *_: ALWAYS)
    assert churn_events(sources, settings).account_id.nunique() == 12


def test_the_clock_and_the_calendar_agree() -> None:
    clock = FeedUptimeClock(pd.DatetimeIndex(["2024-03-02", "2024-03-03", "2024-03-07"]))
    at = pd.Series(pd.date_range("2024-02-28", "2024-03-10", freq="5h"))
    shown = clock.time(at)
    assert shown.is_monotonic_increasing
    working = ~at.dt.normalize().isin(clock.down)
    assert clock.moment(shown)[working].tolist() == at[working].tolist()
    assert (clock.time(clock.moment(shown)) == shown).all()
    assert clock.time(pd.Series([pd.NaT, at[0]])).isna().tolist() == [True, False]
