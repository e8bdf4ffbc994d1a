"""Rows of the ledger about somebody: exported, or erased with their hashes kept."""

from evaluation.ledger.erasing.erasure import Erased, Subject, erase, older_than, rows_about

__all__ = ["Erased", "Subject", "erase", "older_than", "rows_about"]
