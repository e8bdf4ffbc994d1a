"""The rows of source tables that say whether an account is in play, with the first as_of able to see each."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import pandas as pd

from configs.settings import Churn, Settings
from configs.tables import table
from features.sources import Sources
from features.timeline.contract_cover import contract_cover, known_cover
from features.timeline.visibility import SUPERSEDED, visible_from


def spans(sources: Sources, name: str, *columns: str, where: ibis.Value | None = None) -> pd.DataFrame:
    """A table's rows with their time and the first as_of able to see them; of `Sources.history`, with the first that
    knows a later version as well.

    Parameters
    ----------
    sources : Sources
        The project's tables.
    name : str
        The table.
    *columns : str
        Further columns; one that the table lacks is empty.
    where : ibis Value, optional
        Which rows.

    Returns
    -------
    DataFrame
        account_id, at (the table's time), visible, superseded where facts have versions, and the columns; by account
        and time.
    """
    rows = sources.tables[name]
    if where is not None:
        rows = rows.filter(where)
    time = table(name).time
    have = [column for column in columns if column in rows.columns]
    versioned = [SUPERSEDED] if SUPERSEDED in rows.columns else []
    chosen = rows.select("account_id", *have, *versioned, at=rows[time], visible=visible_from(rows, time))
    frame = chosen.to_pandas().sort_values(["account_id", "at", *have], kind="stable", ignore_index=True)
    for column in columns:
        if column not in frame:
            frame[column] = pd.NaT if column.endswith("_at") else None
    return frame


def churn_rows(sources: Sources, kind: str = "churn") -> pd.DataFrame:
    """Recorded outcomes of one kind.

    Parameters
    ----------
    sources : Sources
        With the table outcomes.
    kind : str
        churn, contraction, expansion, renewal or reactivation.

    Returns
    -------
    DataFrame
        account_id, at, visible, voluntary, reason.
    """
    outcomes = sources.tables["outcomes"]
    return spans(sources, "outcomes", "voluntary", "reason", where=outcomes.kind == kind)


def contract_rows(sources: Sources, churn: Churn) -> pd.DataFrame:
    """Contracts with the end of what they cover, in hindsight.

    Parameters
    ----------
    sources : Sources
        With the table contracts.
    churn : Churn
        The allowed gap, and whether trials are customers.

    Returns
    -------
    DataFrame
        account_id, at, visible, ends_at (NaT: open), noticed_at (NaT: no notice), arr.
    """
    return known_cover(contract_cover(sources, churn))


def activity(sources: Sources, settings: Settings) -> ir.Table:
    """The table whose silence is churn; of invoices, only bills count: no credit notes, failed payments or voided ones.

    Parameters
    ----------
    sources : Sources
        The project's tables.
    settings : Settings
        `churn.silence.of` names the table.

    Returns
    -------
    ibis Table
    """
    name = settings.churn.silence.of
    rows = sources.tables[name]
    if name == "invoices" and "kind" in rows.columns:
        rows = rows.filter(rows.kind.fill_null("invoice") == "invoice")
    return rows


def activity_days(sources: Sources, settings: Settings) -> pd.DataFrame:
    """The rows of the table whose silence is churn by day, which is all that a silence of days needs.

    account_id, at (the day's first), ends_at (its last), visible, superseded where facts have versions; in no order.
    Rows of a day that became known on different days stand apart.
    """
    rows = activity(sources, settings)
    time = table(settings.churn.silence.of).time
    versioned = [SUPERSEDED] if SUPERSEDED in rows.columns else []
    day, visible = rows[time].truncate("D"), visible_from(rows, time)
    rows = rows.select("account_id", *versioned, at=rows[time], day=day, visible=visible)
    days = rows.group_by(["account_id", "day", "visible", *versioned]).aggregate(
        at=rows["at"].min(), ends_at=rows["at"].max()
    )
    return sources.engine.to_pandas(days.drop("day"))
