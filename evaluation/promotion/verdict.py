"""What gates look at, and what they answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from configs.errors import Fault
from configs.settings import Settings
from evaluation.validity import Finding


@dataclass(frozen=True)
class GateResult:
    """What one gate answers of a candidate.

    Attributes
    ----------
    name : str
        Of the gate.
    passed : bool
        Whether it lets the candidate pass.
    figure : float or None
        What was measured, in the unit of the gate; None where it could not be.
    limit : str
        What would pass, in words.
    message : str
        What was found, as half a sentence.
    left_out : bool
        Whether there was nothing to compare with.
    """

    name: str
    passed: bool
    figure: float | None
    limit: str
    message: str
    left_out: bool = False

    def __str__(self) -> str:
        figure = "-" if self.figure is None else f"{self.figure:.4g}"
        word = "left out" if self.left_out else "pass" if self.passed else "REFUSED"
        return f"{word:9}{self.name:20}{figure:>9}  ({self.limit})  {self.message}"


@dataclass(frozen=True)
class Verdict:
    """What the gates answer; promotion is refused when one of them refuses.

    Attributes
    ----------
    gates : tuple of GateResult
        All of them, in order.
    """

    gates: tuple[GateResult, ...]

    @property
    def passed(self) -> bool:
        """Whether no gate refused."""
        return all(gate.passed for gate in self.gates)

    @property
    def refused(self) -> tuple[GateResult, ...]:
        """The gates that did not let the candidate pass, in order."""
        return tuple(gate for gate in self.gates if not gate.passed)

    def faults(self) -> list[Fault]:
        """What is wrong, for an error.

        Returns
        -------
        list of Fault
            One a gate that refused: what was found, what would pass, what to do.
        """
        to_do = "fix it and backtest again; forcing the promotion leaves a mark"
        return [Fault(f"gate {gate.name}", gate.message, gate.limit, to_do) for gate in self.refused]

    def __str__(self) -> str:
        last = "passed" if self.passed else "refused by " + ", ".join(gate.name for gate in self.refused)
        return "\n".join([*map(str, self.gates), last])


@dataclass(frozen=True)
class EarlierCalibration:
    """The candidate beside what the same recipe had made on an earlier day: nothing came after its own.

    Attributes
    ----------
    moved : float or None
        By how much the log-odds of the candidate's mean lie above those of the backtest's newest fold, over the newest
        snapshots that both scored; None where there are none.
    level_shift : float
        What the candidate's own level shift accounts for of it, in log-odds.
    rows : DataFrame or None
        Where its calibration was renewed: account_id, as_of, p and y of its learners with a calibrator of the day
        `cut`, at the main horizon, on the as_ofs since; None where too few churns allow it.
    cut : Timestamp or None
        That day.
    """

    moved: float | None
    level_shift: float = 0.0
    rows: pd.DataFrame | None = None
    cut: pd.Timestamp | None = None


@dataclass(frozen=True)
class Measured:
    """What the rows of a backtest cannot tell of a candidate.

    None: not asked, and its gate is not there, but for the champion's, which then is left out.

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
    newest : pd.DataFrame or None
        account_id, as_of and p of the candidate itself, of the newest as_of.
    own : pd.DataFrame or None
        account_id, as_of, p and y of the candidate itself, of the as_ofs since the last day that taught its learners or
        its calibrator, as far as they have matured at the main horizon.
    earlier : EarlierCalibration or None
        What an earlier calibration by the same recipe was worth, and how far the candidate's has moved from one.
    """

    served_equals_batch: bool | None = None
    champion: pd.DataFrame | None = None
    no_champion: str = "no champion yet"
    seeds_agree: float | None = None
    size_mb: float | None = None
    latency: tuple[float, float] | None = None
    suspects: tuple[str, ...] | None = None
    checks: tuple[Finding, ...] | None = None
    newest: pd.DataFrame | None = None
    own: pd.DataFrame | None = None
    earlier: EarlierCalibration | None = None


@dataclass(frozen=True)
class GateInputs:
    """What gates look at: matured out-of-time rows of candidate and rules (account_id, y, p, p_rules), and the rest.

    `strays`: rows of the candidate without one of the rules, or doubled; `chosen` is the learner that the fit adopted.
    """

    rows: pd.DataFrame
    strays: int
    settings: Settings
    measured: Measured
    chosen: str | None


@dataclass(frozen=True)
class Gate:
    """One condition before a version is promoted; `evaluate` returns None where its figure was not asked for."""

    name: str
    evaluate: Callable[[GateInputs], GateResult | None]
