"""The ledger's newest hash, written down where whoever can rewrite the ledger cannot: a file, a git repository, a
webhook."""

from serving.anchors.anchor import Anchor, anchors_in
from serving.anchors.places import Place, place_of
from serving.anchors.proof import Anchored, Vouched, anchor, configured, read_anchors, vouched

__all__ = [
    "Anchor",
    "Anchored",
    "Place",
    "Vouched",
    "anchor",
    "anchors_in",
    "configured",
    "place_of",
    "read_anchors",
    "vouched",
]
