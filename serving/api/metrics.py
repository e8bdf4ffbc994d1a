"""What Prometheus reads: requests, latency, scores by level, coverage, freshness, model version, the ledger's lag.

BentoML's registry gathers from several processes through files, so its client is imported only where a service runs.
"""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.prepared import PreparedDay

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """The service's own figures, beside BentoML's.

    Parameters
    ----------
    counter, gauge, histogram : callable
        As prometheus_client's, or BentoML's.
    """

    def __init__(self, counter: Callable[..., Any], gauge: Callable[..., Any], histogram: Callable[..., Any]) -> None:
        self._requests = counter("forewarn_requests_total", "Requests by route and status", ["route", "status"])
        self._latency = histogram("forewarn_request_seconds", "Time to answer", ["route"], buckets=BUCKETS)
        self._scores = counter("forewarn_scores_total", "Accounts whose score was given, by risk level", ["level"])
        newest = {"multiprocess_mode": "livemostrecent"}  # of this process alone, not of one that ended
        self._accounts = gauge("forewarn_accounts", "Accounts in play, by risk level", ["level"], **newest)
        self._coverage = gauge("forewarn_coverage", "Mean share of the health score that has data", **newest)
        self._data_end = gauge("forewarn_data_end_timestamp_seconds", "Up to when the data reach, Unix time", **newest)
        self._data_age = gauge("forewarn_data_age_days", "Days since the data end, when the day was loaded", **newest)
        self._model = gauge("forewarn_model_version", "The version that serves", **newest)
        self._lag = histogram("forewarn_ledger_seconds", "Time until an answer was written down", buckets=BUCKETS)
        self._shed = counter("forewarn_shed_total", "Requests that were refused unread, for want of room")
        self._bound: dict[tuple[str, int], tuple[Any, Any]] = {}
        self._levels: dict[str, Any] = {}

    def request(self, route: str, status: int, seconds: float) -> None:
        bound = self._bound.get((route, status))
        if bound is None:
            bound = (self._requests.labels(route, str(status)), self._latency.labels(route))
            self._bound[route, status] = bound
        bound[0].inc()
        bound[1].observe(seconds)

    def shed(self, count: int) -> None:
        """Requests that were shed at the socket, which no other figure counts."""
        self._shed.inc(count)

    def scores(self, levels: list[str]) -> None:
        for level, count in Tally(levels).items():
            if level not in self._levels:
                self._levels[level] = self._scores.labels(level)
            self._levels[level].inc(count)

    def written(self, began: float) -> None:
        """An answer that waited for the ledger since `began` (time.perf_counter) is written down."""
        self._lag.observe(time.perf_counter() - began)

    def day(self, day: PreparedDay) -> None:
        """A day was loaded."""
        header = day.header
        counts = Tally(summary.risk_level for summary in day.summaries.values())
        for level in header.levels:
            self._accounts.labels(level).set(counts[level])
        self._coverage.set(header.coverage)
        age = datetime.now(UTC).date() - datetime.fromisoformat(header.data_end).date()
        self._data_age.set(age.days)
        self._data_end.set(datetime.fromisoformat(header.data_end).replace(tzinfo=UTC).timestamp())
        if header.model_version.isdigit():
            self._model.set(int(header.model_version))
