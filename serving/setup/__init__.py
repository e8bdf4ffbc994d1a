"""The first hour of a project: a mapping proposed from its files, and mends of one that `check` refuses."""

from serving.setup.fix import Mended, fix
from serving.setup.init import Proposal, init

__all__ = ["Mended", "Proposal", "fix", "init"]
