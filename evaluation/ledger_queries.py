"""The ledger's larger questions as SQL: what was predicted, by whom first, and what is known of it by some day.

"First" and "newest" are asked as "there is none before it" and "none after it", which SQLite answers from the indexes
row by row and PostgreSQL as one hash join.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Exists, Select, and_, exists, func, select, tuple_

from evaluation.ledger_rows import OUTCOME, moment
from evaluation.ledger_tables import batches, entry_of, judgements, prediction_texts, predictions

JUDGEMENTS = entry_of("judgement").kinds


def prediction_query(stored: Sequence[str]) -> Select[Any]:
    """These stored columns of every prediction, in the order written."""
    return _in_order(_select(stored))


def first_query(stored: Sequence[str], kinds: Sequence[str], at: pd.Timestamp) -> Select[Any]:
    """The first prediction of each account, day and model version of these kinds asked for by `at`, and beside it what
    OUTCOME names, from the newest judgement made by then (nothing where there is none)."""
    earlier = predictions.alias("earlier")
    same = and_(_pair(earlier, predictions), earlier.c.model_version == predictions.c.model_version)
    repeats = exists().where(same, _before(earlier, predictions), _asked(earlier, kinds, at))
    beside = and_(_pair(judgements, predictions), _asked(judgements, JUDGEMENTS, at), ~_replaced(at))
    query = _select(stored, *(judgements.c[name] for name in OUTCOME), beside=beside)
    return _in_order(query.where(*_by(batches, kinds, at), ~repeats))


def pairs_query(kinds: Sequence[str], at: pd.Timestamp) -> Select[Any]:
    """Every account and day that predictions of these kinds asked for by `at` are about."""
    query = select(predictions.c.account_id, predictions.c.as_of).distinct()
    return query.where(_asked(predictions, kinds, at))


def count_query(kinds: Sequence[str], at: pd.Timestamp) -> Select[Any]:
    """How many rows the batches of these kinds hold that were asked for by `at`."""
    return select(func.coalesce(func.sum(batches.c.rows), 0)).where(*_by(batches, kinds, at))


def texts_query(stored: Sequence[str], rows: Sequence[tuple[int, int]]) -> Select[Any]:
    """These stored columns of the texts of a few predictions, each by its batch and row."""
    key = tuple_(prediction_texts.c.batch_id, prediction_texts.c.row)
    return select(*(prediction_texts.c[name] for name in stored)).where(key.in_(rows))


def judgement_query(names: Sequence[str], latest: bool, at: pd.Timestamp | None) -> Select[Any]:
    """These columns (judged_at is when the batch was asked for) of every judgement made by `at`, in order; latest: of
    the newest of each account and day."""
    columns = [judgements.c.get(name, batches.c.requested_at) for name in names]
    query = select(*columns).join_from(judgements, batches, judgements.c.batch_id == batches.c.batch_id)
    query = query.where(*_by(batches, JUDGEMENTS, at))
    if latest:
        query = query.where(~_replaced(at))
    return query.order_by(judgements.c.batch_id, judgements.c.row)


def _select(stored: Sequence[str], *more: ColumnElement[Any], beside: ColumnElement[bool] | None = None) -> Select[Any]:
    needs_texts = any(name in prediction_texts.c for name in stored if name not in predictions.c)
    places = [predictions, *([prediction_texts] if needs_texts else []), batches]
    columns = [next(table.c[name] for table in places if name in table.c) for name in stored]
    source = predictions.join(batches, predictions.c.batch_id == batches.c.batch_id)
    if needs_texts:
        same = (predictions.c.batch_id == prediction_texts.c.batch_id) & (predictions.c.row == prediction_texts.c.row)
        source = source.outerjoin(prediction_texts, same)
    if beside is not None:
        source = source.outerjoin(judgements, beside)
    return select(*columns, *more).select_from(source)


def _in_order(query: Select[Any]) -> Select[Any]:
    return query.order_by(predictions.c.batch_id, predictions.c.row)


def _by(of: Any, kinds: Sequence[str], at: pd.Timestamp | None) -> list[ColumnElement[bool]]:
    """That a batch is of these kinds, and asked for by `at`."""
    return [of.c.kind.in_(list(kinds)), *([] if at is None else [of.c.requested_at <= moment(at)])]


def _asked(rows: Any, kinds: Sequence[str], at: pd.Timestamp | None) -> Exists:
    """The same of a row's batch. Not as a list of batches: SQLite would look every row up in each batch of it."""
    batch = batches.alias()
    return exists().where(batch.c.batch_id == rows.c.batch_id, *_by(batch, kinds, at))


def _pair(one: Any, other: Any) -> ColumnElement[bool]:
    return and_(one.c.account_id == other.c.account_id, one.c.as_of == other.c.as_of)


def _before(one: Any, other: Any) -> ColumnElement[bool]:
    return tuple_(one.c.batch_id, one.c.row) < tuple_(other.c.batch_id, other.c.row)


def _replaced(at: pd.Timestamp | None) -> Exists:
    """Of a judgement: that by `at` there was a newer one of the same account and day."""
    later = judgements.alias("later")
    return exists().where(_pair(later, judgements), _before(judgements, later), _asked(later, JUDGEMENTS, at))
