"""CSMs' own calls judged beside the model's and the rules', on the same scorings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from evaluation.formatting import decimal, percent
from evaluation.metrics import bootstrap, bootstrap_statistics, churned_accounts, share_interval
from evaluation.report.sections.context import Desk, Figure
from training.health import health_levels

JUDGES = ("people", "model", "rules")

SIDES = ("riskier", "alike", "safer")


def judge_calls(desk: Desk, rows: pd.DataFrame) -> Figure:
    """Model, rules and people on the same scorings: those on which a call held and the health score has a level.

    rows: matured at the main horizon, with account_id, as_of, y, p, risk_level, health_score, and of `with_calls`
    called and call_entered_at; without these, or where no call held, only `rows` (0) and `sentence` are there.

    sides: of those called riskier than the model, alike and safer, how many left (with its interval) and how many the
    model expected. right: the share of calls that were right, where "riskiest level" says that the account leaves and
    any other that it stays. auc: of the levels. Both for people, model and rules, and by how much people were better
    than each (95 %, accounts drawn); refused where too few accounts churned. late_rows: calls that were entered only
    once the window had closed, so that nothing proves that they were made before.
    """
    rising = [one.name for one in sorted(desk.settings.framework.levels, key=lambda one: one.p_from)]
    if "called" in rows:
        by_rules = health_levels(rows["health_score"].to_numpy(dtype=float), desk.settings.framework.levels)
        rows = rows.assign(rules=np.array(by_rules, dtype=object))
        rows = rows[rows["called"].isin(rising) & rows["rules"].isin(rising)].reset_index(drop=True)
    if "called" not in rows or rows.empty:
        return {
            "rows": 0,
            "sentence": "No call of a CSM held on any of these scorings, so that there is none to judge.",
        }
    ranks = {name: rank for rank, name in enumerate(rising)}
    of = {"people": "called", "model": "risk_level", "rules": "rules"}
    rows = rows.assign(**{who: rows[column].map(ranks).astype(float) for who, column in of.items()})
    late = rows["call_entered_at"] >= rows["as_of"] + pd.Timedelta(days=desk.main)
    found: Figure = {"rows": len(rows), "accounts": int(rows["account_id"].nunique()), "level": rising[-1]}
    found |= {"churned_rows": int(rows["y"].sum()), "churned_accounts": churned_accounts(rows)}
    found |= {"late_rows": int(late.sum()), "sides": _sides(rows)}
    says = {f"says_{who}": (rows[who] == ranks[rising[-1]]).astype(float) for who in JUDGES}
    rows = rows.assign(**{f"right_{who}": (says[f"says_{who}"] == rows["y"]).astype(float) for who in JUDGES})
    found["right"] = _compared(desk, rows, "share of calls that were right", "right_", bootstrap_statistics.ratio)
    found["auc"] = _compared(desk, rows, "AUC of the levels called", "", bootstrap_statistics.auc)
    return {**found, "sentence": sentence(found)}


def _sides(rows: pd.DataFrame) -> list[Figure]:
    difference = np.sign(rows["people"] - rows["model"])
    table = []
    for side, sign in zip(SIDES, (1, 0, -1), strict=True):
        part = rows[difference == sign]
        line: Figure = {"side": side, "rows": len(part), "accounts": int(part["account_id"].nunique())}
        if len(part):
            y, who = part["y"].to_numpy(), part["account_id"].to_numpy(dtype=str)
            low, high = share_interval(y, who)
            line |= {"left": int(y.sum()), "expected": float(part["p"].sum())}
            line["happened"] = {"value": float(y.mean()), "low": low, "high": high}
        table.append(line)
    return table


def _compared(desk: Desk, rows: pd.DataFrame, name: str, column: str, statistic: Any) -> Figure:
    """A statistic of each of JUDGES on the same draws, and how much higher it is of people than of the others."""

    def figures() -> Figure:
        desk.enough(name, rows)
        asked = {who: statistic(f"{column}{who}") for who in JUDGES}
        drawn = bootstrap.draw(rows, asked, desk.draws, desk.seed)
        out: Figure = {who: bootstrap.interval_of(values, name) for who, values in drawn.items()}
        over = {f"over_{who}": drawn["people"] - drawn[who] for who in ("model", "rules")}
        return out | {who: bootstrap.interval_of(values, name) for who, values in over.items()}

    return dict(desk.figure(name, "CSMs' calls", figures))


def sentence(found: Mapping[str, Any]) -> str:
    """What came of the calls, in words, first of all where people disagreed with the model."""
    parts = []
    for one in found["sides"]:
        if one["rows"] and one["side"] != "alike":
            parts.append(
                f"{one['rows']:,} times riskier or safer".replace("riskier or safer", one["side"])
                + f" than the model, and {one['left']:,} of those left ({percent(one['happened']['value'])}), where the"
                f" model expected {one['expected']:.1f}"
            )
    said = "; ".join(parts) if parts else "each time at the level of the model"
    words = f"CSMs had put the account at a level of their own on {found['rows']:,} scorings: {said}."
    if "refused" in found["auc"]:
        return f"{words} Who ranked better is not said: {found['auc']['refused']}."
    auc, told = found["auc"], []
    for other in ("model", "rules"):
        gap = auc[f"over_{other}"]
        verdict = "better than" if gap["low"] > 0 else "worse than" if gap["high"] < 0 else "no differently from"
        told.append(f"{verdict} the {other} ({decimal(auc[other]['value'])})")
    return f"{words} Their levels ranked accounts (AUC {decimal(auc['people']['value'])}) {' and '.join(told)}."
