"""How backups, and what is proved of the ledger, read on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.anchors import Anchored, Vouched
    from serving.backup import BackedUp, Restored
    from serving.commands.ledger import LedgerVerified


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


def verify_lines(result: LedgerVerified) -> list[str]:
    if result.intact:
        erased = f" ({result.erased:,} were erased, their hashes kept)" if result.erased else ""
        lines = [f"intact: {result.batches:,} batches, {result.rows:,} rows{erased}, newest hash {result.hash}"]
    else:
        lines = [f"NOT intact: {result.fault_count} faults in {result.batches:,} batches"]
        lines += [f"  - {fault}" for fault in result.faults]
    if not result.guarded:
        lines.append("NOT guarded: the database would no longer refuse changes; restore the ledger from a backup")
        lines += [f"  - {trigger}" for trigger in result.unguarded]
    return [*lines, *_vouched_lines(result.vouched)]


def _vouched_lines(proof: Vouched | None) -> list[str]:
    if proof is None:
        return ["no anchors: nothing outside the ledger vouches for it (`forewarn ledger anchor`)"]
    if not proof.batches:
        return [f"none of {proof.anchors} anchors holds"]
    lines = [
        f"vouched for by {proof.anchors - proof.lost} of {proof.anchors} anchors, the first of {proof.since}:"
        f" batches 1 to {proof.batches} stand as they did on {proof.newest_at}"
    ]
    return [*lines, f"{proof.open_batches} batches since then have no anchor yet"] if proof.open_batches else lines


def anchor_lines(result: Anchored) -> list[str]:
    if result.refused is not None:
        return [f"refused: {result.refused}; see `forewarn ledger verify`"]
    return [f"batch {result.batch_id}, {result.hash}, written to {place}" for place in result.places]
