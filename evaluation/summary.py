"""Everything a report says, computed once: judged predictions in, one JSON-able dict out. Nothing is drawn or printed.

`judged` has the prediction columns and churned_{h}d, churn_at, segment, owner, fold; it comes from the backtest or from
the ledger joined to outcomes, and this code cannot tell which. Every interval is a bootstrap over accounts. A figure
that the rows cannot support stands in the dict as {"refused": why} and in the list `refused`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from configs.errors import DataError, Fault
from configs.settings import Settings
from evaluation import capacity, metrics, money, uncertainty
from evaluation.answer import answer_sentences, comparison_sentence, warning_sentences
from evaluation.metrics import MetricRefused
from evaluation.prediction import BASE, REST
from evaluation.uncertainty import Interval, Statistic

Figure: TypeAlias = dict[str, Any]
ReasonsOf: TypeAlias = Callable[[pd.DataFrame], pd.Series]
FORMAT = 1
LEAD_DAYS = (30, 60, 90, 180)
GAIN_SHARES = tuple(round(0.05 * step, 2) for step in range(1, 21))
LARGEST_GROUPS = 25
BASELINES: tuple[tuple[str, str], ...] = (
    ("rules", "the rules"),
    ("rules_calibrated", "the calibrated rules"),
    ("health_score", "the plain health score"),
    ("logistic", "logistic regression"),
    ("renewal_nearness", "days to renewal alone"),
    ("days_to_renewal", "a hazard of days to renewal"),
    ("base_rate", "the base rate"),
)
GROUPS: tuple[tuple[str, str], ...] = (
    ("lifecycle_stage", "Lifecycle stage"),
    ("segment", "Segment"),
    ("quarter", "Quarter"),
    ("owner", "Owner"),
)
FIGURES: tuple[tuple[str, Callable[[int], Statistic], bool], ...] = (
    ("auc", lambda bins: uncertainty.auc(), False),
    ("average_precision", lambda bins: uncertainty.average_precision(), False),
    ("brier", lambda bins: uncertainty.brier(), False),
    ("log_loss", lambda bins: uncertainty.log_loss(), False),
    ("ece", lambda bins: uncertainty.ece(bins=bins), True),
    ("calibration_slope", lambda bins: uncertainty.calibration_slope(), False),
    ("calibration_intercept", lambda bins: uncertainty.calibration_intercept(), False),
)


class _Desk:
    """What every table needs: the settings, the column names, and the refusals met so far."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.evaluation = settings, settings.evaluation
        self.draws, self.seed = settings.evaluation.bootstrap_draws, settings.training.seed
        self.main = settings.main_horizon_days
        self.refused: list[dict[str, Any]] = []

    def figure(self, name: str, where: str, make: Callable[[], Any]) -> Any:
        """What `make` returns, or the refusal, said and kept."""
        try:
            found = make()
        except MetricRefused as refusal:
            self.refused.append({"figure": name, "where": where, "why": refusal.why, "needed": refusal.needed})
            return {"refused": refusal.why}
        return _plain(found)

    def enough(self, name: str, rows: pd.DataFrame) -> None:
        """MetricRefused when fewer accounts of these rows churned than the settings ask for."""
        found, needed = _churned_accounts(rows), self.evaluation.min_churned_accounts
        if found < needed:
            raise MetricRefused(name, "churned accounts", found, needed)

    def interval(self, name: str, rows: pd.DataFrame, statistic: Statistic, basic: bool = False) -> Interval:
        self.enough(name, rows)
        drawn = uncertainty.draw(rows, {name: statistic}, self.draws, self.seed)[name]
        return uncertainty.interval_of(drawn, name, basic)


def _plain(value: Any) -> Any:
    """Numpy, times, tuples and NaN turned into what JSON can say."""
    if isinstance(value, Interval):
        return {"value": value.value, "low": value.low, "high": value.high}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if value is None or value is pd.NaT:
        return None
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d")
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _churned_accounts(rows: pd.DataFrame) -> int:
    return int(rows.loc[rows["y"] == 1, "account_id"].nunique())


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


def matured(judged: pd.DataFrame, horizon_days: int) -> pd.DataFrame:
    """The rows whose window of `horizon_days` has passed, with their outcome as `y` and probability as `p`."""
    rows = judged[judged[f"churned_{horizon_days}d"].notna()]
    return rows.assign(
        y=rows[f"churned_{horizon_days}d"].astype(float), p=rows[f"p_churn_{horizon_days}d"].astype(float)
    )


def _scope(desk: _Desk, judged: pd.DataFrame, rows: pd.DataFrame) -> Figure:
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
            facts[f"{name}s"] = sorted(rows[name].dropna().astype(str).unique())
    return dict(_plain(facts))


def _horizon(desk: _Desk, judged: pd.DataFrame, horizon_days: int) -> Figure:
    rows, bins, where = matured(judged, horizon_days), desk.evaluation.calibration_bins, f"{horizon_days} days"
    table: Figure = {"days": horizon_days, "rows": len(rows), "accounts": rows["account_id"].nunique()}
    table |= {"churned_rows": int(rows["y"].sum()), "churned_accounts": _churned_accounts(rows)}
    for name, statistic, basic in FIGURES:
        table[name] = desk.figure(name, where, partial(desk.interval, name, rows, statistic(bins), basic))
    table["mean_p"] = float(rows["p"].mean()) if len(rows) else None
    table["happened"] = desk.figure("happened", where, lambda: desk.interval("happened", rows, uncertainty.ratio("y")))

    def reliability() -> list[Figure]:
        desk.enough("reliability", rows)
        who = rows["account_id"].to_numpy(dtype=str)
        return [one._asdict() for one in metrics.reliability_bins(y, p, bins, who)]

    y, p = rows["y"].to_numpy(), rows["p"].to_numpy()
    table["reliability"] = desk.figure("reliability", where, reliability)
    table["ece_debiased"] = desk.figure("ece_debiased", where, lambda: metrics.ece_debiased(y, p, bins))
    return table


def yardsticks(
    judged: pd.DataFrame, baselines: pd.DataFrame, settings: Settings
) -> dict[str, tuple[str, pd.DataFrame]]:
    """Baseline name -> (how it is called in a sentence, its rows with account_id, as_of, p_churn_{h}d and score).

    Where `baselines` has none, the rules are read from the predictions themselves (p_health, and the plain health score
    for its ranking). `score` rises with risk, and is all that is used of a baseline without probabilities.
    """
    main = f"{settings.main_horizon_days}d"
    found = {str(name): rows for name, rows in baselines.groupby("model")} if len(baselines) else {}
    keys = judged[["account_id", "as_of"]]
    if "rules" not in found and "rules_calibrated" not in found and f"p_health_{main}" in judged:
        found["rules"] = keys.assign(**{f"p_churn_{main}": judged[f"p_health_{main}"]})
    if "health_score" not in found and "health_score" in judged:
        found["health_score"] = keys.assign(score=-judged["health_score"].astype(float))
    titles = dict(BASELINES)
    order = [name for name, _ in BASELINES if name in found] + sorted(set(found) - set(titles))
    return {name: (titles.get(name, name.replace("_", " ")), found[name]) for name in order}


def _beside(rows: pd.DataFrame, baseline: pd.DataFrame, column: str) -> tuple[pd.DataFrame, bool]:
    """Rows that both have judged, the baseline's as p_other, and whether that is a probability."""
    probability = column in baseline and bool(baseline[column].notna().any())
    chosen = column if probability else "score"
    if chosen not in baseline:
        return rows.iloc[:0].assign(p_other=[]), False
    other = baseline[["account_id", "as_of", chosen]].rename(columns={chosen: "p_other"})
    both = rows.merge(other, on=["account_id", "as_of"], how="inner", validate="one_to_one")
    return both[both["p_other"].notna()], probability


def _comparison(desk: _Desk, rows: pd.DataFrame, name: str, title: str, baseline: pd.DataFrame, days: int) -> Figure:
    both, probability = _beside(rows, baseline, f"p_churn_{days}d")
    table: Figure = {"days": days, "baseline": name, "title": title, "rows": len(both), "all_rows": len(rows)}
    names = ("auc", "log_loss", "brier") if probability else ("auc",)
    factories = {"auc": uncertainty.auc, "log_loss": uncertainty.log_loss, "brier": uncertainty.brier}

    def figures() -> Figure:
        desk.enough(f"comparison with {title}", both)
        asked = {(one, which): factories[one](which) for one in names for which in ("p", "p_other")}
        drawn = uncertainty.draw(both, {f"{a} {b}": s for (a, b), s in asked.items()}, desk.draws, desk.seed)
        out: Figure = {}
        for one in names:
            ours, theirs = drawn[f"{one} p"], drawn[f"{one} p_other"]
            better = ours - theirs if one == "auc" else theirs - ours
            parts = {"model": ours, "baseline": theirs, "better_by": better}
            out[one] = {part: uncertainty.interval_of(values, one) for part, values in parts.items()}
        return out

    found = desk.figure(f"comparison with {title}", f"{days} days", figures)
    table |= found
    if "refused" in found:
        table["verdict"] = "refused"
    else:
        gap = found["auc"]["better_by"]
        table["verdict"] = "beats" if gap["low"] > 0 else "worse" if gap["high"] < 0 else "level"
    table["sentence"] = comparison_sentence(table)
    return table


def _capacity(desk: _Desk, rows: pd.DataFrame, column: str, where: str) -> Figure:
    share = desk.evaluation.capacity_share

    def figures() -> Figure:
        desk.enough("capacity", rows)
        y, p, days = rows["y"].to_numpy(), rows[column].to_numpy(dtype=float), rows["as_of"].to_numpy()
        found = capacity.precision_recall_at_capacity(y, p, days, share)
        held = capacity.in_top_share(p, share, days)
        framed = rows.assign(held=held, caught=held * rows["y"])
        asked = {"precision": uncertainty.ratio("caught", "held"), "recall": uncertainty.ratio("caught", "y")}
        drawn = uncertainty.draw(framed, asked, desk.draws, desk.seed)
        ends = {name: uncertainty.interval_of(values, name) for name, values in drawn.items()}
        return {**found._asdict(), **ends, "gains": capacity.gains(y, p, days, GAIN_SHARES)}

    return dict(desk.figure("precision and recall at capacity", where, figures))


def _lead(desk: _Desk, judged: pd.DataFrame, column: str, where: str) -> list[Figure]:
    """Point-in-time lead per least number of days, over all rows (a churn seen has matured, whatever the horizon)."""
    days = judged["as_of"].to_numpy()
    held = capacity.in_top_share(judged[column].to_numpy(), desk.evaluation.capacity_share, days)
    table = []
    for least in LEAD_DAYS:

        def figures(least: int = least) -> Figure:
            who, left = judged["account_id"].to_numpy(dtype=str), judged["churn_at"].to_numpy()
            found = capacity.lead_time(who, days, left, held, [least])[0]
            rows = pd.DataFrame({"account_id": found.accounts, "held": found.places, "y": 1.0})
            share = desk.interval("lead time", rows, uncertainty.ratio("held"))
            return {
                "churned": found.churned,
                "share": share,
                "chance": found.by_chance,
                "median_days": found.median_days,
            }

        table.append({"days": least, **desk.figure("lead time", f"{where}, {least} days", figures)})
    return table


def loss_days(as_ofs: Sequence[pd.Timestamp], horizon_days: int) -> list[pd.Timestamp]:
    """As_ofs one horizon apart, so that no loss is counted twice; from the first that begins a quarter, if one does.

    Windows may overlap by up to a twentieth of the horizon (months are not of one length).
    """
    days = sorted(pd.Timestamp(day) for day in as_ofs)
    begins = [day for day in days if day.day == 1 and day.month % 3 == 1]
    kept: list[pd.Timestamp] = []
    for day in days:
        if day >= (begins or days)[0] and (not kept or (day - kept[-1]).days >= 0.95 * horizon_days):
            kept.append(day)
    return kept


def _arr(desk: _Desk, rows: pd.DataFrame) -> Figure:
    windows = []
    for day in loss_days(list(rows["as_of"].unique()), desk.main):
        at = rows[rows["as_of"] == day]
        window: dict[str, Any] = {"as_of": day, "until": day + pd.Timedelta(days=desk.main), "accounts": len(at)}
        window |= {"expected_churns": at["p"].sum(), "churns": int(at["y"].sum()), "arr": at["arr"].sum()}

        def loss(at: pd.DataFrame = at) -> Figure:
            found = money.arr_loss(at["y"].to_numpy(), at["p"].to_numpy(), at["arr"].to_numpy(dtype=float))
            return {**found._asdict(), "within": found.low <= found.realised <= found.high}

        windows.append(_plain(window | desk.figure("ARR at risk", f"{day:%Y-%m-%d}", loss)))
    said = [one for one in windows if "refused" not in one]
    if not said:
        return {"windows": windows, "refused": "no account has a known ARR"}
    totals = {
        name: sum(one[name] for one in said) for name in ("expected", "realised", "arr", "churns", "expected_churns")
    }
    unknown = sum(one["arr_unknown"] for one in said) / sum(one["accounts"] for one in said)
    half = math.sqrt(sum((one["high"] - one["expected"]) ** 2 for one in said))
    totals |= {"low": max(0.0, totals["expected"] - half), "high": totals["expected"] + half}
    return {"windows": windows, **totals, "within": sum(one["within"] for one in said), "unknown_share": unknown}


def _group(desk: _Desk, rows: pd.DataFrame, label: str, where: str) -> Figure:
    table: Figure = {"group": label, "rows": len(rows), "accounts": rows["account_id"].nunique()}
    table |= {"churned_accounts": _churned_accounts(rows), "mean_p": float(rows["p"].mean())}
    low, high = metrics.share_interval(rows["y"].to_numpy(), rows["account_id"].to_numpy(dtype=str))
    table["happened"] = {"value": float(rows["y"].mean()), "low": low, "high": high}
    table["auc"] = desk.figure("auc", f"{where}: {label}", lambda: desk.interval("auc", rows, uncertainty.auc()))
    return table


def _groups(desk: _Desk, rows: pd.DataFrame) -> dict[str, list[Figure]]:
    quarter = rows["as_of"].dt.year.astype(str) + " Q" + rows["as_of"].dt.quarter.astype(str)
    rows = rows.assign(quarter=quarter)
    tables = {}
    for column, title in GROUPS:
        label = rows[column].astype(object).where(rows[column].notna(), "(unknown)").astype(str)
        order = list(label.value_counts(sort=True).index)
        rest = order[LARGEST_GROUPS:] if column != "quarter" else []
        if rest:
            label = label.where(~label.isin(rest), f"({len(rest)} smaller)")
        stages = {stage.name: place for place, stage in enumerate(desk.settings.framework.stages)}
        shown = [*(one for one in order if one not in rest), *([f"({len(rest)} smaller)"] if rest else [])]
        if column != "segment":
            shown = sorted(shown, key=lambda name: (stages.get(name, len(stages)), name.startswith("("), name))
        tables[column] = [_group(desk, rows[label == name], name, title) for name in shown]
    return tables


def _levels(desk: _Desk, rows: pd.DataFrame) -> list[Figure]:
    """How many scorings of each risk level churned, riskiest first."""
    table = []
    for level in sorted(desk.settings.framework.levels, key=lambda one: -one.p_from):
        at = rows[rows["risk_level"] == level.name]
        line: Figure = {"level": level.name, "rows": len(at), "share_of_rows": len(at) / len(rows)}
        line |= {
            "churned_rows": int(at["y"].sum()),
            "share_of_churned": float(at["y"].sum() / max(1.0, rows["y"].sum())),
        }
        if len(at):
            low, high = metrics.share_interval(at["y"].to_numpy(), at["account_id"].to_numpy(dtype=str))
            line |= {
                "mean_p": float(at["p"].mean()),
                "happened": {"value": float(at["y"].mean()), "low": low, "high": high},
            }
        table.append(line)
    return table


def _reasons(text: object) -> list[Figure]:
    """The three strongest reasons given at the time, without the base and the remainder."""
    given = json.loads(text) if isinstance(text, str) and text else []
    named = [one for one in given if one.get("signal") not in (BASE, REST)]
    keys = ("signal", "dimension", "value", "sentence", "contribution")
    return [{key: one.get(key) for key in keys} for one in named[:3]]


def _surprises(desk: _Desk, rows: pd.DataFrame, reasons: ReasonsOf | None) -> dict[str, list[Figure]]:
    """The ten least expected losses at their last scoring, and the five riskiest scorings that came to nothing."""
    left = (
        rows[rows["y"] == 1]
        .sort_values(["as_of", "account_id"])
        .drop_duplicates(["account_id", "churn_at"], keep="last")
    )
    stayed = rows[(rows["y"] == 0) & rows["churn_at"].isna()].sort_values(
        ["p", "account_id", "as_of"], ascending=[False, True, True]
    )
    chosen = {
        "left": left.sort_values(["p", "account_id"]).head(10),
        "stayed": stayed.drop_duplicates("account_id").head(5),
    }

    def entry(row: Mapping[Any, Any]) -> Figure:
        keys = (
            "account_id",
            "name",
            "as_of",
            "churn_at",
            "p",
            "risk_level",
            "lifecycle_stage",
            "segment",
            "owner",
            "arr",
        )
        shown = {key: row.get(key) for key in keys}
        shown["days_before"] = None if pd.isna(row["churn_at"]) else (row["churn_at"] - row["as_of"]).days
        return dict(_plain({**shown, "reasons": _reasons(row["reasons"])}))

    if reasons is not None:
        chosen = {name: table.assign(reasons=reasons(table)) for name, table in chosen.items()}
    return {name: [entry(row) for row in table.to_dict("records")] for name, table in chosen.items()}


def summarise(
    judged: pd.DataFrame, baselines: pd.DataFrame, settings: Settings, reasons: ReasonsOf | None = None
) -> dict[str, Any]:
    """Every figure of a report as one dict that `json.dumps(..., allow_nan=False)` takes.

    Keys: scope, answer (sentences), warnings, horizons, comparisons, capacity, lead_time, arr, levels, groups,
    surprises, refused. `baselines` (account_id, as_of, model, p_churn_{h}d, score) may be empty. An optional column
    p_true_{h}d of `judged` (a simulated company) gives the ceiling of the lead time. `reasons` tells those of the few
    rows that are shown one by one, where `judged` has no such column. Raises DataError when a column is missing, an
    account is judged twice on one day, or no window of the main horizon has passed.
    """
    _checked(judged, settings, reasons)
    desk = _Desk(settings)
    main = f"{desk.main}d"
    judged = judged.reset_index(drop=True).assign(
        as_of=pd.to_datetime(judged["as_of"].to_numpy()),
        churn_at=pd.to_datetime(judged["churn_at"].to_numpy()),
        arr=pd.to_numeric(judged["arr"].to_numpy()).astype(float),
    )
    rows = matured(judged, desk.main)
    others = yardsticks(judged, baselines, settings)
    comparisons = [
        _comparison(desk, matured(judged, days), name, title, baseline, days)
        for days in settings.horizons_days
        for name, (title, baseline) in others.items()
        if days == desk.main
        or f"p_churn_{days}d" in baseline
        or not any(str(one).startswith("p_churn_") for one in baseline)
    ]
    at_capacity = {"share": desk.evaluation.capacity_share, "model": _capacity(desk, rows, "p", "the model")}
    lead = {"model": _lead(desk, judged, f"p_churn_{main}", "the model")}
    if others:
        title, baseline = next(iter(others.values()))
        both, _ = _beside(rows, baseline, f"p_churn_{main}")
        seen, _ = _beside(judged, baseline, f"p_churn_{main}")
        at_capacity |= {"yardstick": title, "baseline": _capacity(desk, both, "p_other", title)}
        lead |= {"baseline": _lead(desk, seen, "p_other", title)}
    if f"p_true_{main}" in judged:
        lead["ceiling"] = _lead(desk, judged, f"p_true_{main}", "the true probabilities")
    summary: dict[str, Any] = {
        "format": FORMAT, "name": settings.name, "currency": settings.currency, "main_horizon_days": desk.main,
        "draws": desk.draws, "min_churned_accounts": desk.evaluation.min_churned_accounts,
        "ece_limit": desk.evaluation.ece_limit, "slope_limits": list(desk.evaluation.slope_limits),
        "scope": _scope(desk, judged, rows),
        "horizons": [_horizon(desk, judged, days) for days in settings.horizons_days],
        "comparisons": comparisons, "capacity": at_capacity, "lead_time": lead, "arr": _arr(desk, rows),
        "levels": _levels(desk, rows), "groups": _groups(desk, rows), "surprises": _surprises(desk, rows, reasons),
        "refused": desk.refused,
    }  # fmt: skip
    summary = _plain(summary)
    return {**summary, "warnings": warning_sentences(summary), "answer": answer_sentences(summary)}
