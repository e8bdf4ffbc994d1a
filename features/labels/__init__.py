"""What happened to a snapshot afterwards: churns and contractions within each horizon."""

from features.labels.churn_events import Churns, churn_events, count_churns, fates
from features.labels.labels import contraction_labels, contracts_known_until, horizon_labels, labels_for

__all__ = [
    "Churns",
    "churn_events",
    "contraction_labels",
    "contracts_known_until",
    "count_churns",
    "fates",
    "horizon_labels",
    "labels_for",
]
