"""How results read on a terminal: a command's result in, lines out. Nothing here works anything out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluation.outcomes import LevelInForce
    from evaluation.report import HorizonFigures
    from serving.checked import Checked
    from serving.commands.data import FeaturesWritten
    from serving.commands.ledger import LedgerExported
    from serving.commands.machine import Diagnosis
    from serving.commands.score import Explained, Renewal, Scored
    from serving.keys import CreatedKey, Key
    from serving.messages import Reasons
    from serving.remote import RemoteScored
    from serving.setup import Mended, Proposal

NO_SIGNAL = "NO USABLE SIGNAL: this is the base rate of the stage, the same for every account in it"


def percent(share: float) -> str:
    """A share in percent.

    >>> percent(0.0712), percent(0.4)
    ('7.1 %', '40.0 %')
    """
    return f"{share * 100:.1f} %"


def init_lines(result: Proposal) -> list[str]:
    lines = ["what it believes, and why"] if result.beliefs else [result.text.rstrip()]
    for table, sentences in result.beliefs.items():
        lines += [f"  {table}", *(f"    {sentence}" for sentence in sentences)]
    if result.doubts:
        lines += ["", "what it doubts"]
        lines += [f"  {table}: {doubt}" for table, doubts in result.doubts.items() for doubt in doubts]
    if result.questions:
        lines += ["", "what it needs to know (`--ask` asks)"]
        lines += [f"  {question.text} Written: {question.key} {question.default}" for question in result.questions]
    if result.systems and result.beliefs:
        lines += ["", f"these look like tables of {', '.join(result.systems)}: try --source {','.join(result.systems)}"]
    return [*lines, "", f"written to {result.out}; look it over, then run `forewarn check`"]


def fix_lines(result: Mended) -> list[str]:
    lines = result.diff.splitlines() or ["nothing that can be mended without asking"]
    if result.left:
        lines += ["", "left for you", *(f"  - {fault}" for fault in result.left)]
    if result.diff:
        lines += ["", f"written to {result.path}" if result.written else "`forewarn check --fix --write` changes it so"]
    return lines


def check_lines(result: Checked) -> list[str]:
    lines = [str(result.report)]
    if result.triggers:
        rows = result.triggers[0]
        lines += [
            "",
            f"triggers on {rows.rows:,} past snapshots, of which {percent(rows.base_rate)} left in the main window",
        ]
        lines += [f"  {value}" for value in result.triggers]
    if result.leaking_signals:
        names = ", ".join(result.leaking_signals)
        lines += ["", f"not passed: signals {names} read the future (see above); train and backtest refuse them too"]
    if result.open_suspects:
        names = ", ".join(result.open_suspects)
        lines += [
            "",
            f"not passed: {names} (see above); train and backtest refuse them too",
            f"if they are right as they are: allow_leaking: [{names}]",
        ]
    return lines


def features_lines(result: FeaturesWritten) -> list[str]:
    span = f"{result.as_ofs} days from {result.first} to {result.last}" if result.rows else "no days"
    lines = [f"{result.rows:,} snapshots of {result.accounts:,} accounts on {span}, {result.signals} signals"]
    if result.coverage is not None:
        lines.append(f"mean coverage {percent(result.coverage)}")
    return [*lines, f"written to {result.out}"]


def figure(estimate: Any) -> str:
    """A figure with its interval, or why there is none.

    >>> figure({"value": 0.8123, "low": 0.78, "high": 0.84})
    '0.812 (0.780 to 0.840)'
    """
    if isinstance(estimate, dict):
        if "refused" in estimate:
            return f"refused: {estimate['refused']}"
        return f"{estimate['value']:.3f} ({estimate['low']:.3f} to {estimate['high']:.3f})"
    return "-" if estimate is None else f"{estimate:.3f}"


def horizon_line(horizon: HorizonFigures) -> str:
    return (
        f"  {horizon['days']:>4} days  {horizon['rows']:>6,} scorings, {horizon['churned_rows']:>5,} of them before a"
        f" churn ({horizon['churned_accounts']:,} accounts left)"
        f"  AUC {figure(horizon['auc'])}  ECE {figure(horizon['ece'])}"
    )


def score_lines(result: Scored) -> list[str]:
    levels = ", ".join(f"{count} {name}" for name, count in result.levels.items())
    lines = [
        f"{result.accounts:,} accounts scored as of {result.as_of} with version {result.model_version}",
        f"  {percent(result.mean_p)} expected to leave within {result.horizon_days} days; {levels}",
        f"  expected loss {result.expected_arr_loss:,.0f} {result.currency} of ARR",
    ]
    lines += [f"  {row.account_id}  {percent(row.p_churn):>8}  {row.risk_level}" for row in result.worst]
    if not result.has_signal:
        lines.insert(0, NO_SIGNAL)
    if result.in_hindsight:
        lines.append(f"  too late to be judged: {result.as_of} lies too far back for a forecast; kept as in hindsight")
    if result.held_out:
        lines.append(f"  {result.held_out:,} held out by draw: leave them alone (column arm of the file)")
    kept = "in the ledger already" if result.repeated else "in the ledger"
    return [*lines, f"{kept}, and in {result.out}"]


def remote_lines(result: RemoteScored) -> list[str]:
    levels = ", ".join(f"{count} {name}" for name, count in result.levels.items())
    head = f"{result.accounts:,} accounts scored as of {result.as_of} by {result.url}, version {result.model_version}"
    if result.mean_p is None:
        return [head]
    lines = [
        head,
        f"  {percent(result.mean_p)} expected to leave within {result.horizon_days} days; {levels}",
        f"  expected loss {result.expected_arr_loss:,.0f} {result.currency} of ARR",
    ]
    if result.stale:
        lines.append("  the service says that its data are too old")
    if result.missing:
        lines.append(f"  {result.missing:,} accounts left between the list and the scoring")
    return [*lines, f"in the service's ledger, and in {result.out}"]


def export_lines(result: LedgerExported) -> list[str]:
    return [f"written to {path}" for path in result.files]


def level_line(level: LevelInForce) -> str:
    """The automated, the CSM's and the final level of an account, in one line."""
    if level.csm is None:
        return f"automated {level.automated}; no override of a CSM holds; final: {level.final}"
    ends = f" until {level.expires_at:%Y-%m-%d}" if level.expires_at is not None else ""
    csm = f"CSM {level.csm}{ends} ({level.made_by}, {level.made_at:%Y-%m-%d}: {level.reason})"
    return f"automated {level.automated}; {csm}; final: {level.final}"


def explain_lines(result: Explained) -> list[str]:
    prediction = result.prediction
    p, days = prediction.p_churn(), prediction.reasons.horizon_days
    lines = [] if prediction.has_signal else [NO_SIGNAL]
    lines.append(
        f"{prediction.account_id} as of {prediction.as_of}: {percent(p[days])} likely to leave within {days} days"
    )
    lines.append("  " + ", ".join(f"{horizon} days {percent(within)}" for horizon, within in p.items()))
    stage = prediction.lifecycle_stage
    coverage = "unknown" if prediction.coverage is None else percent(prediction.coverage)
    lines.append(f"  risk {prediction.risk_level}, stage {stage}, coverage {coverage}")
    if result.in_force.csm is not None:
        lines.append(f"  {level_line(result.in_force)}")
    if prediction.health_score is not None:
        shown = {name: "-" if score is None else f"{score:.0f}" for name, score in prediction.health().items()}
        parts = ", ".join(f"{name} {shown[name]} (weight {weight:g})" for name, weight in prediction.weights.items())
        lines.append(f"  health {prediction.health_score:.0f} of 100: {parts}")
    if result.renewals:
        lines.append("  ends: " + "; ".join(map(_renewal, result.renewals)))
    lines += _reason_lines(prediction.reasons)
    lines += [f"  trigger: {trigger}" for trigger in prediction.triggers]
    for action, playbook in zip(prediction.actions, result.playbooks, strict=True):
        lines.append(f"  do: {action.title} ({action.why})")
        lines += [f"    {number}. {step}" for number, step in enumerate(playbook.steps, start=1)]
        lines += [f"    escalate: {playbook.escalate}"] if playbook.escalate else []
    return lines


def _renewal(renewal: Renewal) -> str:
    arr = "" if renewal.arr is None else f" {renewal.arr:,.0f} of ARR"
    return f"{renewal.ends_at}{arr}{' (the renewal that counts)' if renewal.counts else ''}"


def _reason_lines(reasons: Reasons) -> list[str]:
    """The base, then each dimension with at most five of its signals that move the probability visibly."""
    lines = [f"  an average account: {percent(reasons.base)}"]
    for group in reasons.dimensions:
        lines.append(f"  {group.dimension:<14}{group.contribution * 100:+7.2f} points")
        for reason in [reason for reason in group.signals if abs(reason.contribution) >= 0.0005][:5]:
            value = reason.value
            shown = f"{value:g}" if isinstance(value, float) else value or "not known"
            lines.append(f"    {reason.contribution * 100:+7.2f}  {reason.sentence}: {shown}")
    return lines


def key_lines(created: CreatedKey) -> list[str]:
    return [created.key] if not sys.stdout.isatty() else [created.key, "keep it now: it is not shown again"]


def keys_lines(keys: list[Key]) -> list[str]:
    if not keys:
        return ["no keys; `forewarn keys create --role ROLE` makes one"]
    more = [
        (f"  accounts of {key.owner}" if key.owner else "") + (f"  revoked {key.revoked_at}" if key.revoked_at else "")
        for key in keys
    ]
    return [f"{key.key_id}  {key.role:<10}  made {key.created_at}{of}" for key, of in zip(keys, more, strict=True)]


def revoked_lines(key: Key) -> list[str]:
    return [f"{key.key_id} ({key.role}) is revoked"]


def doctor_lines(result: Diagnosis) -> list[str]:
    lines = [
        f"{'ok' if part.is_present else 'MISSING':8}{part.name}{' (optional)' if part.optional else ''}:"
        f" {part.description}"
        for part in result.requirements
    ]
    return [*lines, "ready" if result.ready else "not ready: see the lines marked MISSING"]
