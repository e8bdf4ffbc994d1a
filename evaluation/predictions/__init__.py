"""The columns of a prediction, and the next actions that follow from its reasons."""

from evaluation.predictions.predictions import BASE, REST, predictions

__all__ = ["BASE", "REST", "predictions"]
