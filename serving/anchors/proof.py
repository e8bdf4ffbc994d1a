"""Anchoring a ledger, and what anchors prove of it: since when which part of history stands unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from configs.errors import Fault, UsageError
from configs.settings import Settings
from evaluation.ledger import Ledger
from serving.anchors.anchor import Anchor
from serving.anchors.places import Place, places_of


@dataclass(frozen=True)
class Anchored:
    """An anchor and where it stands now; `refused` says why nothing was written.

    Attributes
    ----------
    batch_id : int
    hash : str
        Of that batch.
    at : str
        When, ISO 8601.
    places : tuple of str
    refused : str or None
    """

    batch_id: int
    hash: str
    at: str
    places: tuple[str, ...]
    refused: str | None = None


@dataclass(frozen=True)
class Vouched:
    """What anchors say of a ledger that holds them.

    Attributes
    ----------
    anchors, lost : int
        How many were read, and how many of them name a batch that the ledger no longer holds.
    batches : int
        Up to this batch history is vouched for; 0 where no anchor holds.
    since : str or None
        When the first anchor that holds was written down: what it covers has stood unchanged since then.
    newest_at : str or None
        When the newest that holds was.
    open_batches : int
        Batches that came after it and have no anchor yet.
    faults : tuple of str
        The anchors that are lost, in words.
    """

    anchors: int
    lost: int
    batches: int
    since: str | None
    newest_at: str | None
    open_batches: int
    faults: tuple[str, ...] = ()


def configured(settings: Settings) -> list[Place]:
    """The places of the setting `serving.anchors`.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    list of Place
    """
    return places_of(settings.serving.anchors, settings.folder)


def anchor(ledger: Ledger, name: str, places: Sequence[Place], now: datetime) -> Anchored:
    """Writes the newest batch's hash to every place, unless one of them holds an anchor that the ledger has lost.

    Parameters
    ----------
    ledger : Ledger
    name : str
        The project's.
    places : sequence of Place
    now : datetime
        With a time zone.

    Returns
    -------
    Anchored

    Raises
    ------
    UsageError
        When the ledger is empty, or with every place that could not be written; the others are.
    """
    newest = ledger.head()
    if not newest.batch_id:
        raise UsageError(Fault("ledger", "no batch", "at least one", "run `forewarn score` first"))
    made = Anchor(name, newest.batch_id, newest.hash, now.isoformat(timespec="seconds"))
    known = {place.name: [was for was in place.read() or () if was.ledger == name] for place in places}
    lost = lost_anchors(ledger, [was for every in known.values() for was in every])
    if lost or ledger.lost([newest.hash]):
        said = _lost_in_words(lost[0]) if lost else "the head names a batch that the ledger does not hold"
        return Anchored(made.batch_id, made.hash, made.at, (), said)
    written: list[str] = []
    faults: list[Fault] = []
    for place in places:
        if any(was.hash == made.hash for was in known[place.name]):
            written.append(f"{place.name}, as before")
            continue
        try:
            written.append(place.write(made))
        except UsageError as error:
            faults += error.faults
    if faults:
        raise UsageError(faults)
    return Anchored(made.batch_id, made.hash, made.at, tuple(written))


def read_anchors(places: Sequence[Place], name: str) -> list[Anchor]:
    """The anchors of a project's ledger, oldest first, each once.

    Parameters
    ----------
    places : sequence of Place
        Those that only their receiver can read are passed over.
    name : str
        The project's.

    Returns
    -------
    list of Anchor

    Raises
    ------
    UsageError
        For a place without an anchor of this ledger: that would prove nothing.
    """
    found: list[Anchor] = []
    for place in places:
        read = place.read()
        if read is None:
            continue
        ours = [anchor for anchor in read if anchor.ledger == name]
        if not ours:
            others = ", ".join(sorted({anchor.ledger for anchor in read})) or "none"
            do = "name what `forewarn ledger anchor` wrote"
            raise UsageError(Fault(place.name, f"anchors of {others}", f"an anchor of {name}", do))
        found += [anchor for anchor in ours if anchor not in found]
    return sorted(found, key=lambda anchor: (datetime.fromisoformat(anchor.at), anchor.batch_id))


def lost_anchors(ledger: Ledger, anchors: Sequence[Anchor]) -> list[Anchor]:
    """Those whose batch the ledger no longer holds."""
    lost = set(ledger.lost([anchor.hash for anchor in anchors]))
    return [anchor for anchor in anchors if anchor.hash in lost]


def vouched(ledger: Ledger, anchors: Sequence[Anchor]) -> Vouched:
    """What anchors vouch for, in a ledger whose chain was verified.

    Parameters
    ----------
    ledger : Ledger
    anchors : sequence of Anchor
        The oldest first.

    Returns
    -------
    Vouched
    """
    lost = lost_anchors(ledger, anchors)
    held = [anchor for anchor in anchors if anchor not in lost]
    upto = max((anchor.batch_id for anchor in held), default=0)
    newest = next((anchor.at for anchor in reversed(held) if anchor.batch_id == upto), None)
    return Vouched(
        anchors=len(anchors),
        lost=len(lost),
        batches=upto,
        since=held[0].at if held else None,
        newest_at=newest,
        open_batches=max(ledger.head().batch_id - upto, 0),
        faults=tuple(map(_lost_in_words, lost)),
    )


def _lost_in_words(anchor: Anchor) -> str:
    return f"batch {anchor.batch_id} as it stood on {anchor.at} ({anchor.hash[:16]}...) is no longer in the ledger"
