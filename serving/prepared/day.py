"""A prepared day as it is read: an index in memory, the bodies in a file, an account's bytes taken as they are."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from configs.errors import DataError, Fault
from serving.prepared.lists import DayLists

INDEX_FILE, BODIES_FILE = "index.json", "bodies"
FORMAT = 3


@dataclass(frozen=True)
class DayHeader:
    """What all answers of a day have in common.

    Attributes
    ----------
    as_of, data_end : str
        The day that is scored, and the day up to which the data reach.
    scored_at : str
        When the answers were worked out, ISO 8601.
    model_version, model_digest, config_version, data_fingerprint : str
        What made them.
    horizons_days : tuple of int
    main_horizon_days : int
    levels : tuple of str
        Risk levels, lowest first.
    currency : str
    coverage : float
        Mean over the accounts.
    has_signal : bool
    """

    as_of: str
    data_end: str
    scored_at: str
    model_version: str
    model_digest: str
    config_version: str
    data_fingerprint: str
    horizons_days: tuple[int, ...]
    main_horizon_days: int
    levels: tuple[str, ...]
    currency: str
    coverage: float
    has_signal: bool

    @property
    def common(self) -> tuple[str, str, str]:
        """What names a prediction beside its account and its signals: day, model, configuration."""
        return self.as_of, self.model_version, self.config_version


@dataclass(frozen=True)
class Summary:
    """What lists of accounts show, sort and filter by.

    Attributes
    ----------
    account_id : str
    name, segment, owner : str or None
    lifecycle_stage, risk_level : str
    p_churn : float
        Within the main horizon.
    health_score : float or None
    coverage : float
    arr, expected_arr_loss : float or None
    arm : str or None
        "treated" or "holdout"; None without a draw.
    days_to_renewal : int or None
        From the day to the end of the contract; None without one.
    triggers : tuple of str
        What fired, escalations first.
    action, action_title, due_on : str or None
        The first of the account's next actions: the playbook, its title, and the day by which to begin.
    why, why_words : str or None
        What calls for it: the name of an escalation or trigger, or `driver_` and a dimension; and that in words.
    saves : float or None
        Expected ARR loss that acting can change: `expected_arr_loss` times the share that approaching saves.
    p_before, level_before : float, str or None
        Of the score of `DayLists.before_as_of`.
    happened : str or None
        What happened since then, in a sentence.
    stage_days : int or None
        How long the account has stood in its stage, as far as its snapshots tell.
    stuck_at : str or None
        The first milestone that is past its day and not reached.
    stuck_days : int or None
        How many days past.
    """

    account_id: str
    name: str | None
    segment: str | None
    owner: str | None
    lifecycle_stage: str
    risk_level: str
    p_churn: float
    health_score: float | None
    coverage: float
    arr: float | None
    expected_arr_loss: float | None
    arm: str | None
    days_to_renewal: int | None = None
    triggers: tuple[str, ...] = ()
    action: str | None = None
    action_title: str | None = None
    due_on: str | None = None
    why: str | None = None
    why_words: str | None = None
    saves: float | None = None
    p_before: float | None = None
    level_before: str | None = None
    happened: str | None = None
    stage_days: int | None = None
    stuck_at: str | None = None
    stuck_days: int | None = None

    @classmethod
    def of(cls, written: Sequence[Any]) -> Summary:
        """As `astuple` and JSON leave it."""
        values = dict(zip(cls.__dataclass_fields__, written, strict=True))
        return cls(**{**values, "triggers": tuple(values["triggers"])})


@dataclass(frozen=True)
class _Place:
    """Where in the file an account's three bodies are, by offset and length; and the hash of its signals."""

    score: tuple[int, int]
    explain: tuple[int, int]
    row: tuple[int, int]
    signals_hash: str


@dataclass(frozen=True)
class PreparedDay:
    """The answers of one day, by account; it never changes. `load` refuses one that is not as it was written.

    Attributes
    ----------
    folder : Path
    header : DayHeader
    summaries : mapping of str to Summary
        By account, in the order of the day's frame.
    lists : DayLists
        What lists tell beside them.
    """

    folder: Path
    header: DayHeader
    summaries: Mapping[str, Summary]
    lists: DayLists
    _places: Mapping[str, _Place]
    _handle: int = field(repr=False)

    @classmethod
    def load(cls, folder: Path) -> PreparedDay:
        """The day in a folder; DataError when it is none, or not what its index was written for."""
        try:
            index = json.loads((folder / INDEX_FILE).read_bytes())
            handle = os.open(folder / BODIES_FILE, os.O_RDONLY)
        except (OSError, ValueError) as error:
            raise _damaged(folder, str(error)) from None
        try:
            with os.fdopen(os.dup(handle), "rb") as bodies:
                found = hashlib.file_digest(bodies, "sha256").hexdigest()
            if index.get("format") != FORMAT or found != index["digest"]:
                raise _damaged(folder, "other bytes than its index names")
            header = {**index["header"], **{name: tuple(index["header"][name]) for name in ("horizons_days", "levels")}}
            summaries = {row[0]: Summary.of(row) for row in index["summaries"]}
            places = {
                account: _Place((row[0], row[1]), (row[2], row[3]), (row[4], row[5]), row[6])
                for account, row in zip(summaries, index["places"], strict=True)
            }
            lists = DayLists.of(index["lists"])
            return cls(folder, DayHeader(**header), summaries, lists, places, handle)
        except (KeyError, TypeError, ValueError) as error:
            os.close(handle)
            raise _damaged(folder, f"{type(error).__name__}: {error}") from None
        except DataError:
            os.close(handle)
            raise

    def __contains__(self, account_id: str) -> bool:
        return account_id in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __del__(self) -> None:
        os.close(self._handle)

    def score_body(self, account_id: str) -> bytes:
        """The JSON of an account's prediction with the strongest reasons; KeyError for an unknown account."""
        return self._read(self._places[account_id].score)

    def explain_body(self, account_id: str) -> bytes:
        """The same with every reason."""
        return self._read(self._places[account_id].explain)

    def row_values(self, account_id: str) -> tuple[Any, ...]:
        """The values of the prediction's row in the ledger, without its number."""
        return tuple(json.loads(self._read(self._places[account_id].row)))

    def signals_hash(self, account_id: str) -> str:
        return self._places[account_id].signals_hash

    def _read(self, place: tuple[int, int]) -> bytes:
        return os.pread(self._handle, place[1], place[0])


def _damaged(folder: Path, found: str) -> DataError:
    return DataError(Fault(str(folder), found, "a prepared day as it was written", "remove it; it is prepared anew"))
