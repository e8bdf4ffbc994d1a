"""Charts as inline SVG, drawn on the server: pure functions of plain values, each with a text alternative and its
numbers as rows of a table. Colours are classes of `app.css`."""

from serving.pages.charts.drawing import Chart, day_words
from serving.pages.charts.intervals import IntervalLine, interval_chart
from serving.pages.charts.lines import CurvePoint, LineStyle, Mark, Point, curve_chart, line_chart, sparkline
from serving.pages.charts.shapes import Bar, CalibrationPoint, bar_chart, calibration_chart, heat_chart

__all__ = [
    "Bar",
    "CalibrationPoint",
    "Chart",
    "CurvePoint",
    "IntervalLine",
    "LineStyle",
    "Mark",
    "Point",
    "bar_chart",
    "calibration_chart",
    "curve_chart",
    "day_words",
    "heat_chart",
    "interval_chart",
    "line_chart",
    "sparkline",
]
