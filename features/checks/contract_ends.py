"""Contract ends that were rewritten after the fact: overwritten on leaving, empty until then, or pushed on at renewal.

A contract's agreed end is a whole number of months or years from its start, or follows another rule that holds for
accounts that stay as well. Where an end is overwritten with the day on which the account left, its term has an odd
length, and odd lengths occur where nothing follows. Terms are distinguished by what came after: nothing within the gap
that `churn.allowed_gap_days` allows (left), another contract (renewed), or the data's end (running).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from configs.settings import Settings
from features.checks.suspicions import Figure, Suspicion, first_accounts
from features.sources import Sources
from features.timeline import customer_spells

COLUMN = "contracts.ends_at"
NOT_A_TERM = ("trial", "paused")
DAY = pd.Timedelta(days=1)
MOMENT = "datetime64[us]"
MONTH_DAYS = 365.25 / 12
NEAR_MONTH_DAYS = 3.5  # 28 to 31 days, and ends that are the last day of a term instead of the day after it
USUAL_SHARE = 0.05  # of the terms that were renewed or still run, from which their length is a usual one
SHARED_SHARE = 0.01  # of all terms, from which a length to the day, or an end, is one that many agreed on
MIN_SHARED = 5
COMMON_DAY_SHARE = 0.25  # of these, from which the day of the year on which they end is a rule, such as 31 December
MIN_LEFT, MIN_STAYED = 10, 20
MIN_ODD = 10  # odd terms after which nothing came
CHANCE = 1e-4
TIMES = 3  # as frequent, at least, among terms after which nothing came
MOSTLY = 0.6  # of all odd terms lie where nothing came
NEXT_TO_NONE = 0.05  # of the running contracts have an end
PUSHED_MONTHS = (1, 3, 6, 12)
MOST = 0.95
MULTIPLES = 3  # lengths, in periods, that running contracts have: those pushed on have many, those agreed have few


def rewritten_ends(sources: Sources, settings: Settings) -> Iterator[Suspicion]:
    """Suspicions of `contracts.ends_at`, each with its figure."""
    if not sources.has("contracts", "ends_at"):
        return
    terms = _terms(sources, pd.Timedelta(days=settings.churn.allowed_gap_days))
    if terms.agreed.notna().sum() < MIN_LEFT:
        return
    terms["odd"] = _odd(terms)
    for suspicion in (_odd_where_nothing_follows(terms), _empty_until_the_end(terms), _pushed_on(terms, sources)):
        if suspicion is not None:
            yield suspicion


def _terms(sources: Sources, gap: pd.Timedelta) -> pd.DataFrame:
    """account_id, start, agreed (end; NaT: none), days between, and state: left, renewed, running or undecided."""
    rows = sources.tables["contracts"]
    further = [name for name in ("terminated_at", "cancelled_at", "kind") if name in rows.columns]
    terms = sources.engine.to_pandas(rows.select("account_id", *further, at=rows.starts_at, agreed=rows.ends_at))
    if "kind" in terms:
        terms = terms[~terms.kind.isin(NOT_A_TERM).to_numpy()]
    terms = terms[(terms["at"] < sources.data_end).to_numpy()].astype({"account_id": "object"})
    terms["days"] = (terms.agreed - terms["at"]).dt.total_seconds() / 86_400
    terms["ends_at"] = terms.agreed
    if "cancelled_at" in terms:
        terms["ends_at"] = terms.agreed.fillna(terms.cancelled_at)
    if "terminated_at" in terms:
        terms["ends_at"] = terms[["ends_at", "terminated_at"]].min(axis=1)
    spells = customer_spells(terms, gap).astype({"account_id": "object", "began": MOMENT, "ended": MOMENT})
    terms = pd.merge_asof(
        terms.astype({"at": MOMENT}).sort_values("at", kind="stable"),
        spells.sort_values("began", kind="stable"),
        left_on="at",
        right_on="began",
        by="account_id",
    )
    runs = terms.ends_at.isna() | (terms.ends_at >= sources.data_end)
    known = [runs, terms.ended > terms.ends_at, terms.ended + gap <= sources.data_end]
    state = np.select(known, ["running", "renewed", "left"], "undecided")
    return terms.rename(columns={"at": "start"}).assign(state=state)


def _odd(terms: pd.DataFrame) -> pd.Series:
    """Whether a term's length is unlike the usual ones and nothing else explains its end."""
    given = terms.agreed.notna()
    months = (terms.days / MONTH_DAYS).round().where(lambda number: number >= 1)
    months = months.where((terms.days - months * MONTH_DAYS).abs() <= NEAR_MONTH_DAYS)
    stayed = terms[given & terms.state.isin(("renewed", "running"))]
    model = stayed if len(stayed) >= MIN_STAYED else terms[given]
    days, end_days = terms.days.round()[given], terms.agreed.dt.floor("D")[given]
    usual = given & (
        _frequent(months, months[model.index], USUAL_SHARE)
        | _frequent(terms.days.round(), days[model.index], USUAL_SHARE)
        | _frequent(terms.days.round(), days, SHARED_SHARE)
        | _frequent(terms.agreed.dt.floor("D"), end_days, SHARED_SHARE)
        | _frequent(terms.agreed.dt.strftime("%m-%d"), model.agreed.dt.strftime("%m-%d"), COMMON_DAY_SHARE)
    )
    return given & ~usual & ~_with_another(terms, usual)


def _frequent(values: pd.Series, among: pd.Series, share: float) -> pd.Series:
    """Whether a value is one that holds for such a share of `among`, and for some of them anyway."""
    counts = among.value_counts()
    return values.isin(counts.index[(counts >= share * len(among)) & (counts >= MIN_SHARED)]) & values.notna()


def _with_another(terms: pd.DataFrame, usual: pd.Series) -> pd.Series:
    """Whether a term ends with one of a usual length of the same account, as an add-on that was aligned does."""
    ends = terms.agreed.dt.floor("D")
    usual_ends = set(zip(terms.account_id[usual], ends[usual], strict=True))
    near = [(terms.account_id, ends + shift * DAY) for shift in (-1, 0, 1)]
    found = [pd.Series(list(zip(accounts, days, strict=True))).isin(usual_ends) for accounts, days in near]
    return pd.concat(found, axis=1).any(axis=1).set_axis(terms.index)


def _odd_where_nothing_follows(terms: pd.DataFrame) -> Suspicion | None:
    given = terms[terms.agreed.notna()]
    left, stayed = given[given.state == "left"], given[given.state.isin(("renewed", "running"))]
    odd_left, odd_stayed = int(left.odd.sum()), int(stayed.odd.sum())
    if odd_left < MIN_ODD or len(left) < MIN_LEFT or len(stayed) < MIN_STAYED:
        return None
    share, against = odd_left / len(left), odd_stayed / len(stayed)
    rare = share >= TIMES * (odd_stayed + 1) / (len(stayed) + 2) and odd_left >= MOSTLY * (odd_left + odd_stayed)
    if not rare:
        return None
    from scipy.stats import fisher_exact  # most of a second to import, which sound contracts can do without

    table = [[odd_left, len(left) - odd_left], [odd_stayed, len(stayed) - odd_stayed]]
    p_value = float(fisher_exact(table, alternative="greater").pvalue)
    if p_value > CHANCE:
        return None
    why = (
        f"{share:.0%} of the {len(left):,} terms that nothing followed are of a length unlike the usual ones, and"
        f" {against:.1%} of the {len(stayed):,} that were renewed or still run (by chance: {_small(p_value)}):"
        " the agreed end was overwritten with the day of leaving"
    )
    figure = Figure("share", share, against, len(left), len(stayed), p_value)
    return Suspicion(COLUMN, why, figure, first_accounts(left.account_id[left.odd]))


def _small(p_value: float) -> str:
    return "less than 1 in a million" if p_value < 1e-6 else f"{p_value:.1g}"


def _empty_until_the_end(terms: pd.DataFrame) -> Suspicion | None:
    """Ends that only contracts have that are over: known when the account left, not when it signed."""
    left, running = terms[terms.state == "left"], terms[terms.state == "running"]
    with_end = running.agreed.notna()
    ended = left[left.agreed.notna()]
    if len(ended) < MIN_LEFT or len(running) < MIN_STAYED or with_end.mean() > NEXT_TO_NONE:
        return None
    months = (ended.days / MONTH_DAYS).round()
    if months.value_counts(normalize=True).iloc[0] >= 0.5:  # agreed once: all of the same length
        return None
    why = (
        f"there is an end for {len(ended) / len(left):.0%} of the {len(left):,} contracts that are over and that"
        f" nothing followed, and for {with_end.mean():.1%} of the {len(running):,} that run: it is"
        " empty until somebody leaves"
    )
    figure = Figure("share", len(ended) / len(left), float(with_end.mean()), len(left), len(running))
    instead = "it as terminated_at, which is known from its day on, and no ends_at"
    return Suspicion(COLUMN, why, figure, first_accounts(ended.account_id), instead)


def _pushed_on(terms: pd.DataFrame, sources: Sources) -> Suspicion | None:
    """Ends of long contracts, nearly all within one period of the data's end: moved at each renewal."""
    running = terms[(terms.state == "running") & terms.agreed.notna()]
    ahead = (running.agreed - sources.data_end).dt.total_seconds() / 86_400
    for months in PUSHED_MONTHS:
        period = months * MONTH_DAYS
        long = running.days >= 2 * period - NEAR_MONTH_DAYS
        if long.sum() < MIN_STAYED:
            continue
        near, lengths = ahead[long] <= period + NEAR_MONTH_DAYS, (running.days[long] / period).round()
        common = running.agreed[long].dt.strftime("%m-%d").value_counts(normalize=True).iloc[0]
        one_day = common >= 0.5 and running.days[long].max() <= 12.5 * MONTH_DAYS  # agreed to end with the year
        several = (lengths.value_counts(normalize=True) >= USUAL_SHARE).sum() >= MULTIPLES
        if near.mean() < MOST or not several or one_day:
            continue
        from scipy.stats import binom  # most of a second to import, which sound contracts can do without

        expected = float((period / running.days[long]).mean())  # by chance, if the long ones began at any time
        p_value = float(binom.sf(near.sum() - 1, len(near), expected))
        if p_value <= CHANCE:
            why = (
                f"{near.mean():.0%} of the {len(near):,} running contracts of {2 * months} months and more"
                f" end within {months} months of the data's end, where {expected:.0%} would: the end is moved"
                " on at each renewal, and changes with the extraction"
            )
            figure = Figure("share", float(near.mean()), expected, 0, len(near), p_value)
            examples = first_accounts(running.account_id[long][near])
            return Suspicion(COLUMN, why, figure, examples, "a row for each term, with the end that was agreed for it")
    return None
