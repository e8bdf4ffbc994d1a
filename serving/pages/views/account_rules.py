"""What the rules say of an account beside the model, and where the two disagree."""

from __future__ import annotations

from serving.messages import Prediction
from serving.pages.views.account_reasons import DIMENSION_WORDS
from serving.pages.words import share_words

WORRY, CONTENT = 70.0, 85.0  # health scores below which the rules worry, from which they are content
MODEL_MOVES = 0.01


def rules_words(prediction: Prediction, p_health: float | None, p_churn: float, main: int) -> str:
    if prediction.health_score is None:
        return "The rules have too little data for a score."
    words = f"The rules give {prediction.health_score:.0f} of 100."
    if p_health is None:
        return words
    words += f" Accounts with such a score left in {share_words(p_health)} of cases within {main} days; the model says"
    times = p_churn / p_health if p_health else 1.0
    agree = "much the same" if 2 / 3 <= times <= 1.5 else "more" if times > 1 else "less"
    return f"{words} {share_words(p_churn)}, {agree}."


def rules_by_dimension(prediction: Prediction) -> tuple[tuple[str, str, str], ...]:
    """Dimension, its score and its weight in the stage."""
    health = prediction.health()
    return tuple(
        (DIMENSION_WORDS[name], "no data" if health[name] is None else f"{health[name]:.0f}", f"{weight:.0f} %")
        for name, weight in prediction.weights.items()
    )


def disagreements(prediction: Prediction) -> tuple[str, ...]:
    """Dimensions in which the rules are content and the model is not, or the other way round."""
    adds = {group.dimension: group.contribution for group in prediction.reasons.dimensions}
    found = []
    for name, score in prediction.health().items():
        added, label = adds.get(name, 0.0), DIMENSION_WORDS[name]
        if score is None:
            continue
        if score >= CONTENT and added >= MODEL_MOVES:
            found.append(
                f"{label}: the rules are content ({score:.0f} of 100), the model adds {100 * added:.1f} points."
            )
        if score < WORRY and added <= 0:
            found.append(
                f"{label}: the rules worry ({score:.0f} of 100), the model does not ({100 * added:+.1f} points)."
            )
    return tuple(found)
