"""Whether the champion really scores: it is opened as scoring opens it, and asked about one account."""

from __future__ import annotations

from dataclasses import dataclass

from configs.errors import DataError, Fault
from evaluation.predictions import predictions
from serving.project import Project
from serving.scoring.live_signals import check_model, check_schema, live_signals
from training.tracking import CHAMPION, load_champion, versions


@dataclass(frozen=True)
class Probed:
    """What the champion said of one account; nothing of it stands in the ledger.

    Attributes
    ----------
    version, account_id : str
    as_of : str
        A day, YYYY-MM-DD.
    p_churn : float
        Within `horizon_days`.
    horizon_days : int
    """

    version: str
    account_id: str
    as_of: str
    p_churn: float
    horizon_days: int


def probe_champion(project: Project) -> Probed | None:
    """Opens the champion and scores the first account in play at the data's end.

    Parameters
    ----------
    project : Project

    Returns
    -------
    Probed or None
        None while nothing was promoted.

    Raises
    ------
    ForewarnError
        Where scoring would end in one: sources, files of the model, signals, or a probability that is none.
    """
    settings = project.settings
    if not any(CHAMPION in version.aliases for version in versions(settings)):
        return None
    model = load_champion(settings)
    as_of = project.sources.data_end
    check_model(model, settings, as_of)
    frame, schema = live_signals(settings, project.sources, as_of)
    check_schema(model.schema, schema)
    predicted = predictions(model.churn, model.health, frame.head(1), settings, model.version, model.schema)
    p_churn = float(predicted[f"p_churn_{settings.main_horizon_days}d"].iloc[0])
    if not 0 <= p_churn <= 1:
        raise DataError(Fault("champion", f"a churn probability of {p_churn}", "one from 0 to 1", "`forewarn train`"))
    account = str(predicted.account_id.iloc[0])
    return Probed(model.version, account, f"{as_of:%Y-%m-%d}", p_churn, settings.main_horizon_days)
