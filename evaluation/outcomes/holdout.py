"""Who is left alone on purpose, and what approaching the others did: arms by hash, outcomes by arm, and the effect.

An account that was approached and stayed may have been saved, or would have stayed anyway; nobody can tell which of one
account. It is never a plain false alarm. Only where chance decided who was approached do the arms tell what it did.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from configs.errors import DataError, Fault
from configs.json_object import JsonObject
from evaluation.metrics import (
    Array,
    Interval,
    MetricRefused,
    Refusal,
    bootstrap_statistics,
    draw,
    interval_of,
    share_interval,
)

TREATED, UNTREATED, HOLDOUT = "treated", "untreated", "holdout"
ARMS = (TREATED, UNTREATED, HOLDOUT)
# Four characters as they stand here: with any other, every running experiment would be drawn anew.
SEPARATOR = r"\x1f"
LEAST_CHURNED = 10
OFF_BALANCE = 4.0  # standard deviations
NO_DRAW = Refusal("chance did not decide who was approached; evaluation.holdout would let it")


class NotRandom(DataError):
    """An effect was asked for where chance did not decide who was approached."""

    title = "an effect was refused"


def assign(account_ids: Sequence[str], salt: str, share: float) -> Array:
    """Draws by hash which accounts are held out and which may be approached.

    The arm hangs on the account's id and the salt alone (SHA-256 of both, read as a number in [0, 1)): the same on any
    machine and day, whoever else there is; a larger share keeps the smaller one's accounts; another salt draws anew.

    Parameters
    ----------
    account_ids : sequence of str
        n accounts.
    salt : str
        Name of the draw.
    share : float
        Of the accounts that are held out, 0-1.

    Returns
    -------
    array, (n,) text
        "holdout" or "treated".

    Raises
    ------
    ValueError
        For a share outside 0-1.

    Examples
    --------
    >>> assign(["a", "b", "c", "d"], "2026 renewals", 0.5).tolist()
    ['holdout', 'holdout', 'treated', 'treated']
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share of {share}")
    texts = (f"{salt}{SEPARATOR}{account}".encode() for account in account_ids)
    positions = [int.from_bytes(hashlib.sha256(text).digest()[:8], "big") / 2**64 for text in texts]
    return np.where(np.array(positions, dtype=float) < share, HOLDOUT, TREATED)


def arms(rows: pd.DataFrame, interventions: pd.DataFrame) -> pd.Series:
    """Whether each row's account was approached, held out or left to itself as of its day.

    What began only later in the window does not count: whoever leaves early is approached by nobody, so that those who
    were never approached would look worse though approaching did nothing (immortal time).

    Parameters
    ----------
    rows : pd.DataFrame
        account_id, as_of.
    interventions : pd.DataFrame
        account_id, started_at, ended_at (NaT: still under way), arm ("treated", "holdout" or missing, which counts as
        treated).

    Returns
    -------
    pd.Series, (n,) text
        With the index of `rows`. treated: one was under way at as_of. holdout: none was, but the account was held out.
        Else untreated: nobody had decided anything by then, and what sets it apart is not chance.

    References
    ----------
    Suissa (2008), Immortal time bias in pharmacoepidemiology.

    Examples
    --------
    >>> day = pd.Timestamp("2025-01-01")
    >>> rows = pd.DataFrame({"account_id": ["a", "b", "c"], "as_of": day})
    >>> done = pd.DataFrame({"account_id": ["a", "b"], "started_at": day, "ended_at": pd.NaT, "arm": ["holdout", None]})
    >>> arms(rows, done).tolist()
    ['holdout', 'treated', 'untreated']
    """
    both = _beside(rows, interventions)
    both = both[(both.started_at <= both.as_of) & ~(both.ended_at <= both.as_of)]
    arm_of_row = np.full(len(rows), UNTREATED, dtype=object)
    for arm in (HOLDOUT, TREATED):
        arm_of_row[both.row[both.arm == arm].unique()] = arm
    return pd.Series(arm_of_row, index=rows.index, name="arm")


def approached_later(rows: pd.DataFrame, interventions: pd.DataFrame, horizon_days: int) -> pd.Series:
    """Whether somebody began to approach each row's account after its day, within the window.

    Parameters
    ----------
    rows, interventions : pd.DataFrame
        As for `arms`.
    horizon_days : int
        Length of the window, in days.

    Returns
    -------
    pd.Series, (n,) bool
        With the index of `rows`.
    """
    both = _beside(rows, interventions)
    end = both.as_of + pd.Timedelta(days=horizon_days)
    later = (both.arm == TREATED) & (both.started_at > both.as_of) & (both.started_at < end)
    return pd.Series(np.isin(np.arange(len(rows)), both.row[later]), index=rows.index, name="approached_later")


def _beside(rows: pd.DataFrame, interventions: pd.DataFrame) -> pd.DataFrame:
    """Each row, by its number `row`, with each intervention of its account."""
    known = interventions.assign(arm=interventions.arm.fillna(TREATED))
    keyed = rows[["account_id", "as_of"]].assign(row=np.arange(len(rows)))
    return keyed.merge(known, on="account_id", how="inner")


@dataclass(frozen=True)
class ArmOutcome:
    """What became of the scorings of one arm.

    Attributes
    ----------
    arm : str
        One of ARMS.
    rows, accounts, churned : int
        Scorings, the accounts that they are of, and scorings whose account left within the window.
    happened : Interval
        Share that left, 0-1.
    expected : float
        Mean predicted probability, 0-1.
    approached_later : int
        Scorings whose account somebody began to approach later in the window: they stay in the arm of their day.
    flagged, flagged_and_left, flagged_and_stayed : int
        Scorings that were flagged, and what their accounts did; those approached later and still there are apart.
    flagged_and_stayed_when_approached_later : int
        Saved, or safe anyway; none in the treated arm.
    """

    arm: str
    rows: int
    accounts: int
    churned: int
    happened: Interval
    expected: float
    approached_later: int
    flagged: int
    flagged_and_left: int
    flagged_and_stayed: int
    flagged_and_stayed_when_approached_later: int

    def to_json(self) -> JsonObject:
        """Flagged and stayed are `false_alarms` only where nobody approached them; else `stayed_when_treated`."""
        body = vars(self).copy()
        stayed = body.pop("flagged_and_stayed")
        body["stayed_when_approached_later"] = body.pop("flagged_and_stayed_when_approached_later")
        return body | {"stayed_when_treated" if self.arm == TREATED else "false_alarms": stayed}


def by_arm(rows: pd.DataFrame) -> tuple[ArmOutcome, ...]:
    """What became of the scorings of each arm, apart.

    Parameters
    ----------
    rows : pd.DataFrame
        account_id, y (0 or 1), p (0-1), flagged (bool), arm, approached_later (bool).

    Returns
    -------
    tuple of ArmOutcome
        One an arm that has rows.

    Examples
    --------
    >>> rows = pd.DataFrame({"account_id": list("abc"), "y": [0.0, 1.0, 0.0], "p": 0.5, "flagged": True})
    >>> rows["approached_later"] = False
    >>> treated, untreated = by_arm(rows.assign(arm=["treated", "treated", "untreated"]))
    >>> treated.flagged_and_stayed, untreated.flagged_and_stayed
    (1, 1)
    >>> "false_alarms" in treated.to_json(), "false_alarms" in untreated.to_json()
    (False, True)
    """
    outcomes = []
    for arm in ARMS:
        in_arm = rows[rows.arm == arm]
        if in_arm.empty:
            continue
        y = in_arm.y.to_numpy(dtype=float)
        low, high = share_interval(y, in_arm.account_id.to_numpy(dtype=str))
        later, stayed = in_arm.approached_later & (arm != TREATED), in_arm.flagged & (in_arm.y == 0)
        outcomes.append(
            ArmOutcome(
                arm=arm,
                rows=len(in_arm),
                accounts=int(in_arm.account_id.nunique()),
                churned=int(y.sum()),
                happened=Interval(float(y.mean()), low, high),
                expected=float(in_arm.p.mean()),
                approached_later=int(later.sum()),
                flagged=int(in_arm.flagged.sum()),
                flagged_and_left=int((in_arm.flagged & (in_arm.y == 1)).sum()),
                flagged_and_stayed=int((stayed & ~later).sum()),
                flagged_and_stayed_when_approached_later=int((stayed & later).sum()),
            )
        )
    return tuple(outcomes)


@dataclass(frozen=True)
class Effect:
    """Churn of the arm approached less that of the arm held out: below 0, approaching kept accounts.

    Attributes
    ----------
    treated, holdout : Interval
        Share of each arm that churned, 0-1.
    difference : Interval
        The first less the second, -1 to 1.
    treated_accounts, holdout_accounts : int
        Accounts of each arm.
    """

    treated: Interval
    holdout: Interval
    difference: Interval
    treated_accounts: int
    holdout_accounts: int


def effect(rows: pd.DataFrame, salt: str, share: float, draws: int = 400, seed: int = 7) -> Effect:
    """What being up for an approach did to the share that churned, -1 to 1, with intervals over accounts.

    rows: account_id, y (0 or 1), arm, of all accounts that took part, approached in the end or not (by intention: who
    was left out of the treated arm because it looked hopeless would spoil the comparison).

    Raises NotRandom, with every fault, unless the arms are those of `assign(account_id, salt, share)` for every account
    and their sizes are within 4 standard deviations of the share, none being empty; MetricRefused when fewer than 10
    accounts churned in both arms together.

    >>> names = [f"a{number:03d}" for number in range(200)]
    >>> rows = pd.DataFrame({"account_id": names, "arm": assign(names, "spring", 0.5)})
    >>> quarter, held = np.arange(200) % 4, rows.arm == HOLDOUT      # one in four leaves, of those held out one in two
    >>> rows["y"] = ((quarter == 0) | ((quarter == 1) & held)).astype(float)
    >>> kept = effect(rows, "spring", 0.5, draws=100)
    >>> round(kept.holdout.value, 2), round(kept.treated.value, 2), kept.difference.high < 0
    (0.54, 0.22, True)
    """
    faults = _not_random(rows, salt, share)
    if faults:
        raise NotRandom(faults)
    churned = int(rows.account_id[rows.y == 1].nunique())
    if churned < LEAST_CHURNED:
        raise MetricRefused("effect", "churned accounts", churned, LEAST_CHURNED)
    held = (rows.arm == HOLDOUT).to_numpy(dtype=float)
    rows = rows.assign(held=held, treated=1 - held, y_held=held * rows.y, y_treated=(1 - held) * rows.y)
    drawn = draw(
        rows,
        {
            TREATED: bootstrap_statistics.ratio("y_treated", "treated"),
            HOLDOUT: bootstrap_statistics.ratio("y_held", "held"),
        },
        draws,
        seed,
    )
    sizes = rows.groupby("arm").account_id.nunique()
    return Effect(
        interval_of(drawn[TREATED], "effect"),
        interval_of(drawn[HOLDOUT], "effect"),
        interval_of(drawn[TREATED] - drawn[HOLDOUT], "effect"),
        int(sizes[TREATED]),
        int(sizes[HOLDOUT]),
    )


def _not_random(rows: pd.DataFrame, salt: str, share: float) -> list[Fault]:
    faults = []
    others = int((~rows.arm.isin([TREATED, HOLDOUT])).sum())
    if others:
        do = "leave them out of the comparison: what set them apart is not known"
        faults.append(Fault("arm", f"{others} rows in no arm of the experiment", "treated or holdout", do))
    accounts = rows.loc[rows.arm.isin([TREATED, HOLDOUT]), ["account_id", "arm"]].drop_duplicates()
    moved = int((accounts.arm.to_numpy() != assign(accounts.account_id.tolist(), salt, share)).sum())
    if moved:
        do = "give the salt and share of the experiment; arms chosen by hand say nothing about an effect"
        faults.append(Fault("arm", f"{moved} accounts in another arm than drawn", "the arm of the draw", do))
    count, held = len(accounts), int((accounts.arm == HOLDOUT).sum())
    for arm, size in ((TREATED, count - held), (HOLDOUT, held)):
        if not size:
            faults.append(Fault("arm", f"no account is {arm}", "both arms", "hold some accounts out, and wait"))
    half = OFF_BALANCE * math.sqrt(max(count, 1) * share * (1 - share))
    if count and abs(held - share * count) > half:
        found, expected = f"{held} of {count} held out", f"{share * count:.0f} within {half:.0f}"
        faults.append(Fault("arm", found, expected, "find out why rows of one arm are missing"))
    return faults
