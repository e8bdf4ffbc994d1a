"""What changed since an account's last score: settings, data, model and calibration apart, adding up to the difference.

The parts are steps from the earlier score to the one that serves, each of which changes one thing alone: the earlier
model over the earlier day's signals as today's settings make them; the same model over today's signals; today's
learners with the earlier calibration; and all of today's. Where the earlier model is no longer in the registry, or
takes signals that the data no longer give, the steps cannot be taken, and the answer says so instead of guessing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from configs.errors import ForewarnError
from evaluation.ledger import Ledger
from evaluation.outcomes import FORECASTS
from features.signal import Schema
from serving.messages import ChangePart, Changes, EarlierScore, SignalChange
from serving.project import Project
from serving.scoring.live_signals import live_signals, signals_hash
from serving.scoring.scorer import Scorer
from training.model import ChurnModel
from training.tracking import LoadedModel, load_version

IDENTITY = ("as_of", "model_version", "config_version", "signals_hash")
ROUNDING = 1e-12
WHY = {
    "configuration": "The settings make other signals of the same data.",
    "data": "The signals have changed since the earlier day.",
    "model": "Other learners serve.",
    "calibration": "Another calibration serves.",
}


def changes(project: Project, scorer: Scorer, account_id: str) -> Changes:
    """What lies between an account's score today and the newest one before it in the ledger.

    Parameters
    ----------
    project : Project
        Of the same settings as the scorer; signals of the earlier day may have to be built from its sources.
    scorer : Scorer
        Of the day that serves.
    account_id : str
        In play.

    Returns
    -------
    Changes
        At the main horizon.
    """
    main = f"p_churn_{scorer.settings.main_horizon_days}d"
    row = scorer.frame.loc[[account_id]].reset_index(drop=True)
    p = float(scorer.predict([account_id])[main].iloc[0])
    (now_hash,) = signals_hash(row, scorer.model.schema)
    before = _before(project.ledger, scorer, account_id, now_hash)
    answer = Changes(
        account_id=account_id,
        as_of=f"{scorer.as_of:%Y-%m-%d}",
        model_version=str(scorer.model.version),
        config_version=scorer.settings.version,
        horizon_days=scorer.settings.main_horizon_days,
        p_churn=p,
        before=None,
        difference=None,
        parts=[],
        not_told_apart=0.0,
        signals=[],
        of_no_signal=0.0,
        notes=[],
    )
    if before is None:
        return answer.model_copy(update={"notes": ["The ledger holds no earlier score of this account."]})
    earlier = before.get(main)
    if earlier is None or pd.isna(earlier):
        return answer.model_copy(update={"notes": [f"The earlier score has no {main}, so it cannot be compared."]})
    score = EarlierScore(
        as_of=f"{before['as_of']:%Y-%m-%d}",
        requested_at=before["requested_at"].isoformat(),
        p_churn=float(earlier),
        **{name: before[name] for name in ("model_version", "config_version", "batch_id", "row")},
    )
    steps = _steps(project, scorer, row, before, main)
    told = {**steps.parts}
    if "data" in told:
        told["calibration"] = p - float(earlier) - sum(told.values())
    rest = 0.0 if "data" in told else p - float(earlier)
    named: list[Any] = list(WHY)
    parts = [ChangePart(part=name, contribution=told.get(name), why=_why(told.get(name), name)) for name in named]
    others = told.get("data", 0.0) - math.fsum(signal.contribution for signal in steps.signals)
    found = {
        "before": score,
        "of_no_signal": others,
        "difference": p - float(earlier),
        "parts": parts,
        "not_told_apart": rest,
    }
    return answer.model_copy(update={**found, "signals": steps.signals, "notes": steps.notes})


@dataclass(frozen=True)
class _Steps:
    """Parts but the last (the calibration's is what is left), the signals behind `data`, and what is to be said."""

    parts: Mapping[str, float]
    signals: list[SignalChange]
    notes: list[str]


def _why(contribution: float | None, part: str) -> str:
    if contribution is None:
        return "It cannot be told apart."
    return WHY[part] if abs(contribution) > ROUNDING else "Nothing moved by it."


def _before(ledger: Ledger, scorer: Scorer, account_id: str, now_hash: str) -> dict[str, Any] | None:
    """The newest forecast of the account, of this day or before, that another day, model, setting or signal made."""
    frame = ledger.predictions(account_id=account_id, kinds=FORECASTS, texts=False)
    if frame.empty:
        return None
    today = (scorer.as_of, str(scorer.model.version), scorer.settings.version, now_hash)
    same = pd.Series(True, index=frame.index)
    for name, value in zip(IDENTITY, today, strict=True):
        same &= frame[name] == value
    earlier = frame[~same & (frame.as_of <= scorer.as_of)]
    if earlier.empty:
        return None
    newest = earlier.sort_values(["as_of", "batch_id", "row"], kind="stable").iloc[-1]
    return {str(name): value for name, value in newest.to_dict().items()}


def _steps(project: Project, scorer: Scorer, row: pd.DataFrame, before: Mapping[str, Any], main: str) -> _Steps:
    try:
        old = load_version(scorer.settings, before["model_version"])
    except ForewarnError as error:
        note = f"Version {before['model_version']} cannot be loaded any more ({error.title}), so that what the data"
        return _Steps({}, [], [f"{note}, the model and the calibration did cannot be told apart."])
    try:
        then, exact = _signals_then(project, old.schema, before, scorer.settings.version)
        if then is None:
            return _Steps({}, [], ["The account has no signals on the earlier day as the sources tell it now."])
        old_then, old_now = (float(old.churn.predict(frame)[main].iloc[0]) for frame in (then, row))
        mixed = replace(scorer.model.churn, calibrator=old.churn.calibrator, season=old.churn.season)
        new_now = float(mixed.predict(row)[main].iloc[0])
    except (ForewarnError, KeyError) as error:
        return _Steps({}, [], [f"The earlier model cannot be asked about today's signals: {error}"])
    first = old_then - float(before[main])
    notes = []
    if not exact and before["config_version"] == scorer.settings.version and first:
        notes.append("Rows of the earlier day have come or changed since then; that is counted with the data.")
    is_settings = before["config_version"] != scorer.settings.version
    parts = {
        "configuration": first if is_settings else 0.0,
        "data": old_now - old_then + (0.0 if is_settings else first),
        "model": new_now - old_now,
    }
    return _Steps(parts, _signal_changes(old, then, row, scorer.settings.main_horizon_days), notes)


def _signals_then(
    project: Project, schema: Schema, before: Mapping[str, Any], config_version: str
) -> tuple[pd.DataFrame | None, bool]:
    """The account's signals of the earlier day, and whether they are to the last bit those that were scored.

    The file of that day's scoring is used where it still is the one of the score and the settings are the same;
    otherwise today's settings make them anew, from what was known on that day.
    """
    as_of, account_id = pd.Timestamp(before["as_of"]), before["account_id"]
    path = project.paths.signals(as_of)
    if before["config_version"] == config_version and path.exists():
        kept = pd.read_parquet(path)
        mine = kept[kept.account_id == account_id].reset_index(drop=True)
        if (
            len(mine) == 1
            and set(schema.names) <= set(kept)
            and signals_hash(mine, schema)[0] == before["signals_hash"]
        ):
            return mine, True
    frame, _ = live_signals(project.settings, project.sources, as_of)
    mine = frame[frame.account_id == account_id].reset_index(drop=True)
    return (mine, signals_hash(mine, schema)[0] == before["signals_hash"]) if len(mine) == 1 else (None, False)


def _signal_changes(old: LoadedModel, then: pd.DataFrame, now: pd.DataFrame, horizon_days: int) -> list[SignalChange]:
    """What each signal's change adds to the probability by the earlier model, the strongest first."""
    before, after = (_contributions(old.churn, frame, horizon_days) for frame in (then, now))
    sentences = {info.name: info.sentence for info in old.schema.signals}
    changed = [
        SignalChange(
            signal=name,
            sentence=sentences.get(name, name.replace("_", " ")),
            before=_plain(then, name),
            after=_plain(now, name),
            contribution=value - before.get(name, 0.0),
        )
        for name, value in after.items()
        if value != before.get(name, 0.0)
    ]
    return sorted(changed, key=lambda one: -abs(one.contribution))


def _contributions(churn: ChurnModel, frame: pd.DataFrame, horizon_days: int) -> dict[str, float]:
    explained = churn.explain(frame, horizon_days)
    return dict(zip(explained.signals, explained.contributions[0].tolist(), strict=True))


def _plain(frame: pd.DataFrame, name: str) -> float | str | None:
    value = frame[name].iloc[0] if name in frame else None
    if value is None or pd.isna(value):
        return None
    return value if isinstance(value, str) else float(value)
