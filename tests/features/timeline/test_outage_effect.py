"""Days on which a feed brought nothing are not read as decline of the accounts."""

from __future__ import annotations

import shutil
from datetime import date
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import yaml

from configs.settings_file import load_settings
from features.dataset import load_dataset
from features.synthetic.company import company_config, make_company

AS_OF = pd.Timestamp("2025-06-01")
END = date(2025, 7, 1)


@cache
def signals(folder: Path) -> pd.DataFrame:
    return load_dataset(load_settings(folder / "forewarn.yaml"), as_ofs=[AS_OF]).signals.set_index("account_id")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same company as it came, without any usage on ten days before AS_OF, with it cut for good; and in the same
    two ways without interactions."""
    made = {"whole": tmp_path_factory.mktemp("whole")}
    make_company(made["whole"], accounts=80, months=14, seed=11, end=END)
    (made["whole"] / "forewarn.yaml").write_text(yaml.safe_dump(company_config(months=14, end=END)))
    cuts = (("down", "usage_events", 10), ("stopped", "usage_events", 40))
    for name, feed, without in (*cuts, ("unheard", "interactions", 10), ("long unheard", "interactions", 50)):
        folder = made[name] = tmp_path_factory.mktemp(name) / "company"
        shutil.copytree(made["whole"], folder)
        events = pd.read_parquet(folder / f"{feed}.parquet")
        gone = events.occurred_at.between(AS_OF - pd.Timedelta(days=without), AS_OF)
        events[~gone].to_parquet(folder / f"{feed}.parquet", index=False)
    return made


def test_an_outage_is_no_decline(folders: dict[str, Path]) -> None:
    whole, down = signals(folders["whole"]), signals(folders["down"])
    assert (whole.feed_outage_days == 0).all()
    assert (down.feed_outage_days == 10).all()
    # Ten of the last thirty days: unscaled, the volume would be a third lower, and the median near 0.67.
    ratio = (down.usage_30d / whole.usage_30d).median()
    assert 0.9 < ratio < 1.1
    assert (down.usage_against_norm_30d / whole.usage_against_norm_30d).median() == pytest.approx(ratio, abs=0.15)
    assert (down.days_since_use - whole.days_since_use).abs().median() <= 1  # and not 10
    # Ten of the last fourteen: too little was seen to say anything.
    assert down[["usage_14d", "usage_change_14d", "active_days_14d", "active_users_7d"]].isna().all().all()
    assert down.active_users_30d.notna().any()


def test_a_feed_that_stopped_leaves_its_signals_missing_and_the_health_score_to_the_others(
    folders: dict[str, Path],
) -> None:
    whole, stopped = signals(folders["whole"]), signals(folders["stopped"])
    assert (stopped.feed_outage_days == 30).all()
    assert stopped[["usage_30d", "active_days_30d", "features_used_30d"]].isna().all().all()
    assert (stopped.health_score - whole.health_score).abs().median() < 10


def test_people_are_not_silent_while_interactions_do_not_come(folders: dict[str, Path]) -> None:
    """Contacts are a list and have no outage: what people do comes from interactions and surveys."""
    whole, unheard, long = (signals(folders[name]) for name in ("whole", "unheard", "long unheard"))
    assert (whole.feed_outage_days == 0).all()
    assert (unheard.feed_outage_days == 10).all()
    before = whole.days_since_champion_active > 12  # whoever was last seen before the outage waits ten days less
    assert before.sum() > 5
    shorter = (whole.days_since_champion_active - unheard.days_since_champion_active)[before]
    assert shorter.tolist() == pytest.approx([10.0] * len(shorter), abs=1e-6)
    # Ten of ninety days: what was seen is told; fifty of them: nothing is. Surveys came all along.
    voided = ["contacts_active_90d", "contacts_active_share_90d", "top_person_share_90d"]
    assert unheard[voided].notna().any().all()
    assert long[voided].isna().all().all()
    answers = "survey_response_share_180d"
    assert long[answers].equals(whole[answers])
    assert whole[answers].notna().any()
