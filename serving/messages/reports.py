"""The reports that there are, and what serves: card, gates, calibration."""

from __future__ import annotations

from pydantic import BaseModel, Field


class ReportFile(BaseModel):
    """A file of a report: GET /v1/reports/{name} gives it."""

    name: str
    media_type: str
    bytes: int
    modified_at: str


class ReportList(BaseModel):
    """The files of the newest report."""

    reports: list[ReportFile]


class GateAnswer(BaseModel):
    """What one gate said of the version when it was promoted."""

    name: str
    passed: bool
    figure: float | None
    limit: str
    message: str
    left_out: bool


class PromotionRecord(BaseModel):
    """How the version became the champion. `gates` is empty for one promoted before they were kept."""

    at: str
    by: str
    forced: bool
    reason: str | None
    gates: list[GateAnswer]


class CalibrationRecord(BaseModel):
    """The calibrator: log-odds z become z + intercept + slope (z - center) + level_shift."""

    method: str
    version: str
    center: float
    intercept: float
    slope: float
    level_shift: float
    stages: list[str] = Field(description="Lifecycle stages with a line of their own.")
    last_day: str | None = Field(description="Up to which it had learnt.")


class ServedModel(BaseModel):
    """The model that serves."""

    version: str
    digest: str
    run_id: str
    learner: str
    has_signal: bool
    config_version: str
    data_end: str
    signals: int
    card: str = Field(description="Markdown.")
    metrics: dict[str, float] = Field(description="Of out-of-time rows, as they were known when it was logged.")
    calibration: CalibrationRecord
    promotion: PromotionRecord | None = Field(description="Null where the ledger holds none.")
