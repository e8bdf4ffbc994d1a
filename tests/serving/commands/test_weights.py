"""`forewarn weights`: what it proposes loads, says what was found, and gives the scores that it showed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from configs.errors import UsageError
from configs.settings import Settings
from configs.settings_file import load_settings
from features.health.health_score import rule_scores
from serving.cli import console_models
from serving.cli.main import main
from serving.cli.session import to_json
from serving.commands.weights import WeightEvaluation, weights
from serving.project import Project
from tests.training.conftest import HEALTH_MAPS
from tests.training.fit.test_weight_steps import tilted
from tests.training.reweighed import Company, company
from training.health.weight_likelihood import published

Stage = Callable[..., WeightEvaluation]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    body = {
        "tables": {"accounts": {"from": "accounts.csv"}, "contracts": {"from": "contracts.csv"}},
        "framework": {"health_maps": HEALTH_MAPS},
        "backtest": {"refit": "year"},
        "evaluation": {"bootstrap_draws": 100},
    }
    path = tmp_path / "forewarn.yaml"
    path.write_text(yaml.safe_dump(body))
    return path


@pytest.fixture
def settings(project: Path) -> Settings:
    return load_settings(project)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, project: Path, settings: Settings) -> Stage:
    """The command on a company that has no files."""
    monkeypatch.setattr(Project, "suspects", ())

    def run(made: Company, out: Path | None = None) -> WeightEvaluation:
        no_files: Any = SimpleNamespace()
        return weights(Project(settings, sources=no_files, dataset=made), project, out)  # type: ignore[arg-type]

    return run


def test_what_is_proposed_loads_and_gives_the_scores_shown(stage: Stage, project: Path, settings: Settings) -> None:
    made = company(tilted(settings.framework), 1500, seed=5)
    result = stage(made)
    body = to_json(result)
    assert body["recommended"] == "signals"
    path = Path(body["out"])
    proposed = load_settings(path)
    assert path == project.with_name(f"forewarn-weights-{proposed.version}.yaml")
    assert body["config_version"] == proposed.version != settings.version
    # Nothing but the weights differs.
    found = yaml.safe_load(path.read_text())
    assert found.keys() == {"extends", "framework"}
    assert found["framework"].keys() == {"stages", "health_maps"}
    same = [health_map.model_copy(update={"weight": 1}) for health_map in settings.framework.health_maps]
    assert [health_map.model_copy(update={"weight": 1}) for health_map in proposed.framework.health_maps] == same
    for one in body["weights"]:
        shown = {each["dimension"]: each["after"] for each in one["dimensions"]}
        assert proposed.framework.stage(one["stage"]).weights.as_dict() == shown
        assert all(each["low"] <= each["high"] for each in one["dimensions"])
    assert published(proposed.framework)[1].tolist() == [signal["after"] for signal in body["signals"]]
    # The scores before and after are those of the two files.
    last = made.signals[made.signals.as_of == made.signals.as_of.max()]
    before, after = (rule_scores(last, one.framework).health for one in (settings, proposed))
    scores = {account: pair for account, *pair in zip(last.account_id, before, after, strict=True)}
    moved = body["levels"]["accounts"]
    assert len(moved) == body["levels"]["changed"] > 20
    for one in moved:
        assert [one["before"], one["after"]] == pytest.approx(scores[one["account_id"]], abs=0.051)
    assert json.loads(json.dumps(body)) == body
    text = "\n".join(console_models.weights_lines(result))
    assert "Signal weights within dimensions: worth taking" in text
    assert f"{body['levels']['changed']} of {body['levels']['scored']:,} accounts would change level" in text


def test_nothing_is_written_where_nothing_is_to_be_gained(stage: Stage, project: Path, settings: Settings) -> None:
    result = stage(company(settings.framework, 1500, seed=8))
    body = to_json(result)
    assert body["recommended"] in (None, "intercepts")
    assert (body["out"], body["config_version"]) == (None, settings.version)
    assert sorted(path.name for path in project.parent.iterdir()) == ["forewarn.yaml"]
    lines = console_models.weights_lines(result)
    assert not any("proposed" in line for line in lines)
    assert any(line.startswith("  adoption") and "churns" in line for line in lines)


def test_a_proposal_stands_beside_the_file_that_it_extends(stage: Stage, project: Path, settings: Settings) -> None:
    elsewhere = project.parent / "other"
    elsewhere.mkdir()
    made = company(settings.framework, 60, seed=1)
    with pytest.raises(UsageError, match=r"--out.*beside forewarn.yaml"):
        stage(made, elsewhere / "weights.yaml")
    with pytest.raises(UsageError, match="which exists"):
        stage(made, project)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.slow
def test_the_demo(demo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(demo, folder, ignore=shutil.ignore_patterns("artifacts"))

    def on(*arguments: str | Path) -> Result:
        return CliRunner().invoke(main, ["--config", str(folder / "forewarn.yaml"), *map(str, arguments)])

    done = on("--json", "weights", "--out", folder / "proposed.yaml")
    assert done.exit_code == 0, done.output
    body = json.loads(done.stdout)
    steps = {step["step"]: step for step in body["steps"]}
    assert body["recommended"] == "dimensions"
    assert steps["dimensions"]["auc"] > steps["published"]["auc"] + 0.02
    assert load_settings(folder / "proposed.yaml").version == body["config_version"]
    assert {band["stage"] for band in body["bands"] if "refused" in band} == {"expansion"}
    assert on("weights", "--out", folder / "proposed.yaml").exit_code == 2
    features = CliRunner().invoke(
        main,
        ["--config", str(folder / "proposed.yaml"), "features", "--as-of", "2026-01-01", "--out", str(tmp_path / "f")],
    )
    assert features.exit_code == 0, features.output
