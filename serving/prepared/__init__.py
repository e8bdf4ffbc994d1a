"""A day's answers, worked out once and serialised: written by the worker, read by the service."""

from serving.prepared.day import DayHeader, PreparedDay, Summary
from serving.prepared.files import DayWriter, PreparedAccount, current_day, remove_days, set_current
from serving.prepared.lists import DayLists, EarlierAccount, EarlierDay, MilestoneRetention, RetentionShare

__all__ = [
    "DayHeader",
    "DayLists",
    "DayWriter",
    "EarlierAccount",
    "EarlierDay",
    "MilestoneRetention",
    "PreparedAccount",
    "PreparedDay",
    "RetentionShare",
    "Summary",
    "current_day",
    "remove_days",
    "set_current",
]
