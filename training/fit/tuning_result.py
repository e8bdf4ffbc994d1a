"""What a tuning of the trees hands back: its trials, its study, the proof of its best, the settings to train with."""

from __future__ import annotations

from dataclasses import dataclass

from configs.settings import Trees
from training.serialization import JsonObject

ADOPT_Z = 1.0  # clustered standard errors by which the best must better the default on the newest origin


@dataclass(frozen=True)
class Trial:
    """One trial of a study.

    Attributes
    ----------
    number : int
        Counted from 0.
    state : str
        Optuna's: "COMPLETE", "PRUNED" or "FAIL".
    value : float or None
        Mean purged log loss of a hazard row: of a pruned trial over the origins that it got to; None of a failed one.
    params : dict
        The trees' settings.
    """

    number: int
    state: str
    value: float | None
    params: dict[str, float]


@dataclass(frozen=True)
class Study:
    """What a tuning tried, on which origins, and what came of it.

    Attributes
    ----------
    study : str
        Its name in Optuna's storage.
    trials, pruned : int
        Made so far, and how many of them were given up on the way.
    default, best : Trees
        The settings that would serve without tuning, and the best of the study.
    default_log_loss, best_log_loss : float
        Of a purged hazard row, on the origins that were searched.
    proof_gain, proof_z : float
        Gain of the best in log loss on the newest origin, and its clustered z.
    adopted : bool
        Whether that is enough.
    why : str
        The same as a sentence.
    origins : tuple of str
        Days; the last is the newest, which proves.
    """

    study: str
    trials: int
    pruned: int
    default: Trees
    default_log_loss: float
    best: Trees
    best_log_loss: float
    proof_gain: float
    proof_z: float
    adopted: bool
    why: str
    origins: tuple[str, ...]

    def to_json(self) -> JsonObject:
        """As the run's tuning.json and `--json` have it."""
        trees = {"default": self.default.model_dump(), "best": self.best.model_dump()}
        return {**vars(self), **trees, "origins": list(self.origins)}


@dataclass(frozen=True)
class Tuned:
    """What a tuning found, and whether it is adopted.

    Attributes
    ----------
    trees : Trees
        The settings to train with.
    adopted : bool
        Whether these are the study's best; else they are the configured ones.
    study : Study
        What was tried, the best of it, and why it was (not) adopted.
    trials : tuple of Trial
        In the order in which they were made.
    """

    trees: Trees
    adopted: bool
    study: Study
    trials: tuple[Trial, ...]

    @property
    def line(self) -> str:
        """The setting to keep in the project's file, so that later trainings and backtests use the same trees."""
        body = ", ".join(f"{name}: {value:.6g}" for name, value in self.trees.model_dump().items())
        return f"training: {{trees: {{{body}}}}}"


@dataclass(frozen=True)
class Proof:
    """The study's best trees against the default, on the newest origin: mean gain in log loss, and its clustered z."""

    best: Trees
    default: Trees
    gain: float
    z: float

    @property
    def adopted(self) -> bool:
        return self.z > ADOPT_Z and self.best != self.default

    def why(self, trials: int) -> str:
        evidence = f"best of {trials} trials: newest origin's log loss better by {self.gain:+.5f} (z {self.z:.2f})"
        return f"{evidence}: {'adopted' if self.adopted else f'more than {ADOPT_Z:g} needed, the default stays'}"
