"""How much one key, and all of them together, may ask for: what is over that is told when to come back."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

MOST_BUCKETS = 10_000


@dataclass
class _Bucket:
    left: float
    at: float


@dataclass(frozen=True)
class Allowance:
    """What a key has left: how many requests of `limit`, and in how many seconds it has all of them again
    (the next one, where this is not allowed)."""

    limit: int
    remaining: int
    reset_seconds: int
    allowed: bool

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """RateLimit-*; and Retry-After where this request is not allowed."""
        listed = [
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.remaining),
            (b"ratelimit-reset", b"%d" % self.reset_seconds),
        ]
        return listed if self.allowed else [*listed, (b"retry-after", b"%d" % max(1, self.reset_seconds))]


class RateLimiter:
    """A bucket of requests for each key, filled evenly over a minute.

    >>> limiter = RateLimiter(2)
    >>> [limiter.take("a", at).allowed for at in (0.0, 0.0, 0.0, 30.0)]
    [True, True, False, True]
    """

    def __init__(self, requests_per_minute: int) -> None:
        self.requests_per_minute = requests_per_minute
        self._buckets: dict[str, _Bucket] = {}

    def take(self, key_id: str, now: float | None = None) -> Allowance:
        """Takes one request from a key's bucket, if one is left."""
        now = time.monotonic() if now is None else now
        limit = self.requests_per_minute
        bucket = self._buckets.get(key_id)
        if bucket is None:
            if len(self._buckets) >= MOST_BUCKETS:  # whoever has asked nothing for a minute has all of it again
                self._buckets = {name: one for name, one in self._buckets.items() if now - one.at < 60}
            bucket = self._buckets[key_id] = _Bucket(limit, now)
        bucket.left = min(float(limit), bucket.left + (now - bucket.at) * limit / 60)
        bucket.at = now
        allowed = bucket.left >= 1
        if allowed:
            bucket.left -= 1
            reset = math.ceil((limit - bucket.left) * 60 / limit)
        else:
            reset = math.ceil((1 - bucket.left) * 60 / limit)
        return Allowance(limit, int(bucket.left), reset, allowed)
