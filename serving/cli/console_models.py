"""How a training, its calibration, backtest, weights and promotion read on a terminal."""

from __future__ import annotations

from typing import Any

from serving.cli.console import NO_SIGNAL, horizon_line, percent

Body = dict[str, Any]


def train_lines(body: Body) -> list[str]:
    calibration = body["calibration"]
    return [
        f"version {body['version']} is the candidate (run {body['run_id']})",
        f"  taught by {body['snapshots']:,} snapshots, {body['churned_accounts']:,} churned accounts,"
        f" outcomes known until {body['labels_known_until']}",
        f"  learner: {body['chosen']}: {body['why']}",
        f"  calibration: {calibration['method']}, from origins {', '.join(body['origins']) or 'none'}",
        *_level_lines(calibration),
        *([] if body["has_signal"] else [f"  {NO_SIGNAL}"]),
        *_tuning_lines(body["tuning"]),
        "to trust it: `forewarn promote` asks the gates; the backtest of these data and settings is with its run"
        if body["backtest_logged"]
        else "to trust it: `forewarn backtest` judges the method out of time, `forewarn promote` asks the gates",
    ]


def _level_lines(calibration: Body) -> list[str]:
    """Whether the level has moved; nothing where it goes by the year before instead."""
    return [f"  level: {calibration['step']['why']}"] if "step" in calibration else []


def _tuning_lines(tuning: Body | None) -> list[str]:
    if tuning is None:
        return []
    lines = [f"  tuning: {tuning['why']}"]
    if tuning["line"]:
        lines += ["  trained with it; keep this in the project's file, or the next training goes back to the default:"]
        lines += [f"    {tuning['line']}"]
    return lines


def recalibrate_lines(body: Body) -> list[str]:
    if not body["renewed"]:
        return [
            f"version {body['from']} keeps its calibration, {body['method']}: {body['why']}; nothing was registered"
        ]
    return [
        f"version {body['version']} is the candidate (run {body['run_id']})",
        f"  the learners of version {body['from']}, trained {body['trained']}, with the calibration of {body['as_of']}",
        f"  calibrator {body['from_version']} -> {body['to_version']}: {body['method']}; {body['why']}",
        *_level_lines(body),
        f"  {body['churned_accounts_since']:,} accounts churned since the training",
        "to trust it: `forewarn backtest` judges the method on today's data, `forewarn promote` asks the gates",
    ]


def rebuilt_lines(body: Body) -> list[str]:
    return [body["words"]]


def backtest_lines(body: Body) -> list[str]:
    return [
        f"{len(body['folds'])} origins from {body['folds'][0]} to {body['folds'][-1]}, out-of-time rows only",
        *(horizon_line(one) for one in body["horizons"]),
        *(f"  {sentence}" for sentence in body["answer"]),
        *(f"{one['severity']:5}{one['code']}  {one['title']}: {one['says']}" for one in body["checks"]),
        f"written to {body['out']}, plots with it",
        f"with run {body['run_id']}"
        if body["run_id"]
        else "with no run: nothing was trained on these data and settings",
    ]


def weights_lines(body: Body) -> list[str]:
    lines = [
        f"{body['rows']:,} later snapshots of {body['accounts']:,} accounts, {body['churned_accounts']:,} of which left"
        f" within {body['horizon_days']} days; fitted at {len(body['origins'])} origins on what was known then",
        f"  {'step':<34}{'AUC':>6}{'log loss':>10}   gain over the step before     gain over the published weights",
    ]
    for one in body["steps"]:
        shown = {
            gain["over"]: "{value:+.4f} ({low:+.4f} to {high:+.4f})".format(**gain["log_loss"]) for gain in one["gains"]
        }
        before, first = (list(shown.values())[-1], shown["published"]) if shown else ("", "")
        lines.append(f"  {one['title']:<34}{one['auc']:>6.3f}{one['log_loss']:>10.4f}   {before:<30}{first}".rstrip())
    lines += body["answer"]
    lines.append(f"weights fitted on all that is known (step: {body['fitted']}), with intervals over accounts:")
    for stage in body["weights"]:
        parts = [
            f"{one['dimension']} {one['before']:g} -> {one['after']:g} ({one['low']:.0f} to {one['high']:.0f})"
            for one in stage["dimensions"]
        ]
        lines.append(f"  {stage['stage']:<18}{stage['churns']:>4} churns  {', '.join(parts)}")
    if body["fitted"] == "signals":
        lines += [
            f"  {one['dimension']:<14}{one['signal']:<28}{one['before']:g} -> {one['after']:g}"
            f" ({one['low']:.2f} to {one['high']:.2f})"
            for one in body["signals"]
        ]
    lines += ["what the score has meant: the share that left within the horizon, by stage and score"]
    for band in body["bands"]:
        if "refused" in band:
            lines.append(f"  {band['stage']:<18}refused: {band['refused']}")
            continue
        share = band["share"]
        lines.append(
            f"  {band['stage']:<18}{band['from']:>3} to {band['to']:<4}{percent(share['value']):>7}"
            f" ({percent(share['low'])} to {percent(share['high'])}),"
            f" {band['accounts']:,} accounts, {band['churned_accounts']:,} churned"
        )
    return lines if body["out"] is None else [*lines, *_proposal_lines(body)]


def _proposal_lines(body: Body) -> list[str]:
    window, levels = body["window"], body["levels"]
    before, after = window["before"], window["after"]
    lines = [
        f"newest window, {window['from']} to {window['to']}, {window['churned_accounts']} churned accounts:"
        f" AUC {before['auc']:.3f} -> {after['auc']:.3f}, log loss {before['log_loss']:.4f} -> {after['log_loss']:.4f}",
        f"as of {levels['as_of']} {levels['changed']:,} of {levels['scored']:,} accounts would change level:",
    ]
    lines += [f"  {one['accounts']:>5}  {one['level_before']} -> {one['level_after']}" for one in levels["moves"]]
    lines += [
        f"  {one['account_id']}  {one['before']:g} ({one['level_before']}) -> {one['after']:g} ({one['level_after']})"
        for one in levels["accounts"][:5]
    ]
    lines.append(f"proposed, as configuration {body['config_version']}: {body['out']}")
    return [*lines, "to go by it: `forewarn --config` that file, or move its weights into your own; then train again"]


def promote_lines(body: Body) -> list[str]:
    if not body["promoted"]:
        return [body["words"], f"version {body['version']} is not promoted: {', '.join(body['refused'])}"]
    by_force = f" by force, against {', '.join(body['refused'])}" if body["forced"] else ""
    marks = [f"in the ledger: {one}" for one in (body["mark"], body["reweighting"], body["level"]) if one]
    return [body["words"], *marks, f"version {body['version']} is the champion{by_force}"]
