"""What a model scores: the signals of one day, their hashes, and whether the model may be asked about them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import pandas as pd

from configs.atomic_files import read_marked, write_marked
from configs.errors import DataError, Fault, UsageError
from configs.settings import Settings
from evaluation.ledger import BELONGING, canonical
from features.signal import Schema
from features.sources import Sources
from training.tracking import LoadedModel


def live_signals(settings: Settings, sources: Sources, as_of: pd.Timestamp) -> tuple[pd.DataFrame, Schema]:
    """The signals of every account in play at as_of, kept in `signals/` of the state folder.

    What is kept is used again only while the sources' fingerprint and the settings' version are those it was made from.
    DataError when as_of lies in the future of the data, or when no account is in play.
    """
    path = settings.paths.signals(as_of)
    mark = {"sources": sources.fingerprint, "settings": settings.version, "as_of": str(as_of)}
    kept = read_marked(path, mark)
    if kept is not None:
        frame, more = kept
        return frame, Schema.from_json(json.loads(more["schema"]))
    from features.dataset import load_dataset  # what builds signals takes a while to import, and most are kept

    dataset = load_dataset(settings, sources, [as_of])
    if dataset.signals.empty:
        raise DataError(
            Fault(
                "as_of", f"no account in play on {as_of:%Y-%m-%d}", "at least one", "choose a day that the data cover"
            )
        )
    write_marked(dataset.signals, path, mark | {"schema": json.dumps(dataset.schema.to_json())})
    return dataset.signals, dataset.schema


def signals_hash(frame: pd.DataFrame, schema: Schema) -> list[str]:
    """One hash a row, of everything that the model was shown: which signals, and their values to the last bit.

    >>> from features.signal import SignalInfo
    >>> logins = SignalInfo(name="logins_30d", dimension="usage", unit="", healthier=1, sentence="logins in 30 days")
    >>> schema = Schema((logins,))
    >>> first, second = signals_hash(pd.DataFrame({"lifecycle_stage": "renewal", "logins_30d": [1.0, 2.0]}), schema)
    >>> len(first), first == second
    (64, False)
    """
    columns = ["lifecycle_stage", *(name for name in ("days_to_renewal", "term_days") if name in frame), *schema.names]
    columns = list(dict.fromkeys(columns))
    rows = zip(*(_plain(frame[name]) for name in columns), strict=True)
    return [hashlib.sha256(canonical([columns, list(row)]).encode()).hexdigest() for row in rows]


def _plain(values: pd.Series) -> list[Any]:
    return [None if pd.isna(value) else value for value in values.tolist()]


def check_model(model: LoadedModel, settings: Settings, as_of: pd.Timestamp) -> None:
    """Refuses a model that was trained on what happened after as_of, or for other horizons than the settings'.

    Parameters
    ----------
    model : LoadedModel
    settings : Settings
    as_of : Timestamp
        The day to be scored.

    Raises
    ------
    UsageError
        With each of the two faults.
    """
    faults = []
    cut = model.churn.cuts.last
    if as_of < cut:
        found = f"{as_of:%Y-%m-%d}, before the end of training of version {model.version}, {cut:%Y-%m-%d}"
        do = "judge past days with `forewarn backtest`, or read them with `forewarn ledger export`"
        faults.append(Fault("as_of", found, "a day that the model has not seen beyond", do))
    ours, theirs = [(tuple(owner.horizons_days), owner.main_horizon_days) for owner in (settings, model.churn)]
    if theirs != ours:
        found = f"{list(ours[0])}, mainly {ours[1]}"
        expected = f"{list(theirs[0])}, mainly {theirs[1]}, as version {model.version} was trained for"
        faults.append(Fault("horizons_days", found, expected, "run `forewarn train` and `forewarn promote`"))
    if faults:
        raise UsageError(faults)


def with_belonging(predicted: pd.DataFrame, signals: pd.DataFrame) -> pd.DataFrame:
    """Predictions with segment and owner of their accounts, as the ledger keeps them; `signals` in the same order."""
    known = {name: signals[name].to_numpy() if name in signals else None for name in BELONGING}
    return predicted.assign(**known)


def check_schema(trained: Schema, live: Schema) -> None:
    """Refuses data that no longer give a signal that the model was trained on.

    Parameters
    ----------
    trained, live : Schema
        The signals of the model, and those of today's data.

    Raises
    ------
    UsageError
        With every signal that is missing or of another kind.
    """
    live_kinds = {signal.name: signal.kind for signal in live.signals}
    faults: Iterable[Fault] = [
        Fault(
            f"signals.{signal.name}",
            "no such signal in today's sources" if signal.name not in live_kinds else f"a {live_kinds[signal.name]}",
            f"a {signal.kind}, as in training",
            "bring the table or column back, or run `forewarn train` and `forewarn promote`",
        )
        for signal in trained.signals
        if live_kinds.get(signal.name) != signal.kind
    ]
    if faults:
        raise UsageError(faults)
