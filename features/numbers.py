"""Numbers for keys that are told apart by a hash, many at a time.

A table with places for twice as many keys as there are: a key stands at the place that its highest bits name, or at
one of the next where others came before it. Libraries look up one key after another, in three times the time.
"""

from __future__ import annotations

import numpy as np

FIRST_BITS = 12


class Numbers:
    """Gives each distinct key a number of its own: 0, 1, 2 ... as they come. Keys are uint64, spread evenly, not 0."""

    def __init__(self) -> None:
        self.count = 0
        self._room(FIRST_BITS)

    def of(self, keys: np.ndarray) -> np.ndarray:
        """(n,) int32 numbers of (n,) keys, known or new."""
        found = self._find(keys)
        new = np.flatnonzero(found < 0)
        if len(new):
            self._add(np.unique(keys[new]))
            found[new] = self._find(keys[new])
        return found

    def _room(self, bits: int) -> None:
        self._bits = bits
        self._keys = np.zeros(1 << bits, "uint64")
        self._numbers = np.full(1 << bits, -1, "int32")

    def _places(self, keys: np.ndarray) -> np.ndarray:
        return (keys >> np.uint64(64 - self._bits)).view("int64")

    def _find(self, keys: np.ndarray) -> np.ndarray:
        """Their numbers; -1 of those unknown."""
        place = self._places(keys)
        found = self._numbers[place]
        # A free place names no number: the search for a key ends there.
        astray = np.flatnonzero((self._keys[place] != keys) & (found >= 0))
        while len(astray):
            place[astray] = (place[astray] + 1) & (len(self._keys) - 1)
            at = place[astray]
            found[astray] = self._numbers[at]
            astray = astray[(self._keys[at] != keys[astray]) & (found[astray] >= 0)]
        return found

    def _add(self, keys: np.ndarray) -> None:
        """Distinct keys, none of which is known."""
        total = self.count + len(keys)
        if 4 * total > len(self._keys):
            taken = self._numbers >= 0
            keys, numbers = np.append(self._keys[taken], keys), np.append(self._numbers[taken], self._next(len(keys)))
            self._room(int(4 * total).bit_length())
        else:
            numbers = self._next(len(keys))
        place = self._places(keys)
        left = np.arange(len(keys))
        while len(left):
            free = left[self._numbers[place[left]] < 0]
            self._keys[place[free]] = keys[free]
            # Of several that want one place, the last written has it.
            taken = free[self._keys[place[free]] == keys[free]]
            self._numbers[place[taken]] = numbers[taken]
            left = left[self._keys[place[left]] != keys[left]]
            place[left] = (place[left] + 1) & (len(self._keys) - 1)
        self.count = total

    def _next(self, count: int) -> np.ndarray:
        return np.arange(self.count, self.count + count, dtype="int32")
