"""CONTRIBUTING's recipes, followed to the letter on a copy of the project: "add one more" is as short as it says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("configs", "features", "training", "evaluation", "serving", "docs", "tests")
FILES = ("README.md", "CONTRIBUTING.md", "pyproject.toml", "bentofile.yaml", "requirements.txt", "requirements-dev.txt")

pytestmark = pytest.mark.slow


class Copy:
    """A copy of the project that may be edited, and code that runs on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in PARTS:
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        for file in FILES:
            shutil.copy(ROOT / file, folder / file)

    def put(self, file: str, before: str, text: str) -> None:
        """Writes `text` into a file in front of the first `before`; an edit that finds no place for itself fails."""
        path = self.folder / file
        body = path.read_text(encoding="utf-8")
        assert before in body, f"{file} has no {before!r}"
        path.write_text(body.replace(before, text + before, 1), encoding="utf-8")

    def _call(self, *command: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PYTHONPATH": str(self.folder)}
        return subprocess.run(
            [sys.executable, *command], cwd=self.folder, env=env, capture_output=True, text=True, check=False
        )

    def run(self, *command: str) -> str:
        done = self._call(*command)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
        return done.stdout

    def refused(self, *command: str) -> str:
        done = self._call(*command)
        assert done.returncode != 0, done.stdout[-2000:]
        return done.stdout

    def code(self, text: str) -> str:
        return self.run("-c", text)


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[], Copy]:
    return lambda: Copy(tmp_path / "project")


def test_one_more_setting(copy: Callable[[], Copy]) -> None:
    project = copy()
    project.put("configs/settings.py", "    capacity_share:", "    patience_days: int = 7\n")
    project.put("configs/default.yaml", "  capacity_share:", "  patience_days: 9               # days\n")
    (project.folder / "forewarn.yaml").write_text(
        "extends: default\ntables: {accounts: {from: a.csv}, contracts: {from: c.csv}}\n"
    )
    said = project.code(
        "from configs.settings_file import load_settings\n"
        "print(load_settings('forewarn.yaml').evaluation.patience_days)"
    )
    assert said.strip() == "9"


SIGNAL = """    AggregateSignal(
        name="usage_60d",
        unit="events",
        healthier=1,
        sentence="usage in the last 60 days",
        value=lambda t: t.quantity.sum(where=t.age <= 60),
        window_days=60,
        **DAYS,
        **COUNT,
    ),
"""
COMPANY = """
from pathlib import Path
import yaml
from configs.settings_file import load_settings
from features.synthetic import company_config, make_company
make_company(Path("."), 25)
Path("forewarn.yaml").write_text(yaml.safe_dump(company_config() | {"snapshots": {"at": ["2025-06-01"]}}))
settings = load_settings("forewarn.yaml")
"""


def test_one_more_signal(copy: Callable[[], Copy]) -> None:
    project = copy()
    place = '    AggregateSignal(\n        name="usage_before_14d"'
    project.put("features/signals/usage.py", place, SIGNAL)
    # A hand-counted case is asked for by name where there is none.
    body = (project.folder / "docs/signals.md").read_text()
    made = project.run("-m", "features.signals.describe")
    assert ("usage_60d" in made, "usage_60d" in body) == (True, False)
    said = project.code(
        COMPANY + "from features.dataset import load_dataset\n"
        "signals = load_dataset(settings).signals.dropna(subset=['usage_30d'])\n"
        "print((signals.usage_60d >= signals.usage_30d).all(), (signals.usage_60d > signals.usage_30d).any())"
    )
    assert said.split() == ["True", "True"]


TABLE = """    Table(
        "visits",
        "visited_at",
        (ACCOUNT, _required("visited_at", "time"), Column("rating", "number", low=1, high=5), RECORDED),
        activity=True,
    ),
"""


def test_one_more_source_table(copy: Callable[[], Copy]) -> None:
    """`init` proposes it, `check` reads it and holds its ranges."""
    project = copy()
    project.put("configs/tables.py", '    Table(\n        "invoices"', TABLE)
    raw = project.folder / "raw"
    raw.mkdir()
    (raw / "accounts.csv").write_text("account_id,created_at\n" + "".join(f"a{n},2024-01-01\n" for n in range(40)))
    (raw / "contracts.csv").write_text(
        "account_id,starts_at,ends_at\n" + "".join(f"a{n},2024-01-01,2025-01-01\n" for n in range(40))
    )
    (raw / "visits.csv").write_text(
        "account_id,visited_at,rating\n" + "".join(f"a{n},2024-0{1 + n % 9}-10,{1 + n % 5}\n" for n in range(40))
    )
    project.run("-m", "serving", "init", "raw")
    proposed = (raw / "forewarn.yaml").read_text()
    assert "visits:" in proposed
    said = project.code(
        "from configs.settings_file import load_settings\n"
        "from features.sources import open_sources\n"
        "print(open_sources(load_settings('raw/forewarn.yaml')).tables['visits'].count().execute())"
    )
    assert said.strip() == "40"


COMMAND = """@main.command()
@click.pass_obj
def tables(session: Session) -> None:
    \"\"\"Count the tables that are mapped.\"\"\"
    from serving.commands.tables import tables

    with session.project() as project:
        session.show(tables(project), lambda counted: [f"{counted.mapped} tables"])


"""
FUNCTION = """\"\"\"How many source tables a project maps.\"\"\"

from __future__ import annotations

from dataclasses import dataclass

from serving.project import Project


@dataclass(frozen=True)
class Counted:
    \"\"\"What `tables` counted.\"\"\"

    mapped: int


def tables(project: Project) -> Counted:
    \"\"\"The number of tables that the settings map.\"\"\"
    return Counted(len(project.settings.tables))
"""


def test_one_more_command(copy: Callable[[], Copy]) -> None:
    project = copy()
    (project.folder / "serving/commands/tables.py").write_text(FUNCTION)
    project.put("serving/cli/main.py", "@main.command()\n@click.pass_obj\ndef doctor", COMMAND)
    unlisted = project.refused(
        "-m", "pytest", "-q", "-n", "0", "tests/test_house.py", "-k", "readme_names_every_command"
    )
    assert "tables" in unlisted
    project.put("README.md", "| `doctor` |", "| `tables` | counts the tables that are mapped |\n")
    project.run("-m", "pytest", "-q", "-n", "0", "tests/test_house.py", "-k", "readme or size")
    (project.folder / "forewarn.yaml").write_text(
        "extends: default\ntables: {accounts: {from: a.csv}, contracts: {from: c.csv}}\n"
    )
    assert project.run("-m", "serving", "tables").strip() == "2 tables"
    assert project.run("-m", "serving", "--json", "tables").strip() == '{"mapped": 2}'


SECTION = """\"\"\"How many accounts were judged at all.\"\"\"

from evaluation.report.sections.context import Figure, ReportContext


def reach_figures(context: ReportContext) -> Figure:
    \"\"\"reach: the accounts whose window has passed.\"\"\"
    return {"reach": {"accounts": int(context.frames.rows["account_id"].nunique())}}
"""
REPORT = """
import json
from pathlib import Path
from evaluation.report import ReportInputs, write_report
from tests.evaluation.simulated import company, settings
judged, baselines = company(150)
files = write_report(ReportInputs(judged, baselines), settings(), Path("out"), {"created": "2026-01-01"})
report = json.loads(files.json.read_text())
page = files.html.read_text()
print(report["reach"]["accounts"] == report["scope"]["accounts"], "Judged at all: 1" in page, 'href="#reach"' in page)
"""


def test_one_more_section_of_the_report(copy: Callable[[], Copy]) -> None:
    project = copy()
    registry = "evaluation/report/sections/registry.py"
    (project.folder / "evaluation/report/sections/reach.py").write_text(SECTION)
    (project.folder / "evaluation/report/templates/reach.html").write_text(
        '<section id="reach"><h2>Reach</h2><p>Judged at all: {{ report.reach.accounts }}</p></section>\n'
    )
    imported = "from evaluation.report.sections.revenue import"
    project.put(registry, imported, "from evaluation.report.sections.reach import reach_figures\n")
    project.put(registry, '    Section("refused"', '    Section("reach", reach_figures, "reach.html", "Reach"),\n')
    assert project.code(REPORT).split() == ["True", "True", "True"]


ALARM = """def _many(figures: Figures, kind: Kind) -> Iterator[Trip]:
    for scored in figures.scores:
        if scored.rows > kind.limit:
            yield Trip(scored.as_of, "", float(scored.rows), f"{scored.rows} accounts were scored")


"""
KIND = """    (Kind("many", "Many accounts", 3, "accounts", "count them", "few accounts were scored"), _many),
"""
WATCH = """
from evaluation.monitoring import monitor
from tests.evaluation.quiet_company import SCHEMA, SINCE, company
from tests.evaluation.simulated import settings
quiet = company(0)
found = monitor(quiet.predictions, settings(), SINCE, quiet.signals, SCHEMA)
print("many" in {alarm.kind for alarm in found.alarms})
"""


def test_one_more_alarm(copy: Callable[[], Copy]) -> None:
    project = copy()
    file = "evaluation/monitoring/alarms.py"
    project.put(file, 'MORE, FEWER = "more_churn"', ALARM)
    body = (project.folder / file).read_text()
    kinds = next(line for line in body.splitlines(keepends=True) if line.startswith("KINDS:"))
    (project.folder / file).write_text(body.replace(kinds, kinds + KIND, 1))
    assert project.code(WATCH).strip() == "True"
