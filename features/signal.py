"""What a signal is, and the schema that a model remembers of the signals it was trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["number", "category"]
Outage = Literal["none", "scale", "since", "void"]


@dataclass(frozen=True)
class Signal:
    """One signal, defined once for training, batch and serving.

    `fold` names the windowed frame (Ibis) that `value` aggregates; without one, `value` is worked out from a frame
    (pandas) that holds the signals named in `of`. `needs` are the source columns ("table.column") without which the
    signal does not exist. A window of `window_days` begins that many days before as_of and ends `window_from_days`
    before it. `outage` says what days on which a feed was down (the fold's table, or one in `needs`) do to it: "scale"
    for counts and sums over the window, which are made up for; "since" for days since something, of which they are
    taken off; "void" for what becomes missing when the feed worked on under half of the window; "none" otherwise.
    `peers` marks what depends on other accounts: on facts of before as_of, like everything else.
    `healthier` is +1 when a higher value is healthier, -1 when a lower one is, 0 when that is not known.
    `empty` is the value of an account without a single row, None where that is missing; it is used only when the
    account's feed exists.
    """

    name: str
    dimension: str
    unit: str
    healthier: int
    sentence: str
    value: Callable[[Any], Any]
    fold: str | None = None
    needs: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    window_days: int | None = None
    window_from_days: int = 0
    outage: Outage = "none"
    peers: bool = False
    empty: float | None = None
    kind: Kind = "number"


@dataclass(frozen=True)
class SignalInfo:
    """What a model, a reason or a page needs to know of a signal."""

    name: str
    dimension: str
    unit: str
    healthier: int
    kind: Kind
    sentence: str


@dataclass(frozen=True)
class Schema:
    """The signals of a frame, in column order."""

    signals: tuple[SignalInfo, ...]

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.signals]

    @property
    def numbers(self) -> list[str]:
        return [one.name for one in self.signals if one.kind == "number"]

    @property
    def categories(self) -> list[str]:
        return [one.name for one in self.signals if one.kind == "category"]

    def info(self, name: str) -> SignalInfo:
        """The signal of that name; KeyError when there is none."""
        for one in self.signals:
            if one.name == name:
                return one
        raise KeyError(name)

    def to_json(self) -> list[dict[str, Any]]:
        return [asdict(one) for one in self.signals]

    @classmethod
    def from_json(cls, body: list[dict[str, Any]]) -> Schema:
        return cls(tuple(SignalInfo(**one) for one in body))
