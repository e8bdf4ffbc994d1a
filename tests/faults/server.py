"""A PostgreSQL server that can be ended as a crash ends it, and started again on what it left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.conftest import _binaries, _free_port, _wait_until_up


class Server:
    """One server in a folder of its own; `url` stays the same over restarts."""

    def __init__(self) -> None:
        self.binaries = _binaries()
        assert self.binaries is not None
        self.folder = Path(tempfile.mkdtemp(prefix="forewarn-faults-"))
        self.port = _free_port()
        self.url = f"postgresql://forewarn@127.0.0.1:{self.port}/postgres"
        self.as_user: dict[str, Any] = {"cwd": self.folder, "env": {"PATH": os.environ["PATH"], "TZ": "UTC"}}
        if os.geteuid() == 0:  # the server refuses to run as root
            self.as_user |= {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(self.folder, "postgres", "postgres")
        how = ["-U", "forewarn", "--auth=trust", "--encoding=UTF8", "--locale=C", "-N"]
        subprocess.run(
            [self.binaries / "initdb", "-D", self.folder / "data", *how],
            check=True,
            capture_output=True,
            **self.as_user,
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert self.binaries is not None
        options = [f"-p{self.port}", f"-k{self.folder}", "-c", "listen_addresses=127.0.0.1"]
        with (self.folder / "log").open("ab") as log:
            command = [self.binaries / "postgres", "-D", self.folder / "data", *options]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, **self.as_user)
        _wait_until_up(self.url, self.process, self.folder / "log")

    def crash(self) -> None:
        """At once, without a checkpoint: what counts afterwards is what its log holds."""
        assert self.process is not None
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)
