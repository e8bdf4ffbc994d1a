"""The first look at a folder of files: which canonical tables they may be, and a forewarn.yaml that maps them."""

from features.sources.proposal.data_files import data_files, read_typed
from features.sources.proposal.guess import Refusal
from features.sources.proposal.propose import ProposedMapping, propose_mapping
from features.sources.proposal.questions import Question
from features.sources.proposal.sampled import is_large, write_samples

__all__ = [
    "ProposedMapping",
    "Question",
    "Refusal",
    "data_files",
    "is_large",
    "propose_mapping",
    "read_typed",
    "write_samples",
]
