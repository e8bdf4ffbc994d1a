"""Every place in which forewarn keeps something: what is in it, about whom, and what erasing does there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from configs.settings import Settings
from configs.state_paths import StatePaths

ACCOUNTS, CONTACTS, NOBODY = "accounts", "accounts and contacts", "nobody"


@dataclass(frozen=True)
class Store:
    """One place, as a project has it.

    Attributes
    ----------
    name : str
    where : str
        A path, or a database without its password.
    holds : str
        In words.
    about : str
        Whom it names.
    erasing : str
        What `personal erase` does there.
    bytes : int or None
        Its size; None where it is not there, or no file.
    """

    name: str
    where: str
    holds: str
    about: str
    erasing: str
    bytes: int | None = None


@dataclass(frozen=True)
class _Kind:
    name: str
    holds: str
    about: str
    erasing: str
    paths: Callable[[StatePaths], tuple[Path, ...]]


FILES: tuple[_Kind, ...] = (
    _Kind(
        "signals", "a row of signals for each account and day, with its name, owner and attributes", ACCOUNTS,
        "its rows are taken out", lambda p: (p.history.parent, p.features),
    ),
    _Kind(
        "scores", "the predictions of each day, with reasons and actions", ACCOUNTS, "its rows are taken out",
        lambda p: (p.folder / "scores",),
    ),
    _Kind(
        "backtest", "out-of-time predictions and what happened", ACCOUNTS, "its rows are taken out",
        lambda p: (p.backtest,),
    ),
    _Kind(
        "usage by day", "usage of accounts and their users, folded by day (engine.incremental)", CONTACTS,
        "the file is removed, and made again from your tables", lambda p: (p.usage,),
    ),
    _Kind(
        "prepared answers", "the service's answers of a day", ACCOUNTS,
        "removed, and prepared again by the service within a minute", lambda p: (p.served,),
    ),
    _Kind(
        "reports", "figures, and the accounts that they show by name", ACCOUNTS,
        "files that name it are removed; `forewarn report` makes them again", lambda p: (p.reports,),
    ),
    _Kind(
        "pushed", "which accounts a receiver was told of, and a hash of what", ACCOUNTS, "its entry is taken out",
        lambda p: (p.folder / "pushed",),
    ),
    _Kind(
        "models", "trees, weights, calibration, and words of categories; no rows of accounts", NOBODY,
        "nothing: train again, without the account, where its share in the fit has to go as well",
        lambda p: (p.artifacts, p.bentoml),
    ),
    _Kind("runs", "parameters and figures of trainings", NOBODY, "nothing", lambda p: (p.tracking, p.tuning)),
    _Kind("keys", "digests of API keys with the names that you gave them", "who calls the service",
          "nothing: `forewarn keys revoke`", lambda p: (p.keys,)),
    _Kind("cache", "what can be made again at any time, such as what the last check found", ACCOUNTS,
          "files that name it are removed", lambda p: (p.cache,)),
)  # fmt: skip
LEDGER = (
    "predictions with reasons, answers and who asked, judgements, alerts and messages, and what people entered: "
    "overrides, feedback, interventions, outcomes"
)


def stores(settings: Settings) -> tuple[Store, ...]:
    """Every place in which something of a project is, whether or not there is anything in it yet.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    tuple of Store
    """
    return tuple(_stores(settings))


def _stores(settings: Settings) -> Iterator[Store]:
    for name, source in settings.tables.items():
        where = source.from_ or " ".join((source.query or "").split())[:80]
        yield Store(f"your table {name}", where, "your own facts, read and never written", CONTACTS, "yours to do")
    where = _without_password(settings.ledger_url)
    size = _size(settings.paths.ledger) if settings.serving.ledger is None else None
    yield Store("ledger", where, LEDGER, CONTACTS, "values are taken out, hashes stay: it still verifies", size)
    for kind in FILES:
        for path in kind.paths(settings.paths):
            yield Store(kind.name, str(path), kind.holds, kind.about, kind.erasing, _size(path))
    if settings.serving.tracking is not None:
        server = _without_password(settings.serving.tracking)
        yield Store("runs", server, "parameters, figures and files of trainings", NOBODY, "nothing")
    for receiver in settings.alerts.receivers:
        holds, erasing = "alerts that were sent to it", "out of reach: ask whoever runs it"
        yield Store(f"receiver {receiver.name}", receiver.kind, holds, ACCOUNTS, erasing)


def _size(path: Path) -> int | None:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.exists() else None


def _without_password(url: str) -> str:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url.rpartition("@")[2]
