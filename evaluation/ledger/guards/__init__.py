"""Whether the ledger's triggers are in force."""

from evaluation.ledger.guards.triggers import guarded_tables, missing_guards

__all__ = ["guarded_tables", "missing_guards"]
