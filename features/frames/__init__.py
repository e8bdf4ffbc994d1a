"""The frames that signals aggregate, one a source table or a view of it."""

from features.frames.catalogue import Seen, fold_named, tables_of

__all__ = ["Seen", "fold_named", "tables_of"]
