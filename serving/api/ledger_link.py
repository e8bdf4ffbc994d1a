"""The ledger for reads and entries of the routes: opened once, at its first use, and asked in threads.

Answers are written by the writer of `evaluation.ledger.AnswerWriter`; this is for all else.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from configs.errors import Fault, UsageError
from evaluation.ledger import Ledger, LedgerAway

BUSY_SECONDS = 5.0
Result = TypeVar("Result")


class LedgerLink:
    """An open ledger, for as long as it answers.

    Parameters
    ----------
    url : str
        Of the ledger.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._ledger: Ledger | None = None
        self._lock = threading.Lock()

    async def ask(self, question: Callable[[Ledger], Result]) -> Result:
        """What the question returns, asked in a thread; LedgerAway when the ledger does not answer."""
        return await asyncio.to_thread(self._ask, question)

    def _ask(self, question: Callable[[Ledger], Result]) -> Result:
        try:
            return question(self._opened())
        except (DBAPIError, sqlite3.Error, OSError) as error:
            reason = " ".join(str(getattr(error, "orig", error)).split())
            raise _away(reason) from None

    def _opened(self) -> Ledger:
        with self._lock:
            if self._ledger is None:
                try:
                    self._ledger = Ledger.open(self.url, BUSY_SECONDS)
                except UsageError as error:
                    raise _away("; ".join(fault.found for fault in error.faults)) from None
            return self._ledger

    def close(self) -> None:
        if self._ledger is not None:
            self._ledger.close()


def _away(reason: str) -> LedgerAway:
    return LedgerAway(Fault("ledger", reason, "a ledger that answers", "see that it is there and not locked"))
