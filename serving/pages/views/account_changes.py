"""What changed since an account's last score, told apart by data, model and configuration, in words."""

from __future__ import annotations

from dataclasses import dataclass

from serving.messages import Changes
from serving.pages.charts import day_words
from serving.pages.words import in_tenths, phrase, points_words, share_words, value_words

MOST_CHANGES = 8


@dataclass(frozen=True)
class LaterView:
    """What stands there while nothing can be said yet; the page asks again after `seconds`."""

    path: str
    seconds: int = 5


PART_WORDS = {
    "configuration": ("Settings", "Other settings make other signals of the same data."),
    "data": ("The account", "It does other things than then."),
    "model": ("The model", "A newly trained one looks at it."),
    "calibration": ("The level", "Risks of all accounts were set anew against what happened."),
}


@dataclass(frozen=True)
class ChangePartView:
    """What one kind of change did."""

    name: str
    points: str
    why: str


@dataclass(frozen=True)
class ChangesView:
    """What changed since the last score, told apart by what changed."""

    sentence: str
    parts: tuple[ChangePartView, ...]
    signals: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


PART_WORDS = {
    "configuration": ("Settings", "Other settings make other signals of the same data."),
    "data": ("The account", "It does other things than then."),
    "model": ("The model", "A newly trained one looks at it."),
    "calibration": ("The level", "Risks of all accounts were set anew against what happened."),
}


def changes_view(changes: Changes, currency: str) -> ChangesView:
    """What changed since the last score, in words; parts add up to the difference shown."""
    if changes.before is None or changes.difference is None:
        return ChangesView("This is the first score of the account.", (), (), tuple(changes.notes))
    known = [part for part in changes.parts if part.contribution is not None]
    tenths = in_tenths([part.contribution or 0.0 for part in known], changes.difference) if known else []
    before, now = share_words(changes.before.p_churn), share_words(changes.p_churn)
    verb = "rose" if changes.difference > 0 else "fell"
    sentence = f"The risk {verb} from {before} ({day_words(changes.before.as_of)}) to {now}."
    if before == now:
        sentence = f"The risk is {now}, as on {day_words(changes.before.as_of)}."
    signals = []
    for one in changes.signals[:MOST_CHANGES]:
        values = (value_words(value, "", currency) for value in (one.before, one.after))
        signals.append((f"{phrase(one.sentence)}: {' to '.join(values)}", points_words(round(1000 * one.contribution))))
    parts = tuple(
        ChangePartView(PART_WORDS[part.part][0], points_words(count), PART_WORDS[part.part][1])
        for part, count in zip(known, tenths, strict=True)
        if count
    )
    return ChangesView(sentence, parts, tuple(signals), tuple(changes.notes))
