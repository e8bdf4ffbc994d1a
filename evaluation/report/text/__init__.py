"""The report's sentences."""

from evaluation.report.text.advice import advice_sentences
from evaluation.report.text.headlines import comparison_sentence, headline_sentences, main_horizon, warning_sentences

__all__ = ["advice_sentences", "comparison_sentence", "headline_sentences", "main_horizon", "warning_sentences"]
