"""Which canonical table a file may stand for, what speaks for it, and why `check` would refuse a part of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import ibis.expr.types as ir

from configs.tables import table
from features.sources.leaky_names import words
from features.sources.proposal.sampled import WholeFacts, whole_facts
from features.sources.proposal.synonyms import BESIDE


@dataclass(frozen=True)
class Refusal:
    """Why `check` would refuse a column, or a table, of a proposal.

    Attributes
    ----------
    why : str
    known_from : str
        Of a measure the canonical column that it can be tied to instead; empty where there is none.
    """

    why: str
    known_from: str = ""


@dataclass
class Guess:
    """Which canonical table one file, or a pattern of alike files, is taken for, and how its columns are mapped.

    Attributes
    ----------
    origin : str
        The file or pattern, as `from:` names it.
    rows : ibis.expr.types.Table
        Its rows, under the file's own column names; of a large file a sample.
    paths : sequence of str
        Of a large file (or several), where all of its rows are; otherwise none.
    name : str
        The canonical table; empty until one has been chosen.
    columns : dict of str to str
        By canonical column, the file's column that it comes from.
    constants : dict of str to str
        By canonical column, the value that all rows have.
    attributes, measures, unused : list of str
        Further columns of the file: those proposed as attributes or as measures, and the rest.
    known_from : dict of str to str
        By measure, the canonical column whose moment it is known from.
    doubts : list of str
        What a reader should check, one sentence each.
    not_null : list of str
        The file's columns with empty values in rows that have to be left out.
    via : tuple of (str, str) or None
        The table through which it finds its accounts, and the file's column with the key of that.
    deleted : str or None
        The file's flag of rows that do not count.
    matched : float or None
        Of the accounts that it names, the share that are among accounts.
    evidence : list of str
        What speaks for the guess.
    """

    origin: str
    rows: ir.Table
    name: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    attributes: list[str] = field(default_factory=list)
    measures: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    known_from: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    not_null: list[str] = field(default_factory=list)
    via: tuple[str, str] | None = None
    deleted: str | None = None
    matched: float | None = None
    evidence: list[str] = field(default_factory=list)
    paths: Sequence[str] = ()

    @cached_property
    def whole(self) -> WholeFacts | None:
        """Of a large file what one scan of all of it says; None of any other, and of one that cannot be read."""
        if not self.paths:
            return None
        times = [name for name in self.columns.values() if self.rows[name].type().is_temporal()]
        return whole_facts(self.paths, [*self.columns.values()], times)

    def theirs(self, ours: str) -> str | None:
        """The file's column for a canonical one."""
        return self.columns.get(ours)

    def leave_out(self, ours: str, refusal: Refusal) -> bool:
        """Takes an attribute, a measure or an optional column out of the proposal, with the reason as a doubt.

        A measure that is known from a later moment is tied to that; the end of a contract becomes its early end, which
        is known from its day on. Returns whether anything changed.
        """
        known, why = {column.name: column for column in table(self.name).columns}, refusal.why
        moment = refusal.known_from
        if ours in self.measures and moment in self.columns and self.known_from.get(ours) != moment:
            self.known_from[ours] = moment
            self.doubts.append(f"{ours} counts from {moment} on: {why}")
            return True
        for names in (self.attributes, self.measures):
            if ours in names:
                names.remove(ours)
                self.known_from.pop(ours, None)
                self.doubts.append(f"{ours} is left out: {why}")
                return True
        if ours not in self.columns or known[ours].required:
            return False
        theirs = self.columns.pop(ours)
        if (self.name, ours) == ("contracts", "ends_at") and "terminated_at" not in self.columns:
            self.columns["terminated_at"] = theirs
            self.doubts.append(f"{theirs} is not taken for the agreed end, but for terminated_at: {why}")
            return True
        self.unused.append(theirs)
        self.doubts.append(f"{theirs} is not taken for {ours}: {why}")
        return True

    def take_account(self, theirs: str | None) -> None:
        """Another column for the account, or none."""
        before = self.columns.pop("account_id", None)
        if before is not None:
            self.unused.append(before)
        if theirs is not None:
            self.columns = {"account_id": theirs, **self.columns}
            self.use(theirs)

    def use(self, theirs: str) -> None:
        """A column that is used is none of the rest."""
        for names in (self.unused, self.attributes, self.measures):
            if theirs in names:
                names.remove(theirs)
                self.known_from.pop(theirs, None)

    @property
    def is_about_others(self) -> int:
        """How many words of the file's name say that it is of something beside the table: tags, history, policies."""
        return len(set(words(self.origin.rpartition("/")[2].split(".")[0])) & set(BESIDE))

    @property
    def missing(self) -> list[str]:
        """Required columns of the table for which the file has none."""
        required = [column.name for column in table(self.name).columns if column.required]
        found = (*self.columns, *self.constants, *(("account_id",) if self.via else ()))
        return [name for name in required if name not in found]
