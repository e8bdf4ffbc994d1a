"""The frames that signals aggregate, one a source table or a view of it."""

from features.frames.catalogue import FRAMES, FrameInputs, frame_named, tables_of
from features.frames.contracts import COVER

__all__ = ["COVER", "FRAMES", "FrameInputs", "frame_named", "tables_of"]
