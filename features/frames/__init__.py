"""The frames that signals aggregate, one a source table or a view of it."""

from features.frames.catalogue import FRAMES, FrameInputs, frame_named, tables_of
from features.frames.contracts import COVER, contract_ends
from features.frames.credits import CREDITS

__all__ = ["COVER", "CREDITS", "FRAMES", "FrameInputs", "contract_ends", "frame_named", "tables_of"]
