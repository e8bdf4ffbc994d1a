"""What a story plants in the company: a launch, a silent feed, a framework of new weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from configs.errors import UsageError
from configs.framework import Stage
from configs.settings_file import DEFAULT_FILE
from features.synthetic.calendar import SEGMENTS
from features.synthetic.company import make_company
from features.synthetic.hazard import live
from features.synthetic.scenario import REWEIGHTED, Story, reweighted
from features.synthetic.true_probabilities import true_probabilities
from tests.features.synthetic.days import END

DEFAULTS = yaml.safe_load(DEFAULT_FILE.read_text(encoding="utf-8"))


def test_a_story_leaves_the_lives_before_it_as_they_were() -> None:
    """The same customers, who leave on the same days until the launch, and after it sooner or never."""
    story = Story()
    plain, told = live(150, 30, 7, END.date()), live(150, 30, 7, END.date(), story)
    launch = story.launch_day(told.calendar)
    assert plain.calendar.day(launch) == np.datetime64("2025-02-01")
    assert (plain.created_day == told.created_day).all()
    early = plain.churn_day < launch - 1
    assert (plain.churn_day[early] == told.churn_day[early]).all()
    assert ((told.churn_day <= plain.churn_day) | early).all()
    gone = [int(((one.churn_day >= launch) & (one.churn_day < one.calendar.end)).sum()) for one in (plain, told)]
    assert gone[1] > 1.6 * gone[0]


def test_a_launch_may_hit_one_segment_only() -> None:
    story = Story(launch_segment="smb", hazard_times=5)
    plain, told = live(150, 30, 7, END.date()), live(150, 30, 7, END.date(), story)
    others = plain.segment != SEGMENTS.index("smb")
    assert (plain.churn_day[others] == told.churn_day[others]).all()
    assert (plain.churn_day[~others] != told.churn_day[~others]).any()


def test_the_truth_knows_of_the_launch_from_its_day_on() -> None:
    story = Story()
    plain, told = live(60, 30, 7, END.date()), live(60, 30, 7, END.date(), story)
    assert (told.churn_day[plain.churn_day < plain.calendar.end] <= plain.calendar.end).all()
    launch = story.launch_day(told.calendar)
    before, after = true_probabilities(plain, 7, 512), true_probabilities(told, 7, 512)
    both = before.merge(after, on=["row", "as_of_day"], suffixes=("", "_told"))
    early = (both.as_of_day < launch).to_numpy()
    assert (both.p_churn_90d[early] == both.p_churn_90d_told[early]).all()
    ratio = -np.log1p(-both.p_churn_30d_told[~early]) / -np.log1p(-both.p_churn_30d[~early])
    assert np.median(ratio) == pytest.approx(2.5, abs=0.1)


def test_a_story_silences_the_usage_feed_and_needs_its_months(tmp_path: Path) -> None:
    make_company(tmp_path, 60, story=Story())
    usage = pd.read_parquet(tmp_path / "usage_events.parquet", columns=["occurred_at"])["occurred_at"].dt.floor("D")
    silent = pd.date_range("2025-06-09", "2025-06-20")
    assert not usage.isin(silent).any()
    assert usage.isin([silent[0] - pd.Timedelta(days=3), silent[-1] + pd.Timedelta(days=3)]).any()
    with pytest.raises(UsageError, match=r"months: found 20; expected 26 or more"):
        make_company(tmp_path / "short", 60, months=20, story=Story())


def test_what_the_story_publishes_is_a_framework() -> None:
    stages = [Stage(**stage) for stage in DEFAULTS["framework"]["stages"]]
    body = reweighted([stage.model_dump(exclude_none=True) for stage in stages])["framework"]["stages"]
    made = [Stage(**one) for one in body]
    assert [one.name for one in made] == [stage.name for stage in stages]
    changed = {one.name for one, other in zip(made, stages, strict=True) if one.weights != other.weights}
    assert changed == set(REWEIGHTED)
