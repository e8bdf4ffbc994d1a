"""Why an account stands where it stands, in sentences that a CSM would say, which add up to the number shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from serving.messages import AccountDetails, AccountSignal, Normal, Prediction, Reason
from serving.pages.charts import Bar, Chart, bar_chart
from serving.pages.words import FLAG, in_tenths, is_near, name_words, phrase, points_words, share_words, value_words

LEAST_TENTHS = 3  # what adds or takes less than 0.3 points is told with the others of its dimension
MOST_TOLD = 6
DIMENSION_WORDS = {
    "usage": "Usage",
    "engagement": "Engagement",
    "financial": "Money and contract",
    "relationship": "Relationship",
    "account": "What kind of account it is",
    "other": "Other",
}


@dataclass(frozen=True)
class ReasonView:
    """One reason: a sentence, what it adds, and what stands beside it.

    `signal` names it in the API; `beside` is the account's own normal and its peers'; `repeated_by` are reasons that
    say much the same, whose points are counted here.
    """

    signal: str
    sentence: str
    points: str
    tone: str
    beside: str
    more: str
    repeated_by: tuple[str, ...]


@dataclass(frozen=True)
class DimensionView:
    """The reasons of one dimension, the strongest first, and those too small to be told one by one."""

    name: str
    points: str
    tone: str
    reasons: tuple[ReasonView, ...]
    others: str | None


@dataclass(frozen=True)
class WhyView:
    """All that makes up the probability."""

    base: str
    dimensions: tuple[DimensionView, ...]
    total: str
    chart: Chart | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Told:
    """A reason with those that repeat it, and what they add together."""

    reason: Reason
    repeated_by: tuple[Reason, ...]

    @property
    def contribution(self) -> float:
        return math.fsum(one.contribution for one in (self.reason, *self.repeated_by))


def why(prediction: Prediction, p_churn: float, details: AccountDetails | None, currency: str) -> WhyView:
    """The reasons of a prediction: base, dimensions and reasons in tenths of a point that add up at each level."""
    groups = prediction.reasons.dimensions
    base, *tenths = in_tenths([prediction.reasons.base, *(group.contribution for group in groups)], p_churn)
    known = {} if details is None else {one.signal: one for one in details.signals.signals}
    dimensions = []
    for group, of_group in zip(groups, tenths, strict=True):
        told = _once(group.signals, {} if details is None else details.repeats)
        shown = in_tenths([one.contribution for one in told], of_group / 1000)
        ranked = sorted(zip(told, shown, strict=True), key=lambda pair: -abs(pair[1]))
        large = [pair for pair in ranked if abs(pair[1]) >= LEAST_TENTHS][:MOST_TOLD]
        small = ranked[len(large) :]
        dimensions.append(
            DimensionView(
                name=DIMENSION_WORDS.get(group.dimension, name_words(group.dimension)),
                points=points_words(of_group),
                tone=_tone(of_group),
                reasons=tuple(
                    _reason(one, part, known.get(one.reason.signal), details, currency) for one, part in large
                ),
                others=_others(small),
            )
        )
    bars = [Bar("An average account", base / 1000)]
    for one, part in zip(dimensions, tenths, strict=True):
        bars.append(Bar(one.name, part / 1000, "up" if part > 0 else "down"))
    total = base + sum(tenths)
    chart = bar_chart(bars, "What the risk is made of, in points", "Points", lambda value: f"{100 * value:+.1f}")
    return WhyView(
        base=f"An average account: {base / 10:.1f} points.",
        dimensions=tuple(dimensions),
        total=f"Together {total / 10:.1f} points, which is the {share_words(p_churn)} above.",
        chart=chart,
        notes=() if details is None else tuple(details.signals.notes),
    )


def _tone(tenths: int) -> str:
    return "worse" if tenths > 0 else "better" if tenths < 0 else "same"


def _once(reasons: Sequence[Reason], repeats: Mapping[str, str]) -> list[_Told]:
    """Each reason that repeats no stronger one, with those that repeat it."""
    names = {one.signal for one in reasons}
    leaders = {one.signal: repeats[one.signal] for one in reasons if repeats.get(one.signal) in names}
    return [
        _Told(one, tuple(other for other in reasons if leaders.get(other.signal) == one.signal))
        for one in reasons
        if one.signal not in leaders
    ]


def _others(small: Sequence[tuple[_Told, int]]) -> str | None:
    if not small:
        return None
    count, tenths = sum(1 + len(one.repeated_by) for one, _ in small), sum(part for _, part in small)
    words = points_words(tenths)
    if count == 1:
        return f"One smaller reason {words}."
    verbs = {"adds": "add", "takes": "take", "changes": "change"}
    first, rest = words.split(" ", 1)
    return f"{count} smaller reasons together {verbs[first]} {rest}."


def _reason(
    told: _Told, tenths: int, signal: AccountSignal | None, details: AccountDetails | None, currency: str
) -> ReasonView:
    one = told.reason
    unit = "" if signal is None else signal.unit
    return ReasonView(
        signal=one.signal,
        sentence=reason_sentence(one, unit, details, currency),
        points=points_words(tenths),
        tone=_tone(tenths),
        beside="" if signal is None else _beside(signal, one.sentence, currency),
        more=f"{len(told.repeated_by)} alike" if told.repeated_by else "more",
        repeated_by=tuple(phrase(other.sentence) for other in told.repeated_by),
    )


def reason_sentence(reason: Reason, unit: str, details: AccountDetails | None, currency: str) -> str:
    """What moved in a month, beside the peers; else how it stands.

    Parameters
    ----------
    reason : Reason
    unit : str
        Of its signal.
    details : AccountDetails or None
        With the values of a month ago; None while they are not known.
    currency : str

    Returns
    -------
    str
        Without what it adds.
    """

    def words(value: float | str | None) -> str:
        return value_words(value, unit, currency, reason.sentence)

    start, now = phrase(reason.sentence), reason.value
    if details is None:  # without its unit a number says nothing
        return start
    if now is None:
        return f"{start}: not known"
    before = details.month_ago.get(reason.signal)
    if before is None or words(before) == words(now):
        stayed = ", as a month ago" if before is not None else ""
        return f"{start}: {words(now)}{stayed}"
    if isinstance(now, str) or isinstance(before, str) or unit == FLAG:
        return f"{start}: {words(now)}, a month ago {words(before)}"
    signal = next((one for one in details.signals.signals if one.signal == reason.signal), None)
    verb = "rose" if now > before else "fell"
    if signal is not None and signal.healthier * (now - before) * reason.contribution > 0:
        # What moved for the better and adds all the same does so by where it stands.
        stands = "" if signal.peers is None else f" where peers have {_range(signal.peers, words)}"
        return f"{start}: {words(now)}{stands}, though it {verb} from {words(before)} in a month"
    return (
        f"{start} {verb} from {words(before)} to {words(now)} in a month{_peers(reason.signal, now > before, details)}"
    )


def _peers(name: str, rose: bool, details: AccountDetails | None) -> str:
    """What the peers' median did meanwhile."""
    if details is None or name not in details.peers_month_ago:
        return ""
    now = next((one.peers for one in details.signals.signals if one.signal == name), None)
    if now is None:
        return ""
    then = details.peers_month_ago[name]
    if is_near(then, now.median):
        return ", peers are steady"
    did = "rose" if now.median > then else "fell"
    return f", it {did} for peers too" if (now.median > then) == rose else f", for peers it {did}"


def _range(normal: Normal, words: Callable[[float], str]) -> str:
    """What the middle half of some values is."""
    low, high = words(normal.low), words(normal.high)
    return low if low == high else f"{low} to {high}"


def _beside(signal: AccountSignal, sentence: str, currency: str) -> str:
    """What is normal for the account, and what its peers have, where that is a range."""

    def words(value: float) -> str:
        return value_words(value, signal.unit, currency, sentence)

    if signal.unit == FLAG:
        return ""
    parts = []
    if signal.own is not None:
        parts.append(f"normal here: {_range(signal.own, words)}")
    if signal.peers is not None:
        parts.append(f"peers: {_range(signal.peers, words)}")
    return "; ".join(parts)
