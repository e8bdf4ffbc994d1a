"""Charts: places counted by hand, well-formed with whatever words, and the same numbers in the table beside them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from evaluation.formatting import percent
from serving.pages.charts import (
    Bar,
    CalibrationPoint,
    Chart,
    CurvePoint,
    LineStyle,
    Mark,
    Point,
    bar_chart,
    calibration_chart,
    curve_chart,
    heat_chart,
    line_chart,
    sparkline,
)

EVIL = '"><script>alert(1)</script>&'
POINTS = (Point("2025-01-01", 0.1, 0.05, 0.2), Point("2025-02-01", 0.2, 0.1, 0.3), Point("2025-03-01", 0.15))
STYLE = LineStyle(EVIL, "Risk", percent)


def every_chart() -> dict[str, Chart | None]:
    marks = (Mark("2025-01-20", "M", EVIL), Mark("2030-01-01", "X", "later"))
    return {
        "line": line_chart(POINTS, marks, STYLE),
        "one point": line_chart(POINTS[:1], (), STYLE),
        "curve": curve_chart((CurvePoint(30, 0.1, 0.02), CurvePoint(90, 0.2)), EVIL, (EVIL, EVIL), percent),
        "bars": bar_chart((Bar(EVIL, 0.2, "up"), Bar("b", -0.1, "down")), EVIL, EVIL, percent),
        "heat": heat_chart([[1.0, 0.0]], [EVIL], [EVIL, "b"], EVIL, str),
        "calibration": calibration_chart((CalibrationPoint(0.1, 0.2, 0.1, 0.4, 30),), EVIL, percent),
    }


@pytest.mark.parametrize("name", every_chart())
def test_a_chart_is_well_formed_and_says_what_it_shows(name: str) -> None:
    chart = every_chart()[name]
    assert chart is not None
    tree = ElementTree.fromstring(chart.svg)
    assert tree.attrib["role"] == "img"
    assert EVIL in tree.attrib["aria-label"]
    assert [child.tag for child in tree][:2] == ["title", "desc"]
    assert "<script" not in chart.svg
    assert chart.rows
    assert all(len(row) == len(chart.columns) for row in chart.rows)
    assert "style=" not in chart.svg  # the pages' policy takes none


def test_without_values_there_is_no_chart() -> None:
    assert line_chart((), (), STYLE) is None
    assert curve_chart((), "", ("", ""), percent) is None
    assert bar_chart((), "", "", percent) is None
    assert heat_chart([], [], [], "", str) is None
    assert calibration_chart((), "", percent) is None
    assert "Nothing is known" in sparkline([None, None], "Use", str)


def test_the_table_has_the_numbers_of_the_line_and_what_happened_before_each() -> None:
    chart = line_chart(POINTS, (Mark("2025-01-20", "M", "another model"), Mark("2024-01-01", "X", "before")), STYLE)
    assert chart is not None
    assert chart.rows == (
        ("1 Mar 2025", "15 %", "", ""),
        ("1 Feb 2025", "20 %", "10 % to 30 %", "another model (20 Jan 2025)"),
        ("1 Jan 2025", "10 %", "5.0 % to 20 %", ""),
    )
    assert chart.svg.count('class="mark"') == 1


def test_places_are_where_the_values_are() -> None:
    """The axis goes to 1.05 times the highest end (0.315): 0.21 of it lies at two thirds of the height."""
    chart = line_chart((Point("2025-01-01", 0.0), Point("2025-01-11", 0.2, 0.1, 0.3)), (), STYLE)
    assert chart is not None
    places = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', chart.svg)
    assert [(float(x), round(float(y), 1)) for x, y in places] == [(44.0, 186.0), (628.0, 81.9)]


def test_bars_go_both_ways_from_zero() -> None:
    chart = bar_chart((Bar("a", 1.0, "up"), Bar("b", -1.0, "down")), "c", "v", str)
    assert chart is not None
    (left_a, width_a), (left_b, width_b) = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', chart.svg)
    assert float(left_b) + float(width_b) == float(left_a)
    assert float(width_a) == float(width_b)


def test_a_gap_in_a_sparkline_stays_one() -> None:
    made = sparkline([1.0, 2.0, None, 3.0, 4.0], "Use", str)
    assert made.count('class="line"') == 2
    assert "From 1.0 to 4.0, at most 4.0." in made
