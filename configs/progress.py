"""The type of the function that long work reports its progress to."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]
"""Called with a short message at each step; the command line shows it, `lambda message: None` drops it."""
