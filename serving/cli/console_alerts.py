"""How alerts, their review and a day's run read on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from serving.cli.console import percent

if TYPE_CHECKING:
    from serving.alerts import AlertReview, ReviewedPolicy, ReviewedTrigger
    from serving.commands.alerts import AlertsSent, DeadLetter, ListedAlert, Resent
    from serving.daily import DailyRun


def sent_lines(result: AlertsSent) -> list[str]:
    return [str(result.raised), *result.sent.lines]


def list_lines(result: Sequence[ListedAlert]) -> list[str]:
    if not result:
        return ["no alerts"]
    lines = []
    for alert in result:
        states = ", ".join(f"{receiver} {state}" for receiver, state in alert.deliveries.items()) or alert.route
        lines.append(f"{alert.as_of}  {alert.alert_id}  {alert.owner or '-':<10}  {alert.title}  ({states})")
    return lines


def dead_lines(result: Sequence[DeadLetter]) -> list[str]:
    if not result:
        return ["no dead letters"]
    return [
        f"{one.message_id}  {one.receiver}  {one.created_at[:16]}  {len(one.accounts)} accounts,"
        f" {one.attempts} attempts: {one.detail}"
        for one in result
    ]


def resent_lines(result: Resent) -> list[str]:
    lines = [f"{message} goes out again" for message in result.messages] or ["no dead letters"]
    return [*lines, *(f"{receiver} is on again" for receiver in result.receivers)]


def review_lines(result: AlertReview) -> list[str]:
    days = result.horizon_days
    lines = [
        f"alerts that {result.scorings} scorings ({result.source}, {result.first} to {result.last},"
        f" {result.rows:,} rows) would have raised; {percent(result.base_rate)} left within {days} days",
        "",
        f"{'':<27}{'alerts':>7}  {'a day':>6}  {'a CSM and week':>17}  {'precision':<24}{'lift':>5}   seen beforehand",
    ]
    lines += [_policy_line(policy) for policy in result.policies]
    lines += ["", f"{'changes of risk':<34}{'alerts':>7}  {'precision':<24}{'lift':>5}   days before"]
    return [*lines, *(_trigger_line(trigger) for trigger in result.triggers)]


def _policy_line(policy: ReviewedPolicy) -> str:
    a_week = f"at most {policy.most_a_week:.0f}, {policy.mean_a_week:.1f}"
    head = f"{policy.policy:<27}{policy.alerts:>7}  {percent(policy.share_of_accounts):>6}  {a_week:>17}  "
    if policy.refused is not None:
        return f"{head}{policy.refused}"
    seen = f"{policy.seen} of {policy.churned} ({policy.seen_by_chance:.0f} by chance)"
    seen += "" if policy.arr_seen is None else f", {percent(policy.arr_seen)} of their ARR"
    seen += "" if policy.lead_days is None else f", {policy.lead_days:.0f} days ahead"
    return f"{head}{_interval(policy)}{policy.lift:>5.2f}   {seen}"


def _trigger_line(trigger: ReviewedTrigger) -> str:
    head = f"{trigger.kind.replace('_', ' ') + ' ' + trigger.subject:<34}{trigger.alerts:>7}  "
    if trigger.refused is not None:
        return f"{head}{trigger.refused}"
    return f"{head}{_interval(trigger)}{trigger.lift:>5.2f}   {trigger.lead_days:.0f}"


def _interval(worth: ReviewedPolicy | ReviewedTrigger) -> str:
    assert worth.precision is not None
    assert worth.low is not None
    assert worth.high is not None
    return f"{f'{percent(worth.precision)} ({percent(worth.low)} to {percent(worth.high)})':<24}"


def daily_lines(result: DailyRun) -> list[str]:
    lines = [f"{step.name:<7} {step.state:<8} {step.summary}" for step in result.steps]
    return [*lines, f"exit code {result.exit_code}"]
