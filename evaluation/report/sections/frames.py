"""The judged rows as the sections need them: few columns, accounts as numbers, matured rows by horizon, yardsticks."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from configs.errors import DataError, Fault
from configs.framework import DIMENSIONS
from configs.settings import Settings
from evaluation.metrics import by_p, matured
from evaluation.outcomes import approached_later, arms

SCORING = ("account_id", "as_of", "churn_at", "arr")
TEXTS = ("segment", "owner", "lifecycle_stage", "risk_level", "model_version", "config_version", "fold")
MATURED = (
    *(*SCORING, *TEXTS, "health_score", "coverage", *(f"health_{name}" for name in DIMENSIONS)),
    *("has_signal", "override_level", "override_in_hindsight"),
)
BASELINES: tuple[tuple[str, str], ...] = (
    ("rules", "the rules"),
    ("rules_calibrated", "the calibrated rules"),
    ("health_score", "the plain health score"),
    ("contracts", "the contracts alone"),
    ("logistic", "logistic regression"),
    ("renewal_nearness", "days to renewal alone"),
    ("days_to_renewal", "a hazard of days to renewal"),
    ("base_rate", "the base rate"),
)


@dataclass(frozen=True)
class Yardstick:
    """Another prediction on the same rows: its name, how a sentence calls it, and account_id, as_of, p_churn_{h}d,
    score."""

    name: str
    title: str
    rows: pd.DataFrame


@dataclass(frozen=True)
class ReportFrames:
    """Views of the judged rows; in all but `judged` an account is a number (in the order of the names).

    judged: every scoring, with all its columns. coded: the same with accounts as numbers and texts as categories.
    scorings: every scoring with SCORING and p_churn_{h}d, churned_{h}d. rows: those whose main window has passed, with
    MATURED, y and p, and `arm` and `approached_later` where interventions are known; by the index of `judged`. ranked:
    `rows` in the order of p, with SCORING, segment, y and p. by_horizon: horizon in days -> account_id, as_of, y, p in
    the order of p.
    """

    judged: pd.DataFrame
    coded: pd.DataFrame
    scorings: pd.DataFrame
    rows: pd.DataFrame
    ranked: pd.DataFrame
    by_horizon: dict[int, pd.DataFrame]
    yardsticks: tuple[Yardstick, ...]


def check_judged(judged: pd.DataFrame, settings: Settings, need_reasons: bool) -> None:
    """Refuses judged rows from which no report can be made.

    Parameters
    ----------
    judged : pd.DataFrame
        Predictions beside their outcomes.
    settings : Settings
        Horizons.
    need_reasons : bool
        Whether the column `reasons` must be there.

    Raises
    ------
    DataError
        With every column that is missing, or where an account is judged twice on a day or no window has passed.
    """
    needed = ["account_id", "as_of", "churn_at", "lifecycle_stage", "risk_level", "arr", "segment", "owner"]
    needed += ["reasons"] if need_reasons else []
    needed += [f"{what}_{h}d" for h in settings.horizons_days for what in ("p_churn", "churned")]
    faults = [
        Fault(f"judged.{name}", "no such column", "a column", "judge it anew") for name in needed if name not in judged
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


def prepare_frames(
    judged: pd.DataFrame, baselines: pd.DataFrame, interventions: pd.DataFrame | None, settings: Settings
) -> ReportFrames:
    """Prepares every view once: most figures need a few columns of a frame that may hold a million rows of forty."""
    main = settings.main_horizon_days
    judged = judged.reset_index(drop=True).assign(
        as_of=pd.to_datetime(judged["as_of"].to_numpy()),
        churn_at=pd.to_datetime(judged["churn_at"].to_numpy()),
        arr=pd.to_numeric(judged["arr"].to_numpy()).astype(float),
    )
    coded, baselines = _coded(judged, baselines)
    outcomes = [f"{what}_{days}d" for days in settings.horizons_days for what in ("p_churn", "churned")]
    scorings = coded[[*SCORING, *outcomes]]
    kept = [name for name in (*MATURED, f"p_churn_{main}d", f"churned_{main}d") if name in coded]
    rows = matured(coded[kept], main)
    ranked = by_p(rows[[*SCORING, "segment", "y", "p"]])
    if interventions is not None:
        keys = judged.loc[rows.index, ["account_id", "as_of"]]
        rows["arm"], rows["approached_later"] = arms(keys, interventions), approached_later(keys, interventions, main)
    columns = ["account_id", "as_of", "y", "p"]
    by_horizon = {
        days: ranked[columns] if days == main else by_p(matured(scorings, days)[columns])
        for days in settings.horizons_days
    }
    return ReportFrames(judged, coded, scorings, rows, ranked, by_horizon, yardsticks(coded, baselines, settings))


def _coded(judged: pd.DataFrame, baselines: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both with accounts as numbers, in the order of their names, and TEXTS as categories; baselines of those accounts
    that `judged` has."""
    numbers, names = pd.factorize(judged["account_id"], sort=True)
    texts = {name: judged[name].astype("category") for name in TEXTS if name in judged}
    judged = judged.assign(account_id=numbers, **texts)
    if len(baselines):
        baselines = baselines.assign(account_id=pd.Index(names).get_indexer(baselines["account_id"]))
        baselines = baselines[baselines["account_id"] >= 0]
    return judged, baselines


def yardsticks(judged: pd.DataFrame, baselines: pd.DataFrame, settings: Settings) -> tuple[Yardstick, ...]:
    """The other predictions that there are for these rows, in the order of BASELINES.

    Where `baselines` has none, the rules are read from the predictions themselves (p_health, and the plain health score
    for its ranking). `score` rises with risk, and is all that is used of a baseline without probabilities.
    """
    main = f"{settings.main_horizon_days}d"
    by_name = {str(name): rows for name, rows in baselines.groupby("model")} if len(baselines) else {}
    keys = judged[["account_id", "as_of"]]
    if "rules" not in by_name and "rules_calibrated" not in by_name and f"p_health_{main}" in judged:
        by_name["rules"] = keys.assign(**{f"p_churn_{main}": judged[f"p_health_{main}"]})
    if "health_score" not in by_name and "health_score" in judged:
        by_name["health_score"] = keys.assign(score=-judged["health_score"].astype(float))
    titles = dict(BASELINES)
    order = [name for name, _ in BASELINES if name in by_name] + sorted(set(by_name) - set(titles))
    return tuple(Yardstick(name, titles.get(name, name.replace("_", " ")), by_name[name]) for name in order)


def beside(rows: pd.DataFrame, baseline: pd.DataFrame, column: str) -> tuple[pd.DataFrame, bool]:
    """Rows that both have judged, the baseline's as p_other, and whether that is a probability."""
    probability = column in baseline and bool(baseline[column].notna().any())
    chosen = column if probability else "score"
    if chosen not in baseline:
        return rows.iloc[:0].assign(p_other=[]), False
    both = _aligned(rows, baseline, chosen)
    if both is None:
        other = baseline[["account_id", "as_of", chosen]].rename(columns={chosen: "p_other"})
        both = rows.merge(other, on=["account_id", "as_of"], how="inner", validate="one_to_one")
    return both[both["p_other"].notna()], probability


def _aligned(rows: pd.DataFrame, baseline: pd.DataFrame, chosen: str) -> pd.DataFrame | None:
    """What a merge would give where each row has the baseline's at its own index, as the yardsticks that are read from
    the predictions themselves do; None where one has not."""
    if len(baseline) < len(rows) or not baseline.index.is_unique:
        return None
    other = baseline.reindex(rows.index)
    same = all((other[name].to_numpy() == rows[name].to_numpy()).all() for name in ("account_id", "as_of"))
    return rows.assign(p_other=other[chosen].to_numpy()) if same else None
