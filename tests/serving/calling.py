"""The command line, called in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from serving.cli.main import main


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def on(project: Path, *arguments: str | Path) -> Result:
    return call("--config", project / "forewarn.yaml", *arguments)


def as_json(project: Path, *arguments: str | Path) -> Any:
    done = call("--config", project / "forewarn.yaml", "--json", *arguments)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def edit(project: Path, **changes: object) -> None:
    path = project / "forewarn.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))
