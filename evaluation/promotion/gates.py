"""The gates between a candidate and the champion's place: each with its figure, its limit and a sentence.

They look at out-of-time rows only (a purged backtest's), the candidate beside the calibrated rules and the champion on
identical rows, at the main horizon; what rows cannot tell (`Measured`) is brought by who promotes. A figure that the
rows cannot support is a refusal, never a pass; only a comparison that has nothing to compare with is left out, and
says so. Who promotes raises `Refused` with `Verdict.faults`, or forces the promotion and leaves a mark in the ledger.

One more gate: a function here, an entry in GATES, a planted fault and a clean run in its test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

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
from evaluation.promotion.verdict import Evidence, Gate, Measured, Verdict
from evaluation.validity import failing

RULES = "rules"
AUC_ALARM = 0.97


def evaluate_gates(
    judged: pd.DataFrame,
    baselines: pd.DataFrame,
    settings: Settings,
    measured: Measured,
    meta: Mapping[str, Any],
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
    meta : mapping
        Facts of the fit; `chosen` is the learner that was adopted.

    Returns
    -------
    Verdict

    Raises
    ------
    DataError
        For missing columns.
    """
    evidence = _evidence(judged, baselines, settings, measured, meta)
    limits = settings.evaluation.metric_limits
    gates: list[tuple[str, Callable[[str, Evidence], Gate | None]]] = list(GATES)
    gates += [(name, partial(_metric_limit, limit=limit)) for name, limit in limits.items()]
    answers = [_measured(name, gate, evidence) for name, gate in gates]
    return Verdict(tuple(answer for answer in answers if answer is not None))


def _evidence(
    judged: pd.DataFrame,
    baselines: pd.DataFrame,
    settings: Settings,
    measured: Measured,
    meta: Mapping[str, Any],
) -> Evidence:
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
    return Evidence(both.drop(columns="_merge"), strays, settings, measured, meta)


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
    margin = evidence.settings.evaluation.worse_than_rules_margin
    return _against(name, evidence, evidence.rows, "p_rules", "the calibrated rules'", margin)


def _against_champion(name: str, evidence: Evidence) -> Gate:
    """On the rows that both have judged; left out without a champion, and where too few of those accounts churned."""
    evaluation, champion = evidence.settings.evaluation, evidence.measured.champion
    margin, needed = evaluation.worse_than_champion_margin, evaluation.min_churned_accounts
    limit = f"not above {margin:g} with its whole interval"
    if champion is None:
        return Gate(name, True, None, limit, f"{evidence.measured.no_champion}: nothing to compare with", left_out=True)
    theirs = champion.rename(columns={f"p_churn_{evidence.settings.main_horizon_days}d": "p_champion"})
    rows = evidence.rows.merge(theirs, on=["account_id", "as_of"], validate="one_to_one")
    churned = int(rows.loc[rows.y == 1, "account_id"].nunique())
    if churned < needed:
        says = f"{churned} churned accounts among the {len(rows)} rows that both judged, {needed} needed"
        return Gate(name, True, None, limit, says, left_out=True)
    return _against(name, evidence, rows, "p_champion", "the champion's", margin)


def _against(name: str, evidence: Evidence, rows: pd.DataFrame, other: str, whose: str, margin: float) -> Gate:
    """Refuses when the candidate's log loss is worse than the other's by more than the margin, beyond its interval."""
    mine, theirs = (scores.log_loss(rows.y.to_numpy(), rows[column].to_numpy()) for column in ("p", other))
    draws, seed = evidence.settings.evaluation.bootstrap_draws, evidence.settings.training.seed
    gap = bootstrap.paired(rows, bootstrap_statistics.log_loss("p"), bootstrap_statistics.log_loss(other), draws, seed)
    verdict = "better" if gap.high < 0 else "worse" if gap.low > 0 else "no different beyond chance"
    says = f"log loss {mine:.4f}, {whose} {theirs:.4f} on {len(rows)} rows: {verdict}"
    says += f" (difference {gap.value:+.4f}, 95 % interval {gap.low:+.4f} to {gap.high:+.4f})"
    return Gate(name, gap.low <= margin, gap.value, f"not above {margin:g} with its whole interval", says)


def _auc_alarm(name: str, evidence: Evidence) -> Gate:
    found = scores.auc(evidence.rows.y.to_numpy(), evidence.rows.p.to_numpy())
    says = "AUC of tested predictions"
    if found >= AUC_ALARM:
        says += ": too good to be true; look for a signal that knows the outcome (`forewarn check`)"
    return Gate(name, found < AUC_ALARM, found, f"below {AUC_ALARM}", says)


def _calibration_error(name: str, evidence: Evidence) -> Gate:
    """On the debiased figure: a plain one would refuse a right model for the noise of a short history."""
    y, p = evidence.rows.y.to_numpy(), evidence.rows.p.to_numpy()
    bins, limit = evidence.settings.evaluation.calibration_bins, evidence.settings.evaluation.ece_limit
    found = ece_debiased(y, p, bins)
    says = f"expected calibration error, noise taken off ({ece(y, p, bins):.4f} with it); "
    says += f"mean prediction {p.mean():.4f}, happened {y.mean():.4f}"
    return Gate(name, found <= limit, found, f"at most {limit:g}", says)


def _calibration_slope(name: str, evidence: Evidence) -> Gate:
    settings = evidence.settings
    low, high = settings.evaluation.slope_limits
    slope, intercept = calibration_slope_intercept(evidence.rows.y.to_numpy(), evidence.rows.p.to_numpy())
    draws, seed = settings.evaluation.bootstrap_draws, settings.training.seed
    found = bootstrap.interval(evidence.rows, bootstrap_statistics.calibration_slope(), draws, seed)
    word = spread_word(asdict(found)) or "as spread as what happened, as far as can be told"
    says = f"calibration slope ({found.low:.2f} to {found.high:.2f}), beside an intercept of {intercept:+.2f}: {word}"
    return Gate(name, low <= slope <= high, slope, f"{low:g} to {high:g}", says)


def _metric_limit(name: str, evidence: Evidence, limit: MetricLimit) -> Gate:
    """Any metric of the registry, held to the limit that `evaluation.metric_limits` gives it."""
    metric, y, p = metric_named(name), evidence.rows.y.to_numpy(), evidence.rows.p.to_numpy()
    value = metric.value(y, p, evidence.settings.evaluation.calibration_bins)
    low = -math.inf if limit.at_least is None else limit.at_least
    high = math.inf if limit.at_most is None else limit.at_most
    bounds = [] if limit.at_least is None else [f"at least {low:g}"]
    bounds += [] if limit.at_most is None else [f"at most {high:g}"]
    return Gate(name, low <= value <= high, value, ", ".join(bounds), f"{metric.title} of {len(y)} tested predictions")


def _segments(name: str, evidence: Evidence) -> Gate:
    """Refuses when a segment with enough churns falls apart.

    It does where the calibrated rules' log loss is better than the candidate's by more than the margin, beyond chance
    (a 95 % interval over accounts, made wider for the number of segments looked at), or where what was predicted on
    average lies outside the 95 % interval of what happened by more than a factor.
    """
    evaluation, rows = evidence.settings.evaluation, evidence.rows
    factor, needed = evaluation.segment_factor, evaluation.min_churned_accounts
    label = rows.segment.astype(object).where(rows.segment.notna(), "unknown").astype(str)
    parts = {one: part for one, part in rows.groupby(label) if part.loc[part.y == 1, "account_id"].nunique() >= needed}
    limit = f"at most {factor:g} times outside the interval of what happened, nowhere worse than the rules"
    if not parts:
        says = f"no segment with {needed} churned accounts: nothing to compare with"
        return Gate(name, True, None, limit, says, left_out=True)
    wide = -float(ndtri(0.025 / len(parts)))
    losses = {"mine": bootstrap_statistics.log_loss("p"), "theirs": bootstrap_statistics.log_loss("p_rules")}
    found, ratios = [], []
    for one, part in parts.items():
        drawn = bootstrap.draw(part, losses, evaluation.bootstrap_draws, evidence.settings.training.seed)
        gap = drawn["mine"] - drawn["theirs"]
        if gap[0] > evaluation.worse_than_rules_margin + wide * gap[1:].std():
            found.append(f"{one}: the calibrated rules are better (log loss {gap[0]:+.4f})")
        low, high = share_interval(part.y.to_numpy(), part.account_id.to_numpy(dtype=str))
        said = float(part.p.mean())
        ratios.append(max(said / high, low / said, 1.0))
        if ratios[-1] > factor:
            found.append(f"{one}: {said:.3f} predicted, {part.y.mean():.3f} happened ({low:.3f} to {high:.3f})")
    says = f"{len(parts)} segments with {needed} churned accounts or more, " + ("; ".join(found) or "none falls apart")
    return Gate(name, not found, max(ratios), limit, says)


def _reseeded(name: str, evidence: Evidence) -> Gate | None:
    found, least = evidence.measured.seeds_agree, evidence.settings.evaluation.reseed_rank_limit
    if found is None:
        return None
    says = "rank correlation of the newest scores with those of the same learners from another seed"
    return Gate(name, found >= least, found, f"at least {least:g}", says)


def _size(name: str, evidence: Evidence) -> Gate | None:
    found, most = evidence.measured.size_mb, evidence.settings.evaluation.size_limit_mb
    if found is None:
        return None
    return Gate(name, found <= most, found, f"at most {most:g} MB", f"the model's files take {found:.2f} MB")


def _latency(name: str, evidence: Evidence) -> Gate | None:
    """A ratio within one run, so that it is the model's slowness that counts and not the machine's."""
    if evidence.measured.latency is None:
        return None
    most, (seconds, reference) = evidence.settings.evaluation.latency_limit, evidence.measured.latency
    says = (
        f"scoring 1,000 accounts with reasons took {seconds:.2f} processor seconds here, the reference {reference:.2f}"
    )
    return Gate(name, seconds <= most * reference, seconds / reference, f"at most {most:g} times the reference", says)


def _suspects(name: str, evidence: Evidence) -> Gate | None:
    found = evidence.measured.suspects
    if found is None:
        return None
    says = "columns that may know the future" + (f": {', '.join(found)} (`forewarn check`)" if found else "")
    return Gate(name, not found, float(len(found)), "none that is not in allow_leaking", says)


def _checks(name: str, evidence: Evidence) -> Gate | None:
    found = evidence.measured.checks
    if found is None:
        return None
    fails = failing(found)
    says = f"coded checks that fail, of {len(found)} findings"
    says += "".join(f"; {one.code} {one.title.lower()}: {one.says}" for one in fails)
    return Gate(name, not fails, float(len(fails)), "none", says)


def _served(name: str, evidence: Evidence) -> Gate | None:
    equal = evidence.measured.served_equals_batch
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
    ("against_champion", _against_champion),
    ("auc_alarm", _auc_alarm),
    ("calibration_error", _calibration_error),
    ("calibration_slope", _calibration_slope),
    ("segments", _segments),
    ("reseeded", _reseeded),
    ("suspects", _suspects),
    ("checks", _checks),
    ("served_equals_batch", _served),
    ("size", _size),
    ("latency", _latency),
)
