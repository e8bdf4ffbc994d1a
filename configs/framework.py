"""The customer-success framework that `default.yaml` fills: stages, weights, levels, health maps, alerts, playbooks."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from configs.base import DIMENSIONS, Dimension, LevelName, Strict
from configs.playbooks import Playbook, Tier

Points = Annotated[tuple[tuple[float, float], ...], Field(min_length=2)]
MILESTONE = "milestone_"  # prefix of the signal for whether a milestone was reached


STANDARD_STAGES = frozenset({"onboarding", "adoption", "value_realization", "expansion", "renewal"})


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
        """The weights by dimension."""
        return {name: getattr(self, name) for name in DIMENSIONS}


class Stage(Strict):
    """A lifecycle stage: the tenure from which it holds when no outcome criterion decides, and its weights."""

    name: str
    from_tenure_days: int | None = None
    weights: Weights


class Criterion(Strict):
    """A sign that a stage is reached: `signal` at or beyond `threshold`; `label` names it on a page, in a few words.

    `unmet: unknown` is for what few companies record: an agreed return that was not noted down need not be missing, so
    such a criterion counts when it is met, and is otherwise taken as not answered.
    """

    signal: str
    when: Literal["at_least", "at_most"] = "at_least"
    threshold: float
    label: str
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
        return tuple(dict.fromkeys(criterion.signal for group in self.entry.values() for criterion in group))

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
    probability alone. Where the rules are judged by themselves, the level begins at the health score `health_from`, or
    just above `health_above`.
    """

    name: LevelName
    health_from: float | None = Field(default=None, ge=0, le=100)
    health_above: float | None = Field(default=None, ge=0, le=100)
    p_from: float = Field(ge=0)
    respond_within_hours: int | None = None
    asks_for: str

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.health_from is None) == (self.health_above is None):
            raise ValueError(f"level {self.name} needs health_from or health_above, one of them")
        return self

    @property
    def lowest_health(self) -> float:
        """The lowest health score of the level, 0-100."""
        if self.health_from is not None:
            return self.health_from
        assert self.health_above is not None
        return math.nextafter(self.health_above, math.inf)


def _check_points(points: Points, whose: str) -> None:
    """ValueError unless the values rise and the scores lie in 0-100."""
    values = [value for value, _ in points]
    if values != sorted(set(values)):
        raise ValueError(f"the points of {whose} must have rising signal values, found {values}")
    if any(not 0 <= score <= 100 for _, score in points):
        raise ValueError(f"the scores of {whose} must lie in 0-100")


class Benchmark(Strict):
    """Other points for one segment, one lifecycle stage, or one segment in one stage."""

    segment: str | None = None
    stage: str | None = None
    points: Points

    @property
    def scope(self) -> tuple[str | None, str | None]:
        """The segment and the stage that it is for; None: any."""
        return self.segment, self.stage


class HealthMap(Strict):
    """Maps one signal to 0-100 by straight lines between `points` ([signal value, score], values rising).

    What is a good value in one segment or stage may be a poor one in another: of the `benchmarks` that fit an account
    the one that names segment and stage holds, else the segment's, else the stage's, else `points`.
    """

    signal: str
    dimension: Dimension
    points: Points
    benchmarks: tuple[Benchmark, ...] = ()
    weight: float = Field(default=1, gt=0)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        _check_points(self.points, self.signal)
        scopes = [benchmark.scope for benchmark in self.benchmarks]
        for benchmark in self.benchmarks:
            if benchmark.scope == (None, None):
                raise ValueError(f"a benchmark of {self.signal} names neither segment nor stage")
            where = " ".join(name for name in benchmark.scope if name is not None)
            if scopes.count(benchmark.scope) > 1:
                raise ValueError(f"{self.signal} has several benchmarks for {where}")
            _check_points(benchmark.points, f"{self.signal} for {where}")
        return self


class Condition(Strict):
    """Holds while `signal` lies at or beyond `threshold` (above: strictly beyond); never where it is missing."""

    signal: str
    when: Literal["at_least", "at_most", "above"]
    threshold: float


class Trigger(Condition):
    """A rule-based alert: fires while its condition holds."""

    name: str
    description: str
    playbook: str


class Escalation(Strict):
    """Calls for an executive: while every condition holds, and the risk level is one of `levels` (none: any)."""

    name: str
    conditions: tuple[Condition, ...] = Field(min_length=1)
    levels: tuple[LevelName, ...] = ()
    description: str
    playbook: str


class Framework(Strict):
    """Everything that the rules need; all of it comes from configuration."""

    stages: tuple[Stage, ...] = Field(min_length=1)
    criteria: StageCriteria
    milestones: tuple[Milestone, ...] = ()
    levels: tuple[Level, ...] = Field(min_length=1)
    health_maps: tuple[HealthMap, ...]
    triggers: tuple[Trigger, ...]
    escalations: tuple[Escalation, ...] = ()
    tiers: tuple[Tier, ...] = ()
    playbooks: tuple[Playbook, ...]

    @model_validator(mode="after")
    def _playbooks_name_stages_and_tiers(self) -> Self:
        # A company with fewer stages keeps the default playbooks: those of stages that it has not are never chosen.
        stages = {stage.name for stage in self.stages} | STANDARD_STAGES
        known = {"stages": stages, "tiers": {tier.name for tier in self.tiers}}
        for playbook in self.playbooks:
            for what, names in (("stages", playbook.stages), ("tiers", playbook.tiers)):
                unknown = sorted(set(names) - known[what])
                if unknown:
                    listed = ", ".join(sorted(known[what])) or "none"
                    raise ValueError(
                        f"playbook {playbook.name} names the {what} {', '.join(unknown)}; {what}: {listed}"
                    )
        return self

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
    def _benchmarks_name_stages(self) -> Self:
        known = [stage.name for stage in self.stages]
        named = {
            benchmark.stage
            for health_map in self.health_maps
            for benchmark in health_map.benchmarks
            if benchmark.stage is not None
        }
        unknown = sorted(named - set(known))
        if unknown:
            raise ValueError(f"benchmarks name the stages {', '.join(unknown)}; stages: {', '.join(known)}")
        return self

    @model_validator(mode="after")
    def _alerts_are_in_order(self) -> Self:
        names = [alert.name for alert in self.alerts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"several triggers or escalations are named {', '.join(twice)}")
        known = {playbook.name for playbook in self.playbooks}
        missing = sorted({alert.playbook for alert in self.alerts} - known)
        if missing:
            raise ValueError(f"triggers or escalations name playbooks that do not exist: {', '.join(missing)}")
        levels = {level.name for level in self.levels}
        unknown = sorted({name for escalation in self.escalations for name in escalation.levels} - levels)
        if unknown:
            raise ValueError(f"escalations name levels that do not exist: {', '.join(unknown)}")
        return self

    @property
    def alerts(self) -> tuple[Trigger | Escalation, ...]:
        """Whatever may fire on an account, the gravest first."""
        return (*self.escalations, *self.triggers)

    def tier_of(self, arr: float | None) -> Tier | None:
        """The tier that an ARR belongs to; None where it is not known, or below every tier."""
        reached = [tier for tier in self.tiers if arr is not None and arr >= tier.arr_from]
        return max(reached, key=lambda tier: tier.arr_from) if reached else None

    def playbook(self, name: str) -> Playbook:
        """The playbook of that name; KeyError when there is none."""
        for playbook in self.playbooks:
            if playbook.name == name:
                return playbook
        raise KeyError(name)

    def stage(self, name: str) -> Stage:
        """The stage of that name."""
        return next(stage for stage in self.stages if stage.name == name)
