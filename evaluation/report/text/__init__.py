"""The report's sentences."""

from evaluation.report.text.advice import advice_sentences
from evaluation.report.text.headlines import answer_sentences, comparison_sentence, main_horizon, warning_sentences

__all__ = ["advice_sentences", "answer_sentences", "comparison_sentence", "main_horizon", "warning_sentences"]
