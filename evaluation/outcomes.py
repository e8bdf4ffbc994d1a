"""Predictions of the ledger joined to what happened since, and the judgement written down with its date.

An outcome belongs to an account and an as_of day, whoever predicted it: whether it churned, first when, and how far its
windows have passed (`matured_days`, the longest horizon that is over and settled). A horizon beyond that has no outcome
yet, never 0. A judgement is never rewritten: where the facts have changed or a longer horizon has matured, a further
one is written, and the newest counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from configs.errors import Fault, SourceError, UsageError
from configs.settings import Settings
from evaluation.ledger import Ledger, Written
from evaluation.ledger_rows import moment

KEY = ["account_id", "as_of"]
FORECASTS = ("batch", "api")  # what left the building; a backtest's rows did not

LabelsFor = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Judged:
    """Predictions beside their outcomes, and what this judging wrote.

    frame: columns of a prediction, the ledger's own (batch_id, row, requested_at ...), matured_days, churn_at,
    voluntary and churned_{h}d (1.0, 0.0, NaN: not matured). Of several predictions of one account, day and model
    version the first counts; `repeats` were left out. `waiting` rows have not matured at the main horizon; `unknown`
    ones have an account or day that the sources no longer have; `in_hindsight` were asked for only after their window
    had closed, so that they are no forecasts, whatever they say.
    """

    frame: pd.DataFrame
    written: Written | None
    new: int
    changed: int
    repeats: int
    waiting: int
    unknown: int
    in_hindsight: int

    def __str__(self) -> str:
        said = f"{len(self.frame)} predictions: {len(self.frame) - self.waiting} matured, {self.waiting} waiting; "
        said += f"{self.new} outcomes judged for the first time, {self.changed} judged anew"
        more = {
            "without an outcome in the sources": self.unknown,
            "repeats left out (the first prediction of an account, day and model counts)": self.repeats,
            "asked for after their window had closed": self.in_hindsight,
        }
        return said + "".join(f"; {count} {what}" for what, count in more.items() if count)


def judge(
    ledger: Ledger,
    labels_for: LabelsFor,
    settings: Settings,
    at: pd.Timestamp,
    *,
    kinds: Sequence[str] = FORECASTS,
    texts: bool = True,
    asked_by: str = "outcomes",
) -> Judged:
    """Judges every prediction asked for by `at` and writes what is new; see Judged.

    labels_for: from (account_id, as_of) pairs to account_id, as_of, churn_at, observed_until, voluntary, as
    `features.labels` makes them; observed_until already leaves out the days in which outcomes still settle.
    texts: False leaves out reasons, triggers and actions, nine tenths of the bytes. UsageError when there is no
    prediction to judge; SourceError when labels are not one a pair.
    """
    forecasts, repeats = first_forecasts(ledger, at, kinds, texts)
    pairs = forecasts[KEY].drop_duplicates(ignore_index=True)
    outcomes = outcomes_of(labels_for(pairs), pairs, settings.horizons_days)
    written, new, changed = _write(ledger, outcomes, at, asked_by)
    frame = join(forecasts, outcomes, settings.horizons_days)
    main = f"churned_{settings.main_horizon_days}d"
    ended = frame.as_of + pd.Timedelta(days=settings.main_horizon_days)
    return Judged(
        frame=frame,
        written=written,
        new=new,
        changed=changed,
        repeats=repeats,
        waiting=int(frame[main].isna().sum()),
        unknown=int((~pd.MultiIndex.from_frame(frame[KEY]).isin(pd.MultiIndex.from_frame(outcomes[KEY]))).sum()),
        in_hindsight=int((frame.requested_at >= ended).sum()),
    )


def judged_so_far(
    ledger: Ledger,
    settings: Settings,
    at: pd.Timestamp,
    *,
    kinds: Sequence[str] = FORECASTS,
    texts: bool = True,
) -> pd.DataFrame:
    """The frame of `Judged` from the ledger alone, as it stood at `at`; no sources are read and nothing is written."""
    forecasts, _ = first_forecasts(ledger, at, kinds, texts)
    return join(forecasts, ledger.judgements(at=at), settings.horizons_days)


def first_forecasts(ledger: Ledger, at: pd.Timestamp, kinds: Sequence[str], texts: bool) -> tuple[pd.DataFrame, int]:
    """The first prediction of each account, day and model version asked for by `at`; how many repeats there were."""
    found = ledger.predictions(kinds=kinds, texts=texts)
    if not found.empty:
        found = found[found.requested_at <= pd.Timestamp(moment(at))]
    if found.empty:
        raise UsageError(
            Fault("ledger", f"no predictions by {at}", "predictions to judge", "run `forewarn score` first")
        )
    first = found.drop_duplicates([*KEY, "model_version"], keep="first")
    return first.reset_index(drop=True), len(found) - len(first)


def outcomes_of(labels: pd.DataFrame, pairs: pd.DataFrame, horizons_days: Sequence[int]) -> pd.DataFrame:
    """What is known of each pair: account_id, as_of, matured_days (0: nothing yet), churn_at, voluntary.

    A churn at or after observed_until is not known yet. Pairs without labels are left out.
    """
    wanted = [*KEY, "churn_at", "observed_until", "voluntary"]
    missing = [name for name in wanted if name not in labels]
    if missing:
        raise SourceError(
            [Fault(f"labels.{name}", "no such column", "a column of labels", "mend it") for name in missing]
        )
    labels = labels[wanted].merge(pairs, on=KEY, how="inner")
    if labels.duplicated(KEY).any():
        first = labels[labels.duplicated(KEY)].iloc[0]
        found = f"two labels for account {first.account_id} at {first.as_of:%Y-%m-%d}"
        raise SourceError(
            Fault("labels", found, "one an account and day", "look for duplicate accounts: `forewarn check`")
        )
    matured = np.zeros(len(labels), dtype="int64")
    for days in sorted(horizons_days):
        matured[(labels.as_of + pd.Timedelta(days=days) <= labels.observed_until).to_numpy()] = days
    known = labels.churn_at < labels.observed_until
    return pd.DataFrame(
        {
            **{name: labels[name] for name in KEY},
            "matured_days": matured,
            "churn_at": labels.churn_at.where(known).astype("datetime64[us]"),
            "voluntary": labels.voluntary.astype(object).where(known & labels.voluntary.notna(), None),
        }
    )


def _write(ledger: Ledger, outcomes: pd.DataFrame, at: pd.Timestamp, asked_by: str) -> tuple[Written | None, int, int]:
    """Writes the judgements that are new or say something else than the newest one; returns how many of each.

    Outcomes known less far than they once were (older sources) do not replace what is known.
    """
    matured = outcomes[outcomes.matured_days > 0]
    before = ledger.judgements()[[*KEY, "matured_days", "churn_at", "voluntary"]]
    both = matured.merge(before, on=KEY, how="left", suffixes=("", "_before"))
    new = both.matured_days_before.isna()
    same_churn = (both.churn_at == both.churn_at_before) | (both.churn_at.isna() & both.churn_at_before.isna())
    same_will = _flags(both.voluntary) == _flags(both.voluntary_before)
    further = both.matured_days > both.matured_days_before
    changed = ~new & (both.matured_days >= both.matured_days_before) & (further | ~same_churn | ~same_will)
    entered = both[new | changed]
    if entered.empty:
        return None, 0, 0
    known = {1: 1, 0: 0, -1: None}
    columns = (entered.account_id, entered.as_of, entered.matured_days, entered.churn_at, _flags(entered.voluntary))
    rows = [
        (number, account_id, f"{as_of:%Y-%m-%d}", days, None if churn_at is pd.NaT else moment(churn_at), known[will])
        for number, (account_id, as_of, days, churn_at, will) in enumerate(zip(*columns, strict=True))
    ]
    return ledger.append("judgement", rows, asked_by=asked_by, at=at), int(new.sum()), int(changed.sum())


def _flags(voluntary: pd.Series) -> pd.Series:
    """1, 0, and -1 where it is not known."""
    return voluntary.astype("boolean").astype("Int8").fillna(-1)


def join(forecasts: pd.DataFrame, outcomes: pd.DataFrame, horizons_days: Sequence[int]) -> pd.DataFrame:
    """Forecasts, in their order, with churned_{h}d, churn_at, voluntary and matured_days (0: nothing judged yet).

    A horizon is over once matured_days reaches it; it churned when churn_at lies before as_of + horizon.
    """
    known = outcomes[[*KEY, "matured_days", "churn_at", "voluntary"]]
    frame = forecasts.merge(known, on=KEY, how="left")
    frame["matured_days"] = frame.matured_days.fillna(0).astype("int64")
    for days in horizons_days:
        churned = (frame.churn_at < frame.as_of + pd.Timedelta(days=days)).astype(float)
        frame[f"churned_{days}d"] = churned.where(frame.matured_days >= days)
    return frame
