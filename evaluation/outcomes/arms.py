"""Outcomes of what was served by arm: accounts that were approached, left to themselves, or held out by draw.

The draw is a setting (`evaluation.holdout`: salt and share). The first `score` under it marks it in the ledger; from
that moment until the next mark the accounts that it draws are held out, whatever the sources know of it.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from configs.settings import Holdout, Settings
from evaluation.ledger import Ledger
from evaluation.metrics import MetricRefused, loss_days
from evaluation.outcomes.holdout import HOLDOUT, NO_DRAW, NotRandom, arms, assign, by_arm, effect
from evaluation.outcomes.outcomes import judged_so_far

MARK = "holdout"
_COLUMNS = ["account_id", "started_at", "ended_at", "arm"]


def mark_draw(ledger: Ledger, drawn: Holdout | None, at: pd.Timestamp, by: str) -> None:
    """Marks in the ledger which holdout draw holds from now on, or that none does any more.

    Nothing is written where that is what was marked last.

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
    last = ledger.marks(MARK).body.tolist()[-1:]
    body: dict[str, Any] = {"salt": None, "share": 0.0} if drawn is None else {"salt": drawn.salt, "share": drawn.share}
    if last != [body] and (drawn is not None or last):
        ledger.mark(MARK, body, at=at, asked_by=by)


def with_drawn(interventions: pd.DataFrame | None, ledger: Ledger, account_ids: list[str]) -> pd.DataFrame | None:
    """Adds to the interventions the times for which accounts were held out by draw.

    Parameters
    ----------
    interventions : pd.DataFrame or None
        account_id, started_at, ended_at, arm.
    ledger : Ledger
        Where the draws are marked.
    account_ids : list of str
        Accounts to look up in the draws.

    Returns
    -------
    pd.DataFrame or None
        Columns as those of `interventions`; None where there is neither.
    """
    marked = ledger.marks(MARK)
    parts = [] if interventions is None else [interventions[_COLUMNS]]
    for body, since, until in zip(marked.body, marked["at"], [*marked["at"], pd.NaT][1:], strict=True):
        arm = assign(account_ids, str(body["salt"]), body["share"])
        held = [account for account, one in zip(account_ids, arm, strict=True) if one == HOLDOUT]
        parts.append(pd.DataFrame({"account_id": held, "started_at": since, "ended_at": until, "arm": HOLDOUT}))
    return pd.concat(parts, ignore_index=True) if parts else None


def outcomes_by_arm(
    ledger: Ledger, settings: Settings, interventions: pd.DataFrame | None, at: pd.Timestamp
) -> dict[str, Any] | None:
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
    dict or None
        `arms` (see `by_arm`; flagged are accounts at high risk) and `effect` (see `drawn_effect`); None where nobody
        was approached or held out.
    """
    if interventions is None and ledger.marks(MARK).empty:
        return None
    main = settings.main_horizon_days
    rows = judged_so_far(ledger, settings, at, columns=["risk_level", f"p_churn_{main}d"])
    rows = rows[rows[f"churned_{main}d"].notna()].drop_duplicates(["account_id", "as_of"], ignore_index=True)
    known = with_drawn(interventions, ledger, rows.account_id.unique().tolist())
    if known is None or rows.empty:
        return None
    rows = rows.assign(
        y=rows[f"churned_{main}d"], p=rows[f"p_churn_{main}d"], flagged=rows.risk_level == "high",
        arm=arms(rows, known, main),
    )  # fmt: skip
    return {"arms": by_arm(rows), "effect": drawn_effect(rows, ledger, settings)}


def drawn_effect(rows: pd.DataFrame, ledger: Ledger, settings: Settings) -> dict[str, Any]:
    """What approaching accounts did, under the holdout draw that holds.

    By intention: everybody whom the draw did not hold out was up for an approach, had one or not. It is taken from
    as_ofs since the draw, a horizon apart.

    Parameters
    ----------
    rows : pd.DataFrame
        account_id, as_of, y (0 or 1): matured scorings at the main horizon.
    ledger : Ledger
        Where the draws are marked.
    settings : Settings
        Main horizon, draws and seed of the bootstrap.

    Returns
    -------
    dict
        The effect as JSON, or {"refused": why}.
    """
    marked = ledger.marks(MARK).to_dict("records")
    if not marked or not marked[-1]["body"]["share"]:
        return NO_DRAW
    salt, share = marked[-1]["body"]["salt"], marked[-1]["body"]["share"]
    part = rows[rows.as_of >= marked[-1]["at"].normalize()]
    part = part[part.as_of.isin(loss_days(list(part.as_of.unique()), settings.main_horizon_days))]
    if part.empty:
        return {"refused": f"no scoring since the draw of {marked[-1]['at']:%Y-%m-%d} has matured"}
    part = part.assign(arm=assign(part.account_id.tolist(), salt, share))
    try:
        return effect(part, salt, share, settings.evaluation.bootstrap_draws, settings.training.seed).to_json()
    except MetricRefused as refusal:
        return {"refused": refusal.why}
    except NotRandom as fault:
        return {"refused": "; ".join(f"{one.found}, expected {one.expected}" for one in fault.faults)}
