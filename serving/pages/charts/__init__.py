"""Charts as inline SVG, drawn on the server: each with a text alternative and its numbers as rows of a table."""

from serving.pages.charts.drawing import Chart

__all__ = ["Chart"]
