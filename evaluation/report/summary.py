"""Everything a report says, computed once: judged predictions in, one JSON-able dict out. Nothing is drawn or printed.

`judged` has the prediction columns and churned_{h}d, churn_at, segment, owner, fold; it comes from the backtest or from
the ledger joined to outcomes, and this code cannot tell which. Every interval is a bootstrap over accounts. A figure
that the rows cannot support stands in the dict as {"refused": why} and in the list `refused`.

Here the parts are put together; each stands in a file of its own: horizons, comparison, worth, groups, surprises,
leaders, advice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from configs.errors import DataError, Fault
from configs.framework import DIMENSIONS
from configs.settings import Settings
from evaluation.jsonable import to_jsonable
from evaluation.metrics import Array, by_p, matured
from evaluation.outcomes import Facts, arms
from evaluation.report.sections import (
    Desk,
    Figure,
    ReasonsOf,
    apart,
    arr_at_risk,
    at_capacity,
    beside,
    comparison,
    decision,
    fair,
    first_flag,
    groups,
    horizon,
    judge_calls,
    lead,
    leaders,
    levels,
    order_of_leaving,
    profit,
    quarters,
    steadiness,
    surprises,
    yardsticks,
)
from evaluation.report.text import advice_sentences, answer_sentences, warning_sentences

FORMAT = 2
SLIM = ("account_id", "as_of", "churn_at", "arr")
TEXTS = ("segment", "owner", "lifecycle_stage", "risk_level", "model_version", "config_version", "fold")
ROWS = (
    *(*SLIM, *TEXTS, "health_score", "coverage", *(f"health_{name}" for name in DIMENSIONS)),
    *("has_signal", "called", "call_entered_at"),
)


def _checked(judged: pd.DataFrame, settings: Settings, reasons: ReasonsOf | None) -> None:
    needed = ["account_id", "as_of", "churn_at", "lifecycle_stage", "risk_level", "arr", "segment", "owner"]
    needed += [] if reasons else ["reasons"]
    needed += [f"{what}_{h}d" for h in settings.horizons_days for what in ("p_churn", "churned")]
    faults = [
        Fault(f"judged.{one}", "no such column", "a column", "judge it anew") for one in needed if one not in judged
    ]
    if not faults and judged.duplicated(["account_id", "as_of"]).any():
        account = judged.loc[judged.duplicated(["account_id", "as_of"]), "account_id"].iloc[0]
        faults.append(Fault("judged", f"{account} twice on one as_of", "one row each", "keep one prediction a day"))
    if not faults and not judged[f"churned_{settings.main_horizon_days}d"].notna().any():
        last = "no rows" if judged.empty else f"first as_of {judged['as_of'].min():%Y-%m-%d}"
        do = f"wait until {settings.main_horizon_days} days have passed after the first as_of"
        faults.append(Fault("judged", f"{last}, no window has passed", "matured rows", do))
    if faults:
        raise DataError(faults)


def _scope(desk: Desk, judged: pd.DataFrame, rows: pd.DataFrame) -> Figure:
    churned = rows.loc[rows["y"] == 1]
    until = rows["as_of"].max() + pd.Timedelta(days=desk.main)
    facts = {
        "rows": len(rows), "accounts": rows["account_id"].nunique(), "as_ofs": rows["as_of"].nunique(),
        "churned_rows": len(churned), "churned_accounts": churned["account_id"].nunique(),
        "first_as_of": rows["as_of"].min(), "last_as_of": rows["as_of"].max(), "until": until,
        "open_rows": len(judged) - len(rows),
    }  # fmt: skip
    if "has_signal" in rows:
        facts["without_signal_rows"] = int((rows["has_signal"] == False).sum())  # noqa: E712 (missing is not False)
    for name in ("model_version", "config_version", "fold"):
        if name in rows:
            facts[f"{name}s"] = sorted(map(str, rows[name].dropna().unique()))
    return dict(to_jsonable(facts))


def _numbered(judged: pd.DataFrame, baselines: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both with accounts as numbers, in the order of their names, and TEXTS as categories; baselines of those accounts
    that `judged` has."""
    numbers, names = pd.factorize(judged["account_id"], sort=True)
    texts = {name: judged[name].astype("category") for name in TEXTS if name in judged}
    judged = judged.assign(account_id=numbers, **texts)
    if len(baselines):
        baselines = baselines.assign(account_id=pd.Index(names).get_indexer(baselines["account_id"]))
        baselines = baselines[baselines["account_id"] >= 0]
    return judged, baselines


def _coverage(rows: pd.DataFrame) -> list[Figure]:
    """By quarter: the share of the health score's weight that rests on data, and of scorings with data a dimension."""
    columns = {name: f"health_{name}" for name in DIMENSIONS if f"health_{name}" in rows}
    if "coverage" not in rows:
        return []
    made = pd.DataFrame({"quarter": quarters(rows["as_of"]), "coverage": rows["coverage"].astype(float)})
    made = made.assign(**{name: rows[column].notna().astype(float) for name, column in columns.items()})
    return [
        {"quarter": quarter, "rows": len(part), **{name: float(part[name].mean()) for name in ("coverage", *columns)}}
        for quarter, part in made.groupby("quarter")
    ]


def _regions(accounts: pd.Series, facts: Facts | None) -> dict[str, Array]:
    if facts is None:
        return {}
    of = facts.accounts.set_index("account_id")
    return {name: accounts.map(of[name]).to_numpy(dtype=object) for name in facts.regions}


def summarise(
    judged: pd.DataFrame,
    baselines: pd.DataFrame,
    settings: Settings,
    reasons: ReasonsOf | None = None,
    facts: Facts | None = None,
    newest: pd.DataFrame | None = None,
    random_split: Mapping[str, Any] | None = None,
    effect: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Every figure of a report as one dict that `json.dumps(..., allow_nan=False)` takes.

    Keys: scope, answer (sentences), warnings, to_do, leaders, horizons, order, comparisons, calls, capacity, lead_time,
    arr, profit, decision, levels, groups, fairness, stability, surprises, arms, coverage, random_split, refused.

    `baselines` (account_id, as_of, model, p_churn_{h}d, score) may be empty. An optional column p_true_{h}d of `judged`
    (a simulated company) gives the ceiling of the lead time. `reasons` tells those of the few rows that are shown one
    by one, where `judged` has no such column. `facts` are the sources' (without: nothing on revenue, time to value,
    regions or arms), `newest` scorings later than those of `judged`, for the forecast; `random_split` what
    evaluation.random_split found, `effect` what approaching accounts did by evaluation.arms.
    Raises DataError when a column is missing, an account is judged twice on one day, or no window of the main horizon
    has passed.
    """
    _checked(judged, settings, reasons)
    desk = Desk(settings, len(judged))
    main = f"{desk.main}d"
    judged = judged.reset_index(drop=True).assign(
        as_of=pd.to_datetime(judged["as_of"].to_numpy()),
        churn_at=pd.to_datetime(judged["churn_at"].to_numpy()),
        arr=pd.to_numeric(judged["arr"].to_numpy()).astype(float),
    )
    # Most figures need a few columns of a frame that may hold a million rows of forty, and no account's name.
    outcome = (f"p_churn_{main}", f"churned_{main}")
    numbered, baselines = _numbered(judged, baselines)
    slim = numbered[[*SLIM, *(f"{what}_{h}d" for h in settings.horizons_days for what in ("p_churn", "churned"))]]
    rows = matured(numbered[[name for name in (*ROWS, *outcome) if name in numbered]], desk.main)
    few = by_p(rows[[*SLIM, "segment", "y", "p"]])
    if facts is not None and facts.interventions is not None:
        rows["arm"] = arms(judged.loc[rows.index, ["account_id", "as_of"]], facts.interventions, desk.main)
    judged_at = ["account_id", "as_of", "y", "p"]
    at = {
        days: few[judged_at] if days == desk.main else by_p(matured(slim, days)[judged_at])
        for days in settings.horizons_days
    }
    others = yardsticks(numbered, baselines, settings)
    comparisons = [
        comparison(desk, at[days], name, title, baseline, days)
        for days in settings.horizons_days
        for name, (title, baseline) in others.items()
        if days == desk.main
        or f"p_churn_{days}d" in baseline
        or not any(str(one).startswith("p_churn_") for one in baseline)
    ]
    capacity = {"share": desk.evaluation.capacity_share, "model": at_capacity(desk, few, "p", "the model")}
    early: Figure = {"model": lead(desk, slim, f"p_churn_{main}", "the model"), "first": first_flag(desk, slim)}
    gain: Figure = {"model": profit(desk, few, "p", "the model")}
    curve: Figure = {"model": decision(desk, few, "p", "the model")}
    if others:
        title, baseline = next(iter(others.values()))
        both, probability = beside(few, baseline, f"p_churn_{main}")
        seen, _ = beside(slim, baseline, f"p_churn_{main}")
        capacity |= {"yardstick": title, "baseline": at_capacity(desk, both, "p_other", title)}
        early |= {"baseline": lead(desk, seen, "p_other", title)}
        gain |= {"yardstick": title, "baseline": profit(desk, both, "p_other", title)}
        if probability:
            curve |= {"yardstick": title, "baseline": decision(desk, both, "p_other", title)}
    if f"p_true_{main}" in judged:
        early["ceiling"] = lead(desk, numbered, f"p_true_{main}", "the true probabilities")
    arr = arr_at_risk(desk, few)
    summary: dict[str, Any] = {
        "format": FORMAT, "name": settings.name, "currency": settings.currency, "main_horizon_days": desk.main,
        "draws": desk.draws, "min_churned_accounts": desk.evaluation.min_churned_accounts,
        "ece_limit": desk.evaluation.ece_limit, "slope_limits": list(desk.evaluation.slope_limits),
        "costs": desk.evaluation.costs.model_dump(mode="json"),
        "scope": _scope(desk, judged, rows),
        "leaders": leaders(desk, judged, facts, arr["windows"], newest),
        "horizons": [horizon(desk, at[days], days) for days in settings.horizons_days],
        "order": order_of_leaving(desk, slim, settings.horizons_days),
        "comparisons": comparisons, "calls": judge_calls(desk, rows),
        "capacity": capacity, "lead_time": early, "arr": arr,
        "profit": gain, "decision": curve,
        "levels": levels(desk, rows), "groups": groups(desk, rows),
        "fairness": fair(desk, few, _regions(judged["account_id"].loc[few.index], facts)),
        "stability": steadiness(desk, numbered),
        "surprises": surprises(desk, rows, judged, reasons),
        "arms": apart(desk, rows, effect) if "arm" in rows else None,
        "coverage": _coverage(rows), "random_split": random_split,
        "refused": desk.refused,
    }  # fmt: skip
    summary = to_jsonable(summary)
    words = {"warnings": warning_sentences(summary), "answer": answer_sentences(summary)}
    return {**summary, **words, "to_do": advice_sentences(summary)}
