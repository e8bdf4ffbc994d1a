"""The entries of the navigation: label, path, who sees it. One line a page, in the order in which they stand."""

from __future__ import annotations

from typing import NamedTuple

from serving.keys import Role

PEOPLE: tuple[Role, ...] = ("csm", "leader", "scientist", "admin")  # `platform` is a machine's, which opens no page


class NavigationEntry(NamedTuple):
    """One page of the navigation."""

    label: str
    path: str
    roles: tuple[Role, ...]


NAVIGATION: tuple[NavigationEntry, ...] = (
    NavigationEntry("My day", "/", ("csm", "leader", "admin")),
    NavigationEntry("Portfolio", "/portfolio", PEOPLE),
    NavigationEntry("Journey", "/journey", PEOPLE),
    NavigationEntry("Leaders", "/leaders", ("leader", "scientist", "admin")),
    NavigationEntry("Model", "/scientist", ("scientist", "admin")),
    NavigationEntry("Status", "/status", ("admin",)),
)


def entries_for(role: Role) -> list[NavigationEntry]:
    """What a role sees of the navigation."""
    return [entry for entry in NAVIGATION if role in entry.roles]
