"""The ledger's larger questions as SQL: what was predicted, by whom first, and what is known of it by some day.

"First" and "newest" are asked as "there is none before it" and "none after it", which SQLite and PostgreSQL answer from
the indexes, row by row. What can be counted is counted here, so that no row leaves the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from sqlalchemy import (
    Column,
    ColumnElement,
    Double,
    Exists,
    MetaData,
    Select,
    String,
    Table,
    and_,
    case,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    tuple_,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ColumnClause, FunctionElement

from evaluation.ledger.rows import OUTCOME, moment
from evaluation.ledger.tables import batches, entry_of, judgements, overrides, prediction_texts, predictions

JUDGEMENTS = entry_of("judgement").kinds
RUN = ("account_id", *OUTCOME, "first_as_of", "last_as_of", "pairs")
DAY = (
    *("as_of", "model_version", "predictions", "in_hindsight", "matured", "predicted", "churned", "high"),
    *("churned_of_high", "voluntary", "involuntary", "returned", "contraction_matured", "contracted"),
)
# Of one transaction: the spans of days, one an account, whose judgements are asked for.
spans = Table(
    "asked_spans",
    MetaData(),
    Column("account_id", String),
    Column("first_as_of", String),
    Column("last_as_of", String),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)


class _CurveAt(FunctionElement[float]):
    """The probability at a horizon, from the text of all of them."""

    inherit_cache = True
    type = Double()

    def __init__(self, curve: ColumnElement[str], days: int) -> None:
        super().__init__(curve, ColumnClause(str(int(days)), is_literal=True))


class _DaysLater(FunctionElement[str]):
    """The day so many days after a day, both as ISO text."""

    inherit_cache = True
    type = String()

    def __init__(self, day: ColumnElement[str], days: int) -> None:
        super().__init__(day, ColumnClause(str(int(days)), is_literal=True))


@compiles(_DaysLater, "sqlite")
def _in_sqlite(element: Any, compiler: Any, **more: Any) -> str:
    day, days = (compiler.process(clause, **more) for clause in element.clauses)
    return f"date({day}, '+{days} days')"


@compiles(_CurveAt, "sqlite")
def _curve_in_sqlite(element: Any, compiler: Any, **more: Any) -> str:
    curve, days = (compiler.process(clause, **more) for clause in element.clauses)
    return f"json_extract({curve}, '$.\"{days}\"')"


@compiles(_DaysLater, "postgresql")
def _in_postgresql(element: Any, compiler: Any, **more: Any) -> str:
    day, days = (compiler.process(clause, **more) for clause in element.clauses)
    return f"to_char(cast({day} as date) + {days}, 'YYYY-MM-DD')"


@compiles(_CurveAt, "postgresql")
def _curve_in_postgresql(element: Any, compiler: Any, **more: Any) -> str:
    curve, days = (compiler.process(clause, **more) for clause in element.clauses)
    return f"cast(cast({curve} as json) ->> '{days}' as double precision)"


def prediction_query(stored: Sequence[str]) -> Select[Any]:
    """These stored columns of every prediction, in the order written."""
    return _in_order(_select(stored))


def first_query(stored: Sequence[str], kinds: Sequence[str], at: pd.Timestamp, dialect: str) -> Select[Any]:
    """The first prediction of each account, day and model version of these kinds asked for by `at`, and beside it what
    OUTCOME names, from the newest judgement made by then (nothing where there is none). In no order that counts: SQLite
    walks them by account and day, so that each prediction's judgement lies beside that of the one before; PostgreSQL
    would sort them all for it, on disk."""
    query = _firsts(stored, kinds, at)
    return query.order_by(predictions.c.account_id, predictions.c.as_of) if dialect == "sqlite" else query


def _firsts(stored: Sequence[str], kinds: Sequence[str], at: pd.Timestamp) -> Select[Any]:
    earlier = predictions.alias("earlier")
    same = and_(_pair(earlier, predictions), earlier.c.model_version == predictions.c.model_version)
    repeats = exists().where(same, _before(earlier, predictions), _asked(earlier, kinds, at))
    beside = and_(_pair(judgements, predictions), _asked(judgements, JUDGEMENTS, at), ~_replaced(at))
    query = _select(stored, *(judgements.c[name] for name in OUTCOME), beside=beside)
    return query.where(*_by(batches, kinds, at), ~repeats)


def days_query(kinds: Sequence[str], at: pd.Timestamp, horizon_days: int, forecast_days: int) -> Select[Any]:
    """DAY: of each as_of and model version, how many first predictions there are and what became of them.

    in_hindsight are those asked for `forecast_days` after their as_of or later; they are not judged, so none matures.
    churned, contracted and so on count within `horizon_days`, among those whose window has matured; `returned` among
    the churned; `predicted` is the sum of their probabilities; high, churned_of_high are of the level of that name.
    """
    stored = ["as_of", "model_version", "p_churn", "main_horizon_days", "curve", "risk_level", "requested_at"]
    first = _firsts(stored, kinds, at).subquery().c
    end = _DaysLater(first.as_of, horizon_days)
    late = first.requested_at >= _DaysLater(first.as_of, forecast_days)
    matured, settled = (
        and_(not_(late), known >= horizon_days) for known in (first.matured_days, first.contraction_days)
    )
    churned = and_(matured, first.churn_at < end)
    p = case((first.main_horizon_days == horizon_days, first.p_churn), else_=_CurveAt(first.curve, horizon_days))
    # SQLite would walk the index of as_of so as not to sort, and fetch each row from elsewhere in the file.
    group = first.as_of.concat("")
    return (
        select(
            func.max(first.as_of),
            first.model_version,
            func.count(),
            _count(late),
            _count(matured),
            func.sum(case((matured, p), else_=0.0)),
            _count(churned),
            *(_count(and_(held, first.risk_level == "high")) for held in (matured, churned)),
            *(_count(and_(churned, first.voluntary == will)) for will in (1, 0)),
            _count(and_(churned, first.reactivated_at.is_not(None))),
            _count(settled),
            _count(and_(settled, first.contraction_at < end)),
        )
        .group_by(group, first.model_version)
        .order_by(group, first.model_version)
    )


def unjudged_query(kinds: Sequence[str], at: pd.Timestamp, after: tuple[str, str] | None, at_most: int) -> Select[Any]:
    """The first `at_most` accounts and days, in that order, `after` one, that predictions of these kinds asked for by
    `at` are about, and that nobody has judged."""
    key = (predictions.c.account_id, predictions.c.as_of)
    query = select(*key).distinct().where(_asked(predictions, kinds, at))
    query = query.where(~exists().where(_pair(judgements, predictions)))
    if after is not None:
        query = query.where(tuple_(*key) > after)
    return query.order_by(*key).limit(at_most)


def runs_query() -> Select[Any]:
    """RUN: what accounts were last judged to have done, and the first and last day of which that was said."""
    of = [judgements.c[name] for name in ("account_id", *OUTCOME)]
    days = judgements.c.as_of
    query = select(*of, func.min(days), func.max(days), func.count()).where(~_replaced(None))
    return query.group_by(*of).order_by(judgements.c.account_id)


def spans_query() -> Select[Any]:
    """account_id, as_of and OUTCOME of the newest judgements whose days lie within `spans`."""
    within = judgements.c.as_of.between(spans.c.first_as_of, spans.c.last_as_of)
    source = spans.join(judgements, and_(judgements.c.account_id == spans.c.account_id, within))
    names = ("account_id", "as_of", *OUTCOME)
    return select(*(judgements.c[name] for name in names)).select_from(source).where(~_replaced(None))


def count_query(kinds: Sequence[str], at: pd.Timestamp) -> Select[Any]:
    """How many rows the batches of these kinds hold that were asked for by `at`."""
    return select(func.coalesce(func.sum(batches.c.rows), 0)).where(*_by(batches, kinds, at))


def texts_query(stored: Sequence[str], rows: Sequence[tuple[int, int]]) -> Select[Any]:
    """These stored columns of the texts of a few predictions, each by its batch and row."""
    # Of a list of pairs SQLite would make a table, and look every text of the ledger up in it.
    each = (and_(prediction_texts.c.batch_id == batch_id, prediction_texts.c.row == row) for batch_id, row in rows)
    return select(*(prediction_texts.c[name] for name in stored)).where(or_(false(), *each))


def judgement_query(names: Sequence[str], latest: bool, at: pd.Timestamp | None) -> Select[Any]:
    """These columns (judged_at is when the batch was asked for) of every judgement made by `at`, in order; latest: of
    the newest of each account and day."""
    columns = [judgements.c.get(name, batches.c.requested_at) for name in names]
    query = select(*columns).join_from(judgements, batches, judgements.c.batch_id == batches.c.batch_id)
    query = query.where(*_by(batches, JUDGEMENTS, at))
    if latest:
        query = query.where(~_replaced(at))
    return query.order_by(judgements.c.batch_id, judgements.c.row)


def newest_query(stored: Sequence[str], kinds: Sequence[str], at: pd.Timestamp) -> Select[Any]:
    """These stored columns of the newest prediction of each account: of its latest day the one asked for last."""
    day = select(predictions.c.account_id, func.max(predictions.c.as_of).label("as_of"))
    last = day.where(_asked(predictions, kinds, at)).group_by(predictions.c.account_id).subquery()
    later = predictions.alias("later")
    repeats = exists().where(_pair(later, predictions), _before(predictions, later), _asked(later, kinds, at))
    return _select(stored).where(*_by(batches, kinds, at), ~repeats).join(last, _pair(last, predictions))


def overrides_query(names: Sequence[str], at: pd.Timestamp) -> Select[Any]:
    """These columns (entered_at is when the batch was asked for) of every override entered by `at`, in that order."""
    columns = [overrides.c.get(name, batches.c.requested_at) for name in names]
    query = select(*columns).join_from(overrides, batches, overrides.c.batch_id == batches.c.batch_id)
    query = query.where(batches.c.requested_at <= moment(at))
    return query.order_by(overrides.c.batch_id, overrides.c.row)


def _select(stored: Sequence[str], *more: ColumnElement[Any], beside: ColumnElement[bool] | None = None) -> Select[Any]:
    needs_texts = any(name in prediction_texts.c for name in stored if name not in predictions.c)
    tables = [predictions, *([prediction_texts] if needs_texts else []), batches]
    columns = [next(table.c[name] for table in tables if name in table.c) for name in stored]
    source = predictions.join(batches, predictions.c.batch_id == batches.c.batch_id)
    if needs_texts:
        same = (predictions.c.batch_id == prediction_texts.c.batch_id) & (predictions.c.row == prediction_texts.c.row)
        source = source.outerjoin(prediction_texts, same)
    if beside is not None:
        source = source.outerjoin(judgements, beside)
    return select(*columns, *more).select_from(source)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _in_order(query: Select[Any]) -> Select[Any]:
    return query.order_by(predictions.c.batch_id, predictions.c.row)


def _by(of: Any, kinds: Sequence[str], at: pd.Timestamp | None) -> list[ColumnElement[bool]]:
    """That a batch is of these kinds, and asked for by `at`."""
    return [of.c.kind.in_(list(kinds)), *([] if at is None else [of.c.requested_at <= moment(at)])]


def _asked(rows: Any, kinds: Sequence[str], at: pd.Timestamp | None) -> Exists:
    """The same of a row's batch. Not as a list of batches: SQLite would look every row up in each batch of it."""
    batch = batches.alias()
    return exists().where(batch.c.batch_id == rows.c.batch_id, *_by(batch, kinds, at))


def _pair(left: Any, right: Any) -> ColumnElement[bool]:
    return and_(left.c.account_id == right.c.account_id, left.c.as_of == right.c.as_of)


def _before(earlier: Any, later: Any) -> ColumnElement[bool]:
    return tuple_(earlier.c.batch_id, earlier.c.row) < tuple_(later.c.batch_id, later.c.row)


def _replaced(at: pd.Timestamp | None) -> Exists:
    """Of a judgement: that by `at` there was a newer one of the same account and day."""
    later = judgements.alias("later")
    return exists().where(_pair(later, judgements), _before(judgements, later), _asked(later, JUDGEMENTS, at))
