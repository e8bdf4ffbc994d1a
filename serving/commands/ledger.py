"""What `ledger verify` and `ledger export` do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from configs.errors import Fault, UsageError
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
    """The predictions of the ledger as one Parquet file, or all its tables into a folder; else a UsageError."""
    if out.exists() and out.is_dir() == (out.suffix == ".parquet"):
        found, expected = ("a folder", "a file") if out.is_dir() else ("a file", "F.parquet or a folder")
        raise UsageError(Fault(f"--out {out}", found, expected, "name another place"))
    return LedgerExported(tuple(str(path) for path in project.written_ledger.export(out)))
