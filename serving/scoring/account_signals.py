"""An account's signals beside what is normal for it, and beside its peers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from serving.messages import AccountSignal, AccountSignals, Normal
from serving.scoring.scorer import Scorer

OWN_DAYS = 365
LEAST_OWN, LEAST_PEERS = 4, 10


def account_signals(scorer: Scorer, account_id: str, history: pd.DataFrame | None) -> AccountSignals:
    """Every signal of the model with the account's value, its own normal and its peers'.

    Parameters
    ----------
    scorer : Scorer
        Of the day that serves.
    account_id : str
        In play.
    history : DataFrame or None
        Signals at the project's own as_ofs; the account's own of the year before the day are its normal.

    Returns
    -------
    AccountSignals
    """
    row = scorer.frame.loc[account_id]
    peers, who = peers_of(scorer.frame, row)
    own = _own(history, account_id, scorer.as_of)
    notes = [] if own is not None else ["The account's own past is not kept; `forewarn train` keeps it."]
    signals = []
    for info in scorer.model.schema.signals:
        value = row.get(info.name)
        value = None if value is None or pd.isna(value) else value
        is_number = info.kind == "number"
        others = _values(peers, info.name) if is_number else np.zeros(0)
        enough = len(others) >= LEAST_PEERS
        signals.append(
            AccountSignal(
                signal=info.name,
                dimension=info.dimension,
                sentence=info.sentence,
                unit=info.unit,
                healthier=info.healthier,
                value=float(value) if is_number and value is not None else value,
                own=None if own is None or not is_number else _normal(_values(own, info.name), LEAST_OWN),
                peers=_normal(others, LEAST_PEERS),
                peers_below=float((others < value).mean()) if enough and value is not None else None,
            )
        )
    return AccountSignals(
        account_id=account_id,
        as_of=f"{scorer.as_of:%Y-%m-%d}",
        model_version=str(scorer.model.version),
        peers=who,
        signals=signals,
        notes=notes,
    )


def peers_of(frame: pd.DataFrame, row: Any) -> tuple[pd.DataFrame, str]:
    """The other accounts of its stage and segment, of its stage alone where these are few, or all; and their name."""
    others = (frame.account_id != row.account_id).to_numpy(dtype=bool)
    same_stage = others & (frame.lifecycle_stage == row.lifecycle_stage).fillna(False).to_numpy(dtype=bool)
    segment = row.get("segment")
    if segment is not None and not pd.isna(segment):
        both = same_stage & (frame.segment == segment).fillna(False).to_numpy(dtype=bool)
        if (count := int(both.sum())) >= LEAST_PEERS:
            return frame[both], f"{count} other accounts of the stage {row.lifecycle_stage} and the segment {segment}"
    if (count := int(same_stage.sum())) >= LEAST_PEERS:
        return frame[same_stage], f"{count} other accounts of the stage {row.lifecycle_stage}"
    return frame[others], f"all {int(others.sum())} other accounts"


def _own(history: pd.DataFrame | None, account_id: str, as_of: pd.Timestamp) -> pd.DataFrame | None:
    if history is None:
        return None
    past = history[history.account_id == account_id]
    return past[(past.as_of < as_of) & (past.as_of >= as_of - pd.Timedelta(days=OWN_DAYS))]


def _values(frame: pd.DataFrame, name: str) -> np.ndarray:
    if name not in frame:
        return np.zeros(0)
    values = frame[name].to_numpy(dtype=float, na_value=np.nan)
    return np.asarray(values[np.isfinite(values)])


def _normal(values: np.ndarray, least: int) -> Normal | None:
    if len(values) < least:
        return None
    low, median, high = (float(value) for value in np.quantile(values, [0.25, 0.5, 0.75]))
    return Normal(count=len(values), low=low, median=median, high=high)
