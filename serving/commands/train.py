"""What `train` does: fits, renews a calibration, or rebuilds a version. Everything that fits a model starts here.

A training's run is logged at once; its out-of-time figures come from a backtest of the same data and settings, and are
added to the run by whichever of the two ends last.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from configs.json_object import JsonObject
from serving.project import Project
from serving.promotion.kept_backtest import BacktestAnswer, kept_answer, log_kept_backtest
from serving.scoring import check_model, check_schema

if TYPE_CHECKING:
    from training.fit import Rolling, Study
    from training.model import FitLog, RecalibrationLog

NO_USABLE_SIGNAL = "No usable signal: the model is the base rate of the stage, the same for every account in it."


@dataclass(frozen=True)
class Tuning:
    """What tuning found; `line` is the setting that keeps it, None where it did not prove itself."""

    study: Study
    line: str | None

    def to_json(self) -> JsonObject:
        return {**self.study.to_json(), "line": self.line}


@dataclass(frozen=True)
class Trained:
    """A candidate that was registered; `log` is the fit's own account of itself (what taught it, what was chosen).

    `judged`: what the backtest of the same data and settings says first; None while there is none.
    """

    version: str
    run_id: str
    has_signal: bool
    backtest_logged: bool
    tuning: Tuning | None
    log: JsonObject
    judged: BacktestAnswer | None = None

    @property
    def headlines(self) -> tuple[str, ...]:
        """The answer first: that there is no usable signal, then what the backtest says first of the method."""
        own = () if self.has_signal else (NO_USABLE_SIGNAL,)
        if self.judged is None:
            return own
        return (*own, self.judged.first, *(() if self.judged.has_signal == self.has_signal else (self._why_apart,)))

    @property
    def _why_apart(self) -> str:
        """Why training and backtest may come to two verdicts."""
        origins = self.summary.origins
        rows = f"of the origins since {origins[0]}" if origins else "of no origin, for want of churns"
        return (
            f"Training and backtest differ: training chose by the purged rows {rows}, known by {self.summary.cut}; the"
            " backtest looks at all of its folds, each with the model that could be chosen then."
        )

    @property
    def summary(self) -> FitLog:
        """What taught it and what it chose."""
        from training.model import FitLog

        return FitLog.of(self.log)

    def to_json(self) -> JsonObject:
        tuning = None if self.tuning is None else self.tuning.to_json()
        judged = {"backtest_has_signal": None if self.judged is None else self.judged.has_signal}
        head = {"has_signal": self.has_signal, **judged, "headlines": self.headlines}
        logged = {"version": self.version, "run_id": self.run_id, "backtest_logged": self.backtest_logged}
        return {**head, **logged, "tuning": tuning, **self.log}


@dataclass(frozen=True)
class Recalibrated:
    """A model whose calibration was renewed, registered as `version` unless it came out as it was (None).

    `log` is the fit's own account of the calibration.
    """

    model_version: str
    trained: str
    version: str | None
    run_id: str | None
    log: JsonObject

    @property
    def summary(self) -> RecalibrationLog:
        """When, by which method and why, and which calibrator it follows."""
        from training.model import RecalibrationLog

        return RecalibrationLog.of(self.log)

    @property
    def renewed(self) -> bool:
        return self.version is not None

    def to_json(self) -> JsonObject:
        head = {"model_version": self.model_version, "trained": self.trained, "renewed": self.renewed, **self.log}
        return {**head, "version": self.version, "run_id": self.run_id}


@dataclass(frozen=True)
class Rebuilt:
    """Whether a version that was built anew is the same to the last byte, and by which files."""

    version: str
    same: bool
    files: tuple[str, ...]
    summary: str


def train(project: Project, rolling: Rolling | None = None, trials: int = 0) -> Trained:
    """Fits and calibrates on all that is known, logs the run, and registers a candidate that nobody serves yet.

    `trials`: so many trials of tuning before it, with child runs; what they found is used only if it proved itself.
    DataError names every column of the sources that may know the future.
    """
    project.require_no_suspects()
    from training.fit import Rolling, fit_models, tune
    from training.tracking import log_training, trial_runs

    settings, dataset, tell = project.settings, project.dataset, project.tell
    rolling = rolling or Rolling(dataset, settings)
    tuned = tune(dataset, settings, trials, tell, rolling) if trials else None
    if tuned is not None and tuned.adopted:
        with_trees = settings.training.model_copy(update={"trees": tuned.trees})
        settings, rolling = settings.model_copy(update={"training": with_trees}), None
    fitted = fit_models(dataset, settings, rolling=rolling, progress=tell)
    tell("logging the run")
    logged = log_training(
        settings,
        fitted,
        dataset,
        params=None if tuned is None else {"tuning_trials": trials, "tuning_adopted": tuned.adopted},
        artifacts=None if tuned is None else {"tuning.json": json.dumps(tuned.study.to_json(), indent=1)},
        nested=() if tuned is None else trial_runs(tuned),
    )
    judged_by = log_kept_backtest(settings, dataset.fingerprint, settings.paths.backtest)
    return Trained(
        version=logged.version,
        run_id=logged.run_id,
        has_signal=fitted.churn.has_signal,
        backtest_logged=judged_by == logged.run_id,
        tuning=None if tuned is None else Tuning(tuned.study, tuned.line if tuned.adopted else None),
        log=fitted.churn.log,
        judged=kept_answer(settings, dataset.fingerprint, settings.paths.backtest),
    )


def recalibrate(project: Project) -> Recalibrated:
    """The champion's learners (without a champion, the candidate's) and its rules, calibrated on all that is known now.

    Registers them as a candidate, unless the calibration comes out as it was. UsageError for a model of other signals
    or horizons; DataError when no churn has been seen since it was trained, or as `train` raises it.
    """
    project.require_no_suspects()
    from training.fit import Fitted, recalibrate_rules
    from training.fit import recalibrate as renew
    from training.tracking import CANDIDATE, log_training

    settings, dataset = project.settings, project.dataset
    model = project.champion or project.model(CANDIDATE)
    check_model(model, settings, dataset.data_end)
    check_schema(model.schema, dataset.schema)
    project.tell(f"renewing the calibration of version {model.version}")
    renewed = renew(model.churn, dataset, settings)
    log, trained = renewed.log["recalibration"], model.churn.fit_log.cut
    if renewed.calibrator.version == model.churn.calibrator.version:
        return Recalibrated(model.version, trained, None, None, log)
    project.tell("logging the run")
    trained_on = replace(dataset, schema=model.schema)
    rules = recalibrate_rules(model.health, dataset, settings)
    logged = log_training(settings, Fitted(renewed, rules, ()), trained_on, params={"recalibrated_from": model.version})
    return Recalibrated(model.version, trained, logged.version, logged.run_id, log)


def verify_run(project: Project, version: str) -> Rebuilt:
    """Rebuilds a version (number, alias or run) and compares it byte for byte; see `verify_version` of tracking."""
    from training.tracking import verify_version

    dataset = project.dataset
    project.tell(f"rebuilding {version}")
    verified = verify_version(project.settings, version, dataset)
    return Rebuilt(version, verified.same, tuple(verified.files), str(verified))
