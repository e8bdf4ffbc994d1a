"""The quarterly retrain on the demo company: what is logged with a run, tuning, renewing, verifying, promoting."""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner, Result

import training.fit
import training.tracking
from configs.errors import UsageError
from configs.settings import Settings, Trees
from configs.settings_file import load_settings
from evaluation.ledger.ledger import Ledger
from evaluation.promotion.gates import evaluate_gates
from evaluation.promotion.verdict import Measured
from evaluation.validity.checks import check_champion
from features.dataset import Dataset
from features.timeline import calendar_days
from serving.cli.main import main
from serving.commands.promote import promote
from serving.project import Project
from serving.promotion import gate_measures
from serving.promotion.kept_backtest import read_backtest
from serving.scoring.live_signals import check_model
from training.fit.fit import Fitted
from training.fit.tuning_result import Study, Trial, Tuned
from training.tracking import registry, run_files, runs
from training.tracking.registry import LoadedModel
from training.tracking.reproducibility import Verification

pytestmark = pytest.mark.slow
NOW = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def dataset(demo: Path) -> Dataset:
    with Project.open(demo / "forewarn.yaml") as opened:
        return opened.dataset_at(calendar_days(opened.sources, opened.settings))


@pytest.fixture
def project(demo: Path, tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the demo that may be written to; commands take the signals that were built for this file."""
    folder = tmp_path / "project"
    shutil.copytree(demo, folder)
    monkeypatch.setattr(Project, "dataset", dataset)
    return folder


@pytest.fixture
def settings(project: Path) -> Settings:
    return load_settings(project / "forewarn.yaml")


@pytest.fixture
def champion(settings: Settings) -> LoadedModel:
    return registry.load_champion(settings)


@pytest.fixture
def unsuspected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the search for suspects, which other tests are about."""
    monkeypatch.setattr(Project, "suspects", ())


def on(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(project / "forewarn.yaml"), *arguments])


def run_of(settings: Settings, run_id: str) -> tuple[Any, list[Any], set[str]]:
    """(run, its children, the paths of its files)."""
    with registry.connected(settings) as client:
        run = client.get_run(run_id)
        children = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run_id}'")
        files = {artifact.path for part in (None, "plots") for artifact in client.list_artifacts(run_id, part)}
    return run, children, files


# -- what is logged ------------------------------------------------------------------------------------------------


def test_the_run_of_a_training_gets_the_figures_of_its_backtest(settings: Settings, champion: LoadedModel) -> None:
    body = json.loads((settings.paths.backtest / "metrics.json").read_text())
    main_figures = next(horizon for horizon in body["horizons"] if horizon["days"] == 90)
    run, children, files = run_of(settings, champion.run_id)
    assert run.data.metrics["90d/auc/value"] == main_figures["auc"]["value"]
    assert run.data.metrics["segment/smb/mean_p"] == next(
        row["mean_p"] for row in body["groups"]["segment"] if row["group"] == "smb"
    )
    assert "lifecycle_stage/renewal/happened/value" in run.data.metrics
    assert {f"plots/{name}.png" for name in ("reliability", "gains", "lead", "shap_beeswarm", "shap_bar")} <= files
    assert {"model_card.md", "data_sheet.md", "backtest", "promoted"} <= files
    assert sorted(child.data.params["fold"] for child in children) == body["folds"]
    for child in children:
        line = next(one for one in body["by_fold"] if one["fold"] == child.data.params["fold"])
        assert child.data.metrics["rows"] == line["rows"]
        assert child.data.metrics.get("log_loss") == line.get("log_loss")
    card = run_files.kept_file(settings, champion.run_id, "model_card.md")
    assert f"| 90d/auc | {main_figures['auc']['value']:.5g} (".encode() in (card or b"")
    first = next(version for version in registry.versions(settings) if version.number == "1")
    assert not any(name.startswith("90d/") for name in run_of(settings, first.run_id)[0].data.metrics)


def study(adopted: bool) -> Study:
    return Study(
        "s", 2, 0, Trees(), 0.1, Trees(num_leaves=9), 0.1, 0.0, 0.0, adopted, "a planted study", ("2025-01-01",)
    )


@pytest.mark.usefixtures("unsuspected")
def test_what_was_tuned_trains_and_is_told(
    project: Path, settings: Settings, champion: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted study: adopted, its trees train, its line is printed, its trials are child runs; else the default."""
    trained: list[Settings] = []

    def fitted(dataset: Any, settings: Settings, **_: Any) -> Fitted:
        trained.append(settings)
        return Fitted(champion.churn, champion.health, ())

    trial = Trial(0, "COMPLETE", 0.1, {"num_leaves": 9})
    monkeypatch.setattr(training.fit, "fit_models", fitted)
    for adopted in (True, False):
        tuned = Tuned(Trees(num_leaves=9) if adopted else Trees(), adopted, study(adopted), (trial,))
        monkeypatch.setattr(training.fit, "tune", lambda *_, tuned=tuned: tuned)
        done = on(project, "train", "--tune", "2")
        assert done.exit_code == 0, done.stderr
        assert "tuning: a planted study" in done.stdout
        assert (tuned.line in done.stdout) == adopted
        made = registry.load_version(settings, "candidate")
        assert made.record.config_version == trained[-1].version
        run, children, files = run_of(settings, made.run_id)
        trials = [child for child in children if child.data.tags.get("state") == "COMPLETE"]
        assert [trial.data.params for trial in trials] == [{"num_leaves": "9"}]
        assert (run.data.params["tuning_trials"], run.data.params["tuning_adopted"]) == ("2", str(adopted))
        assert "tuning.json" in files
        # The kept backtest is of the settings in the file: it belongs to a training with these, and to no other.
        assert ("90d/auc/value" in run.data.metrics) == (not adopted)
    assert [one.training.trees.num_leaves for one in trained] == [9, 4]


@pytest.mark.usefixtures("unsuspected")
def test_the_line_that_tuning_prints_leads_back_to_the_settings_that_trained(settings: Settings, project: Path) -> None:
    result = Tuned(Trees(num_leaves=9, learning_rate=0.0123457, bagging_fraction=0.912346), True, study(True), ())
    body = yaml.safe_load((project / "forewarn.yaml").read_text())
    body["training"] = {**body.get("training", {}), **yaml.safe_load(result.line)["training"]}
    (project / "forewarn.yaml").write_text(yaml.safe_dump(body))
    with_trees = settings.training.model_copy(update={"trees": result.trees})
    kept = load_settings(project / "forewarn.yaml")
    assert kept.version == settings.model_copy(update={"training": with_trees}).version != settings.version
    assert kept.data_version == settings.data_version


@pytest.mark.usefixtures("unsuspected")
def test_a_renewed_calibration_is_a_candidate_of_its_own(
    project: Path, settings: Settings, champion: LoadedModel, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.log_training(settings, Fitted(champion.churn, champion.health, ()), dataset)  # a candidate, not champion
    asked: list[Any] = []

    def renewed(intercept: float) -> Any:
        def renew(model: Any, *_: Any) -> Any:
            asked.append(model)
            calibrator = replace(model.calibrator, intercept=model.calibrator.intercept + intercept)
            log = {"as_of": "2026-01-01", "churned_accounts_since": 12, "method": calibrator.method, "why": "planted"}
            log |= {"from_version": model.calibrator.version, "to_version": calibrator.version}
            return replace(model, calibrator=calibrator, log={**model.log, "recalibration": log})

        return renew

    def renewed_rules(rules: Any, *_: Any) -> Any:
        return replace(rules, log={**rules.log, "planted": rules.log})

    monkeypatch.setattr(training.fit, "recalibrate", renewed(0.5))
    monkeypatch.setattr(training.fit, "recalibrate_rules", renewed_rules)
    done = on(project, "train", "--recalibrate")
    assert done.exit_code == 0, done.stderr
    assert asked[0].log == champion.churn.log  # the champion's, although a newer candidate was there
    made = registry.load_version(settings, "candidate")
    assert made.version == "4"
    assert f"{champion.churn.calibrator.version} -> {made.churn.calibrator.version}" in done.stdout
    assert made.churn.trees.booster_text == champion.churn.trees.booster_text  # type: ignore[union-attr]
    assert made.record.calibrator_version == made.churn.calibrator.version != champion.churn.calibrator.version
    assert made.health.log["planted"] == champion.health.log  # the champion's rules too are calibrated anew
    run, _, _ = run_of(settings, made.run_id)
    assert (run.data.tags["kind"], run.data.params["recalibrated_from"]) == ("recalibration", champion.version)
    monkeypatch.setattr(training.fit, "recalibrate", renewed(0.0))
    same = on(project, "train", "--recalibrate")
    assert (same.exit_code, "keeps its calibration" in same.stdout) == (1, True)
    assert registry.load_version(settings, "candidate").version == "4"


def test_verifying_says_yes_or_no(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def verify(settings: Settings, version: str, dataset: Any) -> Verification:
        asked.append(version)
        return Verification(("churn/model.json",), () if version == "2" else ("churn/model.json: linear",))

    monkeypatch.setattr(training.tracking, "verify_version", verify)
    yes, no = on(project, "train", "--verify", "2"), on(project, "train", "--verify", "champion")
    assert (yes.exit_code, yes.stdout) == (0, "rebuilt byte for byte: churn/model.json\n")
    assert (no.exit_code, "different" in no.stdout, "linear" in no.stdout) == (1, True, True)
    assert asked == ["2", "champion"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "--tune", "3", "--recalibrate"], "--tune and --recalibrate"),
        (["train", "--recalibrate", "--verify", "1"], "--recalibrate and --verify"),
        (["train", "--tune", "0"], "x>=1"),
        (["promote", "--force"], "--force without a reason"),
        (["promote", "--force", "--reason", "  "], "--force without a reason"),
        (["promote", "--reason", "because"], "--reason without --force"),
    ],
)
def test_options_that_do_not_go_together(tmp_path: Path, arguments: list[str], says: str) -> None:
    done = on(tmp_path, *arguments)
    assert (done.exit_code, says in done.stderr) == (2, True), done.stderr


# -- promoting -----------------------------------------------------------------------------------------------------


def test_the_demo_s_own_promotion_is_marked(demo: Path) -> None:
    with Ledger.open(f"sqlite:///{demo / '.forewarn' / 'ledger.db'}") as ledger:
        (mark,) = ledger.events("promotion").body
    gates = mark.pop("gates")
    assert mark == {"version": "2", "before": None}
    assert {gate["name"] for gate in gates} >= {"chosen_model", "own_calibration", "auc_above_chance"}
    assert all(gate["passed"] for gate in gates)
    assert (
        "Version 2 became the champion; every gate let it pass."
        in (demo / ".forewarn" / "reports" / "report.html").read_text()
    )


def test_a_champion_without_signal_is_forced_only_and_marks_every_score(
    project: Path, settings: Settings, champion: LoadedModel, dataset: Dataset
) -> None:
    """Planted: a candidate whose fit found nothing."""
    flat = replace(champion.churn, chosen="base_rate", log={**champion.churn.log, "chosen": "base_rate"})
    runs.log_training(settings, Fitted(flat, champion.health, ()), dataset)
    refused = on(project, "promote")
    assert refused.exit_code == 1
    assert refused.stdout.splitlines()[-1] == "version 3 is not promoted: chosen_model"
    assert refused.stdout.startswith("No usable signal: the model is the base rate of the stage")
    gates = {line.split()[1] for line in refused.stdout.splitlines() if line.startswith(("pass", "REFUSED"))}
    assert gates >= {"against_champion", "segments", "reseeded", "suspects", "checks", "size", "latency"}
    assert registry.load_champion(settings).version == "2"
    assert "NO USABLE SIGNAL" not in on(project, "score").stdout

    reason = "sales needs a list today; we know it is the base rate"
    forced = on(project, "promote", "--force", "--reason", reason)
    assert forced.exit_code == 0, forced.stderr
    assert forced.stdout.splitlines()[-1] == "version 3 is the champion by force, against chosen_model"
    assert f"The reason given: {reason} (user:" in forced.stdout
    score = on(project, "score")
    assert score.stdout.startswith("NO USABLE SIGNAL")
    rows = pd.read_parquet(settings.paths.scores(pd.Timestamp("2026-01-01")))
    assert rows.has_signal.eq(False).all()
    assert rows.has_signal.dtype == bool
    account = rows.account_id[0]
    assert on(project, "explain", account).stdout.startswith("NO USABLE SIGNAL")
    with sqlite3.connect(settings.paths.ledger) as connection:
        kept = "select distinct model_version, has_signal from predictions order by 1"
        assert connection.execute(kept).fetchall() == [("1", 1), ("2", 1), ("3", 0)]
    report = on(project, "report")
    assert report.exit_code == 0, report.stderr
    assert reason in report.stdout
    assert reason in (settings.paths.reports / "report.html").read_text()


def test_a_version_of_other_settings_is_not_judged_by_this_backtest(
    settings: Settings, champion: LoadedModel, dataset: Dataset
) -> None:
    trees = settings.training.model_copy(update={"trees": Trees(num_leaves=9)})
    tuned = settings.model_copy(update={"training": trees})
    runs.log_training(tuned, Fitted(champion.churn, champion.health, ()), dataset)
    today = Project(settings, dataset=dataset)
    with pytest.raises(UsageError, match="trained on other settings than those of the backtest"):
        promote(today, None, NOW, "user:kim")
    with pytest.raises(UsageError, match="trained on other data than those of the backtest"):
        promote(today, "1", NOW, "user:kim", force="now")
    newer = Project(settings, dataset=replace(dataset, fingerprint="0" * 16))
    with pytest.raises(UsageError, match="trained on other data than today's"):
        promote(newer, "2", NOW, "user:kim")
    assert registry.load_champion(settings).version == "2"


def test_rows_of_a_champion_are_kept_ones_before_its_cut_and_its_own_after(
    settings: Settings, dataset: Dataset
) -> None:
    """Version 1 was trained half a year ago; what its backtest said of later days is not taken, its own word is."""
    first = registry.load_version(settings, "1")
    cut = pd.Timestamp(first.churn.log["cut"])
    signals = dataset.signals
    own = gate_measures.champion_rows(settings, first, dataset)
    assert own.as_of.min() == cut
    since = signals[signals.as_of >= cut]
    assert np.array_equal(own.p_churn_90d, first.churn.predict(since).p_churn_90d)
    days = sorted(signals.as_of.unique())
    near = signals[signals.as_of.isin([day for day in days if abs(day - cut).days < 70])]
    kept = near[["account_id", "as_of"]].assign(p_churn_90d=0.123, p_churn_30d=0.5, fold="2025-01-01")
    run_files.keep_file(settings, first.run_id, gate_measures.KEPT, gate_measures.parquet_bytes(kept))
    both = gate_measures.champion_rows(settings, first, dataset)
    assert list(both) == ["account_id", "as_of", "p_churn_90d", "cut"]
    assert (both.cut == both.as_of.map(lambda day: cut if day >= cut else pd.Timestamp("2025-01-01"))).all()
    assert check_champion(both) == ()
    (said,) = check_champion(both.assign(cut=both.cut + pd.DateOffset(years=1)))
    assert (said.code, said.severity) == ("FW102", "fail")
    assert (both.p_churn_90d[both.as_of < cut] == 0.123).all()
    assert len(both) == (near.as_of < cut).sum() + len(since)
    assert not both.duplicated(["account_id", "as_of"]).any()
    without = replace(dataset, signals=signals.drop(columns=first.churn.encoder.numbers[0]))
    assert len(gate_measures.champion_rows(settings, first, without)) == (near.as_of < cut).sum()


def test_a_renewed_champion_is_not_judged_on_what_taught_its_calibrator(settings: Settings, dataset: Dataset) -> None:
    first = registry.load_version(settings, "1")
    later = first.churn.cuts.learners + pd.Timedelta(days=60)
    log = {**first.churn.log, "calibrator_cut": str(later.date())}
    renewed = replace(first, churn=replace(first.churn, log=log))
    rows = gate_measures.champion_rows(settings, renewed, dataset)
    own = rows[rows.cut == later]
    assert len(own) == (dataset.signals.as_of >= later).sum() > 0
    assert own.as_of.min() >= later
    assert not ((rows.as_of >= first.churn.cuts.learners) & (rows.cut == first.churn.cuts.learners)).any()
    assert check_champion(rows) == ()
    with pytest.raises(UsageError, match="before the end of training"):
        check_model(renewed, settings, later - pd.Timedelta(days=1))


@pytest.mark.parametrize(("moved", "is_refused"), [(0.0, False), (3.0, True), (-3.0, True)])
def test_a_candidate_whose_calibrator_is_moved_is_refused_though_its_backtest_is_fine(
    settings: Settings, dataset: Dataset, champion: LoadedModel, moved: float, is_refused: bool
) -> None:
    kept = read_backtest(settings)
    calibrator = replace(champion.churn.calibrator, intercept=champion.churn.calibrator.intercept + moved)
    candidate = replace(champion, churn=replace(champion.churn, calibrator=calibrator))
    measured = Measured(newest=gate_measures.newest_scores(settings, candidate, dataset))
    verdict = evaluate_gates(kept.predictions, kept.baselines, settings, measured, "blend")
    assert ("newest_level" in {gate.name for gate in verdict.refused}) == is_refused, str(verdict)


@pytest.mark.usefixtures("unsuspected")
def test_a_renewed_candidate_that_is_moved_is_refused_by_the_command(
    project: Path, settings: Settings, dataset: Dataset
) -> None:
    """Its newest scores apart: a calibrator of an earlier day and the backtest's newest fold say so."""
    first = registry.load_version(settings, "1")
    renewed = training.fit.recalibrate(first.churn, dataset, settings)
    assert renewed.cuts.calibrator == dataset.data_end > renewed.cuts.learners
    moved = replace(renewed.calibrator, intercept=renewed.calibrator.intercept + 3.0)
    answers = []
    for calibrator in (renewed.calibrator, moved):
        runs.log_training(settings, Fitted(replace(renewed, calibrator=calibrator), first.health, ()), dataset)
        answers.append(json.loads(on(project, "--json", "promote").stdout.splitlines()[-1]))
    assert ["own_calibration" in answer["refused"] for answer in answers] == [False, True], answers
    assert {"newest_level", "own_calibration"} <= set(answers[1]["refused"])
    (gate,) = (gate for gate in answers[0]["gates"] if gate["name"] == "own_calibration")
    assert (gate["left_out"], "calibrated by the same recipe on 2025-" in gate["message"]) == (False, True), gate


def test_own_rows_are_those_since_the_last_day_that_taught_the_model(settings: Settings, dataset: Dataset) -> None:
    first = registry.load_version(settings, "1")
    rows = gate_measures.own_rows(settings, first, dataset)
    assert (rows.as_of.min(), rows.y.isin([0, 1]).all()) == (first.churn.cuts.last, True)
    assert rows.as_of.max() <= dataset.data_end - pd.Timedelta(days=settings.main_horizon_days)
    log = {**first.churn.log, "calibrator_cut": str(dataset.data_end.date())}
    renewed = replace(first, churn=replace(first.churn, log=log))
    assert gate_measures.own_rows(settings, renewed, dataset).empty


def test_ranks_of_a_constant_agree_only_with_a_constant() -> None:
    one, flat = pd.Series([0.1, 0.3, 0.2]), pd.Series([0.1, 0.1, 0.1])
    assert gate_measures.rank_agreement(one, one) == 1.0
    assert gate_measures.rank_agreement(one, -one) == -1.0
    assert (gate_measures.rank_agreement(one, flat), gate_measures.rank_agreement(flat, flat)) == (0.0, 1.0)


def test_a_slower_model_has_a_larger_figure(
    settings: Settings, champion: LoadedModel, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = dataset.signals[dataset.signals.as_of == dataset.signals.as_of.max()]
    seconds, reference = gate_measures.latency(settings, champion, newest)
    assert reference > 0
    truth, sizes = gate_measures.predictions, []

    def slow(churn: Any, health: Any, frame: pd.DataFrame, *rest: Any) -> Any:
        sizes.append(len(frame))
        for _ in range(4):
            result = truth(churn, health, frame, *rest)
        return result

    monkeypatch.setattr(gate_measures, "predictions", slow)
    slower, again = gate_measures.latency(settings, champion, newest)
    assert set(sizes) == {gate_measures.BATCH}
    assert slower / again > 2 * seconds / reference
