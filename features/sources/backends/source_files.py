"""Which files the project's tables are read from: what has changed shows there before anything is read."""

from __future__ import annotations

from pathlib import Path

from configs.settings import Settings
from features.sources.backends.base import names_files
from features.sources.backends.excel import split_sheet
from features.sources.backends.files import matching_files


def source_files(settings: Settings) -> list[Path] | None:
    """The files that the project's tables are read from.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    list of Path or None
        None where a table is a query's, or one of the connection's: those no file tells of.

    Raises
    ------
    SourceError
        When there is no such file.
    """
    files: list[Path] = []
    for name, source in settings.tables.items():
        if source.from_ is None or not names_files(settings, source.from_):
            return None
        files += matching_files(settings, f"tables.{name}.from", split_sheet(source.from_)[0])
    return files
