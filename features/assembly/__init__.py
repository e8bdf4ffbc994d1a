"""From frames to one row of signals a snapshot."""

from features.assembly.frame import assemble

__all__ = ["assemble"]
