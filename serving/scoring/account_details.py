"""What the page of an account shows beside its prediction: signals a month ago, reasons that repeat one another, the
playbooks it calls for, and its rows of the source tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from features.sources import Sources
from serving.messages import (
    AccountDetails,
    ContactShown,
    DetailsRequest,
    InvoiceShown,
    MilestoneShown,
    PlaybookShown,
    StepShown,
    SurveyShown,
    TicketShown,
    Value,
    WeekOfUse,
)
from serving.scoring.account_signals import LEAST_PEERS, account_signals, peers_of
from serving.scoring.account_tables import AccountTables
from serving.scoring.scorer import Scorer

MONTH_DAYS = range(20, 46)  # an earlier day that counts as a month ago
SAME = 0.8  # rank correlation, over today's accounts, from which two signals say much the same
LEAST_ACCOUNTS = 30  # for such a correlation
MOST_ROWS = 60


@dataclass(frozen=True)
class Alike:
    """How much the numbers among the signals repeat one another over the accounts of the day.

    Attributes
    ----------
    place : dict of str to int
        Of a signal in the matrix.
    correlation : array, (n, n)
        Absolute rank correlations; NaN where one of the two never moves.
    """

    place: dict[str, int]
    correlation: np.ndarray

    @classmethod
    def of(cls, frame: pd.DataFrame, names: list[str]) -> Alike:
        """Over the accounts of a day; nothing is alike where these are few."""
        if len(frame) < LEAST_ACCOUNTS:
            return cls({}, np.zeros((0, 0)))
        ranks = frame[names].rank().to_numpy("float64")
        centred = ranks - np.nanmean(ranks, axis=0)
        centred = np.where(np.isnan(centred), 0.0, centred)
        size = np.sqrt((centred**2).sum(axis=0))
        with np.errstate(divide="ignore", invalid="ignore"):
            correlation = np.abs(centred.T @ centred / np.outer(size, size))
        return cls({name: place for place, name in enumerate(names)}, correlation)

    def repeats(self, strongest_first: Sequence[tuple[str, str]]) -> dict[str, str]:
        """By signal, the strongest one before it of the same dimension that says much the same.

        >>> frame = pd.DataFrame({"a": range(40), "b": [2 * x for x in range(40)], "c": [x % 7 for x in range(40)]})
        >>> Alike.of(frame, ["a", "b", "c"]).repeats([("b", "usage"), ("c", "usage"), ("a", "usage")])
        {'a': 'b'}
        """
        told: list[tuple[str, str]] = []
        found: dict[str, str] = {}
        for name, dimension in strongest_first:
            if name not in self.place:
                continue
            row = self.correlation[self.place[name]]
            same = (other for other, of in told if of == dimension and row[self.place[other]] >= SAME)
            leader = next(same, None)
            if leader is None:
                told.append((name, dimension))
            else:
                found[name] = leader
        return found


@dataclass(frozen=True)
class DayHeld:
    """What is held of a day for the details of any account.

    Attributes
    ----------
    scorer : Scorer
        Of the day.
    history : DataFrame or None
        Signals at the project's own as_ofs.
    month_ago : DataFrame or None
        Of these the day a month ago, by account.
    tables : AccountTables
        As they were known on the day.
    alike : Alike
        Of the day's accounts.
    """

    scorer: Scorer
    history: pd.DataFrame | None
    month_ago: pd.DataFrame | None
    tables: AccountTables
    alike: Alike

    @classmethod
    def of(cls, scorer: Scorer, history: pd.DataFrame | None, sources: Sources) -> DayHeld:
        """What a day's details are made from; the sources are read once."""
        month_ago = None
        if history is not None:
            days = [day for day in history.as_of.unique() if (scorer.as_of - day).days in MONTH_DAYS]
            if days:
                month_ago = history[history.as_of == max(days)].set_index("account_id", drop=False)
        numbers = [info.name for info in scorer.model.schema.signals if info.kind == "number"]
        alike = Alike.of(scorer.frame, [name for name in numbers if name in scorer.frame])
        return cls(scorer, history, month_ago, AccountTables.read(sources, scorer.as_of), alike)


def account_details(day: DayHeld, account_id: str, request: DetailsRequest) -> AccountDetails:
    """All of an account that its page shows beside the prediction.

    Parameters
    ----------
    day : DayHeld
    account_id : str
        In play.
    request : DetailsRequest
        What the prediction says already.

    Returns
    -------
    AccountDetails
    """
    scorer, tables = day.scorer, day.tables
    row = scorer.frame.loc[account_id]
    month_ago_as_of, month_ago, peers_month_ago = _month_ago(day, row, [name for name, _ in request.reasons])
    talks = tables.of("talks", account_id)
    parent = _text(row, "parent_account_id")
    return AccountDetails(
        signals=account_signals(scorer, account_id, day.history),
        month_ago_as_of=month_ago_as_of,
        month_ago=month_ago,
        peers_month_ago=peers_month_ago,
        repeats=day.alike.repeats(request.reasons),
        stage_criterion=_text(row, "stage_criterion"),
        days_to_renewal=_number(row, "days_to_renewal"),
        tier=_tier(scorer, row),
        strategic=bool(row.get("strategic") is True or row.get("strategic") == 1),
        parent_account_id=parent,
        children=_children(scorer.frame, account_id),
        playbooks=_playbooks(scorer, request.playbooks, row),
        last_contact_at=max((talk["last_at"] for talk in talks), default=None),
        tables=list(tables.names),
        contacts=_contacts(tables.of("contacts", account_id), talks),
        tickets=[TicketShown(**_without_id(one)) for one in tables.of("tickets", account_id)[:MOST_ROWS]],
        invoices=[InvoiceShown(**_without_id(one)) for one in tables.of("invoices", account_id)[:MOST_ROWS]],
        surveys=[SurveyShown(**_without_id(one)) for one in tables.of("surveys", account_id)[:MOST_ROWS]],
        milestones=[MilestoneShown(**_without_id(one)) for one in tables.of("milestones", account_id)[:MOST_ROWS]],
        usage=[WeekOfUse(**{"users": None} | _without_id(one)) for one in tables.of("usage", account_id)],
    )


def _without_id(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "account_id"}


def _text(row: Any, name: str) -> str | None:
    value = row.get(name)
    return None if value is None or pd.isna(value) else str(value)


def _number(row: Any, name: str) -> float | None:
    value = row.get(name)
    return None if value is None or pd.isna(value) else float(value)


def _tier(scorer: Scorer, row: Any) -> str | None:
    tier = scorer.settings.framework.tier_of(_number(row, "arr"))
    return None if tier is None else tier.name


def _children(frame: pd.DataFrame, account_id: str) -> list[str]:
    if "parent_account_id" not in frame:
        return []
    return [
        str(one) for one in frame.index[(frame.parent_account_id == account_id).to_numpy(dtype=bool, na_value=False)]
    ]


def _playbooks(scorer: Scorer, names: list[str], row: Any) -> list[PlaybookShown]:
    framework = scorer.settings.framework
    tier = framework.tier_of(_number(row, "arr"))
    shown = []
    for name in names:
        playbook = framework.playbook(name).in_tier(tier)
        steps = [StepShown(do=step.do, by=step.by, within_days=step.within_days) for step in playbook.steps]
        shown.append(
            PlaybookShown(
                playbook=playbook.name,
                context=playbook.context,
                steps=steps,
                resources=list(playbook.resources),
                success=list(playbook.success),
                escalate=playbook.escalate,
            )
        )
    return shown


def _month_ago(day: DayHeld, row: Any, names: list[str]) -> tuple[str | None, dict[str, Value], dict[str, float]]:
    """The day a month ago, the account's signals then, and its peers' medians then."""
    at = day.month_ago
    if at is None or row.account_id not in at.index:
        return None, {}, {}
    mine = at.loc[row.account_id]
    named = [name for name in names if name in at]
    values: dict[str, Value] = {}
    for name in named:
        value = mine[name]
        values[name] = None if pd.isna(value) else value if isinstance(value, str) else float(value)
    peers, _ = peers_of(day.scorer.frame, row)
    numbers = [name for name in named if pd.api.types.is_numeric_dtype(at[name].dtype)]
    others = at.loc[at.index.isin(peers.index), numbers]
    medians = {str(name): float(value) for name, value in others.median().items() if pd.notna(value)}
    return f"{mine.as_of:%Y-%m-%d}", values, medians if len(others) >= LEAST_PEERS else {}


def _contacts(rows: list[dict[str, Any]], talks: list[dict[str, Any]]) -> list[ContactShown]:
    """Contacts in place first, then those who left; of each the roles that go on, or the last."""
    active = {talk["contact_id"]: talk["active_at"] for talk in talks}
    by_contact: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_contact.setdefault(row["contact_id"], []).append(row)
    shown = []
    for contact_id, roles in by_contact.items():
        here = [role for role in roles if role["until"] is None]
        of = here or [max(roles, key=lambda role: role["until"])]
        shown.append(
            ContactShown(
                contact_id=contact_id,
                roles=sorted({role["role"] for role in of}),
                since=min(role["since"] for role in of),
                until=None if here else of[0]["until"],
                active_at=active.get(contact_id),
            )
        )
    return sorted(shown, key=lambda one: (one.until is not None, one.contact_id))[:MOST_ROWS]
