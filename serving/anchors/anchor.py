"""An anchor: that at a moment the ledger of a project ended in a batch with this hash. One line of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from configs.errors import DataError, Fault

FORMAT = 1


@dataclass(frozen=True)
class Anchor:
    """The newest batch of a ledger, as it was written down.

    Attributes
    ----------
    ledger : str
        The project's name.
    batch_id : int
    hash : str
        Of the batch, which stands for all history up to it.
    at : str
        When it was written down, ISO 8601 with its zone.
    """

    ledger: str
    batch_id: int
    hash: str
    at: str

    @property
    def line(self) -> str:
        """The anchor as one line of JSON, without its end.

        >>> Anchor("forewarn", 3, "ab", "2026-01-01T00:00:00+00:00").line
        '{"forewarn_anchor": 1, "ledger": "forewarn", "batch_id": 3, "hash": "ab", "at": "2026-01-01T00:00:00+00:00"}'
        """
        return json.dumps({"forewarn_anchor": FORMAT, **asdict(self)})


def anchors_in(lines: Iterable[str], where: str) -> list[Anchor]:
    """The anchors in lines of JSON; empty lines count as none.

    Parameters
    ----------
    lines : iterable of str
    where : str
        For the message.

    Returns
    -------
    list of Anchor

    Raises
    ------
    DataError
        With every line that is no anchor.
    """
    found, faults = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            body = json.loads(line)
            if body.pop("forewarn_anchor") != FORMAT:
                raise ValueError(line)
            anchor = Anchor(**body)
            if datetime.fromisoformat(anchor.at).tzinfo is None or not isinstance(anchor.batch_id, int):
                raise ValueError(line)
            found.append(anchor)
        except (ValueError, TypeError, KeyError, AttributeError):
            do = "name the file that `forewarn ledger anchor` wrote"
            faults.append(Fault(f"{where}, line {number}", repr(line.strip()[:60]), "an anchor", do))
    if faults:
        raise DataError(faults)
    return found
