"""One project as a command holds it: what is opened for it is opened once, at its first use, and closed in the end.

    with Project.open(Path("forewarn.yaml"), tell=print) as project:
        score(project, now)

What is handed down is not opened again below: functions take the project, or what they need of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from configs.errors import DataError, Fault, UsageError
from configs.progress import Progress, silent
from configs.settings import Settings
from configs.settings_file import load_settings
from configs.state_paths import StatePaths
from serving.checked import Checked, kept

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.ledger import Ledger
    from features.checks import Suspect
    from features.dataset import Dataset
    from features.signal import Schema
    from features.sources import Sources
    from features.timeline import Outage
    from training.tracking import LoadedModel


class Project:
    """Settings, paths, sources, data set and ledger of one project, each made at most once; a model is loaded anew.

    Parameters
    ----------
    settings : Settings
        The project's.
    tell : Progress, optional
        Called with what is being done; silent by default.
    sources, dataset, ledger : optional
        What is open already. It is used as it is, and left open by `close`.
    now : datetime, optional
        With a time zone; rows that are dated later are a fault of the sources.

    Examples
    --------
    >>> from configs.settings_file import DEFAULT_FILE, read_body, settings_from
    >>> tables = {"accounts": {"from": "a.csv"}, "contracts": {"from": "c.csv"}}
    >>> with Project(settings_from(read_body(DEFAULT_FILE) | {"tables": tables}, Path("/p"))) as project:
    ...     project.has_ledger
    False
    """

    def __init__(
        self,
        settings: Settings,
        *,
        tell: Progress = silent,
        sources: Sources | None = None,
        dataset: Dataset | None = None,
        ledger: Ledger | None = None,
        now: datetime | None = None,
    ) -> None:
        self.settings = settings
        self.now = now
        self.tell = tell
        self._opened = ExitStack()
        self._knows_no_future = False
        self._sources_given = sources is not None
        given = {"sources": sources, "dataset": dataset, "ledger": ledger}
        # An entry of that name is what a cached property looks for before it makes one.
        self.__dict__.update({name: value for name, value in given.items() if value is not None})

    @classmethod
    def open(cls, config: Path, tell: Progress = silent, now: datetime | None = None) -> Self:
        """The project of a YAML file; ConfigError names every fault of it at once."""
        return cls(load_settings(config), tell=tell, now=now)

    def borrowed(
        self,
        *,
        settings: Settings | None = None,
        sources: Sources | None = None,
        dataset: Dataset | None = None,
    ) -> Project:
        """The same project under other settings, sources or data; it shares what this one opens, and closes nothing.

        Parameters
        ----------
        settings, sources, dataset : optional
            What differs; by default as here, and the data set is built from the sources.

        Returns
        -------
        Project
        """
        return Project(
            settings or self.settings,
            tell=self.tell,
            sources=sources or self.sources,
            dataset=dataset,
            ledger=self.ledger,
            now=self.now,
        )

    def close(self) -> None:
        """Closes what was opened here, in the reverse order."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def paths(self) -> StatePaths:
        return self.settings.paths

    @cached_property
    def sources(self) -> Sources:
        """The source tables, connected, mapped and checked; SourceError names every fault at once."""
        from features.sources import open_sources

        sources = open_sources(self.settings, self.now)
        self._opened.callback(sources.close)
        return sources

    @cached_property
    def last_check(self) -> Checked | None:
        """What `check` found last, if files, settings and code are as they were; None where it has to look again."""
        # Sources that were handed in may not be those of the files.
        return None if self._sources_given else kept(self.settings, self.now)

    @cached_property
    def suspects(self) -> tuple[Suspect, ...]:
        """Columns of the sources that may know the future, those that `allow_leaking` names included."""
        if self.last_check is not None:
            return self.last_check.report.suspects
        from features.checks import find_suspects

        self.tell("looking for columns that know the future")
        return find_suspects(self.settings, self.sources)

    def require_no_suspects(self) -> None:
        """DataError with every suspected column that `allow_leaking` does not name, every signal of the project's own
        that reads the future, and outcomes that contradict contracts; looked for once, and not where the last check
        passed and still holds."""
        from features.checks import require_no_suspects

        if not self._knows_no_future and not (self.last_check is not None and self.last_check.passed):
            require_no_suspects(self.settings, self.sources, self.suspects)
            self._knows_no_future = True

    @cached_property
    def outages(self) -> dict[str, tuple[Outage, ...]]:
        """Days without rows of each feed, by the feed's name."""
        from features.timeline import outages_by_feed

        return outages_by_feed(self.sources)

    @cached_property
    def dataset(self) -> Dataset:
        """Signals and labels at the project's own as_ofs; the signals are kept for `history`."""
        from configs.atomic_files import write_marked
        from features.dataset import load_dataset

        self.tell("building signals")
        dataset = load_dataset(self.settings, self.sources)
        schema = {"schema": json.dumps(dataset.schema.to_json(of_model=False))}
        write_marked(dataset.signals, self.paths.history, self._history_mark() | schema)
        return dataset

    def dataset_at(self, as_ofs: Sequence[datetime]) -> Dataset:
        """Signals and labels at the days given.

        Parameters
        ----------
        as_ofs : sequence of datetime
            UTC midnights.

        Returns
        -------
        Dataset

        Raises
        ------
        DataError
            With each day on which no account is in play.
        """
        import pandas as pd

        from features.dataset import load_dataset

        self.tell("building signals")
        days = [pd.Timestamp(day).as_unit("us") for day in as_ofs]
        dataset = load_dataset(self.settings, self.sources, days)
        faults = [
            Fault("as_of", f"no account in play on {day:%Y-%m-%d}", "at least one", "choose a day that the data cover")
            for day in sorted(set(days) - set(dataset.signals.as_of))
        ]
        if faults:
            raise DataError(faults)
        return dataset

    @cached_property
    def history(self) -> tuple[pd.DataFrame, Schema]:
        """Signals at the project's own as_ofs and their schema, as a training or backtest of today's data kept them;
        built where there is none."""
        from configs.atomic_files import read_marked
        from features.signal import Schema

        kept = None if "dataset" in self.__dict__ else read_marked(self.paths.history, self._history_mark())
        if kept is None:
            return self.dataset.signals, self.dataset.schema
        frame, mark = kept
        return frame, Schema.from_json(json.loads(mark["schema"]))

    def _history_mark(self) -> dict[str, str]:
        return {"sources": self.sources.fingerprint, "settings": self.settings.data_version, "schema_of": "data"}

    @property
    def has_ledger(self) -> bool:
        """Whether anything was written to a ledger yet, or a database is named for it."""
        return "ledger" in self.__dict__ or self.settings.has_ledger

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, which is made when there is none."""
        from evaluation.ledger import Ledger

        return self._opened.enter_context(Ledger.open(self.settings))

    @property
    def ledger_or_none(self) -> Ledger | None:
        """The ledger, where there is one to be read."""
        return self.ledger if self.has_ledger else None

    @property
    def written_ledger(self) -> Ledger:
        """The ledger; UsageError while there is none."""
        if not self.has_ledger:
            raise UsageError(Fault("ledger", "nothing", "at least one prediction", "run `forewarn score` first"))
        return self.ledger

    def model(self, version: str) -> LoadedModel:
        """A registered version by number, run or alias; UsageError, naming what exists, when it is not there."""
        from training.tracking import load_version

        return load_version(self.settings, version)

    @property
    def champion_version(self) -> str | None:
        """The number of the version that scores, whether or not its model can be read; None before the first
        promotion."""
        from training.tracking import CHAMPION, versions

        return next((version.number for version in versions(self.settings) if CHAMPION in version.aliases), None)

    @property
    def champion(self) -> LoadedModel | None:
        """The model that scores; None before the first promotion."""
        version = self.champion_version
        return None if version is None else self.model(version)
