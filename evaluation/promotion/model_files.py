"""The digest of a served model's files, noted in the ledger: whoever can change the registry cannot change that too."""

from __future__ import annotations

import pandas as pd

from configs.errors import Fault, UsageError
from evaluation.ledger import Ledger

MODEL_FILES = "model_files"
KEPT = "promoted/judged.parquet"  # of a promoted version's run: what its backtest predicted


def note_model_files(ledger: Ledger, version: str, digest: str, by: str, at: pd.Timestamp) -> None:
    """Notes in the ledger what files a version has when it is first served; refuses others later.

    Parameters
    ----------
    ledger : Ledger
        Open for writing.
    version : str
        Of the model.
    digest : str
        SHA-256 over all its files'.
    by : str
        Who serves it.
    at : pd.Timestamp
        When.

    Raises
    ------
    UsageError
        When the version was served with other files before.
    """
    noted = [body["digest"] for body in ledger.events(MODEL_FILES).body if body["version"] == version]
    if not noted:
        ledger.record_event(MODEL_FILES, {"version": version, "digest": digest}, at=at, asked_by=by)
    elif noted[0] != digest:
        found, expected = f"files of digest {digest[:16]}...", f"{noted[0][:16]}..., as the ledger has noted"
        do = "bring the files back, or `forewarn train` and `forewarn promote` another version"
        raise UsageError(Fault(f"version {version}", found, expected, do))
