"""Predictions of the ledger joined to what happened since, and the judgement written down with its date.

An outcome belongs to an account and an as_of day, whoever predicted it: whether it churned, first when, of its own will
or not, and whether it came back; whether it contracted before; and how far the windows of both have passed (the longest
horizon that is over and settled). A horizon beyond that has no outcome yet, never 0. A judgement is never rewritten:
where the facts have changed or a longer horizon has matured, a further one is written, and the newest counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from configs.errors import Fault, SourceError, UsageError
from configs.settings import Settings
from evaluation.ledger import Ledger, Written
from evaluation.ledger_rows import OUTCOME, moment
from features.snapshots import activity_days, asof, contract_rows, life_events, lives, returning, silence_gap, turns
from features.sources import Sources

KEY = ["account_id", "as_of"]
FORECASTS = ("batch", "api")  # what left the building; a backtest's rows did not
LABELS = ("churn_at", "observed_until", "voluntary", "contraction_at", "contraction_observed_until", "reactivated_at")
MOMENTS = ("churn_at", "contraction_at", "reactivated_at")

LabelsFor = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Judged:
    """Predictions beside their outcomes, and what this judging wrote.

    frame: see `judged_so_far`; of several predictions of one account, day and model version the first counts, and
    `repeats` were left out. `waiting` rows have not matured at the main horizon; `unknown` ones have an account or day
    that the sources no longer have; `in_hindsight` were asked for only after their window had closed, so that they are
    no forecasts, whatever they say.
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
    columns: Sequence[str] | None = None,
    texts: bool = True,
    asked_by: str = "outcomes",
) -> Judged:
    """Judges every prediction asked for by `at` and writes what is new; see Judged.

    labels_for: from (account_id, as_of) pairs to account_id, as_of and LABELS, as `features.labels.labels_for` and
    `with_returns` make them; observed_until already leaves out the days in which outcomes still settle.
    columns, texts: what of the predictions to read; texts=False leaves out nine tenths of the bytes. UsageError when
    there is no prediction to judge; SourceError when labels are not one a pair.
    """
    pairs = ledger.pairs(kinds, at)
    if pairs.empty:
        raise _nothing(at)
    outcomes = outcomes_of(labels_for(pairs), pairs, settings.horizons_days)
    written, new, changed = _write(ledger, outcomes, at, asked_by)
    frame = judged_so_far(ledger, settings, at, kinds=kinds, columns=columns, texts=texts)
    ended = frame.as_of + pd.Timedelta(days=settings.main_horizon_days)
    return Judged(
        frame=frame,
        written=written,
        new=new,
        changed=changed,
        repeats=ledger.count(kinds, at) - len(frame),
        waiting=int(frame[f"churned_{settings.main_horizon_days}d"].isna().sum()),
        unknown=_without(frame, pairs, outcomes),
        in_hindsight=int((frame.requested_at >= ended).sum()),
    )


def judged_so_far(
    ledger: Ledger,
    settings: Settings,
    at: pd.Timestamp,
    *,
    kinds: Sequence[str] = FORECASTS,
    columns: Sequence[str] | None = None,
    texts: bool = True,
) -> pd.DataFrame:
    """The first prediction of each account, day and model version asked for by `at` beside its outcome, as the ledger
    alone told it then; no sources are read and nothing is written. In the order written.

    Columns of a prediction and the ledger's own (or `columns`, after account_id, as_of and requested_at), then OUTCOME
    (matured_days and contraction_days 0: nothing judged yet), churned_{h}d and contracted_{h}d (1.0, 0.0; NaN: not
    matured). UsageError when there is no prediction by then.
    """
    wanted = None if columns is None else list(dict.fromkeys([*KEY, "requested_at", *columns]))
    frame = ledger.first_predictions(kinds, at, columns=wanted, texts=texts)
    if frame is None:
        raise _nothing(at)
    if wanted is not None:
        frame = frame.reindex(columns=[*wanted, *OUTCOME])
    for name in ("matured_days", "contraction_days"):
        frame[name] = frame[name].fillna(0).astype("int64")
    for days in settings.horizons_days:
        end = frame.as_of + pd.Timedelta(days=days)
        for what, at_most in (("churn", "matured_days"), ("contraction", "contraction_days")):
            happened = (frame[f"{what}_at"] < end).astype(float).where(frame[at_most] >= days)
            frame[f"{'churned' if what == 'churn' else 'contracted'}_{days}d"] = happened
    return frame


def _nothing(at: pd.Timestamp) -> UsageError:
    return UsageError(Fault("ledger", f"no predictions by {at}", "predictions to judge", "run `forewarn score` first"))


def _without(frame: pd.DataFrame, pairs: pd.DataFrame, outcomes: pd.DataFrame) -> int:
    """How many predictions are about a pair that has no outcome."""
    if len(outcomes) == len(pairs):
        return 0
    kept = pairs.merge(outcomes[KEY], on=KEY, how="left", indicator="there")
    lost = kept.loc[kept.there == "left_only", KEY]
    return len(frame[frame.account_id.isin(lost.account_id)].merge(lost, on=KEY))


def with_returns(labels: pd.DataFrame, sources: Sources, settings: Settings) -> pd.DataFrame:
    """Labels with reactivated_at: when the account first came back after its churn, NaT where it has not been seen."""
    left = labels[labels.churn_at.notna()]
    back = asof(left.assign(as_of=left.churn_at), returns(sources, settings), "at", ["at"], ahead=True)["at"]
    return labels.assign(reactivated_at=back.reindex(labels.index).astype("datetime64[us]"))


def returns(sources: Sources, settings: Settings) -> pd.DataFrame:
    """When accounts came back after a churn, in the sense of `churn.kind`: account_id, at."""
    if settings.churn.kind == "outcome":
        turn = turns(returning(life_events(sources), ["account_id"]))
        return turn.loc[turn.alive.astype(bool), ["account_id", "at"]]
    if settings.churn.kind == "silence":
        rows, gap = activity_days(sources, settings), silence_gap(settings)
    else:
        rows, gap = contract_rows(sources), pd.Timedelta(days=settings.churn.allowed_gap_days)
    begun = lives(rows, gap)
    return begun.loc[~begun["first"], ["account_id", "began"]].rename(columns={"began": "at"})


def outcomes_of(labels: pd.DataFrame, pairs: pd.DataFrame, horizons_days: Sequence[int]) -> pd.DataFrame:
    """What is known of each pair: account_id, as_of and OUTCOME (days 0: nothing yet).

    A churn at or after observed_until is not known yet, nor is a contraction after its own, nor a return after either.
    Pairs without labels are left out.
    """
    missing = [name for name in (*KEY, *LABELS) if name not in labels]
    if missing:
        raise SourceError(
            [Fault(f"labels.{name}", "no such column", "a column of labels", "mend it") for name in missing]
        )
    labels = labels[[*KEY, *LABELS]].merge(pairs, on=KEY, how="inner")
    if labels.duplicated(KEY).any():
        first = labels[labels.duplicated(KEY)].iloc[0]
        found = f"two labels for account {first.account_id} at {first.as_of:%Y-%m-%d}"
        raise SourceError(
            Fault("labels", found, "one an account and day", "look for duplicate accounts: `forewarn check`")
        )
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


def _write(ledger: Ledger, outcomes: pd.DataFrame, at: pd.Timestamp, asked_by: str) -> tuple[Written | None, int, int]:
    """Writes the judgements that are new or say something else than the newest one; returns how many of each.

    Outcomes known less far than they once were (older sources) do not replace what is known.
    """
    matured = outcomes[outcomes.matured_days > 0]
    before = ledger.judgements()[[*KEY, *OUTCOME]]
    both = matured.merge(before, on=KEY, how="left", suffixes=("", "_before"))
    new = both.matured_days_before.isna()
    less = both.contraction_days < both.contraction_days_before
    for name in ("contraction_days", "contraction_at"):
        both[name] = both[name].mask(less, both[f"{name}_before"]).astype(matured[name].dtype)
    further = (both.matured_days > both.matured_days_before) | (both.contraction_days > both.contraction_days_before)
    differs = _flags(both.voluntary) != _flags(both.voluntary_before)
    for name in MOMENTS:
        now, then = both[name], both[f"{name}_before"]
        differs |= (now != then) & ~(now.isna() & then.isna())
    changed = ~new & (both.matured_days >= both.matured_days_before) & (further | differs)
    entered = both[new | changed]
    if entered.empty:
        return None, 0, 0
    columns: list[Sequence[object]] = [range(len(entered)), entered.account_id.tolist()]
    columns.append(_words(entered.as_of, lambda day: f"{day:%Y-%m-%d}"))
    for name in OUTCOME:
        if name == "voluntary":
            columns.append([None if one == -1 else one for one in _flags(entered.voluntary).tolist()])
        else:
            columns.append(_words(entered[name], moment) if name in MOMENTS else entered[name].tolist())
    rows = list(zip(*columns, strict=True))
    return ledger.append("judgement", rows, asked_by=asked_by, at=at), int(new.sum()), int(changed.sum())


def _words(moments: pd.Series, written: Callable[[pd.Timestamp], str]) -> list[str | None]:
    """Each moment as it is written, None for NaT; each distinct one is written once."""
    codes, found = pd.factorize(moments)
    texts = [*(written(pd.Timestamp(one)) for one in found), None]  # the code of NaT is -1: the last
    return [texts[code] for code in codes]


def _flags(voluntary: pd.Series) -> pd.Series:
    """1, 0, and -1 where it is not known."""
    return voluntary.astype("boolean").astype("Int8").fillna(-1).astype("int64")
