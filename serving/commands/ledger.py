"""What `ledger verify` and `ledger export` do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from serving.project import Project


@dataclass(frozen=True)
class LedgerVerified:
    """Whether every batch is as it was written; `hash` is the newest, `fault_count` may exceed the faults listed."""

    intact: bool
    batches: int
    rows: int
    hash: str
    faults: tuple[str, ...]
    fault_count: int


@dataclass(frozen=True)
class LedgerExported:
    """The files that were written."""

    files: tuple[str, ...]


def verify_ledger(project: Project) -> LedgerVerified:
    """Whether every batch of the ledger is as it was written; UsageError while there is no ledger."""
    verified = project.written_ledger.verify()
    faults = tuple(str(fault) for fault in verified.faults)
    return LedgerVerified(verified.ok, verified.batches, verified.rows, verified.hash, faults, verified.found)


def export_ledger(project: Project, out: Path) -> LedgerExported:
    """The predictions of the ledger as one Parquet file, or all its tables into a folder."""
    return LedgerExported(tuple(str(path) for path in project.written_ledger.export(out)))
