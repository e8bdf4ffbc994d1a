"""What README and docs claim in numbers and names, held against the code that does it."""

from __future__ import annotations

import re
import typing
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import BaseModel

from configs.settings import Settings
from configs.tables import TABLES
from evaluation.backtest.random_split import WORTH_SAYING
from evaluation.metrics import TOO_GOOD_AUC
from evaluation.monitoring import drift
from evaluation.outcomes import holdout
from evaluation.report.sections.context import DRAWN_ROWS, draws_for
from evaluation.revenue import retention
from evaluation.revenue.groups import LEAST_ACCOUNTS
from evaluation.validity.check_time import EARLY_RANK, MOST_CHURNS, SEPARATES, SEPARATES_LOW, SURE
from features.checks import comparisons, leakage, rewritten_columns, univariate_auc
from features.labels import labels
from features.signals import exposure
from features.timeline import succession
from serving.api.routes import ROUTES
from serving.api.routes.scores import BYTES_AN_ACCOUNT
from serving.api.routing import MOST_BODY_BYTES
from serving.demo import demo
from serving.keys import ROLES
from training.calibration.methods import METHODS
from training.fit.learners import MAX_MISSING, MONOTONE_BELOW
from training.fit.model_selection import FEW, FITTED_Z, RULES_DOUBTED_FROM, RULES_Z
from training.hazard.trees import LARGER, MANY_EVENTS, MORE, MOST_COLUMNS, SOME_EVENTS

OUTAGES = import_module("features.timeline.outages")  # whose room gives a function of that name
ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
METHODS_PAGE, CHECKS_PAGE = " ".join(PAGES["methods.md"].split()), " ".join(PAGES["checks.md"].split())


def _models(annotation: object) -> list[type[BaseModel]]:
    """The settings classes that a field's type names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in _models(part)]


def _settings(model: type[BaseModel]) -> set[str]:
    names = {field.alias or name for name, field in model.model_fields.items() if not field.exclude}
    return names.union(
        *(_settings(each) for field in model.model_fields.values() for each in _models(field.annotation))
    )


def test_every_setting_is_listed_in_the_defaults() -> None:
    """README: `configs/default.yaml`, where every setting is listed. Tables and their mapping are README's own."""
    text = (ROOT / "configs" / "default.yaml").read_text(encoding="utf-8")
    mapping = {"query", "columns", "constants", "attributes", "measures", "known_from", "via", "deleted"}
    missing = {name for name in _settings(Settings) - mapping if not re.search(rf"\b{re.escape(name)}\b", text)}
    assert not missing
    assert all(re.search(rf"\b{name}\b", README) for name in mapping - {"constants", "measures"})


def test_roles_of_the_readme_are_those_of_the_service() -> None:
    table = README[README.index("Nothing answers without") :].split("\n\n")[1]
    heading, _, *rows = re.findall(r"^\| .*\|$", table, re.MULTILINE)
    roles = [cell.strip() for cell in heading.strip("|").split("|")][1:]
    assert roles == list(ROLES)
    said = {}
    for row in rows:
        path, *cells = [cell.strip() for cell in row.strip("|").split("|")]
        named = re.findall(r"`([^`]+)`", path)
        said |= {one: tuple(role for role, cell in zip(ROLES, cells, strict=True) if cell == "yes") for one in named}
    assert said == {f"{route.method} {route.path}": route.roles for route in ROUTES if route.roles}
    assert all(f"`{route.path}`" in README for route in ROUTES if not route.roles)
    assert (MOST_BODY_BYTES, BYTES_AN_ACCOUNT) == (1_000_000, 12_000)
    assert "of one megabyte" in PAGES["security.md"]
    assert "(12,000 bytes for each" in PAGES["security.md"]


def test_rooms_of_the_readme_are_those_of_the_house() -> None:
    for floor in ("features", "training", "evaluation", "serving"):
        row = re.search(rf"^\| `{floor}/` \|[^|]*\|([^|]*)\|", README, re.MULTILINE)
        assert row is not None
        named = set(re.findall(r"`(\w+)`", row[1]))
        rooms = {path.parent for path in (ROOT / floor).glob("*/__init__.py")}
        assert {room.name for room in rooms} <= named
        assert all(any((room / name).is_dir() for room in rooms) for name in named - {room.name for room in rooms})


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{name}" for name in PAGES), "CONTRIBUTING.md"])
def test_commands_and_files_that_pages_name_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(
        re.findall(r"\b((?:configs|features|training|evaluation|serving|tests|docs)/[\w/]+\.(?:py|md|yaml))\b", text)
    )
    made = {"docs/signals.md"} if page == "CONTRIBUTING.md" else set()
    assert not {name for name in named - made if not (ROOT / name).exists()}


CLAIMS = {
    "trees_by_churns": ("From five hundred churns on there are twice as many trees", SOME_EVENTS == 500),
    "twice": (
        "twice as many trees",
        MORE.n_estimators == 2 * Settings.model_fields["training"].default.trees.n_estimators,
    ),
    "large_trees": (
        "above about two thousand they grow to fifteen leaves",
        (MANY_EVENTS, LARGER.num_leaves) == (2_000, 15),
    ),
    "rows_of_a_tree": (
        "A tree looks at half of the rows (at .8 of them where trees have fifteen leaves)",
        (MORE.bagging_fraction, LARGER.bagging_fraction) == (0.5, 0.8),
    ),
    "columns_of_a_tree": ("at no more than thirty columns", MOST_COLUMNS == 30),
    "missing": ("missing in more than half of the training rows is left out", MAX_MISSING == 0.5),
    "monotone": ("With fewer than about a thousand churns", MONOTONE_BELOW == 1_000),
    "calibrators": (
        "nothing under 50, a shrunken Platt curve up to 200",
        [method.min_churned_accounts for method in METHODS] == [50, 200],
    ),
    "few": ("From 50 churned accounts on the blend is taken on experience", FEW == 50),
    "z": ("beats the base rate on purged rows (z of 1.28, by account)", FITTED_Z == 1.28),
    "rules": ("by a z of 1.645 where 100 churns and more", (RULES_Z, RULES_DOUBTED_FROM) == (1.645, 100)),
}


@pytest.mark.parametrize(("sentence", "holds"), CLAIMS.values(), ids=CLAIMS)
def test_methods_are_as_the_page_says(sentence: str, holds: bool) -> None:
    assert sentence in METHODS_PAGE
    assert holds


CHECKED = {
    "FW103": (f"mean is below {EARLY_RANK:g}, and still below 0.5 with four standard errors", SURE == 4),
    "FW103_drawn": (f"of more than {MOST_CHURNS} churned accounts, {MOST_CHURNS} are drawn", True),
    "FW104": (f"It fails from {SEPARATES:g}, if three standard errors below are still {SEPARATES_LOW:g}", True),
    "FW301": (f"An AUC of tested predictions of {TOO_GOOD_AUC:g} or more", True),
    "FW306": (f"An AUC that is higher by {WORTH_SAYING:g} or more is reported", True),
}


@pytest.mark.parametrize(("sentence", "holds"), CHECKED.values(), ids=CHECKED)
def test_checks_are_as_the_page_says(sentence: str, holds: bool) -> None:
    assert sentence in CHECKS_PAGE
    assert holds


WRITTEN: dict[str, tuple[object, str, bool]] = {
    "reference_days": (
        leakage,
        "Three reference days are tried, after 10, 35 and 65 % of the churns",
        comparisons.REFERENCE_SHARES == (0.10, 0.35, 0.65),
    ),
    "leak_auc": (
        leakage,
        "An AUC counts from 0.9, and only if it lies three standard errors above 0.8",
        (comparisons.LEAK_AUC, comparisons.LEAK_AUC_LOW, univariate_auc.STANDARD_ERRORS) == (0.9, 0.8, 3),
    ),
    "measures": (leakage, "at least three months before its end", rewritten_columns.MONTHS_BEFORE_END == 3),
    "outage_day": (OUTAGES, "under a tenth of what its weekday usually brings", OUTAGES.LOW_SHARE == 0.1),
    "trickle": (
        labels.last_working_day,
        "the last thirteen weeks, up to the last one, that brought under a tenth of what their weekday usually did",
        (OUTAGES.WEEKS, OUTAGES.LOW_SHARE) == (13, 0.1),
    ),
    "renewal": (succession, "B is worth at least half of A", succession.LEAST_SHARE == 0.5),
    "moves": (drift, "twice as large as any before it in the same column", drift.TIMES == 2),
    "draws": (
        draws_for,
        "as many as `asked`, but fewer of more than 100,000 rows",
        DRAWN_ROWS // Settings.model_fields["evaluation"].default.bootstrap_draws == 100_000,
    ),
    "small_lines": (retention, "A line of fewer than 10 accounts has refusals", LEAST_ACCOUNTS == 10),
    "effect": (holdout.effect, "fewer than 10 accounts churned in both arms", holdout.LEAST_CHURNED == 10),
    "a_year": (exposure, "missing where fewer than MIN_DAYS are behind it", exposure.MIN_DAYS == 7),
    "demo": (demo, "half a year before the end it trains on what was known then", demo.MONTHS_AGO == 6),
}


@pytest.mark.parametrize(("told", "sentence", "holds"), WRITTEN.values(), ids=WRITTEN)
def test_code_does_what_its_docstring_says(told: object, sentence: str, holds: bool) -> None:
    assert sentence in " ".join((told.__doc__ or "").split())
    assert holds


def test_there_are_as_many_tables_as_contributing_says() -> None:
    assert len(TABLES) == 11
    assert "one of the eleven canonical tables" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
