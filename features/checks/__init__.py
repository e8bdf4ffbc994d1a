"""What `check` finds in the sources: feeds, leakage suspects, rewritten columns."""

from features.checks.check_report import check
from features.checks.leakage import find_suspects, require_no_suspects
from features.checks.univariate_auc import Separation, separate

__all__ = ["Separation", "check", "find_suspects", "require_no_suspects", "separate"]
