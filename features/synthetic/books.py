"""The synthetic company's books: accounts, contracts, invoices, contacts, milestones, outcomes and interventions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.synthetic.calendar import SEGMENTS, Floats, Ints
from features.synthetic.hazard import INDUSTRIES, REGIONS, Life, boundaries, log_hazard

PLANS = ("enterprise", "business", "starter")
NOON = np.timedelta64(12, "h")
MILESTONES = (
    ("kickoff", 8),
    ("data_import", 20),
    ("first_workflow", 38),
    ("team_trained", 60),
    ("first_business_outcome", 105),
)
INTERVENTIONS = ("discovery_call", "success_plan", "executive_escalation", "training_offer")
REASONS = ("price", "missing_feature", "competitor", "low_use", "sponsor_left", "went_out_of_business")
LATE_PAYERS = 0.1  # share whose habit is to pay weeks late, which has nothing to do with leaving


@dataclass(frozen=True)
class Names:
    """Account identities, one a row of the life."""

    account_id: NDArray[Any]

    @classmethod
    def of(cls, count: int) -> Names:
        return cls(np.array([f"acc-{number:04d}" for number in range(1, count + 1)], dtype=object))


def accounts_table(rng: np.random.Generator, life: Life, names: Names) -> pd.DataFrame:
    """Attributes hold nothing that was decided later: no status, no last plan."""
    count = len(life)
    teams = np.array([(1, 4), (5, 8), (9, 12)])
    low, high = teams[life.segment].T
    owner = np.array([f"csm-{number:02d}" for number in rng.integers(low, high + 1)], dtype=object)
    owner[rng.random(count) < 0.02] = None
    parent = np.full(count, None, dtype=object)
    enterprises = np.flatnonzero(life.segment == 0)
    children = np.flatnonzero((life.segment > 0) & (rng.random(count) < 0.05))
    if len(enterprises):
        parent[children] = names.account_id[rng.choice(enterprises, len(children))]
    return pd.DataFrame(
        {
            "account_id": names.account_id,
            "created_at": life.calendar.dates(life.created_day) + np.timedelta64(9, "h"),
            "name": [f"Account {account_id[4:]}" for account_id in names.account_id],
            "segment": np.array(SEGMENTS, dtype=object)[life.segment],
            "owner": owner,
            "parent_account_id": parent,
            "strategic": (life.segment == 0) & (rng.random(count) < 0.3),
            "industry": np.array(INDUSTRIES, dtype=object)[life.industry],
            "region": np.array(REGIONS, dtype=object)[life.region],
        }
    )


@dataclass(frozen=True)
class Agreements:
    """Contracts as bought, and what the other books need of them: seats by day, and changes of revenue."""

    table: pd.DataFrame
    changes: pd.DataFrame  # row, day, kind, arr_change
    seats: Ints  # (account, day)
    arr_at_end: Floats


def agreements(rng: np.random.Generator, life: Life, names: Names) -> Agreements:
    """One contract a term; price and seats change when a term begins. Those who leave cancel within their last term."""
    calendar = life.calendar
    unhappy = life.driver("usage")
    seats_by_day = np.zeros((len(life), calendar.end), dtype=np.int16)
    rows: list[tuple[Any, ...]] = []
    changes: list[tuple[Any, ...]] = []
    arr_at_end = life.arr.astype(float).copy()
    for row in range(len(life)):
        term = int(life.term_months[row])
        last = min(int(life.churn_day[row]), calendar.end - 1)
        starts = boundaries(calendar.day(life.created_day[row]), term, calendar.day(last))
        days = (starts - calendar.start).astype(int)
        arr, seats = float(life.arr[row]), int(life.seats[row])
        draws = rng.random((len(days), 2))
        for number in range(len(days) - 1):
            day, until = int(days[number]), int(days[number + 1])
            if day >= life.churn_day[row]:
                break
            if number:
                change = _change(draws[number], float(unhappy[row, day]) if day >= 0 else 0.0, term)
                before, seats = arr, max(2, round(seats * change))
                arr = round(arr * change, 2)
                if day >= calendar.window and change != 1:
                    changes.append((row, day, "expansion" if change > 1 else "contraction", arr - before))
                if day >= calendar.window and term > 1:
                    changes.append((row, day, "renewal", 0.0))
            cancelled = int(life.churn_day[row]) if life.churn_day[row] < min(until, calendar.end) else -1
            rows.append((row, day, until, arr, seats, cancelled))
            seats_by_day[row, max(day, 0) : max(until, 0)] = seats
        arr_at_end[row] = arr
    body = pd.DataFrame(rows, columns=["row", "day", "until", "arr", "seats", "cancelled"])
    body = body.sort_values(["day", "row"], ignore_index=True)
    own = body["row"].to_numpy()
    billing = np.where(life.term_months == 1, 0, rng.choice(3, len(life), p=(0.8, 0.2, 0.0)))
    # Drawn last, so that the other columns stay as they were; a habit of buying, which has nothing to do with leaving.
    auto_renews = (life.term_months == 1) | (rng.random(len(life)) < 0.4)
    table = pd.DataFrame(
        {
            "account_id": names.account_id[own],
            "starts_at": calendar.dates(body["day"].to_numpy()).astype("datetime64[us]"),
            "contract_id": [f"con-{number:06d}" for number in range(1, len(body) + 1)],
            "ends_at": calendar.dates(body["until"].to_numpy()).astype("datetime64[us]"),
            "arr": body["arr"],
            "seats": body["seats"].astype(float),
            "plan": np.array(PLANS, dtype=object)[life.segment[own]],
            "billing_period": np.array(("monthly", "quarterly", "annual"), dtype=object)[billing[own]],
            "auto_renews": auto_renews[own],
            "cancelled_at": moments(
                calendar.dates(body["cancelled"].to_numpy()) + NOON, body["cancelled"].to_numpy() >= 0
            ),
            "discount": life.discount[own],
        }
    )
    return Agreements(
        table, pd.DataFrame(changes, columns=["row", "day", "kind", "arr_change"]), seats_by_day, arr_at_end
    )


def _change(draw: Floats, unhappy: float, term_months: int) -> float:
    """Factor on price and seats as a new term begins: fewer for those who use little, more for those who use much."""
    per_term = min(term_months, 12) / 12
    if draw[0] < per_term * 0.08 * np.exp(0.5 * unhappy):
        return round(0.7 + 0.2 * float(draw[1]), 2)
    if draw[0] > 1 - per_term * 0.2 * np.exp(-0.4 * unhappy):
        return round(1.1 + 0.3 * float(draw[1]), 2)
    return 1.0


def moments(values: NDArray[np.datetime64], is_present: NDArray[np.bool_]) -> NDArray[np.datetime64]:
    """Times in microseconds, null where not `is_present`."""
    return np.where(is_present, values.astype("datetime64[us]"), np.datetime64("NaT", "us"))


def outcomes_table(rng: np.random.Generator, life: Life, names: Names, agreed: Agreements) -> pd.DataFrame:
    """Churns, renewals, expansions and contractions in the window; one in four is recorded days after it happened."""
    left = np.flatnonzero(life.churn_day < life.calendar.end)
    churns = pd.DataFrame(
        {"row": left, "day": life.churn_day[left], "kind": "churn", "arr_change": -agreed.arr_at_end[left]}
    )
    body = pd.concat([churns, agreed.changes], ignore_index=True).sort_values(["day", "row", "kind"], ignore_index=True)
    row, day = body["row"].to_numpy(), body["day"].to_numpy()
    churn = (body["kind"] == "churn").to_numpy()
    when = life.calendar.dates(day) + NOON
    late = np.where(rng.random(len(body)) < 0.25, rng.integers(24, 24 * 9, len(body)), rng.integers(1, 10, len(body)))
    unpaid = rng.random(len(body)) < 0.12 * np.exp(0.5 * life.driver("payment")[row, day])
    reason = np.array(REASONS, dtype=object)[rng.integers(len(REASONS), size=len(body))]
    reason = np.where(unpaid, "did_not_pay", reason)
    return pd.DataFrame(
        {
            "account_id": names.account_id[row],
            "occurred_at": when.astype("datetime64[us]"),
            "kind": body["kind"],
            "arr_change": body["arr_change"].round(2),
            "reason": pd.Series(reason).where(churn, None),
            "voluntary": pd.Series(~unpaid, dtype="boolean").where(churn),
            "recorded_at": (when + late.astype("timedelta64[h]")).astype("datetime64[us]"),
        }
    )


def invoices_table(rng: np.random.Generator, life: Life, names: Names, agreed: Agreements) -> pd.DataFrame:
    """Billed ahead; paid by habit, later as the payment driver worsens. A final invoice may follow a churn."""
    calendar = life.calendar
    contracts = agreed.table
    row = pd.Index(names.account_id).get_indexer(contracts["account_id"])
    every = contracts["billing_period"].map({"monthly": 1, "quarterly": 3, "annual": 12}).to_numpy()
    first = contracts["starts_at"].to_numpy().astype("datetime64[D]")
    last = contracts["ends_at"].to_numpy().astype("datetime64[D]")
    periods = np.maximum((last.astype("datetime64[M]") - first.astype("datetime64[M]")).astype(int) // every, 1)
    own = np.repeat(np.arange(len(contracts)), periods)
    number = np.arange(len(own)) - np.repeat(np.cumsum(periods) - periods, periods)
    month = first.astype("datetime64[M]")
    within = first - month.astype("datetime64[D]")
    issued = (month[own] + number * every[own]).astype("datetime64[D]") + within[own]
    day = (issued - calendar.start).astype(int)
    kept = (day < np.minimum(calendar.end, life.churn_day[row[own]])) & (day >= calendar.window - 400)
    own, day = own[kept], day[kept]
    account = row[own]
    amount = contracts["arr"].to_numpy()[own] / 12 * every[own]
    leavers = np.flatnonzero((life.churn_day < calendar.end - 20) & (rng.random(len(life)) < 0.5))
    final = life.churn_day[leavers] + rng.integers(2, 16, len(leavers))
    account, day = np.concatenate([account, leavers]), np.concatenate([day, final])
    amount = np.concatenate([amount, agreed.arr_at_end[leavers] / 24])

    order = np.lexsort((account, day))
    account, day, amount = account[order], day[order], amount[order]
    habit = np.where(rng.random(len(life)) < LATE_PAYERS, rng.uniform(15, 35, len(life)), rng.normal(-4, 1, len(life)))
    due = np.where(life.term_months[account] == 1, 14, 30) + day
    worse = life.driver("payment")[account, np.clip(due, 0, calendar.end - 1)]
    paid = np.maximum(due + habit[account] + 10 * worse + rng.normal(0, 2, len(day)), day + 1)
    failed = rng.random(len(day)) < 0.04 * np.exp(0.5 * worse)
    paid = paid + np.where(failed, 4.0, 0.0)
    paid_at = calendar.start.astype("datetime64[s]") + (paid * 86_400).astype("timedelta64[s]")
    count = len(day)
    main = pd.DataFrame(
        {
            "account_id": names.account_id[account],
            "issued_at": (calendar.dates(day) + np.timedelta64(6, "h")).astype("datetime64[us]"),
            "due_at": calendar.dates(due).astype("datetime64[us]"),
            "paid_at": moments(paid_at, paid < calendar.end),
            "amount": np.round(amount, 2),
            "kind": "invoice",
        }
    )
    tries = failed & (due + 1 < np.minimum(calendar.end, life.churn_day[account]))
    extra = main[tries].assign(kind="failed_payment", issued_at=main["due_at"] + pd.Timedelta(hours=15))
    notes = main[(rng.random(count) < 0.01) & (day + 12 < np.minimum(calendar.end, life.churn_day[account]))]
    notes = notes.assign(
        kind="credit_note", issued_at=notes["issued_at"] + pd.Timedelta(days=10), amount=-0.1 * notes["amount"]
    )
    for rest in (extra, notes):
        rest[["due_at", "paid_at"]] = np.datetime64("NaT", "us")
    table = pd.concat([main, extra, notes]).sort_values(["issued_at", "account_id", "kind"], ignore_index=True)
    table.insert(1, "invoice_id", [f"inv-{number:06d}" for number in range(1, len(table) + 1)])
    return table


@dataclass(frozen=True)
class ContactHolders:
    """The contacts table, and who could be spoken to: contact number by account and day, -1 for nobody."""

    table: pd.DataFrame
    sponsor: Ints
    champion: Ints
    others: Ints  # (account, 3)


def contact_holders(rng: np.random.Generator, life: Life, names: Names) -> ContactHolders:
    """Sponsors and champions by their chains (a gap between two holders), an admin and users who stay."""
    rows: list[tuple[int, str, int, int]] = []
    holders = {}
    for role, gone in (("executive_sponsor", life.sponsor_gone), ("champion", life.champion_gone)):
        holder = np.full(gone.shape, -1, dtype=np.int32)
        for row in range(len(life)):
            born, last = int(life.created_day[row]), int(min(life.churn_day[row], life.calendar.end - 1))
            begin = max(born, 0)
            path = gone[row, begin : last + 1]
            flips = np.flatnonzero(path[1:] != path[:-1]) + 1 + begin
            edges = np.concatenate([[begin], flips, [last + 1]])
            if path[0] and born < 0:
                rows.append((row, role, born, -int(rng.integers(1, min(60, -born) + 1))))
            for start, stop in pairwise(edges):
                if not gone[row, start]:
                    holder[row, start:stop] = len(rows)
                    rows.append(
                        (row, role, born if start == begin else int(start), int(stop) if stop <= last else _STAYS)
                    )
        holders[role] = holder
    others = np.empty((len(life), 3), dtype=np.int32)
    for column, role in enumerate(("admin", "user", "user")):
        others[:, column] = len(rows) + np.arange(len(life))
        lags = rng.integers(0, 20, len(life))
        rows += [(row, role, int(life.created_day[row] + lags[row]), _STAYS) for row in range(len(life))]
    body = pd.DataFrame(rows, columns=["row", "role", "since", "until"])
    owner, since, until = (body[name].to_numpy() for name in ("row", "since", "until"))
    # A chain's change on a day is dated the noon before it, so that the as_of of that day already sees it.
    change = np.where(since == life.created_day[owner], NOON, -NOON)
    since_at = life.calendar.dates(since) + change
    table = pd.DataFrame(
        {
            "account_id": names.account_id[owner],
            "contact_id": contact_ids(np.arange(len(body))),
            "role": body["role"],
            "since": since_at.astype("datetime64[us]"),
            "until": moments(life.calendar.dates(np.where(until == _STAYS, 0, until)) - NOON, until != _STAYS),
        }
    )
    known = (since_at < life.calendar.dates(life.calendar.end)) & (since < life.churn_day[owner])
    return ContactHolders(table[known], holders["executive_sponsor"], holders["champion"], others)


_STAYS = np.iinfo(np.int32).max


def contact_ids(numbers: Ints) -> NDArray[Any]:
    return np.array([f"contact-{number + 1:05d}" if number >= 0 else None for number in numbers], dtype=object)


def milestones_table(rng: np.random.Generator, life: Life, names: Names) -> pd.DataFrame:
    """Onboarding milestones, in order; slow starters take two to three times as long, one in twenty goes unreported."""
    pace = np.exp(rng.normal(0, 0.35, len(life)))
    frames = []
    for name, usual in MILESTONES:
        lag = usual * pace * np.exp(rng.normal(0, 0.12, len(life)))
        day = life.created_day + lag.astype(int) + 1
        is_reported = (day < life.churn_day) & (day < life.calendar.end) & (rng.random(len(life)) < 0.95)
        frames.append(pd.DataFrame({"row": np.flatnonzero(is_reported), "milestone": name, "day": day[is_reported]}))
    body = pd.concat(frames).sort_values(["day", "row", "milestone"], ignore_index=True)
    return pd.DataFrame(
        {
            "account_id": names.account_id[body["row"]],
            "milestone": body["milestone"],
            "reached_at": (life.calendar.dates(body["day"].to_numpy()) + NOON).astype("datetime64[us]"),
        }
    )


def interventions_table(rng: np.random.Generator, life: Life, names: Names) -> pd.DataFrame:
    """What the team did for accounts that looked unwell. It changes nothing, so the truth needs no account of it.

    Those who are helped leave more often, because they were unwell: a comparison must use the arms, drawn at random for
    half of the interventions from a third of the window on.
    """
    calendar = life.calendar
    risk = log_hazard(life)
    rate = np.clip(0.0014 * np.exp(0.5 * (risk - np.median(risk))), 0, 0.02) * life.alive()
    rate[:, : calendar.window] = 0
    row, day = np.nonzero(rng.random(rate.shape) < rate)
    order = np.lexsort((row, day))
    row, day = row[order], day[order]
    trial = (day > calendar.window + (calendar.end - calendar.window) // 3) & (rng.random(len(row)) < 0.5)
    arm = np.where(rng.random(len(row)) < 0.5, "treated", "holdout").astype(object)
    stop = day + rng.integers(10, 45, len(row))
    return pd.DataFrame(
        {
            "account_id": names.account_id[row],
            "started_at": (calendar.dates(day) + NOON).astype("datetime64[us]"),
            "kind": np.array(INTERVENTIONS, dtype=object)[rng.integers(len(INTERVENTIONS), size=len(row))],
            "ended_at": moments(calendar.dates(stop) + NOON, stop < np.minimum(calendar.end, life.churn_day[row])),
            "arm": pd.Series(arm).where(trial, None),
        }
    )
