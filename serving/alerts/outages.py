"""Outages of feeds as alerts: one for each that has begun or lasted since the scoring before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from features.timeline import Outage


def outages_since(outages: Mapping[str, Sequence[Outage]], since: str) -> Iterable[tuple[str, Outage]]:
    """(feed, outage) of what lasted to a day or beyond; an outage that was told of already has the same id.

    Parameters
    ----------
    outages : mapping of feed to sequence of Outage
    since : str
        ISO day of the scoring before.

    Yields
    ------
    tuple of str and Outage

    Examples
    --------
    >>> old, new = Outage("2026-01-01", "2026-01-09", 9), Outage("2026-03-01", "2026-03-05", 5)
    >>> [outage.first_day for _, outage in outages_since({"tickets": [old, new]}, "2026-03-04")]
    ['2026-03-01']
    """
    for feed, of_feed in outages.items():
        for outage in of_feed:
            if outage.last_day >= since:
                yield feed, outage
