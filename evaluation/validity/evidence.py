"""What the coded checks look at, and what they find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from configs.errors import DataError, Fault
from configs.settings import Settings
from evaluation.backtest import Backtest, RandomSplitGap
from features.dataset import Dataset
from training.fit import Rolling

Severity = Literal["fail", "warn", "note"]
KEY = ["account_id", "as_of"]
BASE_RATE = "base_rate"


@dataclass(frozen=True)
class Taught:
    """What a fold recorded of its training: its origin, and its label windows (how many, churned, the last end)."""

    origin: pd.Timestamp
    windows: int
    churned: int
    last_end: pd.Timestamp


@dataclass(frozen=True)
class Evidence:
    """A data set, a backtest on it, and what its folds were taught by.

    signals: account_id, as_of, lifecycle_stage and the columns of `signal_names`; labels: account_id, as_of, churn_at,
    observed_until. predictions, baselines: as in evaluation.backtest.Backtest. served: judged rows that some fitted
    model was asked for, with account_id, as_of and `cut`, the day up to which that model had learnt (None: none).
    """

    settings: Settings
    signals: pd.DataFrame
    labels: pd.DataFrame
    signal_names: tuple[str, ...]
    data_end: pd.Timestamp
    predictions: pd.DataFrame
    baselines: pd.DataFrame
    taught: tuple[Taught, ...]
    served: pd.DataFrame | None = None
    random_split: RandomSplitGap | None = None

    def judged(self) -> pd.DataFrame:
        """The predictions whose main window has passed, with p and y."""
        days = self.settings.main_horizon_days
        rows = self.predictions[self.predictions[f"churned_{days}d"].notna()]
        return rows.assign(p=rows[f"p_churn_{days}d"].astype(float), y=rows[f"churned_{days}d"].astype(float))


@dataclass(frozen=True)
class Detection:
    """What a check found: a figure, and half a sentence on it that ends without a full stop."""

    figure: float
    message: str


@dataclass(frozen=True)
class Check:
    """One coded check; `look` returns None when there is nothing to say."""

    code: str
    title: str
    severity: Severity
    look: Callable[[Evidence], Detection | None]


@dataclass(frozen=True)
class Finding:
    """What a check found, under its code; docs/checks.md says what it means and what to do.

    Attributes
    ----------
    code, title : str
        Of the check, such as FW102.
    severity : {"fail", "warn", "note"}
        Whether the run is refused, to be read with care, or only worth knowing.
    figure : float
        How much was found, in the unit that the message names.
    message : str
        Half a sentence, without a full stop.
    """

    code: str
    title: str
    severity: Severity
    figure: float
    message: str

    def __str__(self) -> str:
        return f"{self.severity:5}{self.code}  {self.title}: {self.message}"


def evidence_of(
    dataset: Dataset,
    backtest: Backtest,
    settings: Settings,
    rolling: Rolling,
    served: pd.DataFrame | None = None,
    random_split: RandomSplitGap | None = None,
) -> Evidence:
    """Gathers what the coded checks look at.

    Parameters
    ----------
    dataset : Dataset
        Signals and labels that the backtest ran on.
    backtest : Backtest
        Its predictions, baselines and folds.
    settings : Settings
        The project's settings.
    rolling : Rolling
        The one that made the backtest's fits, and remembers the rows that taught them.
    served : pd.DataFrame, optional
        account_id, as_of and `cut` of rows that a fitted model was asked for (`taught_until`).
    random_split : RandomSplitGap, optional
        What a random split of rows would promise.

    Returns
    -------
    Evidence
        What `run_checks` takes.
    """
    return Evidence(
        settings=settings,
        signals=dataset.signals,
        labels=dataset.labels,
        signal_names=tuple(dataset.schema.names),
        data_end=dataset.data_end,
        predictions=backtest.predictions,
        baselines=backtest.baselines,
        taught=taught_by(rolling, backtest.folds),
        served=served,
        random_split=random_split,
    )


def taught_by(rolling: Rolling, folds: Sequence[pd.Timestamp]) -> tuple[Taught, ...]:
    """From the rows that each fold's learners were really fitted on."""
    taught = []
    for origin in folds:
        rows = rolling.learners(origin).rows
        taught.append(Taught(origin, len(rows), int(rows.churned.sum()), pd.Timestamp(rows.ends.max())))
    return tuple(taught)


def require(evidence: Evidence) -> None:
    """DataError naming every column that the checks need and the evidence lacks."""
    main = evidence.settings.main_horizon_days
    horizons = [f"{what}_{h}d" for h in evidence.settings.horizons_days for what in ("p_churn", "churned")]
    tables: tuple[tuple[str, pd.DataFrame | None, Sequence[str]], ...] = (
        ("signals", evidence.signals, (*KEY, *evidence.signal_names)),
        ("labels", evidence.labels, (*KEY, "churn_at", "observed_until")),
        ("predictions", evidence.predictions, (*KEY, "fold", "lifecycle_stage", *horizons)),
        ("baselines", evidence.baselines, (*KEY, "model", f"p_churn_{main}d")),
        ("served", evidence.served, (*KEY, "cut")),
    )
    faults = [
        Fault(f"{table}.{name}", "no such column", "a column that the checks read", "run `forewarn backtest` again")
        for table, frame, names in tables
        if frame is not None
        for name in names
        if name not in frame
    ]
    if len(evidence.signals) != len(evidence.labels):
        sizes = f"{len(evidence.signals)} rows and {len(evidence.labels)}"
        faults.append(Fault("signals and labels", sizes, "the same snapshots, row by row", "build the signals again"))
    if not faults and not (evidence.baselines["model"] == BASE_RATE).any():
        faults.append(
            Fault("baselines", f"no model {BASE_RATE}", "one, on the same rows", "run `forewarn backtest` again")
        )
    if faults:
        raise DataError(faults)
