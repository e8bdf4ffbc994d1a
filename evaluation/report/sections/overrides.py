"""CSMs' overrides judged beside the model's and the rules' levels, on the same scorings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from configs.json_object import JsonObject
from evaluation.formatting import decimal, percent
from evaluation.metrics import bootstrap, bootstrap_statistics, churned_accounts, share_interval
from evaluation.report.sections.context import ReportContext
from training.health import health_levels

JUDGES = ("people", "model", "rules")

SIDES = ("riskier", "alike", "safer")


def override_figures(context: ReportContext) -> JsonObject:
    """overrides: what came of the scorings on which a CSM's override held."""
    return {"overrides": judge_overrides(context, context.frames.rows)}


def judge_overrides(context: ReportContext, rows: pd.DataFrame) -> JsonObject:
    """Model, rules and people on the same scorings: those on which an override held and the health score has a level.

    rows: matured at the main horizon, with account_id, as_of, y, p, risk_level, health_score, and of `with_overrides`
    override_level and override_in_hindsight; without these, or where none held, only `rows` (0), `late_rows` and
    `sentence` are there.

    sides: of those put riskier than the model, alike and safer, how many left (with its interval) and how many the
    model expected. right: the share of overrides that were right, where "riskiest level" says that the account leaves
    and any other that it stays. auc: of the levels. Both for people, model and rules, and by how much people were
    better than each (95 %, accounts drawn); refused where too few accounts churned. late_rows: scorings for which an
    override was entered only after their day, with the outcome perhaps in mind; it is not judged.
    """
    rising = [level.name for level in sorted(context.settings.framework.levels, key=lambda level: level.p_from)]
    late = int(rows["override_in_hindsight"].sum()) if "override_in_hindsight" in rows else 0
    if "override_level" in rows:
        by_rules = health_levels(rows["health_score"].to_numpy(dtype=float), context.settings.framework.levels)
        rows = rows.assign(rules=np.array(by_rules, dtype=object))
        rows = rows[rows["override_level"].isin(rising) & rows["rules"].isin(rising)].reset_index(drop=True)
    if "override_level" not in rows or rows.empty:
        return {
            "rows": 0,
            "late_rows": late,
            "sentence": "No override of a CSM held on any of these scorings, so that there is none to judge."
            + _in_hindsight(late),
        }
    ranks = {name: rank for rank, name in enumerate(rising)}
    of = {"people": "override_level", "model": "risk_level", "rules": "rules"}
    rows = rows.assign(**{who: rows[column].map(ranks).astype(float) for who, column in of.items()})
    table: JsonObject = {"rows": len(rows), "accounts": int(rows["account_id"].nunique()), "level": rising[-1]}
    table |= {"churned_rows": int(rows["y"].sum()), "churned_accounts": churned_accounts(rows)}
    table |= {"late_rows": late, "sides": _sides(rows)}
    riskiest = {who: (rows[who] == ranks[rising[-1]]).astype(float) for who in JUDGES}
    rows = rows.assign(**{f"right_{who}": (riskiest[who] == rows["y"]).astype(float) for who in JUDGES})
    table["right"] = _compared(
        context, rows, "share of overrides that were right", "right_", bootstrap_statistics.ratio
    )
    table["auc"] = _compared(context, rows, "AUC of the levels", "", bootstrap_statistics.auc)
    return {**table, "sentence": override_sentence(table)}


def _in_hindsight(late_rows: int) -> str:
    if not late_rows:
        return ""
    return f" On {late_rows:,} scorings one was entered only after their day; it is kept, and not judged."


def _sides(rows: pd.DataFrame) -> list[JsonObject]:
    difference = np.sign(rows["people"] - rows["model"])
    table = []
    for side, sign in zip(SIDES, (1, 0, -1), strict=True):
        part = rows[difference == sign]
        line: JsonObject = {"side": side, "rows": len(part), "accounts": int(part["account_id"].nunique())}
        if len(part):
            y, who = part["y"].to_numpy(), part["account_id"].to_numpy(dtype=str)
            low, high = share_interval(y, who)
            line |= {"left": int(y.sum()), "expected": float(part["p"].sum())}
            line["happened"] = {"value": float(y.mean()), "low": low, "high": high}
        table.append(line)
    return table


def _compared(context: ReportContext, rows: pd.DataFrame, name: str, column: str, statistic: Any) -> JsonObject:
    """A statistic of each of JUDGES on the same draws, and how much higher it is of people than of the others."""

    def figures() -> JsonObject:
        context.require_churned(name, rows)
        asked = {who: statistic(f"{column}{who}") for who in JUDGES}
        drawn = bootstrap.draw(rows, asked, context.draws, context.seed)
        out: JsonObject = {who: bootstrap.interval_of(values, name) for who, values in drawn.items()}
        over = {f"over_{who}": drawn["people"] - drawn[who] for who in ("model", "rules")}
        return out | {who: bootstrap.interval_of(values, name) for who, values in over.items()}

    return dict(context.figure_or_refusal(name, "CSMs' overrides", figures))


def override_sentence(table: Mapping[str, Any]) -> str:
    """What came of the overrides, in words, first of all where people disagreed with the model."""
    parts = []
    for line in table["sides"]:
        if line["rows"] and line["side"] != "alike":
            parts.append(
                f"{line['rows']:,} times riskier or safer".replace("riskier or safer", line["side"])
                + f" than the model, and {line['left']:,} of those left ({percent(line['happened']['value'])}), where"
                f" the model expected {line['expected']:.1f}"
            )
    compared = "; ".join(parts) if parts else "each time at the level of the model"
    sentence = f"CSMs had put the account at a level of their own on {table['rows']:,} scorings: {compared}."
    if "refused" in table["auc"]:
        return f"{sentence} Who ranked better is not said: {table['auc']['refused']}."
    auc, verdicts = table["auc"], []
    for other in ("model", "rules"):
        gap = auc[f"over_{other}"]
        verdict = "better than" if gap["low"] > 0 else "worse than" if gap["high"] < 0 else "no differently from"
        verdicts.append(f"{verdict} the {other} ({decimal(auc[other]['value'])})")
    return f"{sentence} Their levels ranked accounts (AUC {decimal(auc['people']['value'])}) {' and '.join(verdicts)}."
