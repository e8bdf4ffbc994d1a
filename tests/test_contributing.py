"""CONTRIBUTING's recipes, followed to the letter on a copy of the project: "add one more" is as short as it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.copied_project import Copy

pytestmark = pytest.mark.slow


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
    printed = project.code(
        "from configs.settings_file import load_settings\n"
        "print(load_settings('forewarn.yaml').evaluation.patience_days)"
    )
    assert printed.strip() == "9"


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
    printed = project.code(
        COMPANY + "from features.dataset import load_dataset\n"
        "signals = load_dataset(settings).signals.dropna(subset=['usage_30d'])\n"
        "print((signals.usage_60d >= signals.usage_30d).all(), (signals.usage_60d > signals.usage_30d).any())"
    )
    assert printed.split() == ["True", "True"]


CALIBRATOR = '''def fit_level(rows: OutOfTime, seed: int) -> Calibrator:
    """The level alone: one intercept for all stages, the slope left at 1."""
    line = fit_shrunken_platt(rows, seed)
    return replace(line, method="level", slope=0.0, draws=line.draws * [1.0, 0.0])


'''
CANDIDATE = """
from tests.training.calibration.planted import out_of_time
from training.calibration import choose_calibrator
print(choose_calibrator(out_of_time(%d, shift=0.5), seed=1).log["candidate"])
"""
LAWS = ("-m", "pytest", "-q", "-n", "0", "tests/training/calibration/test_methods.py")


def test_one_more_calibrator(copy: Callable[[], Copy]) -> None:
    """The laws find it and hold it; it is the candidate where its churns are reached and no other's are."""
    project = copy()
    methods, platt = "training/calibration/methods.py", "training/calibration/platt.py"
    project.put(platt, "def fit_stage_platt", CALIBRATOR)
    project.put(platt, "from dataclasses import dataclass", "from dataclasses import replace\n")
    project.put(methods, "from training.calibration.platt import", "from training.calibration.platt import fit_level\n")
    project.put(methods, '    Method("shrunken_platt"', '    Method("level", 40, fit_level),\n')
    assert "test_a_method_recovers_a_planted_shift[level]" in project.run(*LAWS, "-rp")
    assert [project.code(CANDIDATE % rows).strip() for rows in (300, 450, 1_500)] == [
        "none",
        "level",
        "shrunken_platt",
    ]
    project.put(methods, '    Method("level"', '    Method("nothing", 30, lambda rows, seed: identity()),\n')
    assert "test_a_method_recovers_a_planted_shift[nothing]" in project.refused(*LAWS)


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
    printed = project.code(
        "from configs.settings_file import load_settings\n"
        "from features.sources import open_sources\n"
        "print(open_sources(load_settings('raw/forewarn.yaml')).tables['visits'].count().execute())"
    )
    assert printed.strip() == "40"


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
