"""The synthetic company's feeds: product usage, tickets, interactions and surveys, noisy views of the drivers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.synthetic.books import ContactHolders, Names, contact_ids, moments
from features.synthetic.calendar import Calendar, Floats, Ints
from features.synthetic.hazard import Life

FEATURES = (
    "dashboards",
    "exports",
    "alerts",
    "reports",
    "imports",
    "search",
    "workflows",
    "sharing",
    "comments",
    "api",
    "forecasts",
    "audit_log",
)
USERS_MOST = 14  # users of one account whose use is kept apart
PULSE_DAYS = 30  # between two waves of the recommendation survey
NO_FEED = 0.02  # share of accounts whose product sends no usage at all
OUTAGE_DAYS = (3, 2)  # lengths of the times at which nobody's usage arrived
SUMMER_DIP, DECEMBER_DIP = 0.28, 0.35


def season(calendar: Calendar) -> Floats:
    """(day,) factor on everybody's usage: a summer and a year's-end dip, and quiet weekends. It is not risk."""
    dates = calendar.dates(np.arange(calendar.end))
    of_year = (dates - dates.astype("datetime64[Y]").astype("datetime64[D]")).astype(int)
    since_christmas = np.minimum(np.abs(of_year - 361), 365 - np.abs(of_year - 361))
    dips = SUMMER_DIP * np.exp(-(((of_year - 222) / 18.0) ** 2)) + DECEMBER_DIP * np.exp(
        -((since_christmas / 7.0) ** 2)
    )
    weekday = (dates.astype(int) + 3) % 7  # 1970-01-01 was a Thursday; 0 is Monday
    return np.asarray((1 - dips) * np.where(weekday >= 5, 0.15, 1.0))


def usage_events(rng: np.random.Generator, life: Life, names: Names, seats: Ints) -> pd.DataFrame:
    """Counts per account, day, user and feature, in the order in which they happened.

    The usage driver sets how many users there are, how often and how much; the breadth driver how many
    features. An account takes up features in an order of its own.
    """
    calendar = life.calendar
    feed = slice(calendar.feed, calendar.end)
    weak, narrow = life.driver("usage")[:, feed], life.driver("breadth")[:, feed]
    is_recorded = life.alive()[:, feed]
    is_recorded[rng.permutation(len(life))[: max(2, round(NO_FEED * len(life)))]] = False
    silent = [] if life.story is None else [life.story.outage(calendar)]
    for outage in [*_outages(rng, calendar), *silent]:
        is_recorded[:, outage - calendar.feed] = False
    days_old = np.arange(calendar.feed, calendar.end) - life.created_day[:, None]
    ramp = 1 - 0.7 * np.exp(-np.maximum(days_old, 0) / 15.0)
    base = np.where(life.quiet, 0.5, 1.0) * np.exp(rng.normal(0, 0.05, len(life)))
    often = 0.17 * base[:, None] * ramp * season(calendar)[feed] * np.exp(-0.3 * weak)
    share = 1 / (1 + np.exp(-(0.9 - 1.5 * weak)))
    users = np.clip(np.ceil(seats[:, feed] * share), 1, USERS_MOST)
    drawn = rng.random((*weak.shape, USERS_MOST), dtype=np.float32) < np.clip(often, 0, 0.95)[:, :, None]
    drawn &= (np.arange(USERS_MOST) < users[:, :, None]) & is_recorded[:, :, None]
    row, day, user = np.nonzero(drawn)
    times = 1 + (rng.random(len(row)) < 0.5)
    row, day, user = (np.repeat(positions, times) for positions in (row, day, user))

    order = np.argsort(rng.random((len(life), len(FEATURES))) + 0.04 * np.arange(len(FEATURES)), axis=1)
    taste = rng.normal(0, 0.06, len(life))
    known = len(FEATURES) / (1 + np.exp(-(taste[:, None] - 0.75 * narrow)))
    width = np.clip(np.round(known), 1, len(FEATURES)).astype(int)[row, day]
    pick = (rng.random(len(row)) * width).astype(int)
    quantity = 1 + rng.poisson(6 * np.exp(-0.3 * weak[row, day]))
    body = pd.DataFrame({"row": row, "day": day, "user": user, "feature": order[row, pick], "quantity": quantity})
    body = body.groupby(["day", "row", "user", "feature"], sort=True).sum().reset_index()
    row, day = body["row"].to_numpy(), body["day"].to_numpy() + calendar.feed
    minute = rng.integers(6 * 60, 20 * 60, len(body))
    order_in_time = np.lexsort((minute, day))
    body = body.iloc[order_in_time]
    row, day, minute = row[order_in_time], day[order_in_time], minute[order_in_time]
    when = (calendar.dates(day) + minute.astype("timedelta64[m]")).astype("datetime64[us]")
    delay = np.where(rng.random(len(body)) < 0.02, rng.integers(24 * 60, 24 * 60 * 5, len(body)), 60)
    user_ids = [f"{account_id}-u{number:02d}" for account_id in names.account_id for number in range(1, USERS_MOST + 1)]
    user_code = row * USERS_MOST + body["user"].to_numpy()
    return _known_by_the_end(
        pd.DataFrame(
            {
                "account_id": pd.Categorical.from_codes(row, categories=pd.Index(names.account_id)),
                "occurred_at": when,
                "feature": pd.Categorical.from_codes(body["feature"].to_numpy(), categories=pd.Index(FEATURES)),
                "user_id": pd.Categorical.from_codes(user_code, categories=pd.Index(user_ids)),
                "quantity": body["quantity"].to_numpy().astype(float),
                "recorded_at": when + delay.astype("timedelta64[m]"),
            }
        ),
        calendar,
    )


def _outages(rng: np.random.Generator, calendar: Calendar) -> list[Ints]:
    """Days on which the usage feed was down for everybody; never a month's last week, so that no as_of is blind."""
    months = calendar.month_starts()
    months = months[(months > calendar.window + 60) & (months < calendar.end - 40)]
    if not len(months):
        return []
    chosen = rng.choice(months, min(len(OUTAGE_DAYS), len(months)), replace=False)
    return [
        int(month) + int(rng.integers(5, 15)) + np.arange(days)
        for month, days in zip(chosen, OUTAGE_DAYS, strict=False)
    ]


def _known_by_the_end(table: pd.DataFrame, calendar: Calendar) -> pd.DataFrame:
    """Rows that had arrived when the data was taken out."""
    end = calendar.dates(calendar.end).astype("datetime64[us]")
    return table[table["recorded_at"].to_numpy() <= end].reset_index(drop=True)


def _events(rng: np.random.Generator, life: Life, rate: Floats) -> tuple[Ints, Ints]:
    """(row, day) of events that come at `rate` a day, in the order of days, while the account is a customer."""
    rate = rate * life.alive()
    rate[:, : life.calendar.feed] = 0
    counts = rng.poisson(rate.T)
    day, row = np.nonzero(counts)
    times = counts[day, row]
    return np.repeat(row, times), np.repeat(day, times)


def _moment(rng: np.random.Generator, calendar: Calendar, day: Ints) -> NDArray[np.datetime64]:
    """A working hour of the day."""
    minute = rng.integers(8 * 60, 18 * 60, len(day)).astype("timedelta64[m]")
    return (calendar.dates(day) + minute).astype("datetime64[us]")


def _after(moment: NDArray[np.datetime64], hours: Floats) -> NDArray[np.datetime64]:
    return moment + (np.asarray(hours) * 3600).astype("timedelta64[s]")


def _yes(rng: np.random.Generator, log_odds: Floats) -> NDArray[np.bool_]:
    return np.asarray(rng.random(len(log_odds)) < 1 / (1 + np.exp(-log_odds)))


def tickets_table(rng: np.random.Generator, life: Life, names: Names) -> pd.DataFrame:
    """The support driver brings more tickets, more severe, slower to be solved and worse rated."""
    calendar = life.calendar
    trouble = life.driver("support")
    monthly = np.array((2.8, 2.2, 1.8))[life.segment]
    row, day = _events(rng, life, monthly[:, None] / 30 * np.exp(0.35 * trouble))
    bad = trouble[row, day]
    count = len(row)
    severity = 0.7 * bad + rng.normal(0, 0.9, count)
    priority = np.array(("low", "normal", "high", "urgent"), dtype=object)[np.digitize(severity, (-0.9, 0.7, 1.6))]
    opened = _moment(rng, calendar, day)
    resolved = _after(opened, np.exp(rng.normal(3.1, 0.8, count) + 0.45 * bad))
    end = calendar.dates(calendar.end).astype("datetime64[us]")
    rated = rng.random(count) < 0.7
    score = np.clip(np.round(3.6 - 1.0 * bad + rng.normal(0, 0.5, count)), 1, 5)
    tone = np.clip(0.05 - 0.32 * bad + rng.normal(0, 0.22, count), -1, 1)
    late = np.where(rng.random(count) < 0.03, rng.uniform(24, 96, count), 0.05)
    # Drawn last, so that the other columns stay as they were.
    again = _yes(rng, 0.5 * bad - 2.6)
    reopened = opened + ((resolved - opened) * rng.uniform(0.3, 0.9, count)).astype("timedelta64[us]")
    table = pd.DataFrame(
        {
            "account_id": names.account_id[row],
            "opened_at": opened,
            "resolved_at": moments(resolved, resolved < end),
            "reopened_at": moments(reopened, again & (reopened < end)),
            "priority": priority,
            "satisfaction": np.where(rated & (resolved < end), score, np.nan),
            "sentiment": np.round(tone, 2),
            "recorded_at": _after(opened, late),
        }
    ).sort_values(["opened_at", "account_id"], ignore_index=True)
    table.insert(1, "ticket_id", [f"tic-{number:06d}" for number in range(1, count + 1)])
    return _known_by_the_end(table, calendar)


# kind, begun by, a month (enterprise, mid-market, SMB), effect of the engagement driver on how often,
# log odds that the customer comes (None: nothing to come to), effect of the driver on them
TALKS: tuple[tuple[str, str, tuple[float, float, float], float, float | None, float], ...] = (
    ("email", "us", (6.0, 5.0, 5.0), 0.0, None, 0.0),
    ("email", "customer", (1.8, 1.5, 1.3), -0.55, None, 0.0),
    ("call", "us", (1.0, 1.0, 0.9), 0.0, 1.0, -1.8),
    ("meeting", "us", (2.4, 2.2, 2.0), 0.0, 1.0, -2.2),
    ("qbr", "us", (0.33, 0.33, 0.0), 0.0, 1.5, -1.5),
    ("training", "us", (0.5, 0.5, 0.5), 0.0, 0.6, -1.8),
    ("webinar", "us", (0.5, 0.5, 0.6), 0.0, 0.0, -1.7),
    ("community", "customer", (0.4, 0.4, 0.4), -0.55, None, 0.0),
)


def interactions_table(rng: np.random.Generator, life: Life, names: Names, holders: ContactHolders) -> pd.DataFrame:
    """The engagement driver shows in replies and attendance, the tone driver in how they speak."""
    calendar = life.calendar
    away, gloom = life.driver("engagement"), life.driver("tone")
    end = calendar.dates(calendar.end).astype("datetime64[us]")
    gone_at = calendar.dates(life.churn_day).astype("datetime64[us]")
    frames = []
    for kind, by, monthly, effect, odds, slope in TALKS:
        rate = np.array(monthly)[life.segment][:, None] / 30 * np.exp(effect * away)
        row, day = _events(rng, life, rate)
        far = away[row, day]
        when = _moment(rng, calendar, day)
        came = _yes(rng, odds + slope * far) if odds is not None else None
        replied = np.zeros(len(row), dtype=bool)
        reply = when
        if kind == "email" and by == "us":
            replied = _yes(rng, 0.6 - 2.0 * far)
            reply = _after(when, np.exp(rng.normal(2.6, 0.8, len(row)) + 0.6 * far))
        elif kind == "email":
            replied, reply = rng.random(len(row)) < 0.95, _after(when, rng.exponential(6.0, len(row)) + 0.1)
        replied &= (reply < end) & (reply < gone_at[row])
        heard = np.ones(len(row), dtype=bool) if came is None else came
        tone = np.clip(0.15 - 0.34 * gloom[row, day] + rng.normal(0, 0.22, len(row)), -1, 1)
        frames.append(
            pd.DataFrame(
                {
                    "account_id": names.account_id[row],
                    "occurred_at": when,
                    "kind": kind,
                    "contact_id": contact_ids(_partner(rng, holders, row, day, kind)),
                    "initiated_by": by,
                    "attended": pd.array(np.full(len(row), None) if came is None else came, dtype="boolean"),
                    "responded_at": moments(reply, replied),
                    # An answer's tone would be filled in later than the mail, so mails carry none.
                    "sentiment": np.where(heard & (kind != "email"), np.round(tone, 2), np.nan),
                    "recorded_at": _after(
                        when, np.where(rng.random(len(row)) < 0.04, rng.uniform(24, 120, len(row)), 0.2)
                    ),
                }
            )
        )
    table = pd.concat(frames).sort_values(["occurred_at", "account_id", "kind"], ignore_index=True)
    # Two mails of one minute are two facts.
    table.insert(1, "interaction_id", [f"int-{number:07d}" for number in range(1, len(table) + 1)])
    return _known_by_the_end(table, calendar)


def _partner(rng: np.random.Generator, holders: ContactHolders, row: Ints, day: Ints, kind: str) -> Ints:
    """Whom it was with: the sponsor at reviews, else mostly champion, admin and users; always someone in place."""
    draw = rng.random(len(row))
    someone = holders.others[row, rng.integers(0, 3, len(row))]
    champion, sponsor = holders.champion[row, day], holders.sponsor[row, day]
    with_sponsor = draw < (0.8 if kind == "qbr" else 0.15)
    chosen = np.where((draw > 0.6) & (champion >= 0), champion, someone)
    return np.where(with_sponsor & (sponsor >= 0), sponsor, chosen)


def surveys_table(rng: np.random.Generator, life: Life, names: Names, holders: ContactHolders) -> pd.DataFrame:
    """An NPS pulse every PULSE_DAYS to up to four contacts, and now and then a CSAT or a CES question."""
    calendar = life.calendar
    gloom, trouble = life.driver("advocacy"), life.driver("support")
    alive = life.alive()
    first = rng.integers(0, PULSE_DAYS, len(life))
    days = np.arange(calendar.end)
    wave = ((days - first[:, None]) % PULSE_DAYS == 0) & alive & (days >= calendar.feed)
    row, day = np.nonzero(wave)
    own_view = rng.normal(0, 0.2, len(life))
    asked = np.repeat(np.arange(len(row)), 4)
    person = np.tile(np.arange(4), len(row))
    answered = rng.random(len(asked)) < np.array((0.75, 0.65, 0.6))[life.segment[row[asked]]]
    asked, person = asked[answered], person[answered]
    r, d = row[asked], day[asked]
    contact = np.where(person == 3, holders.champion[r, d], holders.others[r, np.minimum(person, 2)])
    score = np.clip(np.round(6.6 - 1.8 * gloom[r, d] + own_view[r] + rng.normal(0, 0.8, len(r))), 0, 10)
    nps = _answers(names.account_id[r], _at_minute(calendar, d, 11 * 60 + 7 * person), "nps", score, contact)

    others = []
    for kind, monthly, usual, slope, noise, most in (("csat", 0.35, 3.9, 0.8, 0.7, 5), ("ces", 0.15, 5.2, 0.6, 1.2, 7)):
        own, on = _events(rng, life, np.full(gloom.shape, monthly / 30))
        score = np.clip(np.round(usual - slope * trouble[own, on] + rng.normal(0, noise, len(own))), 1, most)
        contact = holders.others[own, rng.integers(0, 3, len(own))]
        when = _at_minute(calendar, on, rng.integers(480, 1080, len(own)))
        others.append(_answers(names.account_id[own], when, kind, score, contact))
    table = pd.concat([nps, *others]).sort_values(["occurred_at", "account_id", "kind"], ignore_index=True)
    late = np.where(rng.random(len(table)) < 0.05, rng.uniform(24, 24 * 7, len(table)), 0.5)
    table["recorded_at"] = _after(table["occurred_at"].to_numpy(), late)
    return _known_by_the_end(table, calendar)


def _at_minute(calendar: Calendar, day: Ints, minute: Ints) -> np.ndarray:
    return (calendar.dates(day) + minute.astype("timedelta64[m]")).astype("datetime64[us]")


def _answers(account_id: np.ndarray, when: np.ndarray, kind: str, score: Floats, contact: Ints) -> pd.DataFrame:
    body: dict[str, Any] = {"account_id": account_id, "occurred_at": when, "kind": kind}
    return pd.DataFrame({**body, "score": score, "contact_id": contact_ids(contact)})
