"""The first look at a folder of files: which canonical tables they may be, and a forewarn.yaml that maps them."""

from features.sources.proposal.data_files import data_files, read_typed
from features.sources.proposal.propose import propose_mapping

__all__ = ["data_files", "propose_mapping", "read_typed"]
