"""What gates look at, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from configs.errors import Fault
from configs.settings import Settings
from evaluation.validity import Finding


@dataclass(frozen=True)
class Gate:
    """One answer. `figure` is None where it could not be measured; `limit` says in words what would pass."""

    name: str
    passed: bool
    figure: float | None
    limit: str
    says: str
    left_out: bool = False

    def __str__(self) -> str:
        figure = "-" if self.figure is None else f"{self.figure:.4g}"
        word = "left out" if self.left_out else "pass" if self.passed else "REFUSED"
        return f"{word:9}{self.name:20}{figure:>9}  ({self.limit})  {self.says}"


@dataclass(frozen=True)
class Verdict:
    """What the gates answer; promotion is refused when one of them refuses.

    Attributes
    ----------
    gates : tuple of Gate
        All of them, in order.
    """

    gates: tuple[Gate, ...]

    @property
    def passed(self) -> bool:
        return all(gate.passed for gate in self.gates)

    @property
    def refused(self) -> tuple[Gate, ...]:
        return tuple(gate for gate in self.gates if not gate.passed)

    def faults(self) -> list[Fault]:
        """What `Refused` carries: one fault a gate that refused."""
        to_do = "mend it and backtest again; forcing the promotion leaves a mark"
        return [Fault(f"gate {gate.name}", gate.says, gate.limit, to_do) for gate in self.refused]

    def to_json(self) -> list[dict[str, Any]]:
        return [
            {name: getattr(one, name) for name in ("name", "passed", "left_out", "figure", "limit", "says")}
            for one in self.gates
        ]

    def __str__(self) -> str:
        last = "passed" if self.passed else "refused by " + ", ".join(gate.name for gate in self.refused)
        return "\n".join([*map(str, self.gates), last])


@dataclass(frozen=True)
class Measured:
    """What the rows of a backtest cannot tell of a candidate; None: not asked, and its gate is not there.

    Attributes
    ----------
    served_equals_batch : bool or None
        Whether the service gives the scores of the batch.
    champion : pd.DataFrame or None
        account_id, as_of and p_churn_{h}d, out of time when they were made; None with the reason in `no_champion`.
    no_champion : str
        Why there is none.
    seeds_agree : float or None
        Spearman's correlation of the newest scores with those of another seed.
    size_mb : float or None
        Size of the model's files, in megabytes.
    latency : tuple of two floats, or None
        Processor seconds of scoring 1,000 accounts with reasons, and of the reference in the same run.
    suspects : tuple of str, or None
        Columns that may know the future, those allowed left out.
    checks : tuple of Finding, or None
        What the coded checks found.
    """

    served_equals_batch: bool | None = None
    champion: pd.DataFrame | None = None
    no_champion: str = "no champion yet"
    seeds_agree: float | None = None
    size_mb: float | None = None
    latency: tuple[float, float] | None = None
    suspects: tuple[str, ...] | None = None
    checks: tuple[Finding, ...] | None = None


@dataclass(frozen=True)
class Evidence:
    """Matured out-of-time rows of candidate and rules: account_id, y, p, p_rules. `strays` rows have no partner."""

    rows: pd.DataFrame
    strays: int
    settings: Settings
    measured: Measured
    meta: Mapping[str, Any]
