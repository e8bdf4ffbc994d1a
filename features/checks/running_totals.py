"""Attributes that repeat what other tables add up to by now, such as the number of users that an account has had."""

from __future__ import annotations

from collections.abc import Iterator

import ibis.expr.types as ir
import pandas as pd

from configs.tables import TABLES, Table
from features.checks.suspicions import Figure, Suspicion, first_accounts
from features.checks.univariate_auc import is_number
from features.sources import Sources
from features.timeline import of_accounts

MIN_ACCOUNTS = 10
MIN_VALUES = 5  # different ones: a small number is easily the same by chance
MOST = 0.9  # of the accounts with both
NEAR = 0.02  # of the larger, by which they may differ: the extraction took a while
NO_TOTALS = ("accounts", "outcomes", "interventions", "milestones")
CHANGES = "it changes with the extraction"
LATEST = (("arr", 1.0, "ARR"), ("arr", 1 / 12, "monthly price"), ("seats", 1.0, "seats"))


def running_totals(accounts: pd.DataFrame, names: list[str], sources: Sources) -> Iterator[Suspicion]:
    """Suspicions of number attributes that are, for nearly all accounts, a total or the newest value of another table.

    `accounts`: account_id and the columns of `names`.
    """
    numbers = [name for name in names if is_number(accounts[name]) and accounts[name].nunique() >= MIN_VALUES]
    if not numbers:
        return
    totals = [total for known in TABLES if known.name in sources.tables for total in _totals(sources, known)]
    for name in numbers:
        for sentence, total in (*totals, *_latest(sources)):
            suspicion = _repeats(accounts, name, sentence, of_accounts(total, accounts.account_id))
            if suspicion is not None:
                yield suspicion
                break


def _totals(sources: Sources, known: Table) -> Iterator[tuple[str, pd.Series]]:
    """What a table adds up to for each account, from one scan, each with its sentence."""
    if known.name in NO_TOTALS:
        return
    rows = sources.tables[known.name]
    sentences: dict[str, str] = {}
    totals: dict[str, ir.Value] = {}
    for column in known.columns:
        is_id = column.kind == "text" and (column.name.endswith("_id") or column.name == "feature")
        if column.name in rows.columns and column.name != "account_id" and is_id:
            sentences[f"{len(totals)}"] = f"the number of different {column.name} of {known.name}"
            totals[f"{len(totals)}"] = rows[column.name].nunique()
    numbers = [column.name for column in known.columns if column.kind == "number"]
    for name in dict.fromkeys((*numbers, *sources.measures.get(known.name, ()))):
        if name in rows.columns:
            sentences[f"{len(totals)}"] = f"the sum of {name} of {known.name}"
            totals[f"{len(totals)}"] = rows[name].sum()
    if totals:
        frame = sources.engine.to_pandas(rows.group_by("account_id").aggregate(**totals)).set_index("account_id")
        yield from ((sentence, frame[place]) for place, sentence in sentences.items())


def _latest(sources: Sources) -> Iterator[tuple[str, pd.Series]]:
    """What the newest contract says, of accounts whose contracts differ in it."""
    if not sources.has("contracts"):
        return
    rows = sources.tables["contracts"]
    present = [name for name in ("arr", "seats") if name in rows.columns]
    frame = sources.engine.to_pandas(rows.select("account_id", *present, at=rows.starts_at))
    frame = frame[(frame["at"] < sources.data_end).to_numpy()].sort_values("at", kind="stable")
    for name, times, title in LATEST:
        if name in present:
            values = frame.groupby("account_id")[name].agg(["last", "nunique"])
            yield f"the {title} of the newest contract", values["last"][values["nunique"] > 1] * times


def _repeats(accounts: pd.DataFrame, name: str, sentence: str, total: pd.Series) -> Suspicion | None:
    values = accounts[name].astype("float64").reset_index(drop=True)
    total = total.astype("float64").reset_index(drop=True)
    both = values.notna() & total.notna() & (total != 0)
    if both.sum() < MIN_ACCOUNTS or total[both].nunique() < MIN_VALUES:
        return None
    larger = pd.concat([values.abs(), total.abs()], axis=1).max(axis=1)
    same = ((values - total).abs() <= NEAR * larger)[both]
    if same.mean() < MOST:
        return None
    figure = Figure("share", float(same.mean()), stayed=int(both.sum()))
    why = f"{sentence} for {same.mean():.0%} of the {both.sum():,} accounts that have it: {CHANGES}"
    examples = first_accounts(accounts.account_id.reset_index(drop=True)[both][same])
    return Suspicion(f"accounts.{name}", why, figure, examples)
