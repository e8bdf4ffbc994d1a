"""Gives hashed keys consecutive numbers, many keys at a time.

A table with places for four times as many keys as there are: a key stands at the place that its highest bits name, or
at one of the next where others came before it. Libraries look up one key after another, in four times the time.
"""

from __future__ import annotations

import numpy as np

FIRST_BITS = 12
ROOM = 4  # places for each key: few then stand elsewhere than where they are looked for first
ENTRY = np.dtype([("key", "uint64"), ("number", "int64")])  # side by side, to be fetched together


class KeyIndex:
    """Gives each distinct key a number of its own: 0, 1, 2 ... as they come. Keys are uint64, evenly spread."""

    def __init__(self) -> None:
        self.count = 0
        self._clear(FIRST_BITS)

    def number(self, keys: np.ndarray) -> np.ndarray:
        """(n,) int64 numbers of (n,) keys, known or new."""
        numbers = self.find(keys)
        new = np.flatnonzero(numbers < 0)
        if len(new):
            self._add(np.unique(keys[new]))
            numbers[new] = self.find(keys[new])
        return numbers

    def find(self, keys: np.ndarray) -> np.ndarray:
        """(n,) int64 numbers of (n,) keys; -1 of those that have none."""
        places = self._places(keys)
        entries = self._table[places]
        numbers = entries["number"]
        elsewhere = np.flatnonzero(entries["key"] != keys)
        # A free place has no number: the search for a key ends there.
        while len(elsewhere := elsewhere[numbers[elsewhere] >= 0]):
            places[elsewhere] = self._next(places[elsewhere])
            entries = self._table[places[elsewhere]]
            numbers[elsewhere] = entries["number"]
            elsewhere = elsewhere[entries["key"] != keys[elsewhere]]
        return numbers

    def _clear(self, bits: int) -> None:
        self._bits = bits
        self._table = np.zeros(1 << bits, ENTRY)
        self._table["number"] = -1

    def _places(self, keys: np.ndarray) -> np.ndarray:
        return (keys >> np.uint64(64 - self._bits)).view("int64")

    def _next(self, places: np.ndarray) -> np.ndarray:
        return (places + 1) & (len(self._table) - 1)

    def _add(self, keys: np.ndarray) -> None:
        """Distinct keys, none of which is known."""
        numbers = np.arange(self.count, self.count + len(keys))
        self.count += len(keys)
        if ROOM * self.count > len(self._table):
            known = self._table[self._table["number"] >= 0]
            keys, numbers = np.append(known["key"], keys), np.append(known["number"], numbers)
            self._clear((ROOM * self.count).bit_length())
        table, places, left = self._table, self._places(keys), np.arange(len(keys))
        while len(left):
            free = left[table["number"][places[left]] < 0]
            table["key"][places[free]] = keys[free]
            # Of several that want one place, the one written last has it.
            placed = free[table["key"][places[free]] == keys[free]]
            table["number"][places[placed]] = numbers[placed]
            left = left[table["number"][places[left]] != numbers[left]]
            places[left] = self._next(places[left])
