"""How backups, and what is proved of the ledger, read on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.backup import BackedUp, Restored


def backup_lines(result: BackedUp) -> list[str]:
    ledger = "no ledger" if result.ledger_hash is None else f"a ledger of {result.ledger_batches} batches"
    lines = [f"{result.file}: {result.files} files, {result.size_mb:.1f} MB, {ledger}"]
    if result.ledger_hash:
        lines.append(f"newest hash {result.ledger_hash}")
    return [*lines, *(f"not in it: {what}" for what in result.left_out)]


def restore_lines(result: Restored) -> list[str]:
    lines = [f"{result.config}, as of {result.taken_at}: {result.files} files"]
    if result.ledger is not None:
        state = "intact" if result.intact else "NOT INTACT"
        lines.append(f"ledger {result.ledger}: {state}, {result.ledger_batches} batches, newest {result.ledger_hash}")
    lines += [f"  {fault}" for fault in result.faults[:20]]
    if result.set_variable is not None:
        lines.append(f"the ledger's URL holds a password: set {result.set_variable} to it; no file holds it")
    return [*lines, f"go on with: forewarn --config {result.config} doctor"]
