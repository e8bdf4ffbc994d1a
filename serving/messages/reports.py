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


class VersionCompared(BaseModel):
    """A registered version, and how it ranks on the rows that all compared ones predicted out of time."""

    version: str
    run_id: str
    aliases: list[str]
    is_serving: bool
    auc: float | None = None
    auc_low: float | None = None
    auc_high: float | None = None
    better_by: float | None = Field(default=None, description="AUC beyond that of the version that serves.")
    better_low: float | None = None
    better_high: float | None = None
    log_loss: float | None = None


class VersionsAnswer(BaseModel):
    """Every registered version, the newest first, and on how many rows those that can be are compared."""

    rows: int
    churned: int
    tracking: str
    note: str
    versions: list[VersionCompared]


class CallsJudged(BaseModel):
    """How often a call on renewals was right: of `calls`, `right`; of the `left` that did not renew, `seen`."""

    calls: int
    right: int
    left: int
    seen: int
    share: float | None = None
    low: float | None = None
    high: float | None = None


class RenewalCallsAnswer(BaseModel):
    """The calls made so many days before renewals that have passed: automated, the CSM's, and the one that counted."""

    days_before: int
    renewals: int
    left: int
    automated: CallsJudged
    csm: CallsJudged
    automated_beside_csm: CallsJudged
    final: CallsJudged


class PlaybookUseAnswer(BaseModel):
    """How often a playbook was used, and what share left afterwards, beside comparable accounts."""

    kind: str
    used: int
    accounts: int
    judged: int
    left: float | None = None
    low: float | None = None
    high: float | None = None
    comparable: float | None = None


class CallsOfLevels(BaseModel):
    """Renewals of the next days: how many accounts stand at the riskiest level by each call, and their ARR."""

    within_days: int
    renewals: int
    arr: float
    expected_loss: float
    automated: int
    csm_calls: int
    csm: int
    final: int
    final_arr: float


class LeadersAnswer(BaseModel):
    """What leaders are shown beside their report: renewals and playbooks."""

    horizon_days: int
    riskiest: str
    first_as_of: str | None = Field(default=None, description="Of the scorings that the calls are taken from.")
    scorings: int
    coming: list[CallsOfLevels]
    calls: list[RenewalCallsAnswer]
    playbooks: list[PlaybookUseAnswer]
    tasks_done: dict[str, int] = Field(description="Tasks that were ticked off as done, by playbook.")
    effect: str = Field(description="What approaching accounts did, where chance drew the arms; else why not.")
