"""The gates between a candidate and the champion's place: each with its figure, its limit and a sentence.

They look at out-of-time rows only (a purged backtest's), the candidate beside the calibrated rules and the champion on
identical rows, at the main horizon; what rows cannot tell (`Measured`) is brought by who promotes. The rows of a
backtest are those of other fits: candidate_gates.py judges the candidate itself, artifact_gates.py what it is. A figure
that the rows cannot support is a refusal, never a pass; only a comparison that has nothing to compare with is left out,
and says so. Who promotes raises `Refused` with `Verdict.faults`, or forces the promotion and leaves a mark in the
ledger.

One more gate: a function here or there, an entry in GATES, a planted fault and a clean run in its test, a line in
docs/checks.md.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from functools import partial

import pandas as pd
from scipy.special import ndtri

from configs.errors import DataError, Fault, nearest
from configs.settings import MetricLimit, Settings
from evaluation.formatting import spread_word
from evaluation.metrics import (
    METRICS,
    bootstrap,
    bootstrap_statistics,
    calibration_slope_intercept,
    ece,
    ece_debiased,
    metric_named,
    scores,
    share_interval,
)
from evaluation.promotion.artifact_gates import checks, latency, reseeded, served, size, suspects
from evaluation.promotion.candidate_gates import newest_level, own_calibration
from evaluation.promotion.verdict import Gate, GateInputs, GateResult, Measured, Verdict

RULES = "rules"
CHANCE = 0.5  # the AUC of a ranking by lot


def evaluate_gates(
    judged: pd.DataFrame,
    baselines: pd.DataFrame,
    settings: Settings,
    measured: Measured,
    chosen: str | None,
) -> Verdict:
    """Whether a candidate may become the champion, gate by gate.

    Parameters
    ----------
    judged : pd.DataFrame
        The backtest's predictions: account_id, as_of, segment, p_churn_{h}d, churned_{h}d at the main horizon h at
        least.
    baselines : pd.DataFrame
        Its baselines, of which the rows with model `rules` count.
    settings : Settings
        Limits of the gates.
    measured : Measured
        What the rows of a backtest cannot tell.
    chosen : str or None
        Name of the learner that the fit adopted; None where it was not recorded.

    Returns
    -------
    Verdict

    Raises
    ------
    DataError
        For missing columns, and limits of no metric.
    """
    inputs = _inputs(judged, baselines, settings, measured, chosen)
    limits = settings.evaluation.metric_limits
    limited = [Gate(name, partial(_metric_limit, name, limit)) for name, limit in limits.items()]
    results = [_result(gate, inputs) for gate in (*GATES, *limited)]
    return Verdict(tuple(result for result in results if result is not None))


def _inputs(
    judged: pd.DataFrame,
    baselines: pd.DataFrame,
    settings: Settings,
    measured: Measured,
    chosen: str | None,
) -> GateInputs:
    p, y, key = (
        f"p_churn_{settings.main_horizon_days}d",
        f"churned_{settings.main_horizon_days}d",
        ["account_id", "as_of"],
    )
    faults = [
        Fault(f"{table}.{name}", "no such column", "a column of the backtest", "run `forewarn backtest` again")
        for table, frame, names in (
            ("predictions", judged, [*key, "segment", p, y]),
            ("baselines", baselines, [*key, "model", p]),
        )
        for name in names
        if name not in frame
    ]
    known = [metric.name for metric in METRICS]
    faults += [
        Fault(f"evaluation.metric_limits.{name}", "no such metric", "a metric", nearest(name, known))
        for name in settings.evaluation.metric_limits
        if name not in known
    ]
    if faults:
        raise DataError(faults)
    matured = judged.loc[judged[y].notna(), [*key, "segment", y, p]]
    mine = matured.rename(columns={y: "y", p: "p"})
    rules = baselines.loc[baselines.model == RULES, [*key, p]].rename(columns={p: "p_rules"})
    both = mine.merge(rules, on=key, how="left", indicator=True)
    strays = int((both["_merge"] != "both").sum()) + int(rules.duplicated(key).sum()) + int(mine.duplicated(key).sum())
    return GateInputs(both.drop(columns="_merge"), strays, settings, measured, chosen)


def _result(gate: Gate, inputs: GateInputs) -> GateResult | None:
    try:
        return gate.evaluate(inputs)
    except DataError as error:
        why = "; ".join(f"{fault.where}: {fault.found}, {fault.expected} needed" for fault in error.faults)
        return GateResult(gate.name, False, None, "a figure that can be measured", f"not measured ({why})")


def _chosen(inputs: GateInputs) -> GateResult:
    chosen = inputs.chosen
    message = "the fit does not say what it chose" if chosen is None else f"the fit chose {chosen}"
    if chosen == "base_rate":
        message += ": it found nothing that beats the same probability for everybody"
    return GateResult("chosen_model", chosen not in {None, "base_rate"}, None, "a model, not the base rate", message)


def _same_rows(inputs: GateInputs) -> GateResult:
    rows, strays = len(inputs.rows), inputs.strays
    message = f"{rows} matured rows, {strays} of them missing or doubled beside the rules"
    return GateResult("same_rows", rows > 0 and strays == 0, float(strays), "0 rows that differ", message)


def _churns(inputs: GateInputs) -> GateResult:
    needed = inputs.settings.training.min_churns
    churned = inputs.rows.loc[inputs.rows.y == 1, "account_id"].nunique()
    message = f"{churned} accounts churned within {inputs.settings.main_horizon_days} days of a tested prediction"
    return GateResult("enough_churns", churned >= needed, float(churned), f"at least {needed}", message)


def _both_classes(inputs: GateInputs) -> GateResult:
    rate = float(inputs.rows.y.mean()) if len(inputs.rows) else None
    passed = rate is not None and 0 < rate < 1
    message = f"churn rate of {len(inputs.rows)} rows"
    return GateResult("both_classes", passed, rate, "a churn rate above 0 and below 1", message)


def _against_rules(inputs: GateInputs) -> GateResult:
    margin = inputs.settings.evaluation.worse_than_rules_margin
    return _against("against_rules", inputs, inputs.rows, "p_rules", "the calibrated rules'", margin)


def _against_champion(inputs: GateInputs) -> GateResult:
    """On the rows that both have judged; left out without a champion, and where too few of those accounts churned.

    The candidate's own predictions since it had learnt, where enough have matured; else its backtest's.
    """
    evaluation, champion = inputs.settings.evaluation, inputs.measured.champion
    margin, needed = evaluation.worse_than_champion_margin, evaluation.min_churned_accounts
    limit = f"not above {margin:g} with its whole interval"
    if champion is None:
        message = f"{inputs.measured.no_champion}: nothing to compare with"
        return GateResult("against_champion", True, None, limit, message, left_out=True)
    theirs = champion.rename(columns={f"p_churn_{inputs.settings.main_horizon_days}d": "p_champion"})
    judged = (part for part in (inputs.measured.own, inputs.rows) if part is not None)
    for part in judged:
        rows = part.merge(theirs, on=["account_id", "as_of"], validate="one_to_one")
        churned = int(rows.loc[rows.y == 1, "account_id"].nunique())
        if churned >= needed:
            break
    if churned < needed:
        message = f"{churned} churned accounts among the {len(rows)} rows that both judged, {needed} needed"
        return GateResult("against_champion", True, None, limit, message, left_out=True)
    return _against("against_champion", inputs, rows, "p_champion", "the champion's", margin)


def _against(name: str, inputs: GateInputs, rows: pd.DataFrame, other: str, whose: str, margin: float) -> GateResult:
    """Refuses when the candidate's log loss is worse than the other's by more than the margin, beyond its interval."""
    mine, theirs = (scores.log_loss(rows.y.to_numpy(), rows[column].to_numpy()) for column in ("p", other))
    draws, seed = inputs.settings.evaluation.bootstrap_draws, inputs.settings.training.seed
    gap = bootstrap.paired(rows, bootstrap_statistics.log_loss("p"), bootstrap_statistics.log_loss(other), draws, seed)
    verdict = "better" if gap.high < 0 else "worse" if gap.low > 0 else "no different beyond chance"
    message = f"log loss {mine:.4f}, {whose} {theirs:.4f} on {len(rows)} rows: {verdict}"
    message += f" (difference {gap.value:+.4f}, 95 % interval {gap.low:+.4f} to {gap.high:+.4f})"
    return GateResult(name, gap.low <= margin, gap.value, f"not above {margin:g} with its whole interval", message)


def _auc_above_chance(inputs: GateInputs) -> GateResult:
    """Refuses a ranking that out of time cannot be told from chance, whatever learner the fit chose."""
    draws, seed = inputs.settings.evaluation.bootstrap_draws, inputs.settings.training.seed
    auc = bootstrap.interval(inputs.rows, bootstrap_statistics.auc(), draws, seed)
    passed = auc.low > CHANCE
    message = f"AUC of tested predictions ({auc.low:.3f} to {auc.high:.3f})"
    message += "" if passed else ": chance ranks as well; the base rate of the stage says all that these data can"
    return GateResult("auc_above_chance", passed, auc.value, f"above {CHANCE} with its whole interval", message)


def _auc_alarm(inputs: GateInputs) -> GateResult:
    auc = scores.auc(inputs.rows.y.to_numpy(), inputs.rows.p.to_numpy())
    message = "AUC of tested predictions"
    if auc >= scores.TOO_GOOD_AUC:
        message += ": too good to be true; look for a signal that knows the outcome (`forewarn check`)"
    return GateResult("auc_alarm", auc < scores.TOO_GOOD_AUC, auc, f"below {scores.TOO_GOOD_AUC}", message)


def _calibration_error(inputs: GateInputs) -> GateResult:
    """On the debiased figure: a plain one would refuse a right model for the noise of a short history."""
    y, p = inputs.rows.y.to_numpy(), inputs.rows.p.to_numpy()
    bins, limit = inputs.settings.evaluation.calibration_bins, inputs.settings.evaluation.ece_limit
    error = ece_debiased(y, p, bins)
    message = f"expected calibration error, noise taken off ({ece(y, p, bins):.4f} with it); "
    message += f"mean prediction {p.mean():.4f}, happened {y.mean():.4f}"
    return GateResult("calibration_error", error <= limit, error, f"at most {limit:g}", message)


def _calibration_slope(inputs: GateInputs) -> GateResult:
    settings = inputs.settings
    low, high = settings.evaluation.slope_limits
    slope, intercept = calibration_slope_intercept(inputs.rows.y.to_numpy(), inputs.rows.p.to_numpy())
    draws, seed = settings.evaluation.bootstrap_draws, settings.training.seed
    interval = bootstrap.interval(inputs.rows, bootstrap_statistics.calibration_slope(), draws, seed)
    word = spread_word(asdict(interval)) or "as spread as what happened, as far as the data show"
    message = f"calibration slope ({interval.low:.2f} to {interval.high:.2f}), beside an intercept of"
    message += f" {intercept:+.2f}: {word}"
    return GateResult("calibration_slope", low <= slope <= high, slope, f"{low:g} to {high:g}", message)


def _metric_limit(name: str, limit: MetricLimit, inputs: GateInputs) -> GateResult:
    """Any metric of the registry, held to the limit that `evaluation.metric_limits` gives it."""
    metric, y, p = metric_named(name), inputs.rows.y.to_numpy(), inputs.rows.p.to_numpy()
    value = metric.value(y, p, inputs.settings.evaluation.calibration_bins)
    low = -math.inf if limit.at_least is None else limit.at_least
    high = math.inf if limit.at_most is None else limit.at_most
    bounds = [] if limit.at_least is None else [f"at least {low:g}"]
    bounds += [] if limit.at_most is None else [f"at most {high:g}"]
    message = f"{metric.title} of {len(y)} tested predictions"
    return GateResult(name, low <= value <= high, value, ", ".join(bounds), message)


def _segments(inputs: GateInputs) -> GateResult:
    """Refuses when a segment with enough churns falls apart.

    It does where the calibrated rules' log loss is better than the candidate's by more than the margin, beyond chance
    (a 95 % interval over accounts, made wider for the number of segments looked at), or where what was predicted on
    average lies outside the 95 % interval of what happened by more than a factor.
    """
    evaluation, rows = inputs.settings.evaluation, inputs.rows
    factor, needed = evaluation.segment_factor, evaluation.min_churned_accounts
    label = rows.segment.astype(object).where(rows.segment.notna(), "unknown").astype(str)
    parts = {
        segment: part
        for segment, part in rows.groupby(label)
        if part.loc[part.y == 1, "account_id"].nunique() >= needed
    }
    limit = f"at most {factor:g} times outside the interval of what happened, nowhere worse than the rules"
    if not parts:
        message = f"no segment with {needed} churned accounts: nothing to compare with"
        return GateResult("segments", True, None, limit, message, left_out=True)
    wide = -float(ndtri(0.025 / len(parts)))
    losses = {"mine": bootstrap_statistics.log_loss("p"), "theirs": bootstrap_statistics.log_loss("p_rules")}
    failures, ratios = [], []
    for segment, part in parts.items():
        drawn = bootstrap.draw(part, losses, evaluation.bootstrap_draws, inputs.settings.training.seed)
        gap = drawn["mine"] - drawn["theirs"]
        if gap[0] > evaluation.worse_than_rules_margin + wide * gap[1:].std():
            failures.append(f"{segment}: the calibrated rules are better (log loss {gap[0]:+.4f})")
        low, high = share_interval(part.y.to_numpy(), part.account_id.to_numpy(dtype=str))
        predicted = float(part.p.mean())
        ratios.append(max(predicted / high, low / predicted, 1.0))
        if ratios[-1] > factor:
            failures.append(
                f"{segment}: {predicted:.3f} predicted, {part.y.mean():.3f} happened ({low:.3f} to {high:.3f})"
            )
    message = f"{len(parts)} segments with {needed} churned accounts or more, "
    message += "; ".join(failures) or "none falls apart"
    return GateResult("segments", not failures, max(ratios), limit, message)


GATES: tuple[Gate, ...] = (
    Gate("chosen_model", _chosen),
    Gate("same_rows", _same_rows),
    Gate("enough_churns", _churns),
    Gate("both_classes", _both_classes),
    Gate("against_rules", _against_rules),
    Gate("against_champion", _against_champion),
    Gate("auc_above_chance", _auc_above_chance),
    Gate("auc_alarm", _auc_alarm),
    Gate("calibration_error", _calibration_error),
    Gate("calibration_slope", _calibration_slope),
    Gate("newest_level", newest_level),
    Gate("own_calibration", own_calibration),
    Gate("segments", _segments),
    Gate("reseeded", reseeded),
    Gate("suspects", suspects),
    Gate("checks", checks),
    Gate("served_equals_batch", served),
    Gate("size", size),
    Gate("latency", latency),
)
