"""Answers of the service in the ledger: a prediction is written once, each answer is a row that points to it.

Who asks for an account every hour gets the same prediction until its signals, the model or the settings change. The
first answer writes it, as a batch of the kind "api"; every answer, the first included, is one row of `answers` for the
whole request: who asked, when, under which request id, and the pointers to the rows of the predictions that it gave.
Answers of several requests are written in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from evaluation.ledger.append import Head, append_batch, head_of
from evaluation.ledger.hash_chain import row_hashes
from evaluation.ledger.tables import entry_of, predictions

Pointer = tuple[int, int]
KEY = ("account_id", "as_of", "model_version", "config_version", "signals_hash")  # what makes two predictions one
_PLACES = tuple(entry_of("api").hashed.index(name) - 1 for name in KEY)
ACCOUNTS_A_QUERY = 400


@dataclass(frozen=True)
class Answered:
    """One answer as it is written down.

    Attributes
    ----------
    request_id, asked_by, route : str
        Which request, whose, and what for (`score`, `explain`).
    answered_at : str
        As `moment` writes it.
    given : sequence of Pointer or tuple
        A prediction each, in the order asked: the pointer to its row (batch and row), or, while it is not known to
        have one, the values of its row as `prediction_rows` gives them, without the row's number.
    kind : PredictionKind
        Of the batch that those of its predictions come into which are new: "supplied" where the caller sent the
        signals, so that they are never judged in place of the project's own.
    """

    request_id: str
    asked_by: str
    route: str
    answered_at: str
    given: Sequence[Pointer | tuple[Any, ...]]
    kind: str = "api"


def key_of(values: Sequence[Any]) -> tuple[Any, ...]:
    """KEY of a prediction, from the values of its row without the row's number."""
    return tuple(values[place] for place in _PLACES)


def pointers_text(pointers: Iterable[Pointer]) -> str:
    """Pointers as they are stored: `batch:row`, rows that follow each other as one run.

    >>> pointers_text([(7, 0), (7, 1), (7, 2), (9, 4)])
    '7:0-2,9:4'
    """
    runs: list[list[int]] = []
    for batch_id, row in pointers:
        if runs and runs[-1][0] == batch_id and runs[-1][2] + 1 == row:
            runs[-1][2] = row
        else:
            runs.append([batch_id, row, row])
    return ",".join(f"{batch}:{first}" if first == last else f"{batch}:{first}-{last}" for batch, first, last in runs)


def pointers_in(text: str) -> list[Pointer]:
    """What `pointers_text` wrote.

    Parameters
    ----------
    text : str
        The column `pointers` of an answer.

    Returns
    -------
    list of Pointer
        Batch and row of each prediction, in the order asked.

    Examples
    --------
    >>> pointers_in("7:0-2,9:4")
    [(7, 0), (7, 1), (7, 2), (9, 4)]
    """
    pointers = []
    for run in filter(None, text.split(",")):
        batch_id, _, rows = run.partition(":")
        first, _, last = rows.partition("-")
        pointers += [(int(batch_id), row) for row in range(int(first), int(last or first) + 1)]
    return pointers


def known_pointers(connection: Connection, as_of: str, model_version: str, config_version: str) -> dict[Any, Pointer]:
    """Where the predictions of a day, model and configuration stand, by (account_id, signals_hash)."""
    p = predictions.c
    query = select(p.account_id, p.signals_hash, p.batch_id, p.row).where(
        p.as_of == as_of, p.model_version == model_version, p.config_version == config_version
    )
    found: dict[Any, Pointer] = {}
    for account_id, signals_hash, batch_id, row in connection.execute(query.order_by(p.batch_id, p.row)):
        found.setdefault((account_id, signals_hash), (batch_id, row))
    return found


def write_answers(connection: Connection, answers: Sequence[Answered]) -> list[list[Pointer]]:
    """Writes answers, and the predictions among them that are new, within the transaction that is open.

    Parameters
    ----------
    connection : Connection
        In a transaction that may write.
    answers : sequence of Answered
        n answers.

    Returns
    -------
    list of list of Pointer
        Of each answer, where its predictions stand.
    """
    newest = head_of(connection)  # locks it, so that what is looked up below stays so
    fresh = {key_of(values): values for answer in answers for values in answer.given if len(values) > 2}
    known = _standing(connection, fresh) if fresh else {}
    askers = dict.fromkeys((answer.asked_by, answer.kind) for answer in answers)
    for asked_by, kind in askers if len(known) < len(fresh) else ():
        of_asker = [answer for answer in answers if (answer.asked_by, answer.kind) == (asked_by, kind)]
        keys = [key_of(values) for answer in of_asker for values in answer.given if len(values) > 2]
        new = [key for key in dict.fromkeys(keys) if key not in known]
        if new:
            rows = [(row, *fresh[key]) for row, key in enumerate(new)]
            newest = _append(connection, newest, kind, rows, asked_by, of_asker[0].answered_at)
            known |= {key: (newest.batch_id, row) for row, key in enumerate(new)}
    pointers = [
        [known[key_of(given)] if len(given) > 2 else (given[0], given[1]) for given in answer.given]
        for answer in answers
    ]
    rows = [
        (row, answer.request_id, answer.asked_by, answer.answered_at, answer.route, pointers_text(dict.fromkeys(to)))
        for row, (answer, to) in enumerate(zip(answers, pointers, strict=True))
    ]
    _append(connection, newest, "answer", rows, "service", answers[-1].answered_at)
    return pointers


def _append(
    connection: Connection, newest: Head, kind: str, rows: Sequence[tuple[Any, ...]], asked_by: str, at: str
) -> Head:
    return append_batch(connection, newest, entry_of(kind), rows, row_hashes(rows), {
        "kind": kind, "asked_by": asked_by, "requested_at": at,
    })  # fmt: skip


def _standing(connection: Connection, fresh: Mapping[tuple[Any, ...], Any]) -> dict[tuple[Any, ...], Pointer]:
    """Where predictions of these keys stand already."""
    accounts = list(dict.fromkeys(key[0] for key in fresh))
    columns = [predictions.c[name] for name in KEY]
    found: dict[tuple[Any, ...], Pointer] = {}
    for start in range(0, len(accounts), ACCOUNTS_A_QUERY):
        part = accounts[start : start + ACCOUNTS_A_QUERY]
        query = select(predictions.c.batch_id, predictions.c.row, *columns).where(
            predictions.c.account_id.in_(part), predictions.c.as_of.in_(list({key[1] for key in fresh}))
        )
        for batch_id, row, *key in connection.execute(query.order_by(predictions.c.batch_id, predictions.c.row)):
            if tuple(key) in fresh:
                found.setdefault(tuple(key), (batch_id, row))
    return found
