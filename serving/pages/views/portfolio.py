"""Portfolio: what all accounts come to, and a table of them to search, narrow, sort, and take along."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from evaluation.formatting import money
from serving.api import Answer, Call, Route, Snapshot
from serving.api.routes import snapshot_of, written
from serving.pages.charts import Bar, Chart, bar_chart, day_words, heat_chart
from serving.pages.columns import BY_NAME, COLUMNS, Cell, Column, as_csv, chosen_columns
from serving.pages.navigation import PEOPLE
from serving.pages.rendering import HEADERS, render
from serving.pages.selection import (
    RENEWAL_DAYS,
    Filters,
    address,
    by_level_and_stage,
    chosen,
    query_values,
    sorted_by,
    totals_now,
    totals_then,
    visible,
)
from serving.pages.views.search import account_path
from serving.pages.wording import many
from serving.pages.words import name_words
from serving.prepared import EarlierDay, Summary

PATH, CSV_PATH = "/portfolio", "/portfolio.csv"
ROWS_A_PAGE = 50
SORT = "-loss"
MONTH_DAYS = range(21, 46)  # such an earlier day is "30 days ago"; any other is named by its date
MOST_TITLE = 80


@dataclass(frozen=True)
class Tile:
    """A total with its change."""

    label: str
    value: str
    note: str
    change: str
    path: str


@dataclass(frozen=True)
class Heading:
    """A column's heading: its label, where sorting by it leads, how it is sorted now (ascending, descending, none)."""

    label: str
    kind: str
    path: str
    sorted: str


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    path: str
    account_id: str
    cells: tuple[Cell, ...]
    is_held_out: bool


@dataclass(frozen=True)
class Choice:
    """One value of a filter."""

    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True)
class PortfolioView:
    """The page."""

    title: str
    tiles: tuple[Tile, ...]
    compared: str
    filters: Filters
    levels: tuple[Choice, ...]
    stages: tuple[Choice, ...]
    segments: tuple[Choice, ...]
    owners: tuple[Choice, ...]
    triggers: tuple[Choice, ...]
    milestones: tuple[Choice, ...]
    columns: tuple[Choice, ...]
    name: str
    sort: str
    headings: tuple[Heading, ...]
    kinds: tuple[str, ...]
    rows: tuple[Row, ...]
    how_many: str
    previous_path: str | None
    next_path: str | None
    csv_path: str
    clear_path: str | None
    by_level: Chart | None
    heat: Chart | None


@dataclass(frozen=True)
class Asked:
    """What the address asks for."""

    filters: Filters
    sort: str
    columns: tuple[Column, ...]
    names: tuple[str, ...]
    page: int
    title: str

    @classmethod
    def of(cls, query_string: bytes) -> Asked:
        asked = query_values(query_string)
        names = tuple(one for one in asked.get("column", []) if one in BY_NAME)
        sort, page = asked.get("sort", [SORT])[-1], asked.get("page", ["1"])[-1]
        return cls(
            filters=Filters.of(query_string),
            sort=sort if sort.lstrip("-") in BY_NAME else SORT,
            columns=chosen_columns(names),
            names=names,
            page=int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
            title=asked.get("name", [""])[-1].strip()[:MOST_TITLE],
        )

    def path(self, path: str = PATH, sort: str | None = None, page: int = 1) -> str:
        """The address of the same with another order or page."""
        pairs = [*self.filters.pairs, *(("column", name) for name in self.names)]
        order = sort or self.sort
        pairs += [("sort", order)] if order != SORT else []
        pairs += [("page", str(page))] if page > 1 else []
        pairs += [("name", self.title)] if self.title else []
        return address(path, pairs)


def ordered(snapshot: Snapshot, accounts: list[Summary], sort: str) -> list[Summary]:
    """The accounts in the order of a column; `-column`: the largest first."""
    column = BY_NAME[sort.lstrip("-")]
    return sorted_by(accounts, lambda one: column.value(snapshot, one), sort.startswith("-"))


def view(snapshot: Snapshot, owner: str | None, asked: Asked, risky: Sequence[str]) -> PortfolioView:
    """What the page shows of the accounts that a key sees (`owner`: of that owner alone)."""
    mine = visible(snapshot, owner)
    found = ordered(snapshot, chosen(snapshot, mine, asked.filters), asked.sort)
    pages = max(1, -(-len(found) // ROWS_A_PAGE))
    page = min(max(asked.page, 1), pages)
    first = (page - 1) * ROWS_A_PAGE
    shown = found[first : first + ROWS_A_PAGE]
    span = f"{first + 1:,} to {first + len(shown):,} of " if pages > 1 else ""
    levels = list(reversed(snapshot.day.header.levels))
    counts = by_level_and_stage(snapshot, found)
    of_level = {level: sum(count for (name, _), count in counts.items() if name == level) for level in levels}
    stages = _stages(snapshot, mine)
    tiles, compared = _tiles(snapshot, found, owner, asked, risky)
    return PortfolioView(
        title=asked.title or "Portfolio",
        tiles=tiles,
        compared=compared,
        filters=asked.filters,
        levels=_choices(levels, asked.filters.level),
        stages=_choices(stages, (asked.filters.stage,)),
        segments=_choices(_values(mine, lambda one: one.segment), (asked.filters.segment,)),
        owners=_choices(_values(mine, lambda one: one.owner), (asked.filters.owner,), False) if owner is None else (),
        triggers=_choices(sorted({name for one in mine for name in one.triggers}), (asked.filters.trigger,)),
        milestones=_choices(_values(mine, lambda one: one.stuck_at), (asked.filters.stuck,)),
        columns=tuple(Choice(one.name, one.label, one in asked.columns) for one in COLUMNS if one.name != "name"),
        name=asked.title,
        sort=asked.sort,
        headings=tuple(_heading(column, asked) for column in asked.columns),
        kinds=tuple(column.kind for column in asked.columns),
        rows=tuple(_row(snapshot, one, asked.columns) for one in shown),
        how_many=f"{span}{many(len(found), 'account')}",
        previous_path=asked.path(page=page - 1) if page > 1 else None,
        next_path=asked.path(page=page + 1) if page < pages else None,
        csv_path=asked.path(CSV_PATH),
        clear_path=PATH if asked.filters.pairs else None,
        by_level=bar_chart(
            [Bar(level, float(of_level[level]), "bar") for level in levels], "Accounts by level", "Accounts", _count
        ),
        heat=heat_chart(
            [[float(counts[level, stage]) for level in levels] for stage in stages],
            [name_words(stage) for stage in stages],
            levels,
            "Accounts by stage and level",
            _count,
        ),
    )


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _stages(snapshot: Snapshot, accounts: Iterable[Summary]) -> list[str]:
    known = list(snapshot.day.lists.stages)
    return known + sorted({one.lifecycle_stage for one in accounts} - set(known))


def _values(accounts: Iterable[Summary], value: Callable[[Summary], str | None]) -> list[str]:
    return sorted({found for one in accounts if (found := value(one)) is not None})


def _choices(values: Iterable[str], asked: Sequence[str], words: bool = True) -> tuple[Choice, ...]:
    return tuple(Choice(value, name_words(value) if words else value, value in asked) for value in values)


def _heading(column: Column, asked: Asked) -> Heading:
    down, up = f"-{column.name}", column.name
    now = {down: "descending", up: "ascending"}.get(asked.sort, "none")
    first, second = (down, up) if column.kind == "number" or column.largest_first else (up, down)
    return Heading(column.label, column.kind, asked.path(sort=second if asked.sort == first else first), now)


def _row(snapshot: Snapshot, one: Summary, columns: Sequence[Column]) -> Row:
    cells = tuple(column.words(snapshot, one) for column in columns[1:])
    name = Cell(one.name or one.account_id)
    return Row(account_path(one.account_id), one.account_id, (name, *cells), one.arm == "holdout")


def _tiles(
    snapshot: Snapshot, found: Sequence[Summary], owner: str | None, asked: Asked, risky: Sequence[str]
) -> tuple[tuple[Tile, ...], str]:
    """All, at risk, up for renewal and both, of the accounts that are listed; and with what they are compared."""
    within, at_risk = RENEWAL_DAYS, set(risky)
    now = totals_now(snapshot, found, at_risk, within)
    earlier = snapshot.day.lists.earlier
    then = by_model = None
    if earlier is not None and asked.filters.knows_earlier and _knows(earlier, asked.filters, owner):
        then = totals_then(earlier.accounts, asked.filters, owner, at_risk, within)
        by_model = totals_now(snapshot, found, at_risk, within, by_model=True)
    narrowed = [pair for pair in asked.filters.pairs if pair[0] not in ("level", "renewal")]
    levels = [("level", level) for level in risky]
    renewal = [("renewal", str(within))]
    paths = [address(PATH, narrowed + more) for more in ([], levels, renewal, [*levels, *renewal])]
    labels = ("Accounts", f"At {' or '.join(risky)} risk", f"Renewal within {within} days", "Both")
    tiles = []
    for place, (label, path) in enumerate(zip(labels, paths, strict=True)):
        total = now.parts[place]
        needs_renewals = place >= 2
        change = ""
        if then is not None and by_model is not None and (not needs_renewals or (earlier and earlier.knows_renewals)):
            accounts = by_model.parts[place].accounts - then.parts[place].accounts
            arr = by_model.parts[place].arr - then.parts[place].arr
            change = f"{accounts:+,} accounts, {_signed(arr, snapshot.day.header.currency)}"
        value = money(total.arr, snapshot.day.header.currency)
        tiles.append(Tile(label, f"{total.accounts:,}", f"{value} ARR", change, path))
    return tuple(tiles), _compared(snapshot, earlier, then is not None)


def _knows(earlier: EarlierDay, filters: Filters, owner: str | None) -> bool:
    """Whether the earlier day can be narrowed so: owners, segments and renewals are in its kept signals."""
    return earlier.knows_renewals or not (owner or filters.owner or filters.segment or filters.renewal is not None)


def _signed(amount: float, currency: str) -> str:
    return f"{'-' if amount < 0 else '+'}{money(abs(amount), currency)}"


def _compared(snapshot: Snapshot, earlier: EarlierDay | None, is_compared: bool) -> str:
    if earlier is None:
        return "No day of 30 days ago was scored, so nothing is compared."
    if not is_compared:
        return "The earlier day does not know what this list is narrowed to, so nothing is compared."
    age = (date.fromisoformat(snapshot.day.header.as_of) - date.fromisoformat(earlier.as_of)).days
    if age in MONTH_DAYS:
        return f"Changes are in {age} days, since {day_words(earlier.as_of)}, by the model's levels."
    return f"Changes are since {day_words(earlier.as_of)}, by the model's levels: no day of 30 days before was scored."


def risky_levels(call: Call, snapshot: Snapshot) -> list[str]:
    """The levels from which changes of risk are alerts on, the lowest first."""
    levels, first = list(snapshot.day.header.levels), call.live.settings.alerts.from_level
    return levels[levels.index(first) :] if first in levels else levels[-1:]


async def portfolio(call: Call) -> Answer:
    """The accounts that the key may see."""
    snapshot, asked = snapshot_of(call), Asked.of(call.query_string)
    made = await asyncio.to_thread(view, snapshot, call.key.owner, asked, risky_levels(call, snapshot))
    await written(call, "portfolio", [row.account_id for row in made.rows], snapshot)
    return await render(call, "portfolio.html", made)


async def portfolio_csv(call: Call) -> Answer:
    """All accounts of the list as a CSV file, not only those of a page."""
    snapshot, asked = snapshot_of(call), Asked.of(call.query_string)
    found = ordered(snapshot, chosen(snapshot, visible(snapshot, call.key.owner), asked.filters), asked.sort)
    await written(call, "portfolio", [one.account_id for one in found], snapshot)
    body = await asyncio.to_thread(as_csv, snapshot, found, asked.columns)
    name = f"portfolio-{snapshot.day.header.as_of}.csv"
    headers = {**HEADERS, "content-disposition": f'attachment; filename="{name}"'}
    return Answer(body, media_type="text/csv; charset=utf-8", headers=headers, accounts=len(found))


ROUTES: tuple[Route, ...] = (
    Route("GET", PATH, PEOPLE, portfolio, "All accounts, narrowed and sorted.", page=True),
    Route("GET", CSV_PATH, PEOPLE, portfolio_csv, "The same as a CSV file.", page=True),
)
