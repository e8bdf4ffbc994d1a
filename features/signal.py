"""What a signal is, and the schema that a model remembers of the signals it was trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from configs.json_object import JsonObject

Kind = Literal["number", "category"]
Outage = Literal["none", "scale", "since", "void"]


@dataclass(frozen=True, kw_only=True)
class Signal:
    """What every signal has, however it is worked out; defined once for training, batch scoring and serving.

    Attributes
    ----------
    name : str
        Its column; carries the window and the unit where there is one (`usage_30d`).
    dimension : str
        usage, engagement, financial, relationship, or account for what stands across them.
    unit : str
        Unit of its values, as readers see it.
    healthier : int
        +1 when a higher value is healthier, -1 when a lower one is, 0 when that is not known.
    sentence : str
        What it measures, in words that a CSM understands: lower case, no full stop.
    value : Callable
        Makes the values; of what, each kind of signal says.
    needs : tuple of str
        Source columns ("table.column") without which the signal does not exist.
    window_days : int or None
        Days before as_of on which the window begins; None where it looks at everything known, or at as_of alone.
    kind : {"number", "category"}
        Whether its values are float64 or text.
    """

    name: str
    dimension: str
    unit: str
    healthier: int
    sentence: str
    value: Callable[[Any], Any]
    needs: tuple[str, ...] = ()
    window_days: int | None = None
    kind: Kind = "number"


@dataclass(frozen=True, kw_only=True)
class AggregateSignal(Signal):
    """A signal that aggregates the rows of a frame: `value` takes the frame (Ibis) and returns an aggregate of it.

    Attributes
    ----------
    frame : str
        The frame of features/frames that is aggregated, one row a fact that was known at the snapshot's as_of.
    window_from_days : int
        Days before as_of on which the window ends; 0: at as_of.
    outage : {"none", "scale", "since", "void"}
        What days without the feed (the frame's table, or one in `needs`) do to it: "scale" for counts and sums over
        the window, which are adjusted to the days on which the feed worked; "since" for days since something, from
        which they are subtracted; "void" for what becomes missing when the feed worked on under half of the window.
    empty : float or None
        The value of an account that has the feed and not a single row in the frame; None: missing.
    trials : Callable or None
        Of a share: the aggregate of the frame that counts what it is a share of. With few of them it is drawn towards
        the peers' share (features/signals/exposure.py), so that it looks at other accounts.
    """

    frame: str
    window_from_days: int = 0
    outage: Outage = "none"
    empty: float | None = None
    trials: Callable[[Any], Any] | None = None

    @property
    def peers(self) -> bool:
        """Whether it looks at other accounts, like a derived signal that says so."""
        return self.trials is not None


@dataclass(frozen=True, kw_only=True)
class DerivedSignal(Signal):
    """A signal made of other columns of the frame of signals: `value` takes that frame and returns a column (pandas).

    Attributes
    ----------
    of : tuple of str
        The signals (or health scores) that it is made of; it exists when all of them do.
    peers : bool
        Whether it looks at other accounts: at what was known of them before as_of, like everything else.
    """

    of: tuple[str, ...] = ()
    peers: bool = False


@dataclass(frozen=True, kw_only=True)
class SignalInfo:
    """What a model, a reason, a page or the monitoring needs to know of a signal.

    Attributes
    ----------
    name, dimension, unit, healthier, sentence, kind
        As in `Signal`.
    tables : tuple of str
        The source tables whose rows it is made of, directly or through the signals that it is derived from.
    windows_days : tuple of int
        How far it looks back, and how far each signal does that it is derived from; empty where none says.
    """

    name: str
    dimension: str
    unit: str
    healthier: int
    kind: Kind = "number"
    sentence: str
    tables: tuple[str, ...] = ()
    windows_days: tuple[int, ...] = ()


STORED = ("name", "dimension", "unit", "healthier", "kind", "sentence")


@dataclass(frozen=True)
class Schema:
    """The signals of a frame, in column order.

    Attributes
    ----------
    signals : tuple of SignalInfo
        One for each column that a model may learn from.
    """

    signals: tuple[SignalInfo, ...]

    @property
    def names(self) -> list[str]:
        return [info.name for info in self.signals]

    @property
    def numbers(self) -> list[str]:
        return [info.name for info in self.signals if info.kind == "number"]

    @property
    def categories(self) -> list[str]:
        return [info.name for info in self.signals if info.kind == "category"]

    def info(self, name: str) -> SignalInfo:
        """The signal of that name; KeyError when there is none."""
        for info in self.signals:
            if info.name == name:
                return info
        raise KeyError(name)

    def to_json(self, *, of_model: bool = True) -> list[JsonObject]:
        """Every signal in order; of a model without tables and windows, which belong to the data as mapped today."""
        infos = [asdict(info) for info in self.signals]
        return [{key: value for key, value in info.items() if key in STORED or not of_model} for info in infos]

    @classmethod
    def from_json(cls, body: Sequence[JsonObject]) -> Schema:
        """The schema that `to_json` made; a model's signals know neither tables nor windows."""
        several = ("tables", "windows_days")
        return cls(
            tuple(SignalInfo(**{**info, **{name: tuple(info.get(name, ())) for name in several}}) for info in body)
        )
