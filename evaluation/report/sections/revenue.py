"""The figures that leaders are measured by, as the summary holds them: retention, health, time to value, forecast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from configs.json_object import JsonObject
from evaluation.jsonable import to_jsonable
from evaluation.metrics import MetricRefused
from evaluation.outcomes import Facts
from evaluation.report.document import ArrWindow
from evaluation.report.sections.context import ReportContext
from evaluation.revenue import ContractBook, arr_at, first_days, forecast, health_over_time, retention, time_to_value

BY = ("segment", "cohort")
FIRST = 5  # accounts named


def revenue_figures(context: ReportContext) -> JsonObject:
    """revenue: what leaders are measured by."""
    inputs, windows = context.inputs, context.figures["arr"]["windows"]
    return {"revenue": revenue(context, context.frames.judged, inputs.company_facts, windows, inputs.newest)}


def revenue(
    context: ReportContext,
    judged: pd.DataFrame,
    facts: Facts | None,
    windows: Sequence[ArrWindow],
    newest: pd.DataFrame | None,
) -> JsonObject:
    """Keys: retention, time_to_value (of the sources), health (of the scorings), forecast (of the newest scorings), and
    sources, what retention and churn are each worked out from.

    windows: past windows that do not overlap (sections.arr_at_risk). newest: account_id, as_of, arr and
    p_churn_{main}d of scorings later than those judged, if there are any; else the newest judged ones are taken.
    """
    figures: JsonObject = {
        "health": _health(context, judged, newest),
        "forecast": _forecast(context, judged, windows, newest),
    }
    if facts is None:
        return figures
    figures |= {"retention": _retention(context, facts), "time_to_value": _time_to_value(context, facts)}
    return figures | {
        "sources": churn_sources(context.settings.churn.kind, context.settings.churn.allowed_gap_days, facts)
    }


CHURN_FROM = {"contract_end": "the contracts", "outcome": "the recorded outcomes", "silence": "silences of the feed"}


def churn_sources(kind: str, gap_days: int, facts: Facts) -> JsonObject | None:
    """Where retention and churn are from, and in how many accounts the two disagree; None without contracts.

    still_under_contract: of the `left` accounts, those with a contract on the day `gap_days` after they left;
    ended_without_churn: accounts whose last contract has ended for as long and that have not left.
    """
    if facts.contracts is None or facts.contracts.empty:
        return None
    if kind == "contract_end":
        sentence = "Retention and churn are both worked out from the contracts."
        return {"retention": "contracts", "churn": kind, "sentence": sentence}
    gap = pd.Timedelta(days=gap_days)
    left_at = facts.accounts.set_index("account_id")["left_at"]
    rows = facts.contracts.assign(left_at=facts.contracts["account_id"].map(left_at))
    ends = rows["ends_at"].fillna(pd.Timestamp.max.floor("us"))
    covers = (rows["at"] <= rows["left_at"] + gap) & (ends > rows["left_at"] + gap)
    last_end = ends.groupby(rows["account_id"]).max()
    ended = last_end.index[(last_end < facts.known_until - gap).to_numpy()]
    table: JsonObject = {"retention": "contracts", "churn": kind, "left": int(left_at.notna().sum())}
    table["still_under_contract"] = int(rows.loc[covers, "account_id"].nunique())
    table["ended_without_churn"] = int(left_at.reindex(ended).isna().sum())
    return {**table, "sentence": _sources_sentence(table, gap_days)}


def _sources_sentence(table: JsonObject, gap_days: int) -> str:
    churn = CHURN_FROM[table["churn"]]
    sentence = (
        f"Retention and logo churn are worked out from the contracts, who left in all other figures from {churn}."
    )
    if not table["still_under_contract"] and not table["ended_without_churn"]:
        return f"{sentence} The two agree."
    return (
        f"{sentence} The two disagree: {table['still_under_contract']:,} of {table['left']:,} accounts that left by"
        f" {churn} were still under contract {gap_days} days later, and {table['ended_without_churn']:,} whose last"
        " contract ended have no churn there."
    )


def _by(facts: Facts) -> list[str]:
    return [name for name in BY if name == "cohort" or name in facts.accounts]


def _retention(context: ReportContext, facts: Facts) -> JsonObject:
    """year: the newest four whole quarters, all accounts and by group, and in `previous_year` the four before them;
    quarters: each, all accounts and by segment; net_target: what net retention is held against."""
    more: dict[str, Any] = {"draws": context.draws, "seed": context.seed}

    def lines() -> JsonObject:
        if facts.contracts is None or facts.contracts.empty:
            raise MetricRefused("revenue retention", "contracts with an ARR", 0, 1)
        gap_days = context.settings.churn.absence_days
        book = ContractBook(facts.contracts, facts.accounts, facts.known_until, gap_days)
        more["known_arr"] = arr_at(book.contracts, list(first_days(book.contracts, book.known_until)))
        quarters = retention(book, **more)
        if not quarters:
            raise MetricRefused("revenue retention", "whole quarters of contracts", 0, 1)
        table: JsonObject = {"known_until": facts.known_until, "quarters": {"all": quarters}}
        table |= {"year": {}, "previous_year": {}, "net_target": context.evaluation.net_retention_target}
        if "segment" in facts.accounts:
            table["quarters"]["segment"] = retention(book, **more, by="segment")
        for name in (None, *_by(facts)):
            every = retention(book, **more, every="year", by=name)
            previous, last = [None, None, *dict.fromkeys(line.period for line in every)][-2:]
            table["year"][name or "all"] = [line for line in every if line.period == last]
            table["previous_year"][name or "all"] = [line for line in every if line.period == previous]
        return table

    return dict(context.figure_or_refusal("revenue retention", "all contracts", lines))


def _time_to_value(context: ReportContext, facts: Facts) -> JsonObject:
    def lines() -> JsonObject:
        if facts.reached is None:
            raise MetricRefused("time to value", "milestones that count as value", 0, 1)
        more: dict[str, Any] = {"due_days": facts.due_days, "draws": context.draws, "seed": context.seed}
        given = (facts.accounts, facts.reached, facts.data_end)
        by = {name: time_to_value(*given, **more, by=name) for name in _by(facts)}
        return {"due_days": facts.due_days, "all": time_to_value(*given, **more)} | by

    return dict(context.figure_or_refusal("time to value", "all accounts", lines))


def _health(context: ReportContext, judged: pd.DataFrame, newest: pd.DataFrame | None) -> JsonObject:
    """Accounts at each risk level: on every as_of judged and every later one that was scored; by segment on the
    newest of them."""
    columns = ["account_id", "as_of", "risk_level", "segment"]
    rows = judged[columns]
    if newest is not None:
        rows = pd.concat([rows, newest.loc[newest["as_of"] > judged["as_of"].max(), columns]], ignore_index=True)
    names = [level.name for level in sorted(context.settings.framework.levels, key=lambda level: level.p_from)]
    last = _newest_day(judged, newest)
    by_segment = health_over_time(last[columns], names, "segment")
    return {"levels": names, "all": health_over_time(rows, names), "segment": by_segment}


def _forecast(
    context: ReportContext, judged: pd.DataFrame, windows: Sequence[ArrWindow], newest: pd.DataFrame | None
) -> JsonObject:
    """What the newest scorings expect of the next `days`; as_of and until say from when to when."""
    column = f"p_churn_{context.main_horizon_days}d"
    rows = _newest_day(judged, newest).sort_values("account_id")  # the draws follow the order of the rows
    last = rows["as_of"].max()

    def figures() -> JsonObject:
        past = [(at["expected_churns"], at["churns"], at["variance"]) for at in windows if at["variance"] > 0]
        table = pd.DataFrame(past, columns=["expected", "churns", "variance"])
        coming = forecast(
            rows[column].to_numpy(dtype=float), rows["arr"].to_numpy(dtype=float), table, seed=context.seed
        )
        window = {
            "as_of": last,
            "until": last + pd.Timedelta(days=context.main_horizon_days),
            "first": _first(rows, column),
        }
        return {**window, **to_jsonable(coming)}

    return dict(context.figure_or_refusal("forecast", f"scored {last:%Y-%m-%d}", figures))


def _newest_day(judged: pd.DataFrame, newest: pd.DataFrame | None) -> pd.DataFrame:
    """The scorings of the newest day that was scored, judged or not."""
    if newest is not None and len(newest) and newest["as_of"].max() > judged["as_of"].max():
        judged = newest
    return judged[judged["as_of"] == judged["as_of"].max()]


def _first(rows: pd.DataFrame, column: str) -> list[JsonObject]:
    """The accounts on which most ARR is expected to be lost: account_id, p, arr, loss; largest first."""
    loss = rows[column] * rows["arr"]
    known = rows.assign(loss=loss)[loss.notna()].sort_values(["loss", "account_id"], ascending=[False, True])
    names = {"account_id": "account_id", column: "p", "arr": "arr", "loss": "loss"}
    first = known.head(FIRST)[list(names)].rename(columns=names)
    return [dict(zip(first.columns, row, strict=True)) for row in first.itertuples(index=False)]
