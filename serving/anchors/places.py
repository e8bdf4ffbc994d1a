"""Where anchors are kept: a file of lines, a git repository, whoever receives a webhook."""

from __future__ import annotations

import os
import re
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from configs.alerts import environment_value
from configs.errors import Fault, UsageError
from serving.anchors.anchor import Anchor, anchors_in

SECRET = "FOREWARN_ANCHOR_SECRET"
GIT, URL = "git:", re.compile(r"https?://")
GIT_FILE = "forewarn-anchors.jsonl"
TIMEOUT_SECONDS = 20


class Place(ABC):
    """One place where anchors are kept; `name` is how it is told to the reader."""

    name: str

    @abstractmethod
    def read(self) -> list[Anchor] | None:
        """Every anchor that was ever written here; None where only its receiver knows."""

    @abstractmethod
    def write(self, anchor: Anchor) -> str:
        """Adds an anchor, and says in words where it stands; UsageError where that fails."""


class FilePlace(Place):
    """A file, an anchor a line, only ever added to."""

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, str(path)

    def read(self) -> list[Anchor]:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(Fault(self.name, str(error), "a file of anchors", "name another file")) from None
        return anchors_in(text.splitlines(), self.name)

    def write(self, anchor: Anchor) -> str:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # One write of one line behind what is there, and on the disk before anybody relies on it.
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(handle, f"{anchor.line}\n".encode())
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise UsageError(Fault(self.name, str(error), "a file that can be written", "name another file")) from None
        return self.name


class GitPlace(Place):
    """A git repository: a commit an anchor, pushed where the branch has an upstream. All its history is read."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, f"{GIT}{folder}"
        self._file = FilePlace(folder / GIT_FILE)

    def read(self) -> list[Anchor]:
        if not self.folder.is_dir():
            raise UsageError(Fault(self.name, "no such folder", "a git repository", "run `git init` there"))
        self._git("rev-parse", "--git-dir")
        # A line that a later commit took out still counts.
        log = ["log", "-p", "--format=", "--all", "--", GIT_FILE]
        lines = [line[1:] for line in self._git(*log).splitlines() if line.startswith("+{")]
        committed = anchors_in(lines, self.name)
        return [*committed, *(anchor for anchor in self._file.read() if anchor not in committed)]

    def write(self, anchor: Anchor) -> str:
        self._file.write(anchor)
        self._git("add", "--", GIT_FILE)
        said = f"The ledger of {anchor.ledger} ends in batch {anchor.batch_id}"
        who = ["-c", "user.name=forewarn", "-c", "user.email=forewarn@localhost"] if not self._knows_who() else []
        self._git(*who, "commit", "--quiet", "-m", said, "--", GIT_FILE)
        made = f"{self.name}, commit {self._git('rev-parse', '--short', 'HEAD').strip()}"
        if not self._git("for-each-ref", "--format=%(upstream)", self._git("symbolic-ref", "HEAD").strip()).strip():
            return f"{made}, which has no upstream to be pushed to"
        self._git("push", "--quiet")
        return f"{made}, pushed"

    def _knows_who(self) -> bool:
        found = subprocess.run(["git", "-C", self.folder, "config", "user.email"], capture_output=True, check=False)
        return found.returncode == 0

    def _git(self, *arguments: str) -> str:
        environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
        command = ["git", "-C", str(self.folder), *arguments]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, env=environment, timeout=TIMEOUT_SECONDS
            )
        except (FileNotFoundError, subprocess.TimeoutExpired) as error:
            raise UsageError(Fault(self.name, str(error)[:200], "git that answers", "install git")) from None
        if done.returncode:
            found = " ".join(done.stderr.split())[:300] or f"exit code {done.returncode}"
            raise UsageError(Fault(self.name, found, "a git repository that takes a commit", "mend the repository"))
        return done.stdout


class WebhookPlace(Place):
    """Whoever answers a POST of the line with 2xx, signed as alerts are; FOREWARN_ANCHOR_SECRET holds the secret."""

    def __init__(self, url: str) -> None:
        self.url, self.name = url, url.split("?")[0]

    def read(self) -> None:
        return None

    def write(self, anchor: Anchor) -> str:
        import httpx

        from serving.alerts import headers, secret_bytes

        key = secret_bytes(environment_value(SECRET, "anchor"), SECRET)
        body = anchor.line.encode()
        at = int(datetime.fromisoformat(anchor.at).timestamp())
        signed = headers(f"anchor_{anchor.hash[:32]}", at, body, [key])
        expected, do = "an answer 2xx", "check the URL and its receiver"
        try:
            answer = httpx.post(
                self.url, content=body, headers={"content-type": "application/json", **signed}, timeout=TIMEOUT_SECONDS
            )
        except httpx.HTTPError as error:
            raise UsageError(Fault(self.name, type(error).__name__, expected, do)) from None
        if not answer.is_success:
            raise UsageError(Fault(self.name, f"status {answer.status_code}", expected, do))
        return self.name


def place_of(text: str, folder: Path | None = None) -> Place:
    """The place that a text names: `git:FOLDER`, a URL, or a file.

    Parameters
    ----------
    text : str
    folder : Path, optional
        From which relative paths count.

    Returns
    -------
    Place

    Examples
    --------
    >>> place_of("git:/a").name, place_of("https://x.example/hook?key=1").name
    ('git:/a', 'https://x.example/hook')
    """
    if URL.match(text):
        return WebhookPlace(text)
    is_git = text.startswith(GIT)
    path = (folder or Path()) / text.removeprefix(GIT)
    return GitPlace(path) if is_git else FilePlace(path)


def places_of(texts: Sequence[str], folder: Path | None = None) -> list[Place]:
    return [place_of(text, folder) for text in texts]
