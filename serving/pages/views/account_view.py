"""What the page of an account shows: who it is, its risk as one number in words, the rules beside it, what to copy."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from evaluation.formatting import money, percent
from evaluation.promotion import LedgerEvent
from serving.api import Snapshot
from serving.messages import AccountDetails, AccountHistory, LevelInForce, Prediction
from serving.pages.charts import Chart, CurvePoint, curve_chart, day_words
from serving.pages.views import account_history as over_time
from serving.pages.views.account_history import ActionView, EnteredView, by_words
from serving.pages.views.account_reasons import DIMENSION_WORDS, WhyView, why
from serving.pages.views.account_rows import RowsView, days_ago, rows_view
from serving.pages.views.search import account_path
from serving.pages.words import name_words

LEAST_PEERS = 10
RULES_WORRY, RULES_CONTENT = 70.0, 85.0  # health scores below which, from which the rules are content or not
MODEL_MOVES = 0.01
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
class Piece:
    """A part of the paragraph to copy; `field` is where its number stands in the API."""

    text: str
    field: str | None = None


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
        level=_level(gathered.level),
        risk=percent(p_churn),
        risk_words=f"likely to leave within {main} days",
        interval_words="" if low is None or high is None else f"between {percent(low)} and {percent(high)}",
        comparisons=_comparisons(gathered),
        risk_chart=risk_chart,
        health_chart=health_chart,
        curve=_curve(gathered),
        why=reasons,
        rules_words=_rules_words(prediction, more.get(f"p_health_{main}d"), p_churn, main),
        rules=_rules(prediction),
        disagreements=_disagreements(prediction),
        triggers=tuple(f"{name_words(one)}: {gathered.descriptions.get(one, '')}" for one in prediction.triggers),
        actions=listed,
        rows=None if details is None else rows_view(details, header.as_of, header.currency),
        related=related,
        related_words=related_words,
        entered=tuple(over_time.entered(gathered.history)),
        entering=gathered.entering,
        paragraph=_paragraph(gathered, reasons, listed, (low, high)),
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
        Fact("Stage", name_words(one.lifecycle_stage) + _because(details)),
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
    facts.append(Fact("Data", f"{percent(one.coverage)} of what the score asks for is there"))
    if details.strategic:
        facts.append(Fact("Strategic", "yes"))
    return tuple(facts)


def _because(details: AccountDetails | None) -> str:
    return "" if details is None or details.stage_criterion is None else f" ({details.stage_criterion})"


def _comparisons(gathered: Gathered) -> tuple[str, ...]:
    """The risk against an average account and against those of the same stage and segment."""
    prediction, summaries = gathered.prediction, gathered.snapshot.day.summaries
    one = summaries[prediction.account_id]
    base, found = prediction.reasons.base, []
    if base > 0:
        times = one.p_churn / base
        if 0.9 <= times <= 1.1:
            found.append(f"About the same as an average account ({percent(base)}).")
        elif times > 1:
            found.append(f"{times:.1f} times an average account ({percent(base)}).")
        else:
            found.append(f"Below an average account ({percent(base)}).")
    of = (one.lifecycle_stage, one.segment)
    peers = [
        other.p_churn
        for other in summaries.values()
        if (other.lifecycle_stage, other.segment) == of and other.account_id != one.account_id
    ]
    if len(peers) >= LEAST_PEERS:
        below, median = sum(p < one.p_churn for p in peers), percent(statistics.median(peers))
        who = f"the {len(peers)} others in {name_words(one.lifecycle_stage)}, {name_words(one.segment or 'no segment')}"
        found.append(f"Of {who}, {below} have a lower risk; half of them have less than {median}.")
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
    return curve_chart(points, caption, ("Risk", "An average account"), percent)


def _rules_words(prediction: Prediction, p_health: float | None, p_churn: float, main: int) -> str:
    if prediction.health_score is None:
        return "The rules have too little data for a score."
    words = f"The rules give {prediction.health_score:.0f} of 100."
    if p_health is None:
        return words
    words += f" Accounts with such a score left in {percent(p_health)} of cases within {main} days; the model says"
    times = p_churn / p_health if p_health else 1.0
    agree = "much the same" if 2 / 3 <= times <= 1.5 else "more" if times > 1 else "less"
    return f"{words} {percent(p_churn)}, {agree}."


def _rules(prediction: Prediction) -> tuple[tuple[str, str, str], ...]:
    """Dimension, its score and its weight in the stage."""
    health = prediction.health()
    return tuple(
        (DIMENSION_WORDS[name], "no data" if health[name] is None else f"{health[name]:.0f}", f"{weight:.0f} %")
        for name, weight in prediction.weights.items()
    )


def _disagreements(prediction: Prediction) -> tuple[str, ...]:
    """Dimensions in which the rules are content and the model is not, or the other way round."""
    adds = {group.dimension: group.contribution for group in prediction.reasons.dimensions}
    found = []
    for name, score in prediction.health().items():
        added, label = adds.get(name, 0.0), DIMENSION_WORDS[name]
        if score is None:
            continue
        if score >= RULES_CONTENT and added >= MODEL_MOVES:
            found.append(
                f"{label}: the rules are content ({score:.0f} of 100), the model adds {100 * added:.1f} points."
            )
        if score < RULES_WORRY and added <= 0:
            found.append(
                f"{label}: the rules worry ({score:.0f} of 100), the model does not ({100 * added:+.1f} points)."
            )
    return tuple(found)


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
            shown.append(RelatedView(relation, one.name or account_id, path, final, percent(one.p_churn), arr))
    if not details.children:
        return tuple(shown), None
    family = [summaries[one] for one in (gathered.prediction.account_id, *details.children) if one in summaries]
    total, loss = (sum(getattr(one, name) or 0.0 for one in family) for name in ("arr", "expected_arr_loss"))
    rolled = f"{money(total, currency)} of ARR, {money(loss, currency)} of it expected to be lost"
    return tuple(shown), f"With its {len(details.children)} children: {rolled}."


def _paragraph(
    gathered: Gathered, reasons: WhyView, listed: Sequence[ActionView], interval: tuple[float | None, float | None]
) -> tuple[Piece, ...]:
    """A paragraph for a mail, each number with the field that it stands in."""
    prediction, header = gathered.prediction, gathered.snapshot.day.header
    one, main = gathered.snapshot.day.summaries[prediction.account_id], header.main_horizon_days
    pieces = [
        Piece(f"{one.name or one.account_id} is "),
        Piece(percent(one.p_churn), f"prediction.p_churn_{main}d"),
        Piece(f" likely to leave within {main} days"),
    ]
    if None not in interval:
        low, high = (percent(end or 0.0) for end in interval)
        pieces += [
            Piece(" (between "),
            Piece(low, f"prediction.p_low_{main}d"),
            Piece(" and "),
            Piece(high, f"prediction.p_high_{main}d"),
            Piece(")"),
        ]
    pieces += [
        Piece("; an average account is at "),
        Piece(percent(prediction.reasons.base), "prediction.reasons.base"),
        Piece(". "),
    ]
    if one.arr is not None:
        pieces += [Piece(money(one.arr, header.currency), "prediction.arr"), Piece(" of ARR is at stake. ")]
    worst = [reason for group in reasons.dimensions for reason in group.reasons if reason.tone == "worse"]
    worst.sort(key=lambda reason: -float(reason.points.split()[1]))
    for reason in worst[:3]:
        pieces += [
            Piece(f"{reason.sentence}: "),
            Piece(reason.points, f"prediction.reasons, signal {reason.signal}"),
            Piece(". "),
        ]
    if listed:
        pieces.append(Piece(f"Next: {listed[0].title}. "))
    pieces.append(Piece(f"As of {day_words(header.as_of)}, model version {header.model_version}."))
    return tuple(pieces)
