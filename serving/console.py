"""How results read on a terminal: plain data in, lines out. Nothing here works anything out."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Body = dict[str, Any]
NO_SIGNAL = "NO USABLE SIGNAL: this is the base rate of the stage, the same for every account in it"


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Says what is being done: a moving bar on a terminal, a line each in a log. Both on stderr."""
    if not sys.stderr.isatty():
        begun = time.monotonic()
        yield lambda message: print(f"{time.monotonic() - begun:6.1f} s  {message}", file=sys.stderr, flush=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(20), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda message: bar.update(task, description=message)


def percent(share: float) -> str:
    """A share in percent.

    >>> percent(0.0712), percent(0.4)
    ('7.1 %', '40.0 %')
    """
    return f"{share * 100:.1f} %"


def init_lines(body: Body) -> list[str]:
    return [body["text"].rstrip(), "", f"written to {body['out']}; look it over, then run `forewarn check`"]


def check_lines(body: Body) -> list[str]:
    lines = [body["words"]]
    if not body["passed"]:
        names = ", ".join(body["open_suspects"])
        lines += [
            "",
            f"not passed: {names} (see above); train and backtest refuse them too",
            f"if they are right as they are: allow_leaking: [{names}]",
        ]
    return lines


def features_lines(body: Body) -> list[str]:
    span = f"{body['as_ofs']} days from {body['first']} to {body['last']}" if body["rows"] else "no days"
    lines = [f"{body['rows']:,} snapshots of {body['accounts']:,} accounts on {span}, {body['signals']} signals"]
    if body["rows"]:
        lines.append(f"mean coverage {percent(body['coverage'])}")
    return [*lines, f"written to {body['out']}"]


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


def figure(found: Any) -> str:
    """A figure with its interval, or why there is none.

    >>> figure({"value": 0.8123, "low": 0.78, "high": 0.84})
    '0.812 (0.780 to 0.840)'
    """
    if isinstance(found, dict):
        if "refused" in found:
            return f"refused: {found['refused']}"
        return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"
    return "-" if found is None else f"{found:.3f}"


def horizon_line(one: Body) -> str:
    return (
        f"  {one['days']:>4} days  {one['rows']:>6,} rows  {one['churned_accounts']:>5,} churned"
        f"  AUC {figure(one['auc'])}  ECE {figure(one['ece'])}"
    )


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
    marks = [f"in the ledger: {one}" for one in (body["mark"], body["reweighting"]) if one]
    return [body["words"], *marks, f"version {body['version']} is the champion{by_force}"]


def score_lines(body: Body) -> list[str]:
    levels = ", ".join(f"{count} {name}" for name, count in body["levels"].items())
    lines = [
        f"{body['accounts']:,} accounts scored as of {body['as_of']} with version {body['model_version']}",
        f"  {percent(body['mean_p'])} expected to leave within {body['horizon_days']} days; {levels}",
        f"  expected loss {body['expected_arr_loss']:,.0f} {body['currency']} of ARR",
    ]
    lines += [f"  {account}  {percent(p):>8}  {level}" for account, p, level in body["worst"]]
    if not body["has_signal"]:
        lines.insert(1, f"  {NO_SIGNAL}")
    if body["held_out"]:
        lines.append(f"  {body['held_out']:,} held out by draw: leave them alone (column arm of the file)")
    kept = "in the ledger already" if body["repeated"] else "in the ledger"
    return [*lines, f"{kept}, and in {body['out']}"]


def verify_lines(body: Body) -> list[str]:
    if body["intact"]:
        return [f"intact: {body['batches']:,} batches, {body['rows']:,} rows, newest hash {body['hash']}"]
    shown = [f"  - {fault}" for fault in body["faults"]]
    return [f"NOT intact: {body['found']} faults in {body['batches']:,} batches", *shown]


def export_lines(body: Body) -> list[str]:
    return [f"written to {path}" for path in body["files"]]


def call_line(call: Body) -> str:
    """The automated, the CSM's and the final call of an account, in one line."""
    if call["csm"] is None:
        return f"automated {call['automated']}; no call of a CSM holds; final: {call['final']}"
    ends = f" until {call['expires_at']}" if call["expires_at"] else ""
    said = f"CSM {call['csm']}{ends} ({call['made_by']}, {call['made_at']}: {call['reason']})"
    return f"automated {call['automated']}; {said}; final: {call['final']}"


def override_lines(body: Body) -> list[str]:
    lines = []
    for one in body["calls"][:20]:
        p = f"{percent(one['p'])} within {one['horizon_days']} days"
        lines.append(f"{one['account_id']}, {p} as of {one['as_of']}: {call_line(one)}")
    if len(body["calls"]) > 20:
        lines.append(f"... and {len(body['calls']) - 20:,} more accounts")
    calls = "1 call" if body["entered"] == 1 else f"{body['entered']:,} calls"
    return [*lines, f"{calls} in the ledger" + (" already" if body["repeated"] else "")]


def outcomes_lines(body: Body) -> list[str]:
    lines = [body["words"]]
    for one in body["days"]:
        days, high = body["horizon_days"], one["high"]
        lines.append(f"  {one['as_of']}, version {one['model_version']}: {one['accounts']:,} accounts")
        left = f"{one['churned']:,} left"
        if one["voluntary"] + one["involuntary"]:
            left += f" ({one['voluntary']:,} of their own will, {one['involuntary']:,} not)"
        lines.append(f"    {one['predicted']:.1f} expected to leave within {days} days, {left}")
        lines.append(f"    of {high:,} at high risk, {one['churned_of_high']:,} left")
        more = (
            f"    {one['contracted']:,} contracted" if one["contraction_matured"] else "    contractions not known yet"
        )
        lines.append(more + (f"; {one['returned']:,} of those who left came back" if one["returned"] else ""))
    return lines if body["by_arm"] is None else [*lines, *_arm_lines(body["by_arm"])]


def _arm_lines(body: Body) -> list[str]:
    names = {"treated": "approached", "untreated": "not approached", "holdout": "held out"}
    lines = ["by what was done about the account within its window (accounts that look worse are approached more):"]
    for one in body["arms"]:
        stayed = one.get("stayed_when_treated", one.get("false_alarms"))
        of_them = "saved, or safe anyway" if one["arm"] == "treated" else "false alarms"
        left = one["happened"]
        lines.append(
            f"  {names[one['arm']]:<15}{one['rows']:>7,} scorings of {one['accounts']:,} accounts:"
            f" {percent(one['expected'])} expected to leave, {percent(left['value'])}"
            f" ({percent(left['low'])} to {percent(left['high'])}) left; of {one['flagged']:,} at high risk"
            f" {one['flagged_and_left']:,} left, {stayed:,} stayed ({of_them})"
        )
    found = body["effect"]
    if "refused" in found:
        return [*lines, f"  what approaching accounts does is not estimated: {found['refused']}"]
    gap = found["difference"]
    return [
        *lines,
        f"  by draw: {percent(found['treated']['value'])} of {found['treated_accounts']:,} accounts up for an approach"
        f" left, {percent(found['holdout']['value'])} of {found['holdout_accounts']:,} held out; difference"
        f" {100 * gap['value']:+.1f} points ({100 * gap['low']:+.1f} to {100 * gap['high']:+.1f})",
    ]


def report_lines(body: Body) -> list[str]:
    lines = [*body["answer"], *body["against"], f"report: {body['html']}", f"figures: {body['json']}"]
    lines += [] if body["ledger_html"] is None else [f"what was served, judged: {body['ledger_html']}"]
    return lines + [f"printed: {path}" for path in body["pdf"]]


def monitor_lines(body: Body) -> list[str]:
    """What stands out, what is over, what is quiet, what was set aside, and the figures."""
    sources = {"ledger": "scored, by the ledger", "backtest": "out of time, by the backtest"}
    lines = [
        f"{one['rows']:,} predictions from {one['first']} to {one['last']} ({sources[one['source']]})"
        for one in body["watched"]
    ]
    stands = [one["words"] for one in body["alarms"] if one["stands"]]
    levels = body["figures"]["levels"]
    quarter = levels[-1]["quarter"] if levels else ""
    parts = {
        "what stands out:": stands or ["nothing: no alarm stands"],
        "what stood out, and is over:": [one["words"] for one in body["alarms"] if not one["stands"]],
        "what is quiet:": body["quiet"],
        "what was set aside:": body["aside"],
        "what was changed:": [one["says"] for one in body["marks"] if one["label"]],
        "by feed:": [feed_line(one) for one in body["figures"]["feeds"]],
        f"by stage, scorings of {quarter}:": [stage_line(one) for one in levels if one["quarter"] == quarter],
        "the figures:": body["facts"],
    }
    for title, said in parts.items():
        lines += [title, *(f"  {sentence}" for sentence in said)] if said else []
    return lines


def stage_line(one: Body) -> str:
    found = one["ratio"]
    times = f"{found['ratio']:.2f} times as many ({found['low']:.2f} to {found['high']:.2f})"
    return f"{one['stage']}: {found['observed']} left, {found['expected']:.1f} expected; {times}"


def feed_line(one: Body) -> str:
    moved = f"{one['moved']} moved" + (f", {one['explained']} of them with an outage" if one["explained"] else "")
    far = f"{one['far']} far from the training time"
    farthest = f" (farthest: {one['farthest']}, {one['distance']:.2f})" if one["farthest"] else ""
    return f"{one['feed']}: {one['signals']} signals, {moved}; {far}{farthest}"


def explain_lines(body: Body) -> list[str]:
    days = body["reasons"]["horizon_days"]
    served = body[f"p_churn_{days}d"]
    lines = [f"{body['account_id']} as of {body['as_of']}: {percent(served)} likely to leave within {days} days"]
    horizons = [name for name in body if name.startswith("p_churn_")]
    lines.append("  " + ", ".join(f"{name[8:-1]} days {percent(body[name])}" for name in horizons))
    if not body["has_signal"]:
        lines.append(f"  {NO_SIGNAL}")
    lines.append(f"  risk {body['risk_level']}, stage {body['lifecycle_stage']}, coverage {percent(body['coverage'])}")
    if body["call"]["csm"] is not None:
        lines.append(f"  {call_line(body['call'])}")
    if body["health_score"] is not None:
        scores = {name: body[f"health_{name}"] for name in body["weights"]}
        shown = {name: "-" if score is None else f"{score:.0f}" for name, score in scores.items()}
        parts = ", ".join(f"{name} {shown[name]} (weight {weight:g})" for name, weight in body["weights"].items())
        lines.append(f"  health {body['health_score']:.0f} of 100: {parts}")
    lines.append(f"  an average account: {percent(body['reasons']['base'])}")
    for group in body["reasons"]["dimensions"]:
        lines.append(f"  {group['dimension']:<14}{group['contribution'] * 100:+7.2f} points")
        strong = [one for one in group["signals"] if abs(one["contribution"]) >= 0.0005][:5]
        for one in strong:
            value = f"{one['value']:g}" if isinstance(one["value"], float) else one["value"] or "not known"
            lines.append(f"    {one['contribution'] * 100:+7.2f}  {one['sentence']}: {value}")
    lines += [f"  trigger: {one}" for one in body["triggers"]]
    lines += [f"  do: {one['title']} ({one['why']})" for one in body["actions"]]
    return lines


def key_lines(body: Body) -> list[str]:
    return [body["key"]] if not sys.stdout.isatty() else [body["key"], "keep it now: it is not shown again"]


def keys_lines(body: list[Body]) -> list[str]:
    if not body:
        return ["no keys; `forewarn keys create --role ROLE` makes one"]
    return [
        f"{one['key_id']}  {one['role']:<10}  made {one['created_at']}"
        + (f"  revoked {one['revoked_at']}" if one["revoked_at"] else "")
        for one in body
    ]


def revoked_lines(body: Body) -> list[str]:
    return [f"{body['key_id']} ({body['role']}) is revoked"]


def doctor_lines(body: Body) -> list[str]:
    lines = [f"{'ok' if one['there'] else 'MISSING':8}{one['what']}: {one['says']}" for one in body["things"]]
    return [*lines, "ready" if body["ready"] else "not ready: see the lines marked MISSING"]


def demo_lines(body: Body) -> list[str]:
    """What the demo found, in ten lines."""
    back, features, before = body["backtest"], body["features"], body["before"]
    main = next(one for one in back["horizons"] if one["days"] == back["main_horizon_days"])
    compared = {one["baseline"]: one for one in back["comparisons"] if one["days"] == main["days"]}
    rules = compared.get("rules")
    promoted = body["promote"]
    judged = next((one for one in body["outcomes"]["days"] if one["as_of"] == before["as_of"]), None)
    against, command = "not compared", f"forewarn --config {body['config']}"
    if rules is not None:
        against = rules.get("refused") or f"AUC {figure(rules['auc']['baseline'])}"
    lines = [
        f"company: {body['accounts']:,} accounts, {body['rows']:,} rows, today {body['check']['data_end']}",
        f"signals: {features['signals']} on {features['rows']:,} snapshots, coverage {percent(features['coverage'])}",
        f"out of time at {main['days']} days: AUC {figure(main['auc'])}, ECE {figure(main['ece'])}",
        f"the rules on the same rows: {against}",
        f"gates: version {promoted['version']} "
        + ("is the champion" if promoted["promoted"] else f"refused by {', '.join(promoted['refused'])}"),
        f"as of {before['as_of']}, with what was known then: "
        + (f"{judged['predicted']:.0f} expected to leave, {judged['churned']} left" if judged else "not judged yet"),
    ]
    if "score" in body:
        score = body["score"]
        account, p, level = score["worst"][0]
        lines += [
            f"today: {score['levels'].get('high', 0)} accounts at high risk,"
            f" {score['expected_arr_loss']:,.0f} {score['currency']} of ARR expected to go",
            f"first to call: {account}, {percent(p)} ({level}); why: {command} explain {account}",
        ]
    else:
        lines.append("today: nobody is scored, since no model is the champion")
    lines += monitor_lines(body["monitor"]) if "monitor" in body else []
    lines.append(f"report: {body['report']['html']}")
    lines.append(f"serve it: {command} serve" if promoted["promoted"] else f"ask again: {command} promote")
    return lines
