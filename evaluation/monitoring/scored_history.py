"""What the ledger holds of whole scorings, and up to which day the models had learnt that made them."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from configs.settings import Settings
from evaluation.ledger import Ledger
from evaluation.monitoring.monitor import MODEL
from evaluation.outcomes import FORECASTS, judged_so_far
from training.model import Cuts
from training.tracking import cuts_of_version, versions

WHOLE = "batch"  # the kind of a scoring of every account
KEY = ["account_id", "as_of"]


def served_rows(
    ledger: Ledger | None,
    settings: Settings,
    at: pd.Timestamp,
    columns: list[str],
    served: pd.DataFrame | None = None,
) -> pd.DataFrame | None:
    """What the ledger holds of the days on which all accounts were scored.

    The service answers for a few accounts at a time, so what it predicted on other days is left out; so is what was
    predicted in hindsight.

    Parameters
    ----------
    ledger : Ledger or None
        Nothing is written to it.
    settings : Settings
        Horizons.
    at : pd.Timestamp
        Only what was written by then.
    columns : list of str
        Columns to read.
    served : pd.DataFrame, optional
        The rows with batch_id (`judged_so_far`), where they have been read already.

    Returns
    -------
    pd.DataFrame or None
        One row an account and day; None where there is nothing.
    """
    if ledger is None or not ledger.count([WHOLE], at):
        return None
    batches = ledger.batches()
    frame = judged_so_far(ledger, settings, at, columns=columns) if served is None else served
    frame = frame[~frame.in_hindsight]
    days = frame.loc[frame.batch_id.isin(batches.batch_id[batches.kind == WHOLE]), "as_of"].unique()
    return frame[frame.as_of.isin(days)].drop_duplicates(KEY, ignore_index=True)


def taught_until(ledger: Ledger | None, settings: Settings) -> pd.DataFrame | None:
    """Every forecast of the ledger with the day up to which its model had learnt, learners and calibrator alike.

    Parameters
    ----------
    ledger : Ledger or None
        Nothing is written to it.
    settings : Settings
        Where the registry of models is.

    Returns
    -------
    pd.DataFrame or None
        account_id, as_of, cut; None where there is no prediction.
    """
    if ledger is None:
        return None
    rows = ledger.predictions(kinds=FORECASTS, columns=[*KEY, MODEL, "requested_at"], texts=False)
    rows = rows[rows.requested_at < rows.as_of + pd.Timedelta(days=settings.forecast_within_days)]
    return None if rows.empty else rows[KEY].assign(cut=_by_version(settings, rows, lambda cuts: cuts.last))


def cuts_of(settings: Settings, rows: pd.DataFrame) -> pd.Series:
    """The day up to which the learners behind each prediction had learnt: signals are held against those before it.

    Parameters
    ----------
    settings : Settings
        Where the registry of models is.
    rows : pd.DataFrame
        as_of and model_version of n predictions.

    Returns
    -------
    pd.Series, (n,) datetime64
        Where the registry no longer has a version, the first day that it scored.
    """
    return _by_version(settings, rows, lambda cuts: cuts.learners)


def _by_version(settings: Settings, rows: pd.DataFrame, part: Callable[[Cuts], pd.Timestamp]) -> pd.Series:
    known = {version.number for version in versions(settings)}
    first = rows.groupby(MODEL)["as_of"].min()
    cuts = {
        name: part(cuts_of_version(settings, str(name))) if str(name) in known else day for name, day in first.items()
    }
    return rows[MODEL].map(cuts).astype("datetime64[us]")
