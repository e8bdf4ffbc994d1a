"""Finding an account by its name or id, from any page; and the page on which each role begins."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from evaluation.formatting import money, percent
from serving.api import Answer, Call, Route, Snapshot
from serving.api.routes import sees, snapshot_of
from serving.pages.navigation import PEOPLE, entries_for
from serving.pages.rendering import redirect, render

MOST_SHOWN = 50


@dataclass(frozen=True)
class FoundAccount:
    """An account that the words fit."""

    path: str
    name: str
    account_id: str
    owner: str
    level: str
    risk: str
    arr: str


@dataclass(frozen=True)
class SearchView:
    """The accounts whose name or id holds what was looked for."""

    title: str
    asked: str
    found: tuple[FoundAccount, ...]
    how_many: str


def account_path(account_id: str) -> str:
    """Where an account's page is.

    >>> account_path("a/1 b")
    '/accounts/a%2F1%20b'
    """
    return f"/accounts/{quote(account_id, safe='')}"


def view(snapshot: Snapshot, asked: str, account_ids: list[str]) -> SearchView:
    """What the page of a search shows."""
    header = snapshot.day.header
    found = []
    for account_id in account_ids[:MOST_SHOWN]:
        one = snapshot.day.summaries[account_id]
        found.append(
            FoundAccount(
                path=account_path(account_id),
                name=one.name or account_id,
                account_id=account_id,
                owner=one.owner or "nobody",
                level=snapshot.level(account_id)["final"],
                risk=percent(one.p_churn),
                arr="-" if one.arr is None else money(one.arr, header.currency),
            )
        )
    count = len(account_ids)
    how_many = "No account fits." if count == 0 else "1 account fits." if count == 1 else f"{count} accounts fit."
    if count > MOST_SHOWN:
        how_many = f"{count} accounts fit; the first {MOST_SHOWN} are shown."
    return SearchView(f"Accounts that fit “{asked}”" if asked else "Find an account", asked, tuple(found), how_many)


async def search(call: Call) -> Answer:
    """The accounts that fit, the largest expected loss first; the account itself where only one does."""
    snapshot, asked = snapshot_of(call), call.query.get("q", "").strip()[:200]
    words = asked.casefold().split()
    seen = [one for one in snapshot.order("-expected_arr_loss") if words and sees(call, snapshot, one)]
    fitting = [one for one in seen if _fits(words, one, snapshot.day.summaries[one].name)]
    if len(fitting) == 1:
        return redirect(account_path(fitting[0]))
    return await render(call, "search.html", view(snapshot, asked, fitting))


def _fits(words: list[str], account_id: str, name: str | None) -> bool:
    text = f"{name or ''} {account_id}".casefold()
    return all(word in text for word in words)


async def start(call: Call) -> Answer:
    """The first page of the navigation that the key's role may open."""
    entries = [entry for entry in entries_for(call.key.role) if entry.path != "/"]
    return redirect(entries[0].path if entries else "/find")


ROUTES: tuple[Route, ...] = (Route("GET", "/find", PEOPLE, search, "Accounts by name or id.", page=True),)
