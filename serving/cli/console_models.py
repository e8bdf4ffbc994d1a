"""How a training, its calibration, backtest, weights and promotion read on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.cli.console import horizon_line, percent

if TYPE_CHECKING:
    from evaluation.backtest import RefusedBands, ScoreBand
    from evaluation.metrics import Interval
    from serving.commands.backtest import Backtested
    from serving.commands.promote import PromotionAnswer
    from serving.commands.train import Rebuilt, Recalibrated, Trained, Tuning
    from serving.commands.weights import WeightEvaluation


def train_lines(result: Trained) -> list[str]:
    fit = result.summary
    return [
        *result.headlines,
        f"version {result.version} is the candidate (run {result.run_id})",
        f"  taught by {fit.snapshots:,} snapshots, {fit.churned_accounts:,} churned accounts,"
        f" outcomes known until {fit.labels_known_until}",
        f"  learner: {fit.chosen}: {fit.why}",
        f"  calibration: {fit.calibration.method}, from origins {', '.join(fit.origins) or 'none'}",
        *_level_lines(fit.calibration.level_reason),
        *_tuning_lines(result.tuning),
        "to trust it: `forewarn promote` asks the gates; the backtest of these data and settings is with its run"
        if result.backtest_logged
        else "to trust it: `forewarn backtest` judges the method out of time, `forewarn promote` asks the gates",
    ]


def _level_lines(reason: str | None) -> list[str]:
    return [] if reason is None else [f"  level: {reason}"]


def _tuning_lines(tuning: Tuning | None) -> list[str]:
    if tuning is None:
        return []
    lines = [f"  tuning: {tuning.study.why}"]
    if tuning.line:
        lines += ["  trained with it; keep this in the project's file, or the next training goes back to the default:"]
        lines += [f"    {tuning.line}"]
    return lines


def recalibrate_lines(result: Recalibrated) -> list[str]:
    calibration = result.summary
    if not result.renewed:
        return [
            f"version {result.model_version} keeps its calibration, {calibration.method}: {calibration.why};"
            " nothing was registered"
        ]
    return [
        f"version {result.version} is the candidate (run {result.run_id})",
        f"  the learners of version {result.model_version}, trained {result.trained},"
        f" with the calibration of {calibration.as_of}",
        f"  calibrator {calibration.from_version} -> {calibration.to_version}: {calibration.method}; {calibration.why}",
        *_level_lines(calibration.level_reason),
        f"  {calibration.churned_accounts_since:,} accounts churned since the training",
        "to trust it: `forewarn backtest` judges the method on today's data, `forewarn promote` asks the gates",
    ]


def rebuilt_lines(result: Rebuilt) -> list[str]:
    return [result.summary]


def backtest_lines(result: Backtested) -> list[str]:
    metrics = result.metrics
    codes = ", ".join(result.failed_checks)
    refused = [] if result.passed else [f"not passed: {codes} failed (see below), so these figures cannot be trusted"]
    return [
        *refused,
        *metrics.answer.headlines,
        f"{len(metrics.folds)} origins from {metrics.folds[0]} to {metrics.folds[-1]}, out-of-time rows only",
        *(horizon_line(horizon) for horizon in metrics.figures["horizons"]),
        *(f"{check.severity:5}{check.code}  {check.title}: {check.message}" for check in metrics.checks),
        f"written to {result.out}, plots with it",
        f"with run {result.run_id}" if result.run_id else "with no run: nothing was trained on these data and settings",
    ]


def weights_lines(result: WeightEvaluation) -> list[str]:
    lines = [
        f"{result.rows:,} later snapshots of {result.accounts:,} accounts, {result.churned_accounts:,} of which left"
        f" within {result.horizon_days} days; fitted at {len(result.origins)} origins on what was known then",
        f"  {'step':<34}{'AUC':>6}{'log loss':>10}   gain over the step before     gain over the published weights",
    ]
    for figures in result.steps:
        shown = {gain.over: _gain(gain.log_loss) for gain in figures.gains}
        before, first = (list(shown.values())[-1], shown["published"]) if shown else ("", "")
        line = f"  {figures.title:<34}{figures.auc:>6.3f}{figures.log_loss:>10.4f}   {before:<30}{first}"
        lines.append(line.rstrip())
    lines += result.headlines
    lines.append(f"weights fitted on all that is known (step: {result.fitted}), with intervals over accounts:")
    for stage in result.weights:
        parts = [
            f"{change.dimension} {change.before:g} -> {change.after:g} ({change.low:.0f} to {change.high:.0f})"
            for change in stage.dimensions
        ]
        lines.append(f"  {stage.stage:<18}{stage.churns:>4} churns  {', '.join(parts)}")
    if result.fitted == "signals":
        lines += [
            f"  {change.dimension:<14}{change.signal:<28}{change.before:g} -> {change.after:g}"
            f" ({change.low:.2f} to {change.high:.2f})"
            for change in result.signals
        ]
    lines += ["what the score has meant: the share that left within the horizon, by stage and score"]
    lines += [_band_line(band) for band in result.bands]
    return lines if result.out is None else [*lines, *_proposal_lines(result)]


def _gain(gain: Interval) -> str:
    return f"{gain.value:+.4f} ({gain.low:+.4f} to {gain.high:+.4f})"


def _proposal_lines(result: WeightEvaluation) -> list[str]:
    window, levels = result.window, result.levels
    assert window is not None
    assert levels is not None  # a proposal comes with both
    before, after = window.before, window.after
    lines = [
        f"newest window, {window.first} to {window.last}, {window.churned_accounts} churned accounts:"
        f" AUC {before.auc:.3f} -> {after.auc:.3f}, log loss {before.log_loss:.4f} -> {after.log_loss:.4f}",
        f"as of {levels.as_of} {levels.changed:,} of {levels.scored:,} accounts would change level:",
    ]
    lines += [f"  {move.accounts:>5}  {move.level_before} -> {move.level_after}" for move in levels.moves]
    lines += [
        f"  {account.account_id}  {account.before:g} ({account.level_before})"
        f" -> {account.after:g} ({account.level_after})"
        for account in levels.accounts[:5]
    ]
    lines.append(f"proposed, as configuration {result.config_version}: {result.out}")
    return [*lines, "to go by it: `forewarn --config` that file, or move its weights into your own; then train again"]


def _band_line(band: ScoreBand | RefusedBands) -> str:
    from evaluation.backtest import RefusedBands

    if isinstance(band, RefusedBands):
        return f"  {band.stage:<18}refused: {band.refused}"
    share = band.share
    return (
        f"  {band.stage:<18}{band.health_from:>3} to {band.health_to:<4}{percent(share.value):>7}"
        f" ({percent(share.low)} to {percent(share.high)}),"
        f" {band.accounts:,} accounts, {band.churned_accounts:,} churned"
    )


def promote_lines(result: PromotionAnswer) -> list[str]:
    if not result.promoted:
        refusal = f"version {result.version} is not promoted: {', '.join(result.refused)}"
        return [*result.headlines, str(result.verdict), refusal]
    by_force = f" by force, against {', '.join(result.refused)}" if result.forced else ""
    marks = [f"in the ledger: {one}" for one in (result.mark, result.reweighting, result.level) if one]
    return [*result.headlines, str(result.verdict), *marks, f"version {result.version} is the champion{by_force}"]
