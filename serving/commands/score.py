"""What `score` and `explain` do: predictions of the champion, in the ledger before anybody sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from configs.atomic_files import write_parquet
from configs.json_object import JsonObject
from configs.playbooks import Playbook
from serving.messages import Prediction
from serving.project import Project
from serving.scoring import Scorer

if TYPE_CHECKING:
    from evaluation.outcomes import LevelInForce


NEAR_DAYS = 1e-3  # signals are kept to nine digits


@dataclass(frozen=True)
class RiskiestAccount:
    """An account near the top of a scoring; `p_churn` within the main horizon."""

    account_id: str
    p_churn: float
    risk_level: str


@dataclass(frozen=True)
class Scored:
    """A scoring of every account in play on a day.

    `mean_p` and `expected_arr_loss` (in `currency`) look at the main horizon, `horizon_days`; `repeated` where the
    ledger held the same scoring already; `held_out` counts the accounts that the draw leaves alone; `in_hindsight`
    where it came too long after `as_of` to be a forecast, so that it is kept and will not be judged.
    """

    as_of: str
    out: str
    accounts: int
    horizon_days: int
    mean_p: float
    levels: dict[str, int]
    expected_arr_loss: float
    currency: str
    worst: tuple[RiskiestAccount, ...]
    has_signal: bool
    model_version: str
    config_version: str
    repeated: bool
    held_out: int
    in_hindsight: bool


@dataclass(frozen=True)
class Renewal:
    """A day on which contracts end, the ARR that ends then (None: not known), and whether it is the one that counts:
    that of `days_to_renewal`."""

    ends_at: str
    arr: float | None
    counts: bool


@dataclass(frozen=True)
class Explained:
    """One account's prediction with every reason, the level that counts beside it (automated, the CSM's, final),
    the playbooks of its actions as they are followed in its tier, and the dates on which its contracts end."""

    prediction: Prediction
    in_force: LevelInForce
    playbooks: tuple[Playbook, ...]
    renewals: tuple[Renewal, ...] = ()

    def to_json(self) -> JsonObject:
        from evaluation.jsonable import to_jsonable

        further = {"override": to_jsonable(self.in_force), "renewals": to_jsonable(self.renewals)}
        playbooks = [playbook.model_dump(mode="json") for playbook in self.playbooks]
        return {**self.prediction.model_dump(mode="json"), **further, "playbooks": playbooks}


def score(project: Project, as_of: datetime | None, out: Path | None, now: datetime) -> Scored:
    """Every account in play, scored with the champion: the ledger first, then the file."""
    project.tell("loading the champion and the signals")
    scorer = Scorer.open(project, day(as_of))
    project.tell(f"scoring {len(scorer.frame)} accounts")
    return score_with(scorer, out, now)


def score_with(scorer: Scorer, out: Path | None, now: datetime) -> Scored:
    """Scores every account in play; under a holdout the file says in the column `arm` whom to leave alone."""
    from evaluation.outcomes import HOLDOUT, assign, is_in_hindsight, mark_draw

    settings = scorer.settings
    accounts = list(scorer.frame.index)
    predicted, written = scorer.score(accounts, "batch", "score", now)
    path = out or settings.paths.scores(scorer.as_of)
    drawn = settings.evaluation.holdout
    mark_draw(scorer.ledger, drawn, pd.Timestamp(now), "score")
    arms = None if drawn is None else assign(accounts, drawn.salt, drawn.share)
    write_parquet(predicted if arms is None else predicted.assign(arm=arms), path)
    main = settings.main_horizon_days
    p = f"p_churn_{main}d"
    worst = predicted.sort_values(p, ascending=False).head(5)[["account_id", p, "risk_level"]]
    return Scored(
        as_of=f"{scorer.as_of:%Y-%m-%d}",
        out=str(path),
        accounts=len(predicted),
        horizon_days=main,
        mean_p=float(predicted[p].mean()),
        levels={level.name: int((predicted.risk_level == level.name).sum()) for level in settings.framework.levels},
        expected_arr_loss=float(predicted[f"expected_arr_loss_{main}d"].sum()),
        currency=settings.currency,
        worst=tuple(RiskiestAccount(*row) for row in worst.values.tolist()),
        has_signal=scorer.model.churn.has_signal,
        model_version=str(scorer.model.version),
        config_version=settings.version,
        repeated=written.repeated,
        held_out=0 if arms is None else int((arms == HOLDOUT).sum()),
        in_hindsight=is_in_hindsight(scorer.as_of, pd.Timestamp(now), settings),
    )


def explain(project: Project, account: str, as_of: datetime | None, now: datetime) -> Explained:
    """One account's prediction with every reason; it is in the ledger like any other that is shown."""
    from evaluation.outcomes import levels_in_force

    scorer = Scorer.open(project, day(as_of))
    prediction = scorer.explained(scorer.require(account), "explain", now)
    level = pd.DataFrame({"account_id": [account], "risk_level": [prediction.risk_level]})
    at = pd.Timestamp(now).tz_localize(None)
    (in_force,) = levels_in_force(level, scorer.ledger.overrides(at), at)
    framework = project.settings.framework
    tier = framework.tier_of(prediction.arr)
    called_for = [framework.playbook(action.playbook).in_tier(tier) for action in prediction.actions]
    ends = renewals(project, scorer.frame.loc[[account]].iloc[0])
    return Explained(prediction, in_force, tuple(called_for), ends)


def renewals(project: Project, signals: pd.Series) -> tuple[Renewal, ...]:
    """The dates on which what an account has under contract ends, the earliest first; `signals` are those of its
    snapshot."""
    from features.frames import contract_ends

    ends = contract_ends(project.sources, project.settings.churn, signals.account_id, signals.as_of)
    days = (ends.ends_at - signals.as_of).dt.total_seconds() / 86_400
    counts = (days.clip(lower=0) - signals.days_to_renewal).abs() < NEAR_DAYS
    return tuple(
        Renewal(f"{at:%Y-%m-%d}", None if pd.isna(arr) else float(arr), bool(same))
        for at, arr, same in zip(ends.ends_at, ends.arr, counts, strict=True)
    )


def day(value: datetime | None) -> pd.Timestamp | None:
    """A day of the command line as an as_of: a UTC midnight."""
    return None if value is None else pd.Timestamp(value).as_unit("us")
