"""A whole ledger into another database."""

from evaluation.ledger.transfer.copying import copy_ledger

__all__ = ["copy_ledger"]
