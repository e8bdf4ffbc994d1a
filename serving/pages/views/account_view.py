"""What the page of an account shows: who it is, its risk as one number in words, the rules beside it, what to copy."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from evaluation.formatting import money
from evaluation.promotion import LedgerEvent
from serving.api import Snapshot
from serving.messages import AccountDetails, AccountHistory, LevelInForce, Prediction
from serving.pages.charts import Chart, CurvePoint, curve_chart, day_words
from serving.pages.views import account_history as over_time
from serving.pages.views.account_history import ActionView, EnteredView, by_words
from serving.pages.views.account_paragraph import Piece, paragraph
from serving.pages.views.account_reasons import WhyView, why
from serving.pages.views.account_rows import RowsView, days_ago, rows_view
from serving.pages.views.account_rules import disagreements, rules_by_dimension, rules_words
from serving.pages.views.search import account_path
from serving.pages.words import name_words, share_words

LEAST_PEERS = 10
HELD_OUT = (
    "Held out: do not contact this account about its risk. What becomes of it shows what acting on others changes."
)


@dataclass(frozen=True)
class Fact:
    """A label and what stands beside it; `path` where that has a page."""

    label: str
    value: str
    path: str | None = None


@dataclass(frozen=True)
class RelatedView:
    """Another account of the same family."""

    relation: str
    name: str
    path: str
    level: str
    risk: str
    arr: str


@dataclass(frozen=True)
class LevelView:
    """The level that counts, and whose it is."""

    final: str
    words: str


@dataclass(frozen=True)
class Entering:
    """What whoever looks may enter."""

    may_call: bool
    may_note: bool
    levels: tuple[str, ...]
    today: str


@dataclass(frozen=True)
class AccountView:
    """The page of an account."""

    title: str
    account_id: str
    path: str
    held_out: str | None
    facts: tuple[Fact, ...]
    stage_words: str
    level: LevelView
    risk: str
    risk_words: str
    interval_words: str
    comparisons: tuple[str, ...]
    risk_chart: Chart | None
    health_chart: Chart | None
    curve: Chart | None
    why: WhyView
    rules_words: str
    rules: tuple[tuple[str, str, str], ...]
    disagreements: tuple[str, ...]
    triggers: tuple[str, ...]
    actions: tuple[ActionView, ...]
    rows: RowsView | None
    related: tuple[RelatedView, ...]
    related_words: str | None
    entered: tuple[EnteredView, ...]
    entering: Entering
    paragraph: tuple[Piece, ...]
    missing: str | None


@dataclass(frozen=True)
class Gathered:
    """What a page of an account is made from: all of one day, model and configuration."""

    snapshot: Snapshot
    prediction: Prediction
    level: LevelInForce
    history: AccountHistory
    events: Sequence[LedgerEvent]
    details: AccountDetails | None
    descriptions: dict[str, str]
    sees_related: frozenset[str]
    entering: Entering


def view(gathered: Gathered) -> AccountView:
    """The page of an account.

    Parameters
    ----------
    gathered : Gathered

    Returns
    -------
    AccountView
    """
    prediction, details = gathered.prediction, gathered.details
    header, summary = gathered.snapshot.day.header, gathered.snapshot.day.summaries[prediction.account_id]
    main, more = header.main_horizon_days, prediction.model_extra or {}
    p_churn, low, high = summary.p_churn, more.get(f"p_low_{main}d"), more.get(f"p_high_{main}d")
    risk_chart, health_chart = over_time.charts_over_time(gathered.history, gathered.events, main)
    related, related_words = _related(gathered)
    listed = tuple(over_time.actions(prediction.actions, details, gathered.history))
    reasons = why(prediction, p_churn, details, header.currency)
    return AccountView(
        title=summary.name or prediction.account_id,
        account_id=prediction.account_id,
        path=account_path(prediction.account_id),
        held_out=HELD_OUT if summary.arm == "holdout" else None,
        facts=_facts(gathered),
        stage_words=_because(details),
        level=_level(gathered.level),
        risk=share_words(p_churn),
        risk_words=f"likely to leave within {main} days",
        interval_words="" if low is None or high is None else f"between {share_words(low)} and {share_words(high)}",
        comparisons=_comparisons(gathered),
        risk_chart=risk_chart,
        health_chart=health_chart,
        curve=_curve(gathered),
        why=reasons,
        rules_words=rules_words(prediction, more.get(f"p_health_{main}d"), p_churn, main),
        rules=rules_by_dimension(prediction),
        disagreements=disagreements(prediction),
        triggers=tuple(gathered.descriptions.get(one) or name_words(one) for one in prediction.triggers),
        actions=listed,
        rows=None if details is None else rows_view(details, header.as_of, header.currency),
        related=related,
        related_words=related_words,
        entered=tuple(over_time.entered(gathered.history)),
        entering=gathered.entering,
        paragraph=paragraph(gathered.snapshot, prediction, reasons, listed),
        missing=None if details is not None else "Details are still being worked out: open the page again in a moment.",
    )


def _level(level: LevelInForce) -> LevelView:
    if level.counts == "model":
        return LevelView(level.final, "by the model")
    until = f" until {day_words(level.expires_at)}" if level.expires_at else ""
    who = by_words(level.made_by or "")
    return LevelView(level.final, f"called by {who}{until} (“{level.reason}”); the model says {level.automated}")


def _facts(gathered: Gathered) -> tuple[Fact, ...]:
    details, header = gathered.details, gathered.snapshot.day.header
    one = gathered.snapshot.day.summaries[gathered.prediction.account_id]
    facts = [
        Fact("Owner", one.owner or "nobody"),
        Fact("Segment", name_words(one.segment or "none")),
        Fact("ARR", "not known" if one.arr is None else money(one.arr, header.currency)),
        Fact("Stage", name_words(one.lifecycle_stage)),
    ]
    if details is None:
        return tuple(facts)
    if details.tier is not None and details.tier != one.segment:
        facts.insert(2, Fact("Tier", name_words(details.tier)))
    if details.days_to_renewal is not None:
        day = date.fromisoformat(header.as_of) + timedelta(days=round(details.days_to_renewal))
        facts.append(Fact("Renewal", f"{day_words(day.isoformat())}, in {details.days_to_renewal:.0f} days"))
    if "contacts" in details.tables:
        for role, label in (("executive_sponsor", "Sponsor"), ("champion", "Champion")):
            there = [one.contact_id for one in details.contacts if one.until is None and role in one.roles]
            facts.append(Fact(label, ", ".join(there) or "nobody"))
    if "interactions" in details.tables:
        last = details.last_contact_at
        facts.append(Fact("Last contact", "never" if last is None else days_ago(last, header.as_of)))
    facts.append(Fact("Data", f"{share_words(one.coverage)} of what the score asks for is there"))
    if details.strategic:
        facts.append(Fact("Strategic", "yes"))
    return tuple(facts)


SIGNS = {
    ">=": r"\1 (enough: at least \3)",
    "<": r"\1 (too little: at least \3)",
    "<=": r"\1 (good: at most \3)",
    ">": r"\1 (too much: at most \3)",
}


def criterion_words(criterion: str) -> str:
    """What decided the stage, without signs.

    >>> criterion_words("1 of 2 (1 needed): features in use 4 >= 3; days silent 72 > 60")
    '1 of 2 (1 needed): features in use 4 (enough: at least 3); days silent 72 (too much: at most 60)'
    """
    for sign, words in SIGNS.items():
        criterion = re.sub(rf"(\S+) ({sign}) (\S+?)(?=;|$)", words, criterion)
    return criterion


def _because(details: AccountDetails | None) -> str:
    return "" if details is None or details.stage_criterion is None else criterion_words(details.stage_criterion)


def _comparisons(gathered: Gathered) -> tuple[str, ...]:
    """The risk against an average account and against those of the same stage and segment."""
    prediction, summaries = gathered.prediction, gathered.snapshot.day.summaries
    one = summaries[prediction.account_id]
    base, found = prediction.reasons.base, []
    if base > 0:
        times = one.p_churn / base
        if 0.9 <= times <= 1.1:
            found.append(f"About the same as an average account ({share_words(base)}).")
        elif times > 1:
            found.append(f"{times:.1f} times an average account ({share_words(base)}).")
        else:
            found.append(f"Below an average account ({share_words(base)}).")
    same_stage = [
        other
        for other in summaries.values()
        if other.lifecycle_stage == one.lifecycle_stage and other.account_id != one.account_id
    ]
    same_segment = [other for other in same_stage if other.segment == one.segment]
    chosen, who = same_segment, f"stage {name_words(one.lifecycle_stage)} and segment {name_words(one.segment or '-')}"
    if len(chosen) < LEAST_PEERS:
        chosen, who = same_stage, f"stage {name_words(one.lifecycle_stage)}"
    peers = [other.p_churn for other in chosen]
    if len(peers) >= LEAST_PEERS:
        below, median = sum(p < one.p_churn for p in peers), share_words(statistics.median(peers))
        found.append(f"Of {len(peers)} others of the {who}, {below} have a lower risk; half are below {median}.")
    if one.expected_arr_loss is not None:
        found.append(
            f"{money(one.expected_arr_loss, gathered.snapshot.day.header.currency)} of ARR expected to be lost."
        )
    return tuple(found)


def _curve(gathered: Gathered) -> Chart | None:
    prediction, header = gathered.prediction, gathered.snapshot.day.header
    summary = gathered.snapshot.day.summaries[prediction.account_id]
    base = {header.main_horizon_days: prediction.reasons.base}
    points = [CurvePoint(days, p, base.get(days)) for days, p in sorted(prediction.p_churn().items())]
    caption = f"Risk of {summary.name or prediction.account_id} by days ahead"
    return curve_chart(points, caption, ("Risk", "An average account"), share_words)


def _related(gathered: Gathered) -> tuple[tuple[RelatedView, ...], str | None]:
    """Parent and children that are in play and may be seen, and the family rolled up."""
    details, summaries = gathered.details, gathered.snapshot.day.summaries
    if details is None:
        return (), None
    named = [("parent", details.parent_account_id)] if details.parent_account_id is not None else []
    named += [("child", child) for child in details.children]
    currency, shown = gathered.snapshot.day.header.currency, []
    for relation, account_id in named:
        if account_id in gathered.sees_related:
            one = summaries[account_id]
            arr = "-" if one.arr is None else money(one.arr, currency)
            final = gathered.snapshot.level(account_id)["final"]
            path = account_path(account_id)
            shown.append(RelatedView(relation, one.name or account_id, path, final, share_words(one.p_churn), arr))
    if not details.children:
        return tuple(shown), None
    family = [summaries[one] for one in (gathered.prediction.account_id, *details.children) if one in summaries]
    total, loss = (sum(getattr(one, name) or 0.0 for one in family) for name in ("arr", "expected_arr_loss"))
    rolled = f"{money(total, currency)} of ARR, {money(loss, currency)} of it expected to be lost"
    return tuple(shown), f"With its {len(details.children)} children: {rolled}."
