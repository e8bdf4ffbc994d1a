"""The point-in-time law on a project's own signals: sound ones pass, each way of reading the future is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from configs.errors import DataError
from configs.settings import Settings
from features.checks.leakage import require_no_suspects
from features.checks.own_signals import check_own_signals
from features.sources.sources import open_sources
from serving.commands.data import check
from serving.project import Project
from tests.features.by_hand import SECOND, project

HEAD = "from features.signal import DerivedSignal\nSIGNALS = (\n"
SIGNAL = """    DerivedSignal(
        name="{name}", dimension="usage", unit="ratio", healthier=0, sentence="own", of=("usage_30d",), peers={peers},
        value=lambda t: {value},
    ),
"""
SOUND = {
    "own_weekly": "t.usage_30d / 30 * 7",
    "own_rank": "t.usage_30d.groupby(t.as_of).rank()",
}
LEAKING = {
    "own_next": "t.usage_30d.groupby(t.account_id).shift(-1)",
    "own_against_all_days": "t.usage_30d / t.usage_30d.mean()",
}


def company(folder: Path, values: dict[str, str]) -> Settings:
    """Ten accounts whose usage rises from month to month, at different heights."""
    days = pd.date_range(SECOND - pd.Timedelta(days=300), SECOND, freq="3D")
    usage = pd.concat(
        pd.DataFrame({"account_id": f"a{number}", "occurred_at": days, "quantity": np.arange(len(days)) * (number + 1)})
        for number in range(10)
    )
    accounts = pd.DataFrame({"account_id": [f"a{number}" for number in range(10)], "created_at": days[0]})
    text = HEAD + "".join(
        SIGNAL.format(name=name, value=value, peers=name == "own_rank") for name, value in values.items()
    )
    (folder / "my_signals.py").write_text(text + ")\n", encoding="utf-8")
    return project(folder, {"accounts": accounts, "usage_events": usage}, signals="my_signals.py")


def test_sound_signals_pass(tmp_path: Path) -> None:
    settings = company(tmp_path, SOUND)
    result = check_own_signals(settings, open_sources(settings))
    assert result.names == result.built == tuple(SOUND)
    assert result.leaking == ()
    with Project(settings) as own:
        body = check(own).to_json()
    assert "signals of your own: 2 of 2 built" in body["summary"]
    assert body["leaking_signals"] == ()


@pytest.mark.parametrize("name", LEAKING)
def test_a_signal_that_reads_the_future_is_refused(tmp_path: Path, name: str) -> None:
    """By `check`, which says where it shows, and by everything that trains."""
    settings = company(tmp_path, {**SOUND, name: LEAKING[name]})
    with Project(settings) as own:
        body = check(own).to_json()
    assert not body["passed"]
    assert body["leaking_signals"] == (name,)
    (leak,) = body["own_signals"]["leaking"]
    assert (leak["differing"], leak["accounts"]) == (10, 10)
    assert leak["from_all"] != leak["from_known"]
    assert f"{name}: on {leak['as_of']} it differs for 10 of 10 accounts" in body["summary"]
    with pytest.raises(DataError, match=rf"signals\.{name}.*A signal of your own"):
        require_no_suspects(settings, open_sources(settings))
