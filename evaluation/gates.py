"""The gates between a candidate and the champion's place: each with its figure, its limit and a sentence.

They look at out-of-time rows only (a purged backtest's), the candidate beside the calibrated rules on identical rows,
at the main horizon. A figure that the rows cannot support is a refusal, never a pass. Who promotes raises `Refused`
with `Verdict.faults`, or forces the promotion and leaves a mark in the ledger.

One more gate: a function here, an entry in GATES, a planted fault and a clean run in its test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from configs.errors import DataError, Fault
from configs.settings import Settings
from evaluation import metrics, uncertainty

RULES = "rules"
AUC_ALARM = 0.97


@dataclass(frozen=True)
class Gate:
    """One answer. `figure` is None where it could not be measured; `limit` says in words what would pass."""

    name: str
    passed: bool
    figure: float | None
    limit: str
    says: str

    def __str__(self) -> str:
        figure = "-" if self.figure is None else f"{self.figure:.4g}"
        return f"{'pass' if self.passed else 'REFUSED':8}{self.name:20}{figure:>9}  ({self.limit})  {self.says}"


@dataclass(frozen=True)
class Verdict:
    """All gates, in order; promotion is refused when one of them is."""

    gates: tuple[Gate, ...]

    @property
    def passed(self) -> bool:
        return all(gate.passed for gate in self.gates)

    @property
    def refused(self) -> tuple[Gate, ...]:
        return tuple(gate for gate in self.gates if not gate.passed)

    def faults(self) -> list[Fault]:
        """What `Refused` carries: one fault a gate that refused."""
        to_do = "mend it and backtest again; forcing the promotion leaves a mark"
        return [Fault(f"gate {gate.name}", gate.says, gate.limit, to_do) for gate in self.refused]

    def to_json(self) -> list[dict[str, Any]]:
        return [
            {"name": one.name, "passed": one.passed, "figure": one.figure, "limit": one.limit, "says": one.says}
            for one in self.gates
        ]

    def __str__(self) -> str:
        last = "passed" if self.passed else "refused by " + ", ".join(gate.name for gate in self.refused)
        return "\n".join([*map(str, self.gates), last])


@dataclass(frozen=True)
class Evidence:
    """Matured out-of-time rows of candidate and rules: account_id, y, p, p_rules. `strays` rows have no partner."""

    rows: pd.DataFrame
    strays: int
    settings: Settings
    served_equals_batch: bool | None
    meta: Mapping[str, Any]


def evaluate_gates(
    judged: pd.DataFrame,
    baselines: pd.DataFrame,
    settings: Settings,
    served_equals_batch: bool | None,
    meta: Mapping[str, Any],
) -> Verdict:
    """The verdict on a candidate.

    judged: the backtest's predictions (account_id, as_of, p_churn_{h}d, churned_{h}d at the main horizon h at least).
    baselines: its baselines, of which the rows with model `rules` count. served_equals_batch: None leaves that gate
    out. meta: facts of the fit; `chosen` is the learner that was adopted. DataError for missing columns.
    """
    evidence = _evidence(judged, baselines, settings, served_equals_batch, meta)
    found = [_measured(name, gate, evidence) for name, gate in GATES]
    return Verdict(tuple(gate for gate in found if gate is not None))


def _evidence(
    judged: pd.DataFrame,
    baselines: pd.DataFrame,
    settings: Settings,
    served_equals_batch: bool | None,
    meta: Mapping[str, Any],
) -> Evidence:
    p, y, key = (
        f"p_churn_{settings.main_horizon_days}d",
        f"churned_{settings.main_horizon_days}d",
        ["account_id", "as_of"],
    )
    faults = [
        Fault(f"{table}.{name}", "no such column", "a column of the backtest", "run `forewarn backtest` again")
        for table, frame, names in (("predictions", judged, [*key, p, y]), ("baselines", baselines, [*key, "model", p]))
        for name in names
        if name not in frame
    ]
    if faults:
        raise DataError(faults)
    matured = judged.loc[judged[y].notna(), [*key, y, p]]
    mine = matured.rename(columns={y: "y", p: "p"})
    rules = baselines.loc[baselines.model == RULES, [*key, p]].rename(columns={p: "p_rules"})
    both = mine.merge(rules, on=key, how="left", indicator=True)
    strays = int((both["_merge"] != "both").sum()) + int(rules.duplicated(key).sum()) + int(mine.duplicated(key).sum())
    return Evidence(both.drop(columns="_merge"), strays, settings, served_equals_batch, meta)


def _measured(name: str, gate: Callable[[str, Evidence], Gate | None], evidence: Evidence) -> Gate | None:
    try:
        return gate(name, evidence)
    except DataError as error:
        why = "; ".join(f"{fault.where}: {fault.found}, {fault.expected} needed" for fault in error.faults)
        return Gate(name, False, None, "a figure that can be measured", f"not measured ({why})")


def _chosen(name: str, evidence: Evidence) -> Gate:
    chosen = evidence.meta.get("chosen")
    says = "the fit does not say what it chose" if chosen is None else f"the fit chose {chosen}"
    if chosen == "base_rate":
        says += ": it found nothing that beats the same probability for everybody"
    return Gate(name, chosen not in {None, "base_rate"}, None, "a model, not the base rate", says)


def _same_rows(name: str, evidence: Evidence) -> Gate:
    rows, strays = len(evidence.rows), evidence.strays
    says = f"{rows} matured rows, {strays} of them missing or doubled beside the rules"
    return Gate(name, rows > 0 and strays == 0, float(strays), "0 rows that differ", says)


def _churns(name: str, evidence: Evidence) -> Gate:
    needed = evidence.settings.training.min_churns
    churned = evidence.rows.loc[evidence.rows.y == 1, "account_id"].nunique()
    says = f"{churned} accounts churned within {evidence.settings.main_horizon_days} days of a tested prediction"
    return Gate(name, churned >= needed, float(churned), f"at least {needed}", says)


def _both_classes(name: str, evidence: Evidence) -> Gate:
    rate = float(evidence.rows.y.mean()) if len(evidence.rows) else None
    passed = rate is not None and 0 < rate < 1
    return Gate(name, passed, rate, "a churn rate above 0 and below 1", f"churn rate of {len(evidence.rows)} rows")


def _against_rules(name: str, evidence: Evidence) -> Gate:
    """Refuses when the candidate's log loss is worse than the rules' by more than the margin, beyond its interval."""
    rows, evaluation = evidence.rows, evidence.settings.evaluation
    mine, theirs = (metrics.log_loss(rows.y.to_numpy(), rows[column].to_numpy()) for column in ("p", "p_rules"))
    gap = uncertainty.paired(
        rows,
        uncertainty.log_loss("p"),
        uncertainty.log_loss("p_rules"),
        evaluation.bootstrap_draws,
        evidence.settings.training.seed,
    )
    margin = evaluation.worse_than_rules_margin
    verdict = "better" if gap.high < 0 else "worse" if gap.low > 0 else "no different beyond chance"
    says = f"log loss {mine:.4f}, the calibrated rules' {theirs:.4f}: {verdict}"
    says += f" (difference {gap.value:+.4f}, 95 % interval {gap.low:+.4f} to {gap.high:+.4f})"
    return Gate(name, gap.low <= margin, gap.value, f"not above {margin:g} with its whole interval", says)


def _auc_alarm(name: str, evidence: Evidence) -> Gate:
    found = metrics.auc(evidence.rows.y.to_numpy(), evidence.rows.p.to_numpy())
    says = "AUC of tested predictions"
    if found >= AUC_ALARM:
        says += ": too good to be true; look for a signal that knows the outcome (`forewarn check`)"
    return Gate(name, found < AUC_ALARM, found, f"below {AUC_ALARM}", says)


def _calibration_error(name: str, evidence: Evidence) -> Gate:
    """On the debiased figure: a plain one would refuse a right model for the noise of a short history."""
    y, p = evidence.rows.y.to_numpy(), evidence.rows.p.to_numpy()
    bins, limit = evidence.settings.evaluation.calibration_bins, evidence.settings.evaluation.ece_limit
    found = metrics.ece_debiased(y, p, bins)
    says = f"expected calibration error, noise taken off ({metrics.ece(y, p, bins):.4f} with it); "
    says += f"mean prediction {p.mean():.4f}, happened {y.mean():.4f}"
    return Gate(name, found <= limit, found, f"at most {limit:g}", says)


def _calibration_slope(name: str, evidence: Evidence) -> Gate:
    low, high = evidence.settings.evaluation.slope_limits
    slope, intercept = metrics.calibration_slope_intercept(evidence.rows.y.to_numpy(), evidence.rows.p.to_numpy())
    says = f"calibration slope, beside an intercept of {intercept:+.2f}: "
    says += "too extreme" if slope < low else "too timid" if slope > high else "as spread as what happened"
    return Gate(name, low <= slope <= high, slope, f"{low:g} to {high:g}", says)


def _served(name: str, evidence: Evidence) -> Gate | None:
    equal = evidence.served_equals_batch
    if equal is None:
        return None
    says = "the endpoint's scores equal the batch's to the last bit" if equal else "the endpoint scores differently"
    return Gate(name, bool(equal), None, "equal to the last bit", says)


GATES: tuple[tuple[str, Callable[[str, Evidence], Gate | None]], ...] = (
    ("chosen_model", _chosen),
    ("same_rows", _same_rows),
    ("enough_churns", _churns),
    ("both_classes", _both_classes),
    ("against_rules", _against_rules),
    ("auc_alarm", _auc_alarm),
    ("calibration_error", _calibration_error),
    ("calibration_slope", _calibration_slope),
    ("served_equals_batch", _served),
)
