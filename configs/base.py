"""What the settings models of this room share: strictness, the four dimensions, the names of levels."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

DIMENSIONS: tuple[str, ...] = ("usage", "engagement", "financial", "relationship")
Dimension = Literal["usage", "engagement", "financial", "relationship"]
LevelName = Literal["healthy", "low", "medium", "high"]
LEVELS: tuple[str, ...] = ("healthy", "low", "medium", "high")  # the safest first
Share = Annotated[float, Field(ge=0, le=1)]


class Strict(BaseModel):
    """A setting that is not known is a fault, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)
