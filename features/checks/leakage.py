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
distance, what is copied from today's state into old rows does not. Columns of other tables that sources overwrite
(`rewritten` in configs.tables) are compared alike, by quarter. The ends of contracts have tests of their own
(contract_ends.py), and so have measures that exist only later or change with the extraction (later_measures.py).

An AUC counts from 0.9, and only if it lies three standard errors above 0.8, so that a good predictor is not suspected
for a lucky draw among few churns (with an AUC of 0.8 in truth, in about one of a hundred simulated companies of 100
accounts, and rarer in larger ones). A suspicion is no proof: what was known all along goes into `allow_leaking`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from configs.errors import DataError, Fault
from configs.settings import Settings
from configs.tables import table
from features.checks.comparisons import account_groups, separations
from features.checks.contract_ends import rewritten_ends
from features.checks.contradictions import outcomes_against_the_rest
from features.checks.extraction_dates import rows_after_end, suspicions
from features.checks.feeds import all_account_facts
from features.checks.later_measures import later_measures, moving_measures
from features.checks.own_signals import check_own_signals
from features.checks.rewritten_columns import (
    last_contracts,
    measures,
    rewritten_columns,
    rewritten_names,
)
from features.checks.running_totals import running_totals
from features.checks.suspicions import Suspect, Suspicion, suspects_of
from features.labels import churn_events, fates
from features.sources import Sources, known_only_later, true_only_today

LATER = "its name sounds like knowledge from after the fact"
TODAY = "its name sounds like the state of today, not of as_of"


def require_no_suspects(settings: Settings, sources: Sources, suspects: tuple[Suspect, ...] | None = None) -> None:
    """Refuses to go on while a column or an own signal may know the future, or outcomes contradict contracts.

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
        With every suspect that is not allowed, every own signal that reads the future, and the outcomes that `check`
        refuses.
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
    if settings.churn.kind == "outcome":
        faults += outcomes_against_the_rest(sources, settings, {})[1]
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
    written = sources.as_first_recorded()
    accounts = read_accounts(written)
    fate = fates(accounts, churned)
    kept = accounts.drop_duplicates("account_id", keep="last").set_index("account_id")
    kept = kept.loc[fate.account_id].reset_index()
    return suspects_of(
        (
            *_by_name(settings, sources),
            *_accounts(kept, fate, facts, sources),
            *rewritten_ends(written, settings),
            *last_contracts(written, fate),
            *later_measures(sources),
            *moving_measures(sources, fate, facts),
            *measures(written, fate),
            *rewritten_columns(written, fate),
            *_rows_going_on(sources, fate, facts, settings),
        ),
        settings.allow_leaking,
    )


def read_accounts(sources: Sources) -> pd.DataFrame:
    """account_id, created_at and every column of accounts that a signal or a page may show, by account_id."""
    rows = sources.tables["accounts"]
    further = [name for name in rewritten_names("accounts") if name in rows.columns]
    names = list(dict.fromkeys(("account_id", "created_at", *further, *sources.attributes)))
    return sources.engine.to_pandas(rows.select(*names)).sort_values("account_id", ignore_index=True)


def _by_name(settings: Settings, sources: Sources) -> Iterator[Suspicion]:
    source = settings.tables["accounts"]
    named = {f"accounts.{name}": name for name in sources.attributes}
    named |= {f"accounts.{ours}": theirs for ours, theirs in source.columns.items() if ours in ("segment", "strategic")}
    named |= {f"contracts.{name}": name for name in sources.contract_attributes}
    for column, name in named.items():
        if known_only_later(name):
            yield Suspicion(column, LATER)
        elif true_only_today(name):
            yield Suspicion(column, TODAY)
    for table_name, names in sources.measures.items():
        yield from (Suspicion(f"{table_name}.{name}", LATER) for name in names if known_only_later(name))


def _accounts(
    accounts: pd.DataFrame, fate: pd.DataFrame, facts: Mapping[str, pd.DataFrame], sources: Sources
) -> Iterator[Suspicion]:
    """Attributes by what they separate, and by dates and clocks; rows of `accounts` and `fate` go together."""
    # Once in the order of the accounts, instead of once for each attribute.
    facts = {name: by_account.reindex(pd.Index(fate.account_id)) for name, by_account in facts.items()}
    groups = list(account_groups(fate))
    for name in accounts.columns.drop(["account_id", "created_at"]):
        column = f"accounts.{name}"
        reasons = (reason for group in groups for reason in separations(column, accounts[name][group.rows], group))
        first = next(reasons, None)
        if first is not None:
            yield first
        if name in rewritten_names("accounts"):
            continue
        whys = suspicions(accounts[name], fate, facts, sources.data_end)
        yield from (Suspicion(column, why) for why in whys)
    yield from running_totals(accounts, list(sources.attributes), sources)


def _rows_going_on(
    sources: Sources, fate: pd.DataFrame, facts: Mapping[str, pd.DataFrame], settings: Settings
) -> Iterator[Suspicion]:
    """Tables that go on after the end of their accounts, where no other table bears the ends out."""
    goes_on, ends = rows_after_end(_activity_facts(facts, settings), fate, sources.data_end)
    if ends:
        return
    for name, why in goes_on.items():
        doubt = "the end is recorded too early, or rows are written for accounts that are gone"
        yield Suspicion(f"{name}.{table(name).time}", f"{why}: {doubt}")


def _activity_facts(facts: Mapping[str, pd.DataFrame], settings: Settings) -> dict[str, pd.DataFrame]:
    """The facts of activity tables; not of the one whose silence is the end, since that ends by definition."""
    silent = settings.churn.silence.of if settings.churn.kind == "silence" else None
    return {name: by_account for name, by_account in facts.items() if table(name).activity and name != silent}
