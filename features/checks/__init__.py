"""What `check` finds in the sources: feeds, leakage suspects, rewritten columns."""

from features.checks.check_report import CheckReport, check
from features.checks.feeds import Feed, feeds_of
from features.checks.leakage import find_suspects, require_no_suspects
from features.checks.suspicions import Figure, Suspect
from features.checks.univariate_auc import Separation, separate

__all__ = [
    "CheckReport",
    "Feed",
    "Figure",
    "Separation",
    "Suspect",
    "check",
    "feeds_of",
    "find_suspects",
    "require_no_suspects",
    "separate",
]
