"""How a command says what it is doing: a moving bar on a terminal, lines in a log, nothing when told to be quiet."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from configs.progress import Progress, silent

MEGABYTE = 1024  # getrusage counts kilobytes on Linux


@dataclass(frozen=True)
class Verbosity:
    """What a command says beside its answer.

    Attributes
    ----------
    quiet : bool
        Nothing of what it is doing; faults are told all the same.
    verbose : bool
        A line for each step, with the processor's seconds and the memory so far, on a terminal too.
    log : Path or None
        A file that gets every step and the end, with the time of day, whatever the terminal shows.
    """

    quiet: bool = False
    verbose: bool = False
    log: Path | None = None

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """What to call with each step."""
        with ExitStack() as stack:
            shown = silent if self.quiet else stack.enter_context(_shown(self.verbose))

            def tell(message: str) -> None:
                self.note(message)
                shown(message)

            yield tell

    def note(self, message: str) -> None:
        """Writes into the log alone."""
        if self.log is not None:
            with self.log.open("a", encoding="utf-8") as lines:
                lines.write(f"{datetime.now(UTC).isoformat(timespec='seconds')}  {message}\n")


@contextmanager
def _shown(verbose: bool) -> Iterator[Callable[[str], None]]:
    if verbose or not sys.stderr.isatty():
        begun = time.monotonic()
        used = _used if verbose else lambda: ""
        yield lambda message: print(
            f"{time.monotonic() - begun:6.1f} s{used()}  {message}", file=sys.stderr, flush=True
        )
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(20), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda message: bar.update(task, description=message)


def _used() -> str:
    """Processor seconds and the most memory so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE
    return f"  {time.process_time():6.1f} cpu s  {peak:5.0f} MB"
