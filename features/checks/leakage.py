"""Mapped columns that may know the future, found by their names and by their values; training refuses them.

Attributes and contracts come from tables as they stand today, so a column that was written or rewritten when an account
left does not show it by its time. It shows it by what it separates. The test is shifted in time: on a reference day,
among the accounts that were known and alive then, does the column separate those that left afterwards from those that
stayed to the end? A column written at the churn does so whenever it is read today; so does one computed from the
future. A legitimate predictor may, too, but hardly with an AUC of 0.9 over everything that followed, months and years
later. A second test compares accounts that were gone by the reference day with those that stayed, which catches a
column of an older extraction, written for those only. Both compare accounts of the same quarter of sign-ups with each
other, since older accounts have had more time to leave. Three reference days are tried, after 10, 35 and 65 % of the
churns; where each has too few accounts, all that left are compared with all that stayed.

Contract rows are compared by row: the last one of each account that left, with rows of accounts that stayed that began
in the same quarter. Measures are compared by their mean in one month, half-way through the account's life and at least
three months before its end, with those of accounts that stayed in the same month: what is merely seen coming fades with
distance, what is copied from today's state into old rows does not.

An AUC counts from 0.9, and only if it lies three standard errors above 0.8, so that a good predictor is not suspected
for a lucky draw among few churns (with an AUC of 0.8 in truth, in about one of a hundred simulated companies of 100
accounts, and rarer in larger ones). A suspicion is no proof: what was known all along goes into `allow_leaking`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from configs.errors import DataError, Fault
from configs.settings import Settings
from configs.tables import table
from features.checks.extraction_dates import rows_after_end, suspicions
from features.checks.feeds import all_account_facts
from features.checks.own_signals import check_own_signals
from features.checks.univariate_auc import separate, telltale
from features.labels import churn_events, fates
from features.sources import Sources, known_only_later, true_only_today
from features.timeline import of_accounts

LEAK_AUC = 0.9
LEAK_AUC_LOW = 0.8
MIN_ACCOUNTS = 10  # that left, and that stayed, below which an AUC says nothing
MIN_ON_A_DAY = 20  # the same for a reference day: one of three is more easily lucky
REFERENCE_SHARES = (0.1, 0.35, 0.65)  # of the churns that lie before a reference day
MONTHS_BEFORE_END = 3
ACCOUNT_COLUMNS = ("segment", "owner", "strategic")
CONTRACT_COLUMNS = ("arr", "seats", "plan", "billing_period")
LATER = "its name sounds like knowledge from after the fact"
TODAY = "its name sounds like the state of today, not of as_of"


@dataclass(frozen=True)
class Suspect:
    """A column that may know the future.

    Attributes
    ----------
    column : str
        As table.column.
    why, do : str
        All that speaks against it, and what to do about it.
    allowed : bool
        Whether the setting `allow_leaking` names it, so that it is used nevertheless.
    """

    column: str
    why: str
    do: str
    allowed: bool


def require_no_suspects(settings: Settings, sources: Sources, suspects: tuple[Suspect, ...] | None = None) -> None:
    """Refuses to go on while a column or an own signal may know the future.

    Parameters
    ----------
    settings : Settings
        `allow_leaking` names the columns that are let through.
    sources : Sources
        The project's tables.
    suspects : tuple of Suspect or None
        As `find_suspects` returns them; looked for when None.

    Raises
    ------
    DataError
        With every suspect that is not allowed, and every own signal that reads the future.
    ConfigError
        When the file of the project's own signals, or a value of one, has a fault.
    """
    faults = [
        Fault(suspect.column, suspect.why, "what was known at each as_of", suspect.do)
        for suspect in (find_suspects(settings, sources) if suspects is None else suspects)
        if not suspect.allowed
    ]
    faults += [
        Fault(f"signals.{leak.name}", str(leak), "what was known at each as_of", 'see README, "A signal of your own"')
        for leak in check_own_signals(settings, sources).leaking
    ]
    if faults:
        raise DataError(faults)


def find_suspects(
    settings: Settings,
    sources: Sources,
    facts: Mapping[str, pd.DataFrame] | None = None,
    churned: pd.DataFrame | None = None,
) -> tuple[Suspect, ...]:
    """Looks for mapped columns that may know the future, by their names and by their values.

    Parameters
    ----------
    settings : Settings
        `tables` has the source's own names, `churn` the definition, `allow_leaking` the columns to be marked allowed.
    sources : Sources
        The project's tables.
    facts : mapping of str to DataFrame, or None
        As `features.checks.feeds.all_account_facts` returns them; worked out when None.
    churned : DataFrame or None
        As `churn_events` returns them; worked out when None.

    Returns
    -------
    tuple of Suspect
        Every suspected column once, with all that speaks against it, the allowed ones included.
    """
    facts = all_account_facts(sources) if facts is None else facts
    churned = churn_events(sources, settings) if churned is None else churned
    accounts = read_accounts(sources)
    fate = fates(accounts, churned)
    kept = accounts.set_index("account_id").loc[fate.account_id].reset_index()
    reasons: dict[str, list[str]] = {}
    for column, why in (
        *_by_name(settings, sources),
        *_accounts(kept, fate, facts, sources.data_end),
        *_contracts(sources, fate),
        *_measures(sources, fate),
        *_rows_going_on(sources, fate, facts, settings),
    ):
        reasons.setdefault(column, []).append(why)
    return tuple(
        Suspect(column, "; ".join(whys), _to_do(column), column in settings.allow_leaking)
        for column, whys in reasons.items()
    )


def _to_do(column: str) -> str:
    name, part = column.split(".", 1)
    if name != "accounts" and part == table(name).time:
        return f"fix the time of the churns or the table, or, if both are right, write allow_leaking: [{column}]"
    return f"leave it out, or, if it was known all along, write allow_leaking: [{column}]"


def read_accounts(sources: Sources) -> pd.DataFrame:
    """account_id, created_at and every column of accounts that a signal or a page may show, by account_id."""
    rows = sources.tables["accounts"]
    further = [name for name in ACCOUNT_COLUMNS if name in rows.columns]
    names = list(dict.fromkeys(("account_id", "created_at", *further, *sources.attributes)))
    return sources.engine.to_pandas(rows.select(*names)).sort_values("account_id", ignore_index=True)


def _by_name(settings: Settings, sources: Sources) -> Iterator[tuple[str, str]]:
    source = settings.tables["accounts"]
    named = {f"accounts.{name}": name for name in sources.attributes}
    named |= {f"accounts.{ours}": theirs for ours, theirs in source.columns.items() if ours in ("segment", "strategic")}
    for column, name in named.items():
        if known_only_later(name):
            yield column, LATER
        elif true_only_today(name):
            yield column, TODAY
    for table_name, names in sources.measures.items():
        yield from ((f"{table_name}.{name}", LATER) for name in names if known_only_later(name))


def _accounts(
    accounts: pd.DataFrame, fate: pd.DataFrame, facts: Mapping[str, pd.DataFrame], data_end: pd.Timestamp
) -> Iterator[tuple[str, str]]:
    """Attributes by what they separate, and by dates and clocks; rows of `accounts` and `fate` go together."""
    names = list(accounts.columns.drop(["account_id", "created_at"]))
    groups = list(_groups(fate))
    for name in names:
        column = f"accounts.{name}"
        whys = [why for group in groups for why in _separation_reasons(accounts[name][group.rows], group)]
        yield from ((column, why) for why in whys[:1])
        if name in ACCOUNT_COLUMNS:
            continue
        yield from ((column, why) for why in suspicions(accounts[name], fate, facts, data_end))


@dataclass(frozen=True, eq=False)
class _Group:
    """Accounts to be compared: which rows, which of them left, what may be compared with what."""

    rows: np.ndarray
    left: np.ndarray
    strata: np.ndarray
    description: str
    others: str = "those that stayed"

    def has(self, accounts: int) -> bool:
        """Whether so many left, and so many stayed."""
        return bool(min(self.left.sum(), (~self.left).sum()) >= accounts)


def _groups(fate: pd.DataFrame) -> Iterator[_Group]:
    """The comparisons of accounts, the clearest first; see the top of this file."""
    left_at, stayed = fate.left_at, fate.left_at.isna().to_numpy()
    if min(stayed.sum(), (~stayed).sum()) < MIN_ACCOUNTS:
        return
    days = pd.DatetimeIndex(left_at.quantile(list(REFERENCE_SHARES))).floor("D").unique()
    shifted = []
    for day in days:
        known = (fate.created_at < day).to_numpy()
        later, gone = (left_at >= day).to_numpy(), (left_at < day).to_numpy()
        on = f"{day:%Y-%m-%d}"
        shifted.append(_group(fate, known & (later | stayed), later, f"those that left after {on}"))
        shifted.append(_group(fate, known & (gone | stayed), gone, f"those that had left by {on}"))
    enough = [group for group in shifted if group.has(MIN_ON_A_DAY)]
    yield from enough or [_group(fate, np.ones(len(fate), dtype=bool), ~stayed, "those that left")]


def _group(fate: pd.DataFrame, rows: np.ndarray, left: np.ndarray, description: str) -> _Group:
    created = fate.created_at[rows].rank(method="average", pct=True).fillna(0).to_numpy()
    return _Group(rows, left[rows], np.minimum((created * 4).astype("int64"), 3), description)


def _separation_reasons(values: pd.Series, group: _Group) -> Iterator[str]:
    """Why a column is suspected in this comparison, at most one reason."""
    separation = separate(values, group.left, group.strata)
    if min(separation.left, separation.stayed) < MIN_ACCOUNTS:
        return
    if separation.auc >= LEAK_AUC and separation.low >= LEAK_AUC_LOW:
        yield (
            f"alone it separates {group.description} from {group.others}"
            f" (AUC {separation.auc:.2f}, {separation.left:,} against {separation.stayed:,})"
        )
        return
    clearest = telltale(values, group.left, group.strata)
    if clearest is not None:
        yield (
            f"{clearest.value} holds for {clearest.share_left:.0%} of {group.description}"
            f" and for {clearest.share_stayed:.1%} of {group.others}"
        )


def _compared(rows: pd.DataFrame, fate: pd.DataFrame, names: list[str], description: str) -> Iterator[tuple[str, str]]:
    """Names of columns that separate the chosen rows of accounts that left from rows of accounts that stayed, and why.

    `rows`: account_id, stratum, chosen and the columns of `names`; only rows of the same stratum are compared.
    """
    end = of_accounts(fate.set_index("account_id").left_at, rows.account_id)
    stayed = rows.account_id.isin(fate.account_id[fate.left_at.isna()])
    rows = rows[(stayed | (end.notna() & rows.chosen)).to_numpy()]
    left = end.reindex(rows.index).notna().to_numpy()
    strata = pd.factorize(rows.stratum)[0]
    group = _Group(np.ones(len(rows), dtype=bool), left, strata, description, "those of accounts that stayed")
    if group.has(MIN_ACCOUNTS):
        yield from ((name, why) for name in names for why in _separation_reasons(rows[name], group))


def _contracts(sources: Sources, fate: pd.DataFrame) -> Iterator[tuple[str, str]]:
    if not sources.has("contracts"):
        return
    rows = sources.tables["contracts"]
    names = [name for name in CONTRACT_COLUMNS if name in rows.columns]
    names += [name for name in sources.measures.get("contracts", ()) if name not in names]
    if not names:
        return
    frame = sources.engine.to_pandas(rows.select("account_id", *names, at=rows[table("contracts").time]))
    frame = frame[frame["at"] < sources.data_end].sort_values(["account_id", "at"], kind="stable", ignore_index=True)
    frame["stratum"] = frame["at"].dt.to_period("Q").astype("str")
    frame["chosen"] = ~frame.duplicated("account_id", keep="last")
    newest = ~frame.duplicated(["account_id", "stratum"], keep="last")  # one row an account and quarter
    reasons = _compared(frame[newest], fate, names, "the last contracts of accounts that left")
    yield from ((f"contracts.{name}", why) for name, why in reasons)


def _measures(sources: Sources, fate: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Measures of activity tables; one scan of each table that has some."""
    left = fate[fate.end_at.notna()].set_index("account_id")
    end, middle = left.end_at, left.created_at + (left.end_at - left.created_at) / 2
    month = _month(middle).clip(upper=_month(end) - MONTHS_BEFORE_END)
    for table_name, measures in sources.measures.items():
        if table_name == "contracts" or not measures:
            continue
        rows = sources.tables[table_name]
        at = rows[table(table_name).time]
        keys = {"account_id": rows.account_id, "stratum": at.year() * 12 + at.month()}
        means = rows.group_by(**keys).aggregate(**{name: rows[name].mean() for name in measures})
        frame = sources.engine.to_pandas(means).sort_values(["account_id", "stratum"], ignore_index=True)
        frame["chosen"] = frame.stratum == of_accounts(month, frame.account_id)
        reasons = _compared(frame, fate, list(measures), "accounts half-way to their end")
        yield from ((f"{table_name}.{name}", why) for name, why in reasons)


def _month(at: pd.Series) -> pd.Series:
    return at.dt.year * 12 + at.dt.month


def _rows_going_on(
    sources: Sources, fate: pd.DataFrame, facts: Mapping[str, pd.DataFrame], settings: Settings
) -> Iterator[tuple[str, str]]:
    """Tables that go on after the end of their accounts, where no other table bears the ends out."""
    goes_on, ends = rows_after_end(_activity_facts(facts, settings), fate, sources.data_end)
    if ends:
        return
    for name, why in goes_on.items():
        doubt = "the end is recorded too early, or rows are written for accounts that are gone"
        yield f"{name}.{table(name).time}", f"{why}: {doubt}"


def _activity_facts(facts: Mapping[str, pd.DataFrame], settings: Settings) -> dict[str, pd.DataFrame]:
    """The facts of activity tables; not of the one whose silence is the end, since that ends by definition."""
    silent = settings.churn.silence.of if settings.churn.kind == "silence" else None
    return {name: by_account for name, by_account in facts.items() if table(name).activity and name != silent}
