"""Predictions of the ledger joined to what happened since, and the judgement written down with its date.

An outcome belongs to an account and an as_of day, whoever predicted it: whether it churned, first when, of its own will
or not, and whether it came back; whether it contracted before; and how far the windows of both have passed (the longest
horizon that is over and settled). A horizon beyond that has no outcome yet, never 0. A judgement is never rewritten:
where the facts have changed or a longer horizon has matured, a further one is written, and the newest counts.

What is judged already is not read again, day by day, to see whether it still holds. The first churn at or after a day
never comes earlier as the day goes on, and neither does anything else of an outcome: where the first and the last day
of which an account was judged alike have the same outcome today, so are all between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from configs.errors import Fault, SourceError, UsageError
from configs.settings import Settings
from evaluation.ledger import OUTCOME, Ledger, moment
from evaluation.outcomes.hindsight import is_in_hindsight
from features.sources import Sources
from features.timeline import (
    asof_join,
    churns_and_returns,
    contract_rows,
    customer_spells,
    lasting_events,
    spells_between_silences,
)

KEY = ["account_id", "as_of"]
FORECASTS = ("batch", "api")  # what left the building; a backtest's rows did not
LABELS = ("churn_at", "observed_until", "voluntary", "contraction_at", "contraction_observed_until", "reactivated_at")
MOMENTS = ("churn_at", "contraction_at", "reactivated_at")
PAIRS_A_TIME = 1_000_000  # more would take more memory, fewer would read the sources more often

LabelsFor = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Judged:
    """What a judging wrote, and what the predictions have come to; see `judged_so_far` for them one by one.

    days: `Ledger.days` at the main horizon; of several predictions of one account, day and model version the first
    counts, and `repeats` were left out. new, changed: outcomes judged for the first time, and judged anew; read: those
    that had to be looked up for it. unknown: those of an account or day that the sources no longer have.
    """

    days: pd.DataFrame
    new: int
    changed: int
    read: int
    unknown: int
    repeats: int

    @property
    def predictions(self) -> int:
        return int(self.days.predictions.sum())

    @property
    def waiting(self) -> int:
        """Predictions that have not matured at the main horizon."""
        return self.predictions - int(self.days.matured.sum()) - self.in_hindsight

    @property
    def in_hindsight(self) -> int:
        """Those asked for too long after their as_of to be forecasts, whatever they say; none of them is judged."""
        return int(self.days.in_hindsight.sum())

    def __str__(self) -> str:
        matured = int(self.days.matured.sum())
        text = f"{self.predictions} predictions: {matured} matured, {self.waiting} waiting; "
        text += f"{self.new} outcomes judged for the first time, {self.changed} judged anew"
        more = {
            "without an outcome in the sources": self.unknown,
            "repeats left out (the first prediction of an account, day and model counts)": self.repeats,
            "made in hindsight, which are kept and not judged (asked for too long after their as_of:"
            " evaluation.forecast_within_days)": self.in_hindsight,
        }
        return text + "".join(f"; {count} {what}" for what, count in more.items() if count)


def judge(
    ledger: Ledger,
    labels_for: LabelsFor,
    settings: Settings,
    at: pd.Timestamp,
    *,
    kinds: Sequence[str] = FORECASTS,
    asked_by: str = "outcomes",
) -> Judged:
    """Judges every prediction asked for by a moment against what happened since, and writes what is new to the ledger.

    Parameters
    ----------
    ledger : Ledger
        Open for writing.
    labels_for : LabelsFor
        From (account_id, as_of) pairs to account_id, as_of and LABELS with the pairs' index, as
        `features.labels.labels_for` and `with_returns` make them; observed_until already leaves out the days in which
        outcomes still settle.
    settings : Settings
        Horizons.
    at : pd.Timestamp, the moment of the judgement
    kinds : sequence of str, of the batches to judge
    asked_by : str, who asked for it

    Returns
    -------
    Judged

    Raises
    ------
    UsageError
        When there is no prediction to judge.
    SourceError
        When labels are not one a pair.
    """
    if not (asked_for := ledger.count(kinds, at)):
        raise _nothing(at)
    new = changed = read = unknown = 0
    for due in _due(ledger, labels_for, settings.horizons_days, kinds, at):
        outcomes = outcomes_of(labels_for(due[KEY]), due, settings.horizons_days)
        rows, first, again = _entered(outcomes, due.loc[outcomes.index])
        if rows:
            ledger.append("judgement", rows, asked_by=asked_by, at=at)
        new, changed, read = new + first, changed + again, read + len(due)
        unknown += len(due) - len(outcomes)
    days = ledger.days(kinds, at, settings.main_horizon_days, settings.forecast_within_days)
    return Judged(days, new, changed, read, unknown, asked_for - int(days.predictions.sum()))


def _due(
    ledger: Ledger, labels_for: LabelsFor, horizons_days: Sequence[int], kinds: Sequence[str], at: pd.Timestamp
) -> Iterator[pd.DataFrame]:
    """The pairs whose judgement may have to be written, KEY beside OUTCOME as last judged (missing: never), in parts.

    Of what is judged, only the first day of each run of equal judgements is looked up, and all days of the runs that
    are no longer the same there: what comes first after a day comes first after every later day up to it, and an
    outcome is never known further for a later day than for an earlier one.
    """
    runs = ledger.judged_runs()
    for _, part in runs.groupby(np.arange(len(runs)) // PAIRS_A_TIME):
        moved = part[~_as_judged(part, labels_for, horizons_days)]
        by_account = moved.groupby("account_id", sort=False)
        asked = by_account.agg(
            first_as_of=("first_as_of", "min"), last_as_of=("last_as_of", "max"), pairs=("pairs", "sum")
        ).reset_index()
        for _, some in asked.groupby((asked.pairs.cumsum() - asked.pairs) // PAIRS_A_TIME):
            yield ledger.judged_within(some)
    after: tuple[str, pd.Timestamp] | None = None
    while len(pairs := ledger.unjudged(kinds, at, after, PAIRS_A_TIME)):
        last = pairs.iloc[-1]
        after = (last.account_id, last.as_of)
        yield pairs.reindex(columns=[*KEY, *OUTCOME])


def _as_judged(runs: pd.DataFrame, labels_for: LabelsFor, horizons_days: Sequence[int]) -> np.ndarray:
    """Which runs have, on their first day, the very outcome that they were judged to have, (n,) bool."""
    pairs = runs[["account_id", "first_as_of"]].set_axis(KEY, axis=1)
    outcomes = outcomes_of(labels_for(pairs), pairs, horizons_days).reindex(runs.index)
    return np.asarray(outcomes.matured_days.notna() & ~_differ(outcomes, runs, OUTCOME))


def judged_so_far(
    ledger: Ledger,
    settings: Settings,
    at: pd.Timestamp,
    *,
    kinds: Sequence[str] = FORECASTS,
    columns: Sequence[str] | None = None,
    texts: bool = True,
) -> pd.DataFrame:
    """Predictions beside their outcomes, as the ledger alone knew them at a moment; no sources are read.

    Parameters
    ----------
    ledger : Ledger
        Nothing is written to it.
    settings : Settings, with horizons h
    at : pd.Timestamp, only what was written by then
    kinds : sequence of str, of batches
    columns : sequence of str, optional
        Columns to read, after account_id, as_of and requested_at; None: those of a prediction and the ledger's own.
    texts : bool
        Whether to read the columns of text.

    Returns
    -------
    pd.DataFrame
        The first prediction of each account, day and model version, in the order written, with OUTCOME (matured_days
        and contraction_days 0: nothing judged yet), churned_{h}d and contracted_{h}d (1.0, 0.0; NaN: not matured), and
        in_hindsight: whether it was asked for too long after its as_of to be a forecast (`forecast_within_days`). What
        was is not judged: it has no outcome, whatever came of the account.

    Raises
    ------
    UsageError
        When there is no prediction by then.
    """
    wanted = None if columns is None else list(dict.fromkeys([*KEY, "requested_at", *columns]))
    frame = ledger.first_predictions(kinds, at, columns=wanted, texts=texts)
    if frame is None:
        raise _nothing(at)
    if wanted is not None:
        frame = frame.reindex(columns=[*wanted, *OUTCOME])
    for name in ("matured_days", "contraction_days"):
        frame[name] = frame[name].fillna(0).astype("int64")
    frame["in_hindsight"] = is_in_hindsight(frame.as_of, frame.requested_at, settings)
    for days in settings.horizons_days:
        end = frame.as_of + pd.Timedelta(days=days)
        for what, at_most in (("churn", "matured_days"), ("contraction", "contraction_days")):
            is_judged = (frame[at_most] >= days) & ~frame.in_hindsight
            happened = (frame[f"{what}_at"] < end).astype(float).where(is_judged)
            frame[f"{'churned' if what == 'churn' else 'contracted'}_{days}d"] = happened
    return frame


def _nothing(at: pd.Timestamp) -> UsageError:
    return UsageError(Fault("ledger", f"no predictions by {at}", "predictions to judge", "run `forewarn score` first"))


def with_returns(labels: pd.DataFrame, sources: Sources, settings: Settings) -> pd.DataFrame:
    """Adds to labels when the account first came back after its churn.

    Parameters
    ----------
    labels : pd.DataFrame
        account_id and churn_at.
    sources : Sources, which stay open
    settings : Settings

    Returns
    -------
    pd.DataFrame
        The labels with reactivated_at, NaT where no return has been seen.
    """
    left = labels[labels.churn_at.notna()]
    back = asof_join(left.assign(as_of=left.churn_at), returns(sources, settings), "at", ["at"], ahead=True)["at"]
    return labels.assign(reactivated_at=back.reindex(labels.index).astype("datetime64[us]"))


def returns(sources: Sources, settings: Settings) -> pd.DataFrame:
    """When accounts came back after a churn, in the sense of `churn.kind`: account_id, at."""
    if settings.churn.kind == "outcome":
        events = churns_and_returns(lasting_events(sources, settings.churn))
        return events.loc[events.alive.astype(bool), ["account_id", "at"]]
    if settings.churn.kind == "silence":
        begun, _ = spells_between_silences(sources, settings)
    else:
        begun = customer_spells(contract_rows(sources, settings.churn), pd.Timedelta(days=settings.churn.absence_days))
    return begun.loc[~begun["first"], ["account_id", "began"]].rename(columns={"began": "at"})


def outcomes_of(labels: pd.DataFrame, pairs: pd.DataFrame, horizons_days: Sequence[int]) -> pd.DataFrame:
    """What is known of each pair: account_id, as_of and OUTCOME (days 0: nothing yet), with the index of the labels.

    A churn at or after observed_until is not known yet, nor is a contraction after its own, nor a return after either.
    Pairs without labels are left out. SourceError when labels are not one a pair.
    """
    missing = [name for name in (*KEY, *LABELS) if name not in labels]
    if missing:
        raise SourceError(
            [Fault(f"labels.{name}", "no such column", "a column of labels", "fix it") for name in missing]
        )
    twice = labels.index.duplicated()
    if twice.any():
        first = labels[twice].iloc[0]
        found = f"two labels for account {first.account_id} at {first.as_of:%Y-%m-%d}"
        raise SourceError(
            Fault("labels", found, "one an account and day", "look for duplicate accounts: `forewarn check`")
        )
    if not (labels[KEY] == pairs.loc[labels.index, KEY]).to_numpy().all():
        raise SourceError(Fault("labels", "rows of other pairs", "the pairs' index", "keep it"))
    churned = labels.churn_at < labels.observed_until
    contracted = labels.contraction_at < labels.contraction_observed_until
    returned = churned & (labels.reactivated_at < labels.observed_until)
    return pd.DataFrame(
        {
            **{name: labels[name] for name in KEY},
            "matured_days": _matured(labels.as_of, labels.observed_until, horizons_days),
            "churn_at": labels.churn_at.where(churned).astype("datetime64[us]"),
            "voluntary": labels.voluntary.astype(object).where(churned & labels.voluntary.notna(), None),
            "contraction_days": _matured(labels.as_of, labels.contraction_observed_until, horizons_days),
            "contraction_at": labels.contraction_at.where(contracted).astype("datetime64[us]"),
            "reactivated_at": labels.reactivated_at.where(returned).astype("datetime64[us]"),
        }
    )


def _matured(as_of: pd.Series, until: pd.Series, horizons_days: Sequence[int]) -> np.ndarray:
    """The longest horizon that has passed by `until`, (n,) int64; 0: none."""
    days = np.zeros(len(as_of), dtype="int64")
    for horizon in sorted(horizons_days):
        days[(as_of + pd.Timedelta(days=horizon) <= until).to_numpy()] = horizon
    return days


def _entered(outcomes: pd.DataFrame, before: pd.DataFrame) -> tuple[list[tuple[object, ...]], int, int]:
    """Rows of judgements that are new or differ from `before` (same index); how many of each.

    Outcomes known less far than they once were (older sources) do not replace what is known.
    """
    known, known_before = outcomes.matured_days, before.matured_days.fillna(0)
    new = before.matured_days.isna() & (known > 0)
    less = outcomes.contraction_days < before.contraction_days.fillna(0)
    merged = outcomes.assign(
        **{name: outcomes[name].mask(less, before[name]) for name in ("contraction_days", "contraction_at")}
    )
    changed = before.matured_days.notna() & (known >= known_before) & _differ(merged, before, OUTCOME)
    entered = merged[new | changed]
    columns: list[Sequence[object]] = [range(len(entered)), entered.account_id.tolist()]
    columns.append(_texts(entered.as_of, lambda day: f"{day:%Y-%m-%d}"))
    for name in OUTCOME:
        if name == "voluntary":
            columns.append([None if flag == -1 else flag for flag in _flags(entered.voluntary).tolist()])
        elif name in MOMENTS:
            columns.append(_texts(entered[name], moment))
        else:
            columns.append(entered[name].astype("int64").tolist())
    return list(zip(*columns, strict=True)), int(new.sum()), int(changed.sum())


def _differ(left: pd.DataFrame, right: pd.DataFrame, names: Sequence[str]) -> pd.Series:
    """Which rows (of one index) differ in any of the columns of OUTCOME; missing equals missing."""
    differs = pd.Series(False, index=left.index)
    for name in names:
        a, b = left[name], right[name]
        if name == "voluntary":
            a, b = _flags(a), _flags(b)
        elif name not in MOMENTS:
            a, b = a.fillna(0), b.fillna(0)  # days of a judgement from before contractions were recorded
        differs |= (a != b) & ~(a.isna() & b.isna())
    return differs


def _texts(moments: pd.Series, written: Callable[[pd.Timestamp], str]) -> list[str | None]:
    """Each moment as it is written, None for NaT; each distinct one is written once."""
    codes, distinct = pd.factorize(moments)
    texts = np.array([*(written(pd.Timestamp(time)) for time in distinct), None], dtype=object)
    return texts[codes].tolist()  # the code of NaT is -1: the last


def _flags(voluntary: pd.Series) -> pd.Series:
    """1, 0, and -1 where it is not known."""
    return voluntary.astype("boolean").astype("Int8").fillna(-1).astype("int64")
