"""What `score --url` does: every account as a running service scores it, into a file."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from configs.atomic_files import write_parquet
from configs.errors import Fault, UsageError
from serving.client import Client, ClientError

KEY_VARIABLE = "FOREWARN_KEY"


@dataclass(frozen=True)
class RemoteScored:
    """A scoring by a service: where it was written, and which model and day it is of.

    `stale`: the service says that its data are too old; `missing`: accounts that had left when they were asked for.
    """

    url: str
    out: str
    as_of: str
    accounts: int
    missing: int
    horizon_days: int
    mean_p: float | None
    levels: dict[str, int]
    expected_arr_loss: float
    currency: str
    stale: bool
    model_version: str
    config_version: str


def score_by(url: str, out: Path | None, client: Client | None = None) -> RemoteScored:
    """Scores every account that the key may see; the key is in the environment, FOREWARN_KEY.

    Parameters
    ----------
    url : str
        Of the service.
    out : Path or None
        The Parquet file; by default `scores-<as_of>.parquet` in the current folder.
    client : Client, optional
        One that is open already.

    Returns
    -------
    RemoteScored

    Raises
    ------
    UsageError
        Without a key, and when the service refuses or stays out of reach.
    """
    key = os.environ.get(KEY_VARIABLE, "")
    if client is None and not key:
        do = f"export {KEY_VARIABLE}=fw_...; `forewarn keys create --role platform` makes one"
        raise UsageError(Fault(KEY_VARIABLE, "nothing", "the service's key", do))
    try:
        with client or Client(url, key) as opened:
            return _scored(opened, url, out)
    except ClientError as error:
        raise UsageError(Fault(url, str(error), "an answer", "see the service's log, and the key's role")) from None


def _scored(client: Client, url: str, out: Path | None) -> RemoteScored:
    pages = list(client.account_pages(limit=1000))
    head, listed = pages[0], [row for page in pages for row in page["accounts"]]
    entries = list(client.score_all([row["account_id"] for row in listed]))
    rows = [_flat(entry["prediction"], entry["arm"]) for entry in entries if entry["prediction"] is not None]
    frame = pd.DataFrame(rows)
    path = out or Path(f"scores-{head['as_of']}.parquet")
    if len(frame):
        frame["as_of"] = pd.to_datetime(frame.as_of).astype("datetime64[us]")
    write_parquet(frame, path)
    p = f"p_churn_{head['horizon_days']}d"
    return RemoteScored(
        url=url,
        out=str(path),
        as_of=head["as_of"],
        accounts=len(rows),
        missing=len(entries) - len(rows),
        horizon_days=head["horizon_days"],
        mean_p=float(frame[p].mean()) if rows else None,
        levels={str(name): int(count) for name, count in frame.risk_level.value_counts().items()} if rows else {},
        expected_arr_loss=float(sum(row["expected_arr_loss"] or 0.0 for row in listed)),
        currency=head["currency"],
        stale=head["data"]["stale"],
        model_version=head["model_version"],
        config_version=head["config_version"],
    )


def _flat(prediction: dict[str, Any], arm: str | None) -> dict[str, Any]:
    """A prediction as a row: what is nested becomes JSON text, as in the file that `score` writes."""
    nested = {name: json.dumps(value) for name, value in prediction.items() if isinstance(value, list | dict)}
    return {**prediction, **nested, "arm": arm}
