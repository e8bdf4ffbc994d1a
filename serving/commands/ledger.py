"""What `ledger verify`, `ledger anchor` and `ledger export` do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from configs.errors import Fault, UsageError
from serving.anchors import Anchored, Vouched, anchor, anchors_in, configured, place_of, read_anchors, vouched
from serving.project import Project


@dataclass(frozen=True)
class LedgerVerified:
    """Whether every batch is as it was written; `hash` is the newest, `fault_count` may exceed the faults listed.

    `vouched` is what anchors prove (None without any), `unguarded` which triggers would not refuse a change: without
    them the ledger is not `guarded`, intact as it may be. `erased` counts rows of which the hashes are left.
    """

    intact: bool
    batches: int
    rows: int
    hash: str
    faults: tuple[str, ...]
    fault_count: int
    guarded: bool = True
    unguarded: tuple[str, ...] = ()
    vouched: Vouched | None = None
    erased: int = 0

    @property
    def passed(self) -> bool:
        return self.intact and self.guarded


@dataclass(frozen=True)
class LedgerExported:
    """The files that were written."""

    files: tuple[str, ...]


def verify_ledger(project: Project, where: Sequence[str] = (), lines: Sequence[str] = ()) -> LedgerVerified:
    """Whether every batch of the ledger is as it was written.

    Parameters
    ----------
    project : Project
    where : sequence of str
        Further places of anchors, beside those of the settings; see `place_of`.
    lines : sequence of str
        Anchors themselves.

    Returns
    -------
    LedgerVerified

    Raises
    ------
    UsageError
        While there is no ledger, or where a place holds no anchor of it.
    """
    ledger, name = project.written_ledger, project.settings.name
    anchors = read_anchors([*configured(project.settings), *map(place_of, where)], name)
    anchors += [anchor for anchor in anchors_in(lines, "stdin") if anchor.ledger == name and anchor not in anchors]
    verified = ledger.verify()
    proof = vouched(ledger, anchors) if anchors else None
    lost = () if proof is None else proof.faults
    return LedgerVerified(
        intact=verified.ok and not lost,
        batches=verified.batches,
        rows=verified.rows,
        hash=verified.hash,
        faults=(*map(str, verified.faults), *lost),
        fault_count=verified.found + len(lost),
        guarded=not verified.unguarded,
        unguarded=verified.unguarded,
        vouched=proof,
        erased=verified.erased,
    )


def anchor_ledger(project: Project, where: Sequence[str], now: datetime) -> Anchored:
    """Writes the newest hash to these places, or to those of the settings; UsageError where neither names any."""
    places = [place_of(text) for text in where] or configured(project.settings)
    if not places:
        do = "--to FILE, git:FOLDER or a URL, or the setting serving.anchors"
        raise UsageError(Fault("ledger anchor", "no place", "a place outside of the ledger", do))
    return anchor(project.written_ledger, project.settings.name, places, now)


def export_ledger(project: Project, out: Path) -> LedgerExported:
    """The predictions of the ledger as one Parquet file, or all its tables into a folder; else a UsageError."""
    if out.exists() and out.is_dir() == (out.suffix == ".parquet"):
        found, expected = ("a folder", "a file") if out.is_dir() else ("a file", "F.parquet or a folder")
        raise UsageError(Fault(f"--out {out}", found, expected, "name another place"))
    return LedgerExported(tuple(str(path) for path in project.written_ledger.export(out)))
