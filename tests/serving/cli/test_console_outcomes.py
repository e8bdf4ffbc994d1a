from __future__ import annotations

from evaluation.outcomes import ReportedEntries
from serving.cli.console_outcomes import _reported_lines


def test_what_was_reported_is_told_and_where_the_sources_differ() -> None:
    fills = ReportedEntries(3, 2, 1, True, 0, 0, 0, ())
    assert _reported_lines(fills) == [
        "reported by callers: 3 interventions, which count, since the sources have none; 2 churns and 1 renewals"
    ]
    differs = ReportedEntries(3, 2, 1, False, 2, 0, 1, ("a", "b"))
    assert _reported_lines(differs)[1] == (
        "  otherwise than the sources, which count: 2 interventions that the sources do not have,"
        " 1 renewals of accounts that left by the sources (a, b)"
    )
