"""Days on which a feed brought nothing are not read as decline of the accounts."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import yaml

from configs.settings import load_settings
from features.build import load_dataset
from features.company import company_config, make_company

AS_OF = pd.Timestamp("2025-06-01")
END = date(2025, 7, 1)


def signals(folder: Path) -> pd.DataFrame:
    return load_dataset(load_settings(folder / "forewarn.yaml"), as_ofs=[AS_OF]).signals.set_index("account_id")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same company with its usage as it came, without any on ten days before AS_OF, and cut for good."""
    made = {}
    for name, without in (("whole", 0), ("down", 10), ("stopped", 40)):
        folder = made[name] = tmp_path_factory.mktemp(name)
        make_company(folder, accounts=80, months=14, seed=11, end=END)
        (folder / "forewarn.yaml").write_text(yaml.safe_dump(company_config(months=14, end=END)))
        if without:
            events = pd.read_parquet(folder / "usage_events.parquet")
            gone = events.occurred_at.between(AS_OF - pd.Timedelta(days=without), AS_OF)
            events[~gone].to_parquet(folder / "usage_events.parquet", index=False)
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
