"""Models of the framework that `default.yaml` fills: stages, weights, levels, health maps, triggers, playbooks."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

DIMENSIONS: tuple[str, ...] = ("usage", "engagement", "financial", "relationship")
Dimension = Literal["usage", "engagement", "financial", "relationship"]
Share = Annotated[float, Field(ge=0, le=1)]
MILESTONE = "milestone_"  # prefix of the signal that says whether a milestone was reached


class Strict(BaseModel):
    """A setting that is not known is a fault, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Weights(Strict):
    """Weight of each dimension in the health score of one stage, in points out of 100."""

    usage: float = Field(ge=0)
    engagement: float = Field(ge=0)
    financial: float = Field(ge=0)
    relationship: float = Field(ge=0)

    @model_validator(mode="after")
    def _sum_to_100(self) -> Self:
        total = sum(self.as_dict().values())
        if abs(total - 100) > 1e-6:
            raise ValueError(f"weights add up to {total:g}, expected 100")
        return self

    def as_dict(self) -> dict[str, float]:
        return {name: getattr(self, name) for name in DIMENSIONS}


class Stage(Strict):
    """A lifecycle stage: the tenure from which it holds when no outcome criterion decides, and its weights."""

    name: str
    from_tenure_days: int | None = None
    weights: Weights


class Criterion(Strict):
    """A sign that a stage is reached: `signal` at or beyond `threshold`; `says` names it on a page, in a few words.

    `unmet: unknown` is for what few companies record: an agreed return that was not noted down need not be missing, so
    such a criterion counts when it is met, and is otherwise taken as not answered.
    """

    signal: str
    when: Literal["at_least", "at_most"] = "at_least"
    threshold: float
    says: str
    unmet: Literal["no", "unknown"] = "no"


class StageCriteria(Strict):
    """Outcome-based criteria for entering a stage, and when the renewal stage takes precedence.

    Of the criteria of a stage that an account's data can answer, `share` must be met; where none can be answered,
    tenure decides. The renewal stage holds from `renewal_from_days` to `renewal_to_days` before the contract's end.
    """

    share: float = Field(default=0.66, gt=0, le=1)
    entry: dict[str, tuple[Criterion, ...]] = Field(default_factory=dict)
    renewal_from_days: int = 90
    renewal_to_days: int = 30

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the signals that the criteria read, each once."""
        return tuple(dict.fromkeys(one.signal for group in self.entry.values() for one in group))

    @property
    def milestones(self) -> tuple[str, ...]:
        """Names of the milestones that the criteria read, through signals milestone_<name>."""
        return tuple(name.removeprefix(MILESTONE) for name in self.signals if name.startswith(MILESTONE))


class Milestone(Strict):
    """A step of onboarding that every account is expected to reach within so many days of signing up."""

    name: str
    due_days: int = Field(gt=0)


class Level(Strict):
    """A risk level: where it begins, hours to respond within, and what is asked for.

    `p_from` is a multiple of the base rate at the main horizon: the level that an answer carries comes from the served
    probability alone. `health_from` is the lowest health score of the level when the rules are judged by themselves.
    """

    name: Literal["healthy", "low", "medium", "high"]
    health_from: float = Field(ge=0, le=100)
    p_from: float = Field(ge=0)
    respond_within_hours: int | None = None
    asks_for: str


class HealthMap(Strict):
    """Maps one signal to 0-100 by straight lines between `points` ([signal value, score], values rising)."""

    signal: str
    dimension: Dimension
    points: tuple[tuple[float, float], ...] = Field(min_length=2)
    weight: float = Field(default=1, gt=0)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        values = [value for value, _ in self.points]
        if values != sorted(set(values)):
            raise ValueError(f"the points of {self.signal} must have rising signal values, found {values}")
        if any(not 0 <= score <= 100 for _, score in self.points):
            raise ValueError(f"the scores of {self.signal} must lie in 0-100")
        return self


class Trigger(Strict):
    """A rule-based alert: fires while `signal` is at or beyond `threshold` in the stated direction."""

    name: str
    signal: str
    when: Literal["at_least", "at_most"]
    threshold: float
    says: str
    playbook: str


class Playbook(Strict):
    """A next best action. It is offered when it is named by a trigger, or by the dimension that drives the risk."""

    name: str
    title: str
    for_dimension: Dimension | None = None
    steps: tuple[str, ...] = Field(min_length=1)


class Framework(Strict):
    """Everything that the rules need; all of it comes from configuration."""

    stages: tuple[Stage, ...] = Field(min_length=1)
    criteria: StageCriteria
    milestones: tuple[Milestone, ...] = ()
    levels: tuple[Level, ...] = Field(min_length=1)
    health_maps: tuple[HealthMap, ...]
    triggers: tuple[Trigger, ...]
    playbooks: tuple[Playbook, ...]

    @model_validator(mode="after")
    def _entered_stages_exist(self) -> Self:
        later = [stage.name for stage in self.stages[1:] if stage.name != "renewal"]
        unknown = sorted(set(self.criteria.entry) - set(later))
        if unknown:
            raise ValueError(
                f"criteria.entry names {', '.join(unknown)}; stages that can be entered: {', '.join(later)}"
            )
        return self

    @model_validator(mode="after")
    def _playbooks_exist(self) -> Self:
        known = {playbook.name for playbook in self.playbooks}
        missing = sorted({trigger.playbook for trigger in self.triggers} - known)
        if missing:
            raise ValueError(f"triggers name playbooks that do not exist: {', '.join(missing)}")
        return self

    def stage(self, name: str) -> Stage:
        return next(stage for stage in self.stages if stage.name == name)
