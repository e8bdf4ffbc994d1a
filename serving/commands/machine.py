"""The machine under forewarn: the server process, the state folder, and what is missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from configs.errors import Fault, UsageError
from configs.settings_file import load_settings
from configs.state_paths import StatePaths
from evaluation.report import GET_CHROMIUM, chromium

SERVICE = "serving.api.service:Forewarn"
# Neither BentoML nor MLflow may report anything to anybody.
QUIET = {"BENTOML_DO_NOT_TRACK": "True", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


def serve(config: Path, host: str, port: int) -> None:
    """Becomes `bentoml serve`; never returns. UsageError when there is no champion to serve."""
    settings = load_settings(config)
    from training.tracking import load_champion

    load_champion(settings)
    home = settings.paths.bentoml
    home.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        **QUIET,
        "BENTOML_HOME": os.environ.get("BENTOML_HOME", str(home)),
        "FOREWARN_CONFIG": str(config.resolve()),
    }
    command = [sys.executable, "-m", "bentoml", "serve", SERVICE, "--host", host, "--port", str(port)]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, command, environment)


def remove_state(folder: Path) -> None:
    """Removes a state folder that forewarn made; UsageError for any other folder."""
    if not folder.exists():
        return
    if not StatePaths(folder).is_state:
        raise UsageError(Fault(str(folder), "a folder without state", "a state folder", "remove it yourself"))
    shutil.rmtree(folder)


def doctor(config: Path) -> dict[str, Any]:
    """What this machine and this project have, what they lack, and how to get it."""
    things = [_thing("Python", sys.version_info >= (3, 11), f"{sys.version.split()[0]}, 3.11 or newer needed")]
    things += [
        _package(name, "pip install -r requirements.txt") for name in ("bentoml", "mlflow", "lightgbm", "duckdb")
    ]
    optional = [
        _package("pyspark", "pip install 'forewarn[spark]', for warehouses on Spark"),
        _program("java", "apt-get install default-jre-headless; only Spark needs it"),
        _chromium(),
        _program("initdb", "apt-get install postgresql, for the database tests"),
    ]
    if config.exists():
        settings = load_settings(config)
        things.append(_thing("project", True, f"{config}, settings version {settings.version}"))
        train = "`forewarn train`, `forewarn backtest`, `forewarn promote`"
        optional.append(_store("models", settings.serving.tracking, settings.paths.tracking, train))
        optional.append(_store("ledger", settings.serving.ledger, settings.paths.ledger, "`forewarn score`"))
    else:
        optional.append(_thing("project", False, f"no {config}: `forewarn init DIR` proposes one"))
    return {
        "ready": all(one["there"] for one in things),
        "things": things + [{**one, "what": one["what"] + " (optional)"} for one in optional],
    }


def _thing(what: str, there: bool, says: str) -> dict[str, Any]:
    return {"what": what, "there": there, "says": says}


def _store(what: str, url: str | None, path: Path, how: str) -> dict[str, Any]:
    """A database of the project. Its URL may hold a password and is not shown."""
    if url is not None:
        return _thing(what, True, "on a server of its own")
    return _thing(what, path.exists(), str(path) if path.exists() else f"made by {how}")


def _package(name: str, how: str) -> dict[str, Any]:
    there = importlib.util.find_spec(name) is not None
    return _thing(name, there, version(name) if there else how)


def _chromium() -> dict[str, Any]:
    found = chromium()
    return _thing("chromium", found is not None, found or f"{GET_CHROMIUM}, for `report --pdf` and the browser tests")


def _program(name: str, how: str) -> dict[str, Any]:
    found = shutil.which(name) or next(iter(sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)
    return _thing(name, found is not None, str(found) if found else how)
