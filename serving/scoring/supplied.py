"""Accounts scored from signals that a caller supplies: what scores a day's frame, over a frame of what was sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd

from configs.errors import Fault, UsageError, nearest
from evaluation.ledger import canonical, prediction_rows
from evaluation.outcomes import assign
from serving.messages import (
    AccountError,
    AccountReasons,
    SuppliedAccount,
    SuppliedRequest,
    SuppliedScore,
    SuppliedScores,
    faults_of,
)
from serving.scoring.live_signals import check_model, with_belonging
from serving.scoring.scorer import Scorer

STAGE = "lifecycle_stage"
# Columns of a day's frame that say who an account is; no score reads them.
IDENTITY = ("account_id", "as_of", "name", "owner", "parent_account_id", "stage_criterion")
LONGEST_TEXT = 256
LARGEST = 1e15  # beyond it products of signals leave the range of numbers
MOST_FAULTS = 20  # of one account that are told
MOST_SUGGESTIONS = 100  # names of one request that are compared with all that are known
KINDS: Mapping[str, str] = {
    "number": f"a number from -{LARGEST:g} to {LARGEST:g}, or null",
    "flag": "true, false or null",
    "category": f"text of at most {LONGEST_TEXT} characters, or null",
}


@dataclass(frozen=True)
class _Given:
    """An account whose signals can be scored; those that are missing are left out."""

    account_id: str
    as_of: pd.Timestamp
    signals: Mapping[str, float | str | bool]

    @property
    def signals_hash(self) -> str:
        """Says that they were supplied, so that no prediction from the project's own data is taken for this one."""
        return f"supplied:{hashlib.sha256(canonical(sorted(self.signals.items())).encode()).hexdigest()}"


def supplied(scorer: Scorer, request: SuppliedRequest, now: datetime) -> SuppliedScores:
    """Predictions from supplied signals; nothing is written.

    Parameters
    ----------
    scorer : Scorer
        Of the day that serves: its model, and the columns of its frame.
    request : SuppliedRequest
        A signal that is not given is missing.
    now : datetime
        With a time zone; no as_of may lie after its day.

    Returns
    -------
    SuppliedScores
        One entry an account, in the order of the request: a prediction, or what is wrong with its signals.
    """
    check = _Check(scorer, pd.Timestamp(now).tz_convert("UTC").tz_localize(None).normalize())
    checked: list[_Given | AccountError] = []
    for account in request.accounts:
        try:
            checked.append(check.given(account))
        except UsageError as error:
            checked.append(_error(error))
    right = [one for one in checked if isinstance(one, _Given)]
    scored = _scored(scorer, right, request.every_reason) if right else iter(())
    return SuppliedScores(
        results=[
            next(scored) if isinstance(one, _Given) else SuppliedScore(account_id=account.account_id, error=one)
            for account, one in zip(request.accounts, checked, strict=True)
        ]
    )


def _error(error: UsageError) -> AccountError:
    first, more = error.faults[0], len(error.faults) - 1
    detail = f"{first.where}: found {first.found}; expected {first.expected}" + (f"; and {more} more" if more else "")
    return AccountError(
        code="supplied_signals", detail=detail, do=first.do, faults=list(faults_of(error))[:MOST_FAULTS]
    )


class _Check:
    """What can be supplied for a model, and what is wrong with what was."""

    def __init__(self, scorer: Scorer, today: pd.Timestamp) -> None:
        self.scorer = scorer
        self.latest = max(today, scorer.as_of)
        self.kinds = {str(name): _kind(of) for name, of in scorer.frame.items() if name not in IDENTITY}
        self.stages = [stage.name for stage in scorer.model.health.framework.stages]
        self._suggested: dict[str, str] = {}

    def given(self, account: SuppliedAccount) -> _Given:
        """The account as it can be scored; UsageError with everything that is wrong."""
        faults: list[Fault] = []
        if not _is_text(account.account_id):
            faults.append(Fault("account_id", _shown(account.account_id), "an id without NUL", "send another id"))
        as_of = self._day(account.as_of, faults)
        values = {}
        for name, value in account.signals.items():
            where = f"signals.{name[:LONGEST_TEXT]}"
            if name not in self.kinds:
                faults.append(Fault(where, "no such signal", "a signal of the model", self._near(name)))
            elif value is not None:
                kind = self.kinds[name]
                plain = _plain(kind, value)
                if plain is None:
                    do = "send a value of that kind, or leave the signal out"
                    faults.append(Fault(where, _shown(value), KINDS[kind], do))
                else:
                    values[name] = plain
        stage = account.signals.get(STAGE)
        if stage is None or (isinstance(stage, str) and stage not in self.stages):
            found = "nothing" if stage is None else _shown(stage)
            do = "send the stage" if stage is None else nearest(str(stage)[:LONGEST_TEXT], self.stages)
            faults.append(Fault(f"signals.{STAGE}", found, f"one of {', '.join(self.stages)}", do))
        if faults:
            raise UsageError(faults)
        return _Given(account.account_id, as_of, values)

    def _day(self, text: str | None, faults: list[Fault]) -> pd.Timestamp:
        if text is None:
            return self.scorer.as_of
        try:
            day = pd.Timestamp(datetime.strptime(text, "%Y-%m-%d"))
        except ValueError:
            faults.append(Fault("as_of", _shown(text), "a day as YYYY-MM-DD", "send the day of the signals"))
            return self.scorer.as_of
        if day > self.latest:
            do = "send the day of the signals"
            faults.append(Fault("as_of", _shown(text), f"a day up to {self.latest:%Y-%m-%d}", do))
        try:
            check_model(self.scorer.model, self.scorer.settings, day)
        except UsageError as error:
            faults += error.faults
        return day

    def _near(self, name: str) -> str:
        """The nearest name; the same wrong one in many accounts is looked for once."""
        if name not in self._suggested:
            asks = "GET /v1/accounts/{account_id}/signals names them"
            if len(self._suggested) >= MOST_SUGGESTIONS:
                return asks
            near = nearest(name[:LONGEST_TEXT], sorted(self.kinds))
            self._suggested[name] = near if near.startswith("did") else asks
        return self._suggested[name]


def _kind(column: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(column.dtype):
        return "flag"
    return "number" if pd.api.types.is_numeric_dtype(column.dtype) else "category"


def _plain(kind: str, value: object) -> float | str | bool | None:
    """The value as a frame holds it; None where it is of another kind."""
    if kind == "flag":
        return value if isinstance(value, bool) else None
    if kind == "category":
        return value if isinstance(value, str) and len(value) <= LONGEST_TEXT and _is_text(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= LARGEST else None  # neither is NaN


def _is_text(value: str) -> bool:
    """Whether every database takes it."""
    return "\x00" not in value


def _shown(value: object) -> str:
    """What was found, cut short; a number of thousands of digits has no text."""
    try:
        return json.dumps(value)[:80]
    except ValueError:
        return "a number of thousands of digits"


def _frame(scorer: Scorer, given: Sequence[_Given]) -> pd.DataFrame:
    """The accounts as a day's frame has them, column by column; by number, since one may come twice."""
    index = [str(number) for number in range(len(given))]
    columns: dict[str, pd.Series] = {}
    for name, like in scorer.frame.items():
        values: list[Any] = [one.signals.get(str(name)) for one in given]
        if name == "account_id":
            values = [one.account_id for one in given]
        elif name == "as_of":
            values = [one.as_of for one in given]
        dtype = like.dtype
        if pd.api.types.is_bool_dtype(dtype):
            values = [bool(value) for value in values]
        elif pd.api.types.is_integer_dtype(dtype):
            dtype = pd.Series([0.0]).dtype  # of a signal of the project's own, which may be missing here
        columns[str(name)] = pd.Series(values, index=index, dtype=dtype)
    return pd.DataFrame(columns, index=index)


def _scored(scorer: Scorer, given: Sequence[_Given], every_reason: bool) -> Iterator[SuppliedScore]:
    ours = replace(scorer, frame=_frame(scorer, given))
    numbers = list(ours.frame.index)
    predicted = ours.predict(numbers)
    records = predicted.to_dict("records")
    reasons = (
        ours.every_reason(numbers)
        if every_reason
        else [AccountReasons.from_column(json.loads(record["reasons"])) for record in records]
    )
    draw = scorer.settings.evaluation.holdout
    accounts = [one.account_id for one in given]
    arms = [None] * len(accounts) if draw is None else assign(accounts, draw.salt, draw.share).tolist()
    rows = prediction_rows(with_belonging(predicted, ours.frame), [one.signals_hash for one in given])
    for account, record, of, arm, row in zip(accounts, records, reasons, arms, rows, strict=True):
        yield SuppliedScore(
            account_id=account,
            prediction=ours.message(record, of).model_dump_json(),
            risk_level=record["risk_level"],
            arm=arm,
            row=list(row[1:]),
        )
