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
    if body["leaking_signals"]:
        names = ", ".join(body["leaking_signals"])
        lines += ["", f"not passed: signals {names} read the future (see above); train and backtest refuse them too"]
    if body["open_suspects"]:
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
