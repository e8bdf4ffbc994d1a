"""What speaks for a guess: shares of ids that match, from when to when, what is empty, what can be rewritten later."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd

from configs.tables import table
from features.sources.backends import DuckDBEngine
from features.sources.proposal.guess import Guess
from features.sources.proposal.sampled import WholeFacts


def evidence(engine: DuckDBEngine, guess: Guess) -> list[str]:
    """One sentence for each column that a guess maps, and one on what the file cannot prove of the past.

    Parameters
    ----------
    engine : DuckDBEngine
        Reads the file.
    guess : Guess
        Mapped.

    Returns
    -------
    list of str
    """
    canonical = table(guess.name)
    rows = guess.rows
    asked = {"rows": rows.count()}
    known = {column.name: column for column in canonical.columns}
    for at, (ours, theirs) in enumerate(guess.columns.items()):
        value = rows[theirs]
        asked[f"given_{at}"] = value.count()
        if known[ours].kind == "time":
            asked[f"first_{at}"], asked[f"last_{at}"] = value.min().cast("string"), value.max().cast("string")
        elif ours.endswith("_id"):
            asked[f"ids_{at}"] = value.approx_nunique()
    answers = engine.to_pandas(rows.aggregate(**asked)).iloc[0].to_dict()
    if guess.whole is not None:
        answers |= _of_all(guess, guess.whole)
    total = int(answers["rows"])
    told = [f"{total:,} rows"]
    for at, (ours, theirs) in enumerate(guess.columns.items()):
        empty = 1 - answers[f"given_{at}"] / total if total else 0.0
        parts = [f"{empty:.0%} empty" if empty else "none empty"]
        if f"first_{at}" in answers and not pd.isna(answers[f"first_{at}"]):
            parts.insert(0, f"{str(answers[f'first_{at}'])[:10]} to {str(answers[f'last_{at}'])[:10]}")
        if f"ids_{at}" in answers:
            sampled = " in a sample of the rows" if guess.whole is not None else ""
            parts.insert(0, f"about {int(answers[f'ids_{at}']):,} of them{sampled}")
        if ours == "account_id" and guess.matched is not None:
            parts.insert(0, f"{guess.matched:.0%} are accounts")
        told.append(f"{ours} from {theirs}: {', '.join(parts)}")
    rewritten = [ours for ours in guess.columns if known[ours].rewritten]
    if rewritten and "recorded_at" not in guess.columns:
        told.append(f"can be rewritten, with no history to prove what it was: {', '.join(rewritten)}")
    return told


def _of_all(guess: Guess, whole: WholeFacts) -> dict[Hashable, Any]:
    """The answers of a scan of all rows, in the place of those of a sample."""
    found: dict[Hashable, Any] = {"rows": whole.rows}
    for at, theirs in enumerate(guess.columns.values()):
        if theirs in whole.given:
            found[f"given_{at}"] = whole.given[theirs]
        if theirs in whole.first:
            found |= {f"first_{at}": whole.first[theirs], f"last_{at}": whole.last[theirs]}
    return found
