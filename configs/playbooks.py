"""Tiers of accounts and playbooks: who looks after whom, and which steps are taken by whom within how long."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from configs.base import Dimension, LevelName, Strict

Engagement = Literal["high_touch", "pooled", "tech_touch"]
Doer = Literal["csm", "executive", "support", "automation"]
PlaybookKind = Literal["onboarding", "adoption", "risk", "renewal", "expansion"]


class Tier(Strict):
    """A tier of accounts by ARR: how they are looked after decides which playbooks suit them, and who takes the steps.

    `automation`: whether steps may be left to automation; by default everywhere but where people are paid for
    (high_touch).
    """

    name: str
    arr_from: float = Field(ge=0)
    description: str = ""
    engagement: Engagement = "pooled"
    automation: bool | None = None

    @property
    def is_automated(self) -> bool:
        """Whether steps may be left to automation."""
        return self.engagement != "high_touch" if self.automation is None else self.automation


class Step(Strict):
    """One step of a playbook: what to do, who does it, and within how many days of being told."""

    do: str
    by: Doer = "csm"
    within_days: int | None = Field(default=None, ge=0)

    def __str__(self) -> str:
        if self.within_days is None:
            return f"{self.do} ({self.by})"
        return f"{self.do} ({self.by}, within {self.within_days} day{'s' if self.within_days != 1 else ''})"


class Playbook(Strict):
    """A next best action. It is offered when it is named by a trigger, or by the dimension that drives the risk.

    Of the playbooks for a dimension the one that names the account's stage and tier is offered, else its stage's, else
    its tier's, else the one for all (`stages` and `tiers` empty). It is offered at the risk levels of `levels` (empty:
    any), and to a healthy account only where it is an `opportunity`.
    """

    name: str
    title: str
    kind: PlaybookKind = "risk"
    context: str = ""
    for_dimension: Dimension | None = None
    stages: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    levels: tuple[LevelName, ...] = ()
    opportunity: bool = False
    steps: tuple[Step, ...] = Field(min_length=1)
    resources: tuple[str, ...] = ()
    success: tuple[str, ...] = ()
    escalate: str = ""

    @field_validator("steps", mode="before")
    @classmethod
    def _plain_steps(cls, steps: Any) -> Any:
        """A step that is only text is the CSM's, without a deadline."""
        if not isinstance(steps, list | tuple):
            return steps
        return [{"do": step} if isinstance(step, str) else step for step in steps]

    @model_validator(mode="after")
    def _needs_a_dimension(self) -> Self:
        if (self.stages or self.tiers) and self.for_dimension is None:
            raise ValueError(f"playbook {self.name} names stages or tiers, which choose among those of a for_dimension")
        return self

    def is_for(self, level: str) -> bool:
        """Whether it is offered at a risk level."""
        return (level in self.levels or not self.levels) and (self.opportunity or level != "healthy")

    def in_tier(self, tier: Tier | None) -> Playbook:
        """The playbook as it is followed in a tier: what automation may not do there, the CSM does."""
        if tier is None or tier.is_automated:
            return self
        steps = [step.model_copy(update={"by": "csm"}) if step.by == "automation" else step for step in self.steps]
        return self.model_copy(update={"steps": tuple(steps)})
