"""The validated settings of one project; `configs/settings_file.py` reads them from YAML.

Every setting, its default and its unit stand commented in `default.yaml`.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from configs.alerts import Alerts, known_zone
from configs.base import Share, Strict
from configs.framework import Framework
from configs.state_paths import StatePaths

Days = Annotated[int, Field(gt=0)]


class TableSource(Strict):
    """Where a table comes from, what its columns are called there, and through which other one it finds its accounts.

    `via` names another table and this one's column with its key; `deleted` a flag of rows that do not count.
    """

    from_: str | None = Field(default=None, alias="from")
    query: str | None = None
    via: dict[str, str] = Field(default_factory=dict, max_length=1)
    deleted: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    constants: dict[str, str | float | bool] = Field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    # Measures that exist only from a later moment of their row on; the moment is one of ours, as `resolved_at`.
    known_from: dict[str, str] = Field(default_factory=dict, exclude_if=lambda ties: not ties)

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.from_ is None) == (self.query is None):
            raise ValueError("give exactly one of from: (a file or table) and query: (SQL)")
        return self


class Silence(Strict):
    """Churn by silence: no row of table `of` for `days`; in play while the last one lies within `active_days`."""

    of: str = "usage_events"
    days: Days = 90
    active_days: Days = 180


class Churn(Strict):
    """When an account counts as churned, and when its contract as contracted."""

    kind: Literal["contract_end", "outcome", "silence"] = "contract_end"
    allowed_gap_days: int = Field(default=30, ge=0)
    pause_days: int = Field(default=0, ge=0)
    trials_are_customers: bool = False
    settling_days: int = Field(default=0, ge=0)
    contraction_share: float = Field(default=0.05, gt=0, lt=1)
    silence: Silence = Silence()

    @property
    def absence_days(self) -> int:
        """The longest time between two contracts that is no churn: late paperwork, or a pause."""
        return max(self.allowed_gap_days, self.pause_days)


class Snapshots(Strict):
    """The as_of days: a calendar (`every`, from the first day to the data's end) or a list (`at`)."""

    every: Literal["day", "week", "month", "quarter"] = "month"
    from_: date | None = Field(default=None, alias="from")
    to: date | None = None
    at: tuple[date, ...] = ()


class Trees(Strict):
    """LightGBM's settings under its own names; shallow by default, as measured (see docs/methods.md)."""

    num_leaves: int = Field(default=4, ge=2)
    n_estimators: int = Field(default=300, ge=1)
    learning_rate: float = Field(default=0.03, gt=0)
    min_child_samples: int = Field(default=50, ge=1)
    l2: float = Field(default=20, ge=0)
    feature_fraction: Share = 0.3
    bagging_fraction: Share = 0.5


class EngineSettings(Strict):
    """What working out signals may use: `memory_mb`, up to half of it in arrays, before the embedded engine spills to
    disk; and threads (null: all cores).

    With `incremental`, usage events are folded day by day into the state folder, and those of the past not read again.
    """

    memory_mb: int = Field(default=4096, ge=256)
    threads: int | None = Field(default=None, ge=1)
    incremental: bool = False


class Training(Strict):
    """How a model is fitted and calibrated."""

    seed: int = 7
    min_churns: int = Field(default=30, ge=1)
    interval_days: Days = 30
    trees: Trees = Trees()
    ridge_l2: float = Field(default=0.5, gt=0)
    monotone: Literal["auto", "on", "off"] = "auto"
    season_level: Literal["off", "last_year"] = "off"
    calibration_origins: int = Field(default=4, ge=1)
    exclude_signals: tuple[str, ...] = ()
    workers: int = Field(default=2, ge=1)


class Backtest(Strict):
    """Rolling origin: the first test as_of (default: once min_churns lie before), and how often to refit."""

    from_: date | None = Field(default=None, alias="from")
    refit: Literal["month", "quarter", "year", "never"] = "quarter"


class Costs(Strict):
    """What acting on a prediction costs and brings, for a ranking's profit (evaluation.metrics.business_value)."""

    contact: float = Field(default=100, ge=0)
    offer: float = Field(default=500, ge=0)
    success: float = Field(default=0.3, gt=0, lt=1)
    success_sd: float = Field(default=0.1, gt=0)
    kept_years: float = Field(default=1, gt=0)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.success_sd**2 >= self.success * (1 - self.success):
            raise ValueError(f"success_sd {self.success_sd} is too large for a share of {self.success}")
        return self


class Holdout(Strict):
    """By which draw accounts were held out: see evaluation.outcomes.assign."""

    salt: str = Field(min_length=1)
    share: float = Field(gt=0, lt=1)


class MetricLimit(Strict):
    """What a metric must reach before a version may serve: at least, at most, or both."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most or both")
        return self


class Evaluation(Strict):
    """How predictions are judged, and the limits of the promotion gates."""

    capacity_share: Share = 0.1
    bootstrap_draws: int = Field(default=400, ge=20)
    calibration_bins: int = Field(default=15, ge=2)
    min_churned_accounts: int = Field(default=10, ge=2)
    forecast_within_days: int = Field(default=7, ge=1)
    ece_limit: float = 0.05
    slope_limits: tuple[float, float] = (0.7, 1.4)
    metric_limits: dict[str, MetricLimit] = Field(default_factory=dict)
    worse_than_rules_margin: float = 0.0
    worse_than_champion_margin: float = 0.0
    segment_factor: float = Field(default=1.5, ge=1)
    newest_level_factor: float = Field(default=2.0, ge=1)
    reseed_rank_limit: float = Field(default=0.95, ge=-1, le=1)
    size_limit_mb: float = Field(default=50, gt=0)
    latency_limit: float = Field(default=50, gt=0)
    costs: Costs = Costs()
    holdout: Holdout | None = None
    net_retention_target: float = Field(default=1.0, gt=0)
    paper: Literal["A4", "letter"] = "A4"


MOST_ACCOUNTS = 10_000  # in one request, whatever the settings say


class Serving(Strict):
    """Where the ledger and MLflow are, how much may be asked for, and how fresh what is served has to be."""

    ledger: str | None = None
    tracking: str | None = None
    anchors: tuple[str, ...] = ()
    max_accounts: int = Field(default=1000, ge=1, le=MOST_ACCOUNTS)
    requests_per_minute: int = Field(default=6000, ge=1)
    max_waiting: int = Field(default=64, ge=1)
    refresh_seconds: float = Field(default=10, gt=0, le=60)
    stale_after_days: int = Field(default=7, ge=0)


class Retention(Strict):
    """After how many days `forewarn personal expire` erases what was kept; null: never."""

    ledger_days: Days | None = None
    files_days: Days | None = None


class Settings(Strict):
    """One project's settings; `folder` is the folder of its file, from which relative paths count."""

    folder: Path = Field(exclude=True)
    name: str = "forewarn"
    connection: str = "duckdb://"
    timezone: str = "UTC"
    data_end: date | None = None
    tables: dict[str, TableSource]
    churn: Churn = Churn()
    snapshots: Snapshots = Snapshots()
    horizons_days: tuple[Days, ...] = (30, 60, 90, 180)
    main_horizon_days: Days = 90
    state: str = ".forewarn"
    currency: str = "USD"
    currency_rates: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    sentiment: Literal["off", "textblob"] = "off"
    allow_leaking: tuple[str, ...] = ()
    allow_sensitive: tuple[str, ...] = Field(default=(), exclude_if=lambda names: not names)
    signals: str | None = None
    framework: Framework
    engine: EngineSettings = EngineSettings()
    training: Training = Training()
    backtest: Backtest = Backtest()
    evaluation: Evaluation = Evaluation()
    serving: Serving = Serving()
    alerts: Alerts = Alerts()
    retention: Retention = Retention()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        return known_zone(zone)

    @field_validator("currency_rates")
    @classmethod
    def _upper(cls, rates: dict[str, float]) -> dict[str, float]:
        return {code.upper(): rate for code, rate in rates.items()}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (rate := self.currency_rates.get(self.currency.upper(), 1.0)) != 1.0:
            raise ValueError(f"currency_rates turn into {self.currency}, whose own rate must be 1, found {rate}")
        if list(self.horizons_days) != sorted(set(self.horizons_days)):
            raise ValueError(f"horizons_days must rise, found {list(self.horizons_days)}")
        if self.main_horizon_days not in self.horizons_days:
            main = self.main_horizon_days
            raise ValueError(f"main_horizon_days {main} is none of {list(self.horizons_days)}")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def alert_zone(self) -> ZoneInfo:
        """The zone in which a week of alerts begins and ends."""
        return ZoneInfo(self.alerts.timezone or self.timezone)

    @property
    def paths(self) -> StatePaths:
        """The paths of all that is kept of the project."""
        return StatePaths((self.folder / self.state).resolve())

    @property
    def ledger_url(self) -> str:
        return self.serving.ledger or f"sqlite:///{self.paths.ledger}"

    @property
    def has_ledger(self) -> bool:
        """Whether a ledger exists: a database that is named, or the project's own file."""
        return self.serving.ledger is not None or self.paths.ledger.exists()

    @property
    def tracking_url(self) -> str:
        return self.serving.tracking or f"sqlite:///{self.paths.tracking}"

    @property
    def forecast_within_days(self) -> int:
        """Days after its as_of within which a prediction is a forecast; never more than the shortest window."""
        return min(self.evaluation.forecast_within_days, *self.horizons_days)

    @property
    def hazard_interval_days(self) -> int:
        """Length of a hazard interval; a silence cannot be complete, nor have a hazard, before its `days`."""
        shortest = self.churn.silence.days if self.churn.kind == "silence" else 0
        return max(self.training.interval_days, shortest)

    def path(self, text: str) -> Path:
        """A path of the configuration, made absolute from the folder of its file."""
        return (self.folder / text).resolve()

    @property
    def version(self) -> str:
        """Twelve hex digits that change whenever a setting does that can change a prediction."""
        return self._digest({"workers"})

    @property
    def data_version(self) -> str:
        """Likewise, of the settings that can change a signal or a label."""
        return self._digest(True)

    def _digest(self, training_left_out: set[str] | bool) -> str:
        left_out = (
            "state",
            "serving",
            "evaluation",
            "backtest",
            "connection",
            "engine",
            "signals",
            "alerts",
            "retention",
        )
        body = self.model_dump(mode="json", exclude={**dict.fromkeys(left_out, True), "training": training_left_out})
        if self.signals is not None:  # the file's content counts, not its name
            path = self.path(self.signals)
            body["signals"] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:12]
