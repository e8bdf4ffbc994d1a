"""A page of ours as PDF, printed by the Chromium of this machine, without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from configs.atomic_files import write_whole
from configs.errors import Fault, UsageError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
GET_CHROMIUM = "apt-get install chromium"
DRAWN_MS = 60_000  # of the page's own clock, which runs ahead once nothing is left to draw
LONGEST_S = 300
OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-pdf-header-footer",
    "--proxy-server=127.0.0.1:9",  # nobody listens there: the page asks for nothing, and Chromium shall not either
)


def chromium() -> str | None:
    """Looks for the Chromium of this machine.

    Returns
    -------
    str or None
        Path of the first on the PATH.
    """
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def require_chromium() -> str:
    """The Chromium of this machine, or how to get it.

    Returns
    -------
    str
        Its path.

    Raises
    ------
    UsageError
        Where there is none; says how to get it.
    """
    found = chromium()
    if found is None:
        raise UsageError(Fault("report --pdf", f"none of {', '.join(NAMES)}", "Chromium on the PATH", GET_CHROMIUM))
    return found


def print_pdf(html: Path) -> Path:
    """Prints an HTML file as PDF beside itself.

    Parameters
    ----------
    html : Path
        The file to print.

    Returns
    -------
    Path
        The same with .pdf.

    Raises
    ------
    UsageError
        Without Chromium, or when it fails.
    """
    program, pdf = require_chromium(), html.with_suffix(".pdf")
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []

    def run(path: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="forewarn-chromium-") as profile:
            asked = [f"--user-data-dir={profile}", f"--virtual-time-budget={DRAWN_MS}", f"--print-to-pdf={path}"]
            command = [program, *OPTIONS, *as_root, *asked, f"{html.resolve().as_uri()}#print"]  # all chapters open
            try:
                done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST_S)
            except subprocess.TimeoutExpired:
                raise _failed(program, f"no end after {LONGEST_S} seconds") from None
        if done.returncode or not path.read_bytes().startswith(b"%PDF"):
            raise _failed(program, (done.stderr.strip().splitlines() or ["nothing"])[-1])

    return write_whole(pdf, run)


def _failed(program: str, found: str) -> UsageError:
    return UsageError(Fault(program, found, "a printed page", "run it by hand with --print-to-pdf to see why"))
