"""A state that grows day by day gives the signals of a full build, late rows included, and does not read the past."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import yaml
from pandas.testing import assert_frame_equal

from configs.errors import DataError, SourceError
from configs.settings import Settings
from configs.settings_file import load_settings
from features.dataset import load_dataset
from features.sources.sources import Sources, open_sources
from features.synthetic.company import company_config, make_company
from features.usage.incremental import UsageState

AS_OF = pd.Timestamp("2025-06-01")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("incremental")
    make_company(folder, accounts=40, months=12, seed=5, end=date(2025, 7, 1))
    body = company_config(months=12, end=date(2025, 7, 1)) | {"engine": {"incremental": True}}
    (folder / "forewarn.yaml").write_text(yaml.safe_dump(body))
    return folder


@pytest.fixture
def settings(folder: Path, tmp_path: Path) -> Settings:
    return load_settings(folder / "forewarn.yaml").model_copy(update={"state": str(tmp_path)})


@pytest.fixture
def sources(settings: Settings) -> Iterator[Sources]:
    opened = open_sources(settings)
    yield opened
    opened.close()


def full(settings: Settings, sources: Sources, *as_ofs: pd.Timestamp) -> pd.DataFrame:
    plain = settings.model_copy(update={"engine": settings.engine.model_copy(update={"incremental": False})})
    return load_dataset(plain, sources, as_ofs).signals


def test_day_by_day_equals_the_full_build_with_late_rows(settings: Settings, sources: Sources) -> None:
    events = sources.tables["usage_events"].execute()
    late = (events.recorded_at.dt.floor("D") > events.occurred_at.dt.floor("D")).sum()
    assert late > 50
    state = UsageState.open(settings)
    added = [state.fold_in(sources, AS_OF - pd.Timedelta(days=30)).added]
    added += [state.fold_in(sources, AS_OF - pd.Timedelta(days=back)).added for back in range(29, -1, -1)]
    assert all(count > 0 for count in added)
    assert max(added[1:]) < added[0] / 20
    assert state.fold_in(sources, AS_OF).added == 0
    state.close()
    earlier = AS_OF - pd.Timedelta(days=10)
    result = load_dataset(settings, sources, [earlier, AS_OF]).signals
    assert_frame_equal(result, full(settings, sources, earlier, AS_OF))


def test_the_past_is_not_read_again(settings: Settings, sources: Sources) -> None:
    """Rows of the past that vanish from the source after they were folded in are still known."""
    state = UsageState.open(settings)
    first = state.fold_in(sources, AS_OF - pd.Timedelta(days=1))
    events = sources.tables["usage_events"]
    recent = events.filter(events.recorded_at >= first.reached - pd.Timedelta(days=1))
    recent = replace(sources, tables={**sources.tables, "usage_events": recent})
    assert state.fold_in(recent, AS_OF).added > 0
    state.close()
    assert_frame_equal(load_dataset(settings, sources, [AS_OF]).signals, full(settings, sources, AS_OF))


def test_another_mapping_begins_anew(settings: Settings, sources: Sources) -> None:
    state = UsageState.open(settings)
    state.fold_in(sources, AS_OF)
    state.close()
    other = settings.model_copy(update={"timezone": "Europe/Berlin"})
    state = UsageState.open(other)
    assert state.reached is None
    state.close()


def test_days_beyond_the_data_are_refused_and_leave_the_state_alone(settings: Settings, sources: Sources) -> None:
    state = UsageState.open(settings)
    state.fold_in(sources, AS_OF)
    with pytest.raises(DataError, match="bring newer data"):
        state.fold_in(sources, sources.data_end + pd.Timedelta(days=1))
    assert state.reached == AS_OF
    state.close()


def test_a_state_that_another_process_holds_is_a_fault(settings: Settings) -> None:
    held = "import sys, duckdb; con = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    path = settings.paths.usage
    other = subprocess.Popen([sys.executable, "-c", held, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(SourceError, match="wait for the other command to end"):
            UsageState.open(settings)
