"""Outcomes of what was served by arm: accounts approached, left to themselves, or held out by draw, as of each day.

The draw is a setting (`evaluation.holdout`: salt and share). The first `score` under it marks it in the ledger; from
that moment until the next mark the accounts that it draws are held out, whatever the sources know of it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import pandas as pd

from configs.settings import Holdout, Settings
from evaluation.ledger import Ledger
from evaluation.metrics import MetricRefused, Refusal
from evaluation.outcomes.holdout import (
    HOLDOUT,
    NO_DRAW,
    ArmOutcome,
    Effect,
    NotRandom,
    approached_later,
    arms,
    assign,
    by_arm,
    effect,
)
from evaluation.outcomes.outcomes import judged_so_far

DRAW = "holdout"  # the kind of event
_COLUMNS = ["account_id", "started_at", "ended_at", "arm"]


@dataclass(frozen=True)
class HoldoutDraw:
    """A holdout draw as an event of the ledger holds it; without a salt: from now on nobody is held out."""

    salt: str | None = None
    share: float = 0.0


@dataclass(frozen=True)
class OutcomesByArm:
    """What became of accounts that were approached, left to themselves or held out, and what approaching them did.

    Attributes
    ----------
    arms : tuple of ArmOutcome
        One an arm; flagged are accounts at high risk.
    effect : Effect or Refusal
        Of approaching accounts, where chance drew the arms; else why there is none.
    """

    arms: tuple[ArmOutcome, ...]
    effect: Effect | Refusal


def mark_draw(ledger: Ledger, drawn: Holdout | None, at: pd.Timestamp, by: str) -> None:
    """Marks in the ledger which holdout draw holds from now on, or that none does any more.

    Nothing is written where that is what was recorded last.

    Parameters
    ----------
    ledger : Ledger
        Open for writing.
    drawn : Holdout or None
        Salt and share of the draw.
    at : pd.Timestamp
        The moment from which it holds.
    by : str
        Who asked for it.
    """
    last = ledger.events(DRAW).body.tolist()[-1:]
    body = asdict(HoldoutDraw() if drawn is None else HoldoutDraw(drawn.salt, drawn.share))
    if last != [body] and (drawn is not None or last):
        ledger.record_event(DRAW, body, at=at, asked_by=by)


def with_drawn(interventions: pd.DataFrame | None, ledger: Ledger, account_ids: list[str]) -> pd.DataFrame | None:
    """Adds to the interventions the times for which accounts were held out by draw.

    Parameters
    ----------
    interventions : pd.DataFrame or None
        account_id, started_at, ended_at, arm.
    ledger : Ledger
        Where the draws are recorded.
    account_ids : list of str
        Accounts to look up in the draws.

    Returns
    -------
    pd.DataFrame or None
        Columns as those of `interventions`; None where there is neither.
    """
    draws = ledger.events(DRAW)
    parts = [] if interventions is None else [interventions[_COLUMNS]]
    for body, since, until in zip(draws.body, draws["at"], [*draws["at"], pd.NaT][1:], strict=True):
        arm = assign(account_ids, str(body["salt"]), body["share"])
        held = [account_id for account_id, drawn in zip(account_ids, arm, strict=True) if drawn == HOLDOUT]
        of_draw = {"started_at": since.normalize(), "ended_at": until, "arm": HOLDOUT}  # as of its day's scoring
        parts.append(pd.DataFrame({"account_id": held, **of_draw}))
    return pd.concat(parts, ignore_index=True) if parts else None


def outcomes_by_arm(
    ledger: Ledger, settings: Settings, interventions: pd.DataFrame | None, at: pd.Timestamp
) -> OutcomesByArm | None:
    """What became of accounts that were approached, left to themselves or held out, and what approaching them did.

    Parameters
    ----------
    ledger : Ledger
        Its scorings that have matured at the main horizon count.
    settings : Settings
    interventions : pd.DataFrame or None
        account_id, started_at, ended_at, arm.
    at : pd.Timestamp
        Only what was written by then.

    Returns
    -------
    OutcomesByArm or None
        None where no interventions are known and no draw is marked, or no scoring has matured.
    """
    if interventions is None and ledger.events(DRAW).empty:
        return None
    main = settings.main_horizon_days
    rows = judged_so_far(ledger, settings, at, columns=["risk_level", f"p_churn_{main}d"])
    rows = rows[rows[f"churned_{main}d"].notna()].drop_duplicates(["account_id", "as_of"], ignore_index=True)
    known = with_drawn(interventions, ledger, rows.account_id.unique().tolist())
    if known is None or rows.empty:
        return None
    rows = rows.assign(
        y=rows[f"churned_{main}d"], p=rows[f"p_churn_{main}d"], flagged=rows.risk_level == "high",
        arm=arms(rows, known), approached_later=approached_later(rows, known, main),
    )  # fmt: skip
    return OutcomesByArm(by_arm(rows), drawn_effect(rows, ledger, settings))


def drawn_effect(rows: pd.DataFrame, ledger: Ledger, settings: Settings) -> Effect | Refusal:
    """What approaching accounts did, under the holdout draw that holds.

    By intention: everybody whom the draw did not hold out was up for an approach, had one or not. Each account counts
    once, with the window of its first scoring under the draw: later ones are of those that outlived it, and whom an
    approach kept is no longer like whom chance kept.

    Parameters
    ----------
    rows : pd.DataFrame
        account_id, as_of, requested_at, y (0 or 1): matured scorings at the main horizon.
    ledger : Ledger
        Where the draws are recorded.
    settings : Settings
        Draws and seed of the bootstrap.

    Returns
    -------
    Effect or Refusal
        The refusal says why chance did not decide, or what is lacking.
    """
    events = ledger.events(DRAW)
    last = HoldoutDraw() if events.empty else HoldoutDraw(**events.body.iloc[-1])
    if last.salt is None or not last.share:
        return NO_DRAW
    since = events["at"].iloc[-1]
    part = rows[rows.requested_at >= since].sort_values(["as_of", "account_id"]).drop_duplicates("account_id")
    if part.empty:
        return Refusal(f"no scoring since the draw of {since:%Y-%m-%d} has matured")
    part = part.assign(arm=assign(part.account_id.tolist(), last.salt, last.share))
    evaluation = settings.evaluation
    try:
        return effect(part, last.salt, last.share, evaluation.bootstrap_draws, settings.training.seed)
    except MetricRefused as refusal:
        return Refusal(refusal.why)
    except NotRandom as error:
        return Refusal("; ".join(f"{fault.found}, expected {fault.expected}" for fault in error.faults))
