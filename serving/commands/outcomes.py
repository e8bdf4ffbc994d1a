"""What `outcomes` does: judges predictions whose window has passed by what happened since."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pandas as pd

from configs.settings import Settings
from features.sources import Sources
from serving.project import Project

if TYPE_CHECKING:
    from evaluation.ledger import Ledger
    from evaluation.outcomes import OutcomesByArm, ReportedEntries


@dataclass(frozen=True)
class JudgedDay:
    """What came of one day's scorings by one version whose window at the main horizon has passed.

    Attributes
    ----------
    as_of, model_version : str
        The day, YYYY-MM-DD, and the version.
    accounts : int
        That were judged.
    predicted : float
        Churns expected of them: the sum of their probabilities.
    churned, high, churned_of_high : int
        How many left, how many had been at high risk, and how many of those left.
    voluntary, involuntary : int
        Of those who left, by their own will and not, where the sources say so.
    returned : int
        Of those who left, that have come back.
    contraction_matured, contracted : int
        Accounts of which contractions are known, and how many contracted.
    """

    as_of: str
    model_version: str
    accounts: int
    predicted: float
    churned: int
    high: int
    churned_of_high: int
    voluntary: int
    involuntary: int
    returned: int
    contraction_matured: int
    contracted: int


@dataclass(frozen=True)
class Judged:
    """What came of the ledger's predictions within the main horizon (`horizon_days`).

    `new` were judged now, `changed` are judged otherwise than before, `repeats` as before, `waiting` have windows that
    have not passed, `unknown` are of accounts that the sources no longer have, `in_hindsight` were made too late to be
    judged.
    `days`: one for each as_of and model version; `by_arm`: what was done about the accounts, None where nothing;
    `reported`: what callers reported beside the sources, None where nothing.
    """

    summary: str
    horizon_days: int
    matured: int
    new: int
    changed: int
    repeats: int
    waiting: int
    unknown: int
    in_hindsight: int
    days: tuple[JudgedDay, ...]
    by_arm: OutcomesByArm | None
    reported: ReportedEntries | None


def outcomes(project: Project, now: datetime) -> Judged:
    """Judges every prediction of the ledger whose window has passed, and writes the judgement beside it."""
    from evaluation.outcomes import compare_reported, interventions_known, judge, outcomes_by_arm

    settings, at, ledger = project.settings, pd.Timestamp(now), project.written_ledger
    sources = project.sources
    judged = judge(ledger, _labels_of(settings, sources, ledger, at), settings, at)
    by_arm = outcomes_by_arm(ledger, settings, interventions_known(sources, ledger, at), at)
    days = judged.days[judged.days.matured > 0].rename(columns={"matured": "accounts"})
    days = days.drop(columns=["predictions", "in_hindsight"]).assign(as_of=days.as_of.dt.strftime("%Y-%m-%d"))
    return Judged(
        summary=str(judged),
        horizon_days=settings.main_horizon_days,
        matured=int(days.accounts.sum()),
        new=judged.new,
        changed=judged.changed,
        repeats=judged.repeats,
        waiting=judged.waiting,
        unknown=judged.unknown,
        in_hindsight=judged.in_hindsight,
        days=tuple(JudgedDay(**{str(name): value for name, value in day.items()}) for day in days.to_dict("records")),
        by_arm=by_arm,
        reported=compare_reported(sources, settings, ledger, at),
    )


def _labels_of(
    settings: Settings, sources: Sources, ledger: Ledger, at: pd.Timestamp
) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Outcomes of (account_id, as_of) pairs; pairs that the sources no longer know have none, rather than "stayed"."""
    from evaluation.outcomes import with_reported_will, with_returns
    from features.labels import labels_for
    from features.timeline import among

    known = sources.engine.to_pandas(sources.tables["accounts"].select("account_id")).account_id

    def labels(pairs: pd.DataFrame) -> pd.DataFrame:
        in_sources = pairs[among(pairs.account_id, known) & (pairs.as_of <= sources.data_end)]
        made = with_reported_will(labels_for(sources, in_sources, settings), sources, ledger, at)
        return with_returns(made, sources, settings)

    return labels
