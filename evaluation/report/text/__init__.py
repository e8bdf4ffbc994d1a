"""The report's sentences."""

from evaluation.report.text.advice import advice_sentences
from evaluation.report.text.headlines import (
    CONTRACTS,
    comparison_sentence,
    headline_sentences,
    main_horizon,
    warning_sentences,
)
from evaluation.report.text.opening import contracts_sentence, has_usable_signal

__all__ = [
    "CONTRACTS",
    "advice_sentences",
    "comparison_sentence",
    "contracts_sentence",
    "has_usable_signal",
    "headline_sentences",
    "main_horizon",
    "warning_sentences",
]
