"""Every chart of a report holds to the schema, which a report does not check again; the charts' script is kept."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import pytest

from evaluation.report import vega_embed as embed
from evaluation.report.charts.catalogue import charts
from evaluation.report.sections import ReportInputs
from evaluation.report.summary import summarise
from tests.evaluation.known import facts
from tests.evaluation.simulated import company, settings


def test_every_chart_holds_to_the_schema() -> None:
    judged, baselines = company()
    drawn = charts(summarise(ReportInputs(judged, baselines, company_facts=facts(judged)), settings()))
    assert len(drawn) >= 12
    for chart in drawn.values():
        alt.Chart.from_dict(chart.spec, validate=True)


def test_the_script_is_bundled_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embed.vega_embed.cache_clear()
    first = embed.vega_embed(tmp_path)
    (kept,) = tmp_path.iterdir()
    assert kept.read_text(encoding="utf-8") == first
    assert "</script" not in first
    assert "<!--" not in first

    def never(_: str) -> str:
        raise AssertionError("bundled twice")

    monkeypatch.setattr(embed.vl_convert, "javascript_bundle", never)
    embed.vega_embed.cache_clear()
    assert embed.vega_embed(tmp_path) == first
    embed.vega_embed.cache_clear()
