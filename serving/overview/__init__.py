"""What is worked out for leaders, scientists and admins: renewals, playbooks, the served model, versions, feeds."""

from serving.overview.leaders import feeds_answer, leaders
from serving.overview.served_model import served_model, versions_compared

__all__ = ["feeds_answer", "leaders", "served_model", "versions_compared"]
