"""The paths of all that forewarn keeps of a project: one folder, one name for each file in it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True)
class StatePaths:
    """The paths of one project's state folder; none of them need exist.

    Attributes
    ----------
    folder : Path
        The state folder itself (setting `state`), absolute.

    Examples
    --------
    >>> StatePaths(Path("/p/.forewarn")).scores(datetime(2026, 1, 1)).as_posix()
    '/p/.forewarn/scores/2026-01-01.parquet'
    """

    KEPT: ClassVar[str] = "kept"  # folder of the reports of earlier days, in that of the newest
    folder: Path

    @property
    def tracking(self) -> Path:
        """MLflow's database: runs, versions, aliases."""
        return self.folder / "mlflow.db"

    @property
    def artifacts(self) -> Path:
        """The files of runs and models."""
        return self.folder / "artifacts"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.db"

    @property
    def keys(self) -> Path:
        """The API keys' digests."""
        return self.folder / "keys.db"

    @property
    def tuning(self) -> Path:
        """Optuna's study."""
        return self.folder / "tuning.db"

    @property
    def usage(self) -> Path:
        """Usage events folded by day (setting `engine.incremental`)."""
        return self.folder / "signals.duckdb"

    @property
    def bentoml(self) -> Path:
        """BentoML's home, unless the environment names another."""
        return self.folder / "bentoml"

    @property
    def backtest(self) -> Path:
        return self.folder / "backtest"

    @property
    def backtest_predictions(self) -> Path:
        return self.backtest / "predictions.parquet"

    @property
    def weights(self) -> Path:
        """What `forewarn --json weights` said last, when the pages had it run."""
        return self.folder / "weights.json"

    @property
    def kept_reports(self) -> Path:
        return self.reports / self.KEPT

    @property
    def reports(self) -> Path:
        return self.folder / "reports"

    @property
    def cache(self) -> Path:
        """What can be made again at any time, such as the script that draws a report's charts."""
        return self.folder / "cache"

    @property
    def checked(self) -> Path:
        """What the last `check` found."""
        return self.cache / "check.json"

    @property
    def opened(self) -> Path:
        """What opening the sources found."""
        return self.cache / "sources.json"

    @property
    def features(self) -> Path:
        """The demo's table of signals."""
        return self.folder / "features.parquet"

    @property
    def history(self) -> Path:
        """Signals at the project's own as_ofs, as they were last built."""
        return self.folder / "signals" / "history.parquet"

    def signals(self, as_of: datetime) -> Path:
        """Signals of every account in play on a day."""
        return self.folder / "signals" / f"{as_of:%Y-%m-%d}.parquet"

    def scores(self, as_of: datetime) -> Path:
        """The scoring of every account on a day."""
        return self.folder / "scores" / f"{as_of:%Y-%m-%d}.parquet"

    def pushed(self, receiver: str) -> Path:
        """What a receiver of scores was told last, by the hash of its name."""
        return self.folder / "pushed" / f"{hashlib.sha256(receiver.encode()).hexdigest()[:16]}.json"

    @property
    def served(self) -> Path:
        """The service's answers, a folder for each day, model and configuration that it prepared."""
        return self.folder / "served"

    @property
    def is_state(self) -> bool:
        """Whether the folder holds anything of what forewarn keeps."""
        ours = (self.tracking, self.artifacts, self.ledger, self.reports, self.backtest)
        return any(path.exists() for path in (*ours, self.history.parent, self.folder / "scores"))
