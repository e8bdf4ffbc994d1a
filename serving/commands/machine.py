"""The machine under forewarn: the server process, the state folder, and what is missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from configs.errors import Fault, ForewarnError, UsageError
from configs.json_object import JsonObject
from configs.settings import Settings
from configs.settings_file import load_settings
from configs.state_paths import StatePaths
from serving.prepared import current_day

PACKAGES = ("bentoml", "mlflow", "lightgbm", "duckdb")
SERVICE = "serving.service:Forewarn"
# Neither BentoML nor MLflow may report anything to anybody.
QUIET = {"BENTOML_DO_NOT_TRACK": "True", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


def serve(config: Path, host: str, port: int) -> None:
    """Becomes `bentoml serve`; never returns. ForewarnError when nothing can be served.

    Where a day was prepared before, it serves at once, and the service's worker looks for what is newer.
    """
    settings = load_settings(config)
    if current_day(settings.paths.served) is None:
        from serving.scoring import prepare

        prepare(config, datetime.now(UTC))
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


@dataclass(frozen=True)
class Requirement:
    """Something that forewarn uses: whether it is here, and in `description` its version or how to get it."""

    name: str
    is_present: bool
    description: str
    optional: bool = False


@dataclass(frozen=True)
class Diagnosis:
    """What this machine and this project have and lack; `ready` when nothing is missing that is not optional."""

    requirements: tuple[Requirement, ...]

    @property
    def ready(self) -> bool:
        return all(requirement.is_present or requirement.optional for requirement in self.requirements)

    def to_json(self) -> JsonObject:
        return {"ready": self.ready, **asdict(self)}


def doctor(config: Path) -> Diagnosis:
    """What this machine and this project have, what they lack, and how to get it; a champion is asked to score."""
    python = f"{sys.version.split()[0]}, 3.11 or newer needed"
    needed = [Requirement("Python", sys.version_info >= (3, 11), python)]
    needed += [_package(name, "pip install -r requirements.txt") for name in PACKAGES]
    optional = [
        _package("pyspark", "pip install 'forewarn[spark]', for warehouses on Spark"),
        _program("java", "apt-get install default-jre-headless; only Spark needs it"),
        _chromium(),
        _program("initdb", "apt-get install postgresql, for the database tests"),
    ]
    if config.exists():
        settings = load_settings(config)
        needed.append(Requirement("project", True, f"{config}, settings version {settings.version}"))
        train = "`forewarn train`, `forewarn backtest`, `forewarn promote`"
        optional.append(_store("models", settings.serving.tracking, settings.paths.tracking, train))
        optional.append(_store("ledger", settings.serving.ledger, settings.paths.ledger, "`forewarn score`"))
        champion = _champion(settings)
        (optional if champion.optional else needed).append(champion)
    else:
        optional.append(Requirement("project", False, f"no {config}: `forewarn init DIR` proposes one"))
    return Diagnosis((*needed, *(replace(requirement, optional=True) for requirement in optional)))


def _champion(settings: Settings) -> Requirement:
    """The model that scores, opened and asked about one account; what keeps it from that is not optional."""
    from serving.project import Project
    from serving.scoring import probe_champion

    try:
        with Project(settings, now=datetime.now(UTC)) as project:
            probed = probe_champion(project)
    except ForewarnError as error:
        return Requirement("champion", False, "; ".join(map(str, error.faults)))
    if probed is None:
        return Requirement("champion", False, "made by `forewarn promote`", optional=True)
    within = f"{probed.p_churn * 100:.1f} % within {probed.horizon_days} days"
    return Requirement(
        "champion", True, f"version {probed.version} scores {probed.account_id} as of {probed.as_of}: {within}"
    )


def _store(name: str, url: str | None, path: Path, how: str) -> Requirement:
    """A database of the project. Its URL may hold a password and is not shown."""
    if url is not None:
        return Requirement(name, True, "on a server of its own")
    return Requirement(name, path.exists(), str(path) if path.exists() else f"made by {how}")


def _package(name: str, how: str) -> Requirement:
    is_present = importlib.util.find_spec(name) is not None
    return Requirement(name, is_present, version(name) if is_present else how)


def _chromium() -> Requirement:
    from evaluation.report import GET_CHROMIUM, chromium

    path = chromium()
    how = f"{GET_CHROMIUM}, for `report --pdf` and the browser tests"
    return Requirement("chromium", path is not None, path or how)


def _program(name: str, how: str) -> Requirement:
    path = shutil.which(name) or next(iter(sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)
    return Requirement(name, path is not None, str(path) if path else how)
