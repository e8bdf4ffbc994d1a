"""Scores on their way to where people work: records of accounts, and the receivers that take them."""

from serving.exchange.push import Pushed, push
from serving.exchange.receivers import Limits, receiver_of

__all__ = ["Limits", "Pushed", "push", "receiver_of"]
