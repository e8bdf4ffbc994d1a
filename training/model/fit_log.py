"""What a churn model records of its fit, read; cuts.py and seed_stability.py know keys of its log besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from training.serialization import JsonObject


@dataclass(frozen=True)
class CalibrationLog:
    """What calibrates a model, and why.

    Attributes
    ----------
    method, version : str
        Of the calibrator.
    why : str
        Why it was chosen.
    level_reason : str or None
        Why the level was moved or not; None where it goes by the year before.
    """

    method: str
    version: str
    why: str
    level_reason: str | None

    @classmethod
    def of(cls, log: JsonObject) -> Self:
        """From the calibrator's own log with its method and version beside it."""
        shift = log.get("level_shift")
        return cls(log["method"], log["version"], log.get("why", ""), None if shift is None else str(shift["why"]))


@dataclass(frozen=True)
class RecalibrationLog:
    """A calibration that was chosen anew: when, what it follows, by how many churned accounts.

    Attributes
    ----------
    as_of : str
        ISO day.
    method, why : str
        Of the new calibrator.
    from_version, to_version : str
        Of the calibrator before and after.
    churned_accounts_since : int
        Accounts that churned since the learners' cut.
    level_reason : str or None
        As in `CalibrationLog`.
    """

    as_of: str
    method: str
    why: str
    from_version: str
    to_version: str
    churned_accounts_since: int
    level_reason: str | None

    @classmethod
    def of(cls, log: JsonObject) -> Self:
        """From the part `recalibration` of a model's log."""
        calibration = CalibrationLog.of({**log, "version": log["to_version"]})
        return cls(
            log["as_of"], calibration.method, calibration.why, log["from_version"], log["to_version"],
            log["churned_accounts_since"], calibration.level_reason,
        )  # fmt: skip


@dataclass(frozen=True)
class FitLog:
    """What taught a model and what it chose; days as ISO dates.

    Attributes
    ----------
    cut, calibrator_cut, labels_known_until : str
        Up to which day the learners and the calibrator had learnt; until when outcomes were known.
    snapshots, hazard_rows, churned_accounts : int
        What it learnt from.
    chosen, why : str
        The learner, and why it was chosen.
    purged_log_loss : mapping of str to float
        Of a hazard row, by learner.
    beats_base_rate_z : float or mapping
        By how many standard errors learners better the base rate.
    origins : tuple of str
        Those whose out-of-time rows calibrated it.
    events_by : mapping
        By grouping and group: accounts, and churned accounts among them.
    trees : mapping
        The trees' settings.
    monotone : bool
        Whether the trees were held to the signals' directions.
    seed : int
    calibration : CalibrationLog
    recalibration : RecalibrationLog or None
        Where the calibration was renewed after the training.
    """

    cut: str
    calibrator_cut: str
    labels_known_until: str
    snapshots: int
    hazard_rows: int
    churned_accounts: int
    chosen: str
    why: str
    purged_log_loss: Mapping[str, float]
    beats_base_rate_z: float | Mapping[str, float] | None
    origins: tuple[str, ...]
    events_by: Mapping[str, Mapping[str, Mapping[str, int]]]
    trees: JsonObject
    monotone: bool
    seed: int
    calibration: CalibrationLog
    recalibration: RecalibrationLog | None

    @classmethod
    def of(cls, log: JsonObject) -> Self:
        """From `ChurnModel.log`."""
        plain = (
            "cut", "calibrator_cut", "labels_known_until", "snapshots", "hazard_rows", "churned_accounts", "chosen",
            "why", "purged_log_loss", "beats_base_rate_z", "events_by", "trees", "monotone", "seed",
        )  # fmt: skip
        renewed = log.get("recalibration")
        return cls(
            **{name: log[name] for name in plain},
            origins=tuple(log["origins"]),
            calibration=CalibrationLog.of(log["calibration"]),
            recalibration=None if renewed is None else RecalibrationLog.of(renewed),
        )
