"""Events that the ledger marks beside its predictions, and the sentence that a report says of each.

One more kind of event: a line in SENTENCES, and one in LABELS if charts over time shall show it; its body is whatever
the sentence needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from configs.framework import Framework
from evaluation.jsonable import to_jsonable
from evaluation.ledger import Ledger
from evaluation.promotion.model_files import MODEL_FILES
from evaluation.promotion.verdict import Verdict

if TYPE_CHECKING:
    from training.tracking import LoadedModel

PROMOTION, FORCED, REWEIGHTING, LEVEL = "promotion", "forced_promotion", "reweighting", "level"


@dataclass(frozen=True)
class LedgerEvent:
    """An event of the ledger as a report shows it.

    Attributes
    ----------
    kind : str
        Such as "promotion" or "reweighting".
    at : str
        ISO day.
    label : str or None
        On charts over time; None: on none.
    sentence : str
        Day, event and who asked for it.
    against_refusal : bool
        Whether it was done although a gate refused.
    """

    kind: str
    at: str
    label: str | None
    sentence: str
    against_refusal: bool


@dataclass(frozen=True)
class WeightChange:
    """A weight of the health score that differs between two frameworks.

    Attributes
    ----------
    of : str
        A lifecycle stage, or "signals".
    weight : str
        The dimension of that stage, or the signal.
    before, after : float or None
        None for a stage or signal that only one of the two has.
    """

    of: str
    weight: str
    before: float | None
    after: float | None


def mark_promotion(
    ledger: Ledger, version: str, before: str | None, verdict: Verdict, reason: str | None, by: str, at: pd.Timestamp
) -> str:
    """Marks in the ledger that a version becomes the champion.

    Parameters
    ----------
    ledger : Ledger
        Open for writing.
    version : str
        The new champion.
    before : str or None
        The version it follows.
    verdict : Verdict
        Of the gates; one that refuses makes it a forced promotion.
    reason : str or None
        Why it is forced.
    by : str
        Who asked for it.
    at : pd.Timestamp
        When.

    Returns
    -------
    str
        The sentence that says so.
    """
    kind = PROMOTION if verdict.passed else FORCED
    body: dict[str, Any] = {"version": version, "before": before, "gates": to_jsonable(list(verdict.gates))}
    if kind == FORCED:
        body |= {"refused": [gate.name for gate in verdict.refused], "reason": reason}
    ledger.record_event(kind, body, at=at, asked_by=by)
    return sentence(kind, body, by, at)


def mark_reweighting(
    ledger: Ledger, model: LoadedModel, before: LoadedModel | None, by: str, at: pd.Timestamp
) -> str | None:
    """Marks in the ledger that the health score goes by other weights from now on.

    A score goes by the weights that its model was trained with, so they are published when the model is.

    Parameters
    ----------
    ledger : Ledger
        Open for writing.
    model : LoadedModel
        The model that serves from now on.
    before : LoadedModel or None
        The model it follows.
    by : str
        Who asked for it.
    at : pd.Timestamp
        When.

    Returns
    -------
    str or None
        The sentence that says so; None where no weight changed, or where this change is the newest that was marked.
    """
    if before is None:
        return None
    changed = [asdict(change) for change in weight_changes(before.health.framework, model.health.framework)]
    body = {"version": model.version, "before": before.version, "changed": changed}
    body |= {"config_version": model.record.config_version, "config_before": before.record.config_version}
    if not changed or ledger.events(REWEIGHTING)["body"].tolist()[-1:] == [body]:
        return None
    ledger.record_event(REWEIGHTING, body, at=at, asked_by=by)
    return sentence(REWEIGHTING, body, by, at)


def mark_level(ledger: Ledger, model: LoadedModel, before: LoadedModel | None, by: str, at: pd.Timestamp) -> str | None:
    """Marks in the ledger that a model serves a churn level that has moved since a day (level_shift.py).

    Parameters
    ----------
    ledger : Ledger
        Open for writing.
    model : LoadedModel
        The model that serves from now on.
    before : LoadedModel or None
        The model it follows.
    by : str
        Who asked for it.
    at : pd.Timestamp
        When.

    Returns
    -------
    str or None
        The sentence that says so; None where the level has not moved, or where that of `before` or of the newest mark
        had moved since the same day.
    """
    shift = model.churn.calibrator.recorded_shift
    known = None if before is None else before.churn.calibrator.recorded_shift
    if shift is None or shift.since is None or shift.times is None:
        return None
    if known is not None and known.since == shift.since:
        return None
    body = {"version": model.version, "since": shift.since, "times": round(shift.times, 2)}
    if [marked["since"] for marked in ledger.events(LEVEL)["body"].tolist()[-1:]] == [shift.since]:
        return None
    ledger.record_event(LEVEL, body, at=at, asked_by=by)
    return sentence(LEVEL, body, by, at)


def weight_changes(before: Framework, after: Framework) -> list[WeightChange]:
    """Every weight of the health score that differs between two frameworks."""
    old, new = _weights(before), _weights(after)
    changes = [WeightChange(*key, old.get(key), new.get(key)) for key in dict.fromkeys((*old, *new))]
    return [change for change in changes if change.before != change.after]


def _weights(framework: Framework) -> dict[tuple[str, str], float]:
    of_stages = {
        (stage.name, dimension): weight
        for stage in framework.stages
        for dimension, weight in stage.weights.as_dict().items()
    }
    return of_stages | {("signals", part.signal): part.weight for part in framework.health_maps}


def _after(body: Mapping[str, Any]) -> str:
    return f" after version {body['before']}" if body["before"] not in (None, body["version"]) else ""


def _promotion(body: Mapping[str, Any]) -> str:
    return f"Version {body['version']} became the champion{_after(body)}; every gate let it pass."


def _forced(body: Mapping[str, Any]) -> str:
    refused = [gate.replace("_", " ") for gate in body["refused"]]
    many = "the gates refused" if len(refused) > 1 else "a gate refused"
    return (
        f"Version {body['version']} was made the champion{_after(body)} by force, although {many} it"
        f" ({', '.join(refused)}). The reason given: {body['reason']}"
    )


def _reweighting(body: Mapping[str, Any]) -> str:
    of: dict[str, list[str]] = {}
    for change in body["changed"]:
        before, after = ("none" if change[end] is None else f"{change[end]:g}" for end in ("before", "after"))
        of.setdefault(change["of"].replace("_", " "), []).append(f"{change['weight']} {before} to {after}")
    parts = "; ".join(f"{name}: {', '.join(changes)}" for name, changes in of.items())
    versions = f"configuration {body['config_version']} after {body['config_before']}, with version {body['version']}"
    return f"The health score goes by new weights ({versions}): {parts}."


def _level(body: Mapping[str, Any]) -> str:
    return (
        f"Version {body['version']} serves another level of churn: since {body['since']} {body['times']:g} times as"
        " many left as expected, and not so a year before."
    )


SENTENCES = {
    PROMOTION: _promotion,
    FORCED: _forced,
    REWEIGHTING: _reweighting,
    LEVEL: _level,
    MODEL_FILES: lambda body: f"Version {body['version']} was first served, its files of digest {body['digest'][:16]}.",
    "erasure": lambda body: (
        f"{sum(map(len, body['rows'].values())):,} rows were erased, their hashes kept: {body['reason']}."
    ),
    "demo": lambda body: f"A demo began here: {body['says']}.",
}

LABELS = {
    PROMOTION: lambda body: f"version {body['version']}",
    FORCED: lambda body: f"version {body['version']}, forced",
    REWEIGHTING: lambda body: "new weights",
    LEVEL: lambda body: "another level",
}


def sentence(kind: str, body: Mapping[str, Any], by: str, at: pd.Timestamp) -> str:
    """Day, event and who asked for it; an event without a sentence of its own is described by its name and body.

    >>> sentence("audit", {"rows": 3}, "user:kim", pd.Timestamp("2026-01-31"))
    '2026-01-31: audit (rows 3), by user:kim.'
    """
    known = SENTENCES.get(kind)
    if known is not None:
        return f"{at:%Y-%m-%d}: {known(body)} ({by})"
    return f"{at:%Y-%m-%d}: {kind.replace('_', ' ')} ({', '.join(f'{k} {v}' for k, v in body.items())}), by {by}."


def ledger_events(ledger: Ledger) -> tuple[LedgerEvent, ...]:
    """Every event that the ledger marks, in order, as a report shows it.

    Parameters
    ----------
    ledger : Ledger
        Nothing is written to it.

    Returns
    -------
    tuple of LedgerEvent
        The oldest first.
    """
    return tuple(
        LedgerEvent(
            kind=event["kind"],
            at=f"{event['at']:%Y-%m-%d}",
            label=LABELS[event["kind"]](event["body"]) if event["kind"] in LABELS else None,
            sentence=sentence(event["kind"], event["body"], event["asked_by"], event["at"]),
            against_refusal=event["kind"] == FORCED,
        )
        for event in ledger.events().to_dict("records")
    )
