"""Events that the ledger marks beside its predictions, and the sentence that a report says of each.

One more kind of event: a line in SENTENCES; its body is whatever the sentence needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from evaluation.gates import Verdict
from evaluation.ledger import Ledger

PROMOTION, FORCED = "promotion", "forced_promotion"


def mark_promotion(
    ledger: Ledger, version: str, before: str | None, verdict: Verdict, reason: str | None, by: str, at: pd.Timestamp
) -> str:
    """Marks that `version` becomes the champion after `before`; returns the sentence that says so.

    A verdict that refuses makes it a forced promotion, with the gates that refused and the reason.
    """
    kind = PROMOTION if verdict.passed else FORCED
    body: dict[str, Any] = {"version": version, "before": before}
    if kind == FORCED:
        body |= {"refused": [gate.name for gate in verdict.refused], "reason": reason}
    ledger.mark(kind, body, at=at, asked_by=by)
    return sentence(kind, body, by, at)


def _after(body: Mapping[str, Any]) -> str:
    return f" after version {body['before']}" if body["before"] not in (None, body["version"]) else ""


def _promotion(body: Mapping[str, Any]) -> str:
    return f"Version {body['version']} became the champion{_after(body)}; every gate let it pass."


def _forced(body: Mapping[str, Any]) -> str:
    refused = [one.replace("_", " ") for one in body["refused"]]
    many = "the gates refused" if len(refused) > 1 else "a gate refused"
    return (
        f"Version {body['version']} was made the champion{_after(body)} by force, although {many} it"
        f" ({', '.join(refused)}). The reason given: {body['reason']}"
    )


SENTENCES = {
    PROMOTION: _promotion,
    FORCED: _forced,
    "demo": lambda body: f"A demo began here: {body['says']}.",
}


def sentence(kind: str, body: Mapping[str, Any], by: str, at: pd.Timestamp) -> str:
    """Day, event and who asked for it; an event without a sentence of its own is told by its name and body.

    >>> sentence("audit", {"rows": 3}, "user:kim", pd.Timestamp("2026-01-31"))
    '2026-01-31: audit (rows 3), by user:kim.'
    """
    known = SENTENCES.get(kind)
    told = known(body) if known else f"{kind.replace('_', ' ')} ({', '.join(f'{k} {v}' for k, v in body.items())})"
    return f"{at:%Y-%m-%d}: {told.rstrip('.')}, by {by}." if known is None else f"{at:%Y-%m-%d}: {told} ({by})"


def marks_told(ledger: Ledger) -> list[dict[str, Any]]:
    """Every mark in order: kind, says, and whether it went against a refusal."""
    found = ledger.marks().to_dict("records")
    return [
        {
            "kind": one["kind"],
            "says": sentence(one["kind"], one["body"], one["asked_by"], one["at"]),
            "against": one["kind"] == FORCED,
        }
        for one in found
    ]
