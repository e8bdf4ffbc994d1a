"""How CSMs' overrides, outcomes, reports and the monitoring read on a terminal, and the demo, which has them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from serving.cli.console import figure, level_line, percent

if TYPE_CHECKING:
    from evaluation.monitoring import FeedDrift, MonitoringSummary, QuarterRatio
    from evaluation.outcomes import OutcomesByArm, ReportedEntries
    from serving.commands.outcomes import Judged
    from serving.commands.overrides import Overridden
    from serving.commands.report import Reported
    from serving.demo.demo import DemoRun
    from serving.exchange import Pushed


def override_lines(result: Overridden) -> list[str]:
    lines = []
    for account in result.overrides[:20]:
        p = f"{percent(account.p)} within {account.horizon_days} days"
        lines.append(f"{account.in_force.account_id}, {p} as of {account.as_of}: {level_line(account.in_force)}")
    if len(result.overrides) > 20:
        lines.append(f"... and {len(result.overrides) - 20:,} more accounts")
    overrides = "1 override" if result.entered == 1 else f"{result.entered:,} overrides"
    return [*lines, f"{overrides} in the ledger" + (" already" if result.repeated else "")]


def outcomes_lines(result: Judged) -> list[str]:
    lines = [result.summary]
    for day in result.days:
        horizon = result.horizon_days
        lines.append(f"  {day.as_of}, version {day.model_version}: {day.accounts:,} accounts")
        left = f"{day.churned:,} left"
        if day.voluntary + day.involuntary:
            left += f" ({day.voluntary:,} of their own will, {day.involuntary:,} not)"
        lines.append(f"    {day.predicted:.1f} expected to leave within {horizon} days, {left}")
        lines.append(f"    of {day.high:,} at high risk, {day.churned_of_high:,} left")
        more = f"    {day.contracted:,} contracted" if day.contraction_matured else "    contractions not known yet"
        lines.append(more + (f"; {day.returned:,} of those who left came back" if day.returned else ""))
    lines += [] if result.by_arm is None else _arm_lines(result.by_arm)
    return lines if result.reported is None else [*lines, *_reported_lines(result.reported)]


def _reported_lines(result: ReportedEntries) -> list[str]:
    counts = "which count, since the sources have none" if result.interventions_count else "beside the sources' own"
    lines = [
        f"reported by callers: {result.interventions:,} interventions, {counts};"
        f" {result.churns:,} churns and {result.renewals:,} renewals"
    ]
    differ = {
        "interventions that the sources do not have": result.interventions_not_in_sources,
        "churns that the sources do not know": result.churns_not_in_sources,
        "renewals of accounts that left by the sources": result.renewals_of_churned,
    }
    if any(differ.values()):
        told = ", ".join(f"{count:,} {what}" for what, count in differ.items() if count)
        lines.append(f"  otherwise than the sources, which count: {told} ({', '.join(result.accounts)})")
    return lines


def _arm_lines(outcomes: OutcomesByArm) -> list[str]:
    from evaluation.metrics import Refusal

    names = {"treated": "approached", "untreated": "not approached", "holdout": "held out"}
    lines = ["by what had been done about the account by its day (accounts that look worse are approached more):"]
    for arm in outcomes.arms:
        of_them = "saved, or safe anyway" if arm.arm == "treated" else "false alarms"
        left = arm.happened
        lines.append(
            f"  {names[arm.arm]:<15}{arm.rows:>7,} scorings of {arm.accounts:,} accounts:"
            f" {percent(arm.expected)} expected to leave, {percent(left.value)}"
            f" ({percent(left.low)} to {percent(left.high)}) left; of {arm.flagged:,} at high risk"
            f" {arm.flagged_and_left:,} left, {arm.flagged_and_stayed:,} stayed ({of_them})"
            + (f"; {arm.approached_later:,} were approached later, within the window" if arm.approached_later else "")
        )
    effect = outcomes.effect
    if isinstance(effect, Refusal):
        return [*lines, f"  what approaching accounts does is not estimated: {effect.refused}"]
    gap = effect.difference
    return [
        *lines,
        f"  by draw: {percent(effect.treated.value)} of {effect.treated_accounts:,} accounts up for an approach"
        f" left, {percent(effect.holdout.value)} of {effect.holdout_accounts:,} held out; difference"
        f" {100 * gap.value:+.1f} points ({100 * gap.low:+.1f} to {100 * gap.high:+.1f})",
    ]


def report_lines(result: Reported) -> list[str]:
    lines = [*result.headlines, *result.against, f"report: {result.html}", f"figures: {result.json}"]
    lines += [] if result.ledger_html is None else [f"what was served, judged: {result.ledger_html}"]
    return lines + [f"printed: {path}" for path in result.pdf]


def monitor_lines(result: MonitoringSummary) -> list[str]:
    """Active alarms, what is over, what is quiet, what was left out, and the figures."""
    origins = {"ledger": "scored, by the ledger", "backtest": "out of time, by the backtest"}
    lines = [
        f"{source.rows:,} predictions from {source.first} to {source.last} ({origins[source.source]})"
        for source in result.sources
    ]
    active = [alarm.sentence for alarm in result.alarms if alarm.is_active]
    ratios = result.figures.observed_expected
    quarter = ratios[-1].quarter if ratios else ""
    parts: dict[str, Sequence[str]] = {
        "active alarms:": active or ["nothing: no alarm is on"],
        "what stood out, and is over:": [alarm.sentence for alarm in result.alarms if not alarm.is_active],
        "what is quiet:": result.quiet,
        "what was left out:": result.notes,
        "what was changed:": [event.sentence for event in result.events if event.label],
        "by feed:": [feed_line(feed) for feed in result.figures.feeds],
        f"by stage, scorings of {quarter}:": [stage_line(row) for row in ratios if row.quarter == quarter],
        "the figures:": result.facts,
    }
    for title, sentences in parts.items():
        lines += [title, *(f"  {sentence}" for sentence in sentences)] if sentences else []
    return lines


def stage_line(row: QuarterRatio) -> str:
    ratio = row.ratio
    times = f"{ratio.ratio:.2f} times as many ({ratio.low:.2f} to {ratio.high:.2f})"
    return f"{row.stage}: {ratio.observed} left, {ratio.expected:.1f} expected; {times}"


def feed_line(feed: FeedDrift) -> str:
    moved = f"{feed.moved} moved" + (f", {feed.explained} of them with an outage" if feed.explained else "")
    far = f"{feed.far} far from the training time"
    farthest = f" (farthest: {feed.farthest}, {feed.distance:.2f})" if feed.farthest else ""
    return f"{feed.feed}: {feed.signals} signals, {moved}; {far}{farthest}"


def demo_lines(result: DemoRun) -> list[str]:
    """What the demo found, the answer first."""
    figures, features, before, promoted = (
        result.backtest.metrics.figures,
        result.features,
        result.before,
        result.promote,
    )
    main = next(horizon for horizon in figures["horizons"] if horizon["days"] == figures["main_horizon_days"])
    compared = {rival["baseline"]: rival for rival in figures["comparisons"] if rival["days"] == main["days"]}
    rules = compared.get("rules")
    judged = next((day for day in result.outcomes.days if day.as_of == before.as_of), None)
    against, command = "not compared", f"forewarn --config {result.config}"
    if rules is not None:
        against = rules.get("refused") or f"AUC {figure(rules['auc']['baseline'])}"
    lines = [
        figures["headlines"][0],
        f"company: {result.accounts:,} accounts, {result.rows:,} rows, today {result.check.report.data_end}",
        f"signals: {features.signals} on {features.rows:,} snapshots, coverage {percent(features.coverage or 0.0)}",
        f"out of time at {main['days']} days: AUC {figure(main['auc'])}, ECE {figure(main['ece'])}",
        f"the rules on the same rows: {against}",
        f"gates: version {promoted.version} "
        + ("is the champion" if promoted.promoted else f"refused by {', '.join(promoted.refused)}"),
        f"as of {before.as_of}, with what was known then: "
        + (f"{judged.predicted:.0f} expected to leave, {judged.churned} left" if judged else "not judged yet"),
    ]
    if result.score is not None:
        score = result.score
        worst = score.worst[0]
        lines += [
            f"today: {score.levels.get('high', 0)} accounts at high risk,"
            f" {score.expected_arr_loss:,.0f} {score.currency} of ARR expected to go",
            f"first to call: {worst.account_id}, {percent(worst.p_churn)} ({worst.risk_level});"
            f" why: {command} explain {worst.account_id}",
        ]
    else:
        lines.append("today: nobody is scored, since no model is the champion")
    lines += [] if result.monitor is None else monitor_lines(result.monitor)
    lines.append(f"report: {result.report.html}")
    lines.append(f"serve it: {command} serve" if promoted.promoted else f"ask again: {command} promote")
    return lines


def push_lines(result: Pushed) -> list[str]:
    lines = [f"{result.sent:,} accounts told to {result.receiver} in {result.calls:,} calls, as of {result.as_of}"]
    lines += [f"  {result.gone:,} of them are in play no longer"] if result.gone else []
    lines += [f"  {result.unchanged:,} are as they were told last"] if result.unchanged else []
    return lines + ([f"  {result.held_out:,} held out by draw: not told"] if result.held_out else [])
