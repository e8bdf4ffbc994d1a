"""The paragraph of an account that is copied into a mail, each of its numbers traceable to a field of the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.formatting import money
from serving.api import Snapshot
from serving.messages import Prediction
from serving.pages.charts import day_words
from serving.pages.views.account_history import ActionView
from serving.pages.views.account_reasons import WhyView
from serving.pages.words import share_words


@dataclass(frozen=True)
class Piece:
    """A part of the paragraph to copy; `field` is where its number stands in the API."""

    text: str
    field: str | None = None


def paragraph(
    snapshot: Snapshot, prediction: Prediction, reasons: WhyView, listed: Sequence[ActionView]
) -> tuple[Piece, ...]:
    """A paragraph for a mail, each number with the field that it stands in."""
    header, more = snapshot.day.header, prediction.model_extra or {}
    one, main = snapshot.day.summaries[prediction.account_id], header.main_horizon_days
    low, high = more.get(f"p_low_{main}d"), more.get(f"p_high_{main}d")
    pieces = [
        Piece(f"{one.name or one.account_id} is "),
        Piece(share_words(one.p_churn), f"prediction.p_churn_{main}d"),
        Piece(f" likely to leave within {main} days"),
    ]
    if low is not None and high is not None:
        pieces += [
            Piece(" (between "),
            Piece(share_words(low), f"prediction.p_low_{main}d"),
            Piece(" and "),
            Piece(share_words(high), f"prediction.p_high_{main}d"),
            Piece(")"),
        ]
    pieces += [
        Piece("; an average account is at "),
        Piece(share_words(prediction.reasons.base), "prediction.reasons.base"),
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
