"""Figures of a summary that text, charts and pages read: of horizons, groups, comparisons, capacity, profit, lead time.

Each is a JSON object. Keys of a class with `total=False` are there unless the figure was refused; then `refused` says
why in their place.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Figure(TypedDict, total=False):
    """A figure with the ends of its 95 % interval, or `refused`."""

    value: float
    low: float
    high: float
    refused: str


class Paired(TypedDict, total=False):
    """A figure of the model and of a baseline on the same rows, and by how much the model's is better; or `refused`."""

    model: Figure
    baseline: Figure
    better_by: Figure
    refused: str


class Scope(TypedDict):
    """What was judged: scorings (rows), accounts, as_ofs (ISO days); `open_rows` have a window that has not passed."""

    rows: int
    accounts: int
    as_ofs: int
    churned_rows: int
    churned_accounts: int
    first_as_of: str
    last_as_of: str
    until: str
    open_rows: int
    in_hindsight_rows: int
    without_signal_rows: NotRequired[int]
    model_versions: NotRequired[list[str]]
    config_versions: NotRequired[list[str]]
    folds: NotRequired[list[str]]


class Bin(TypedDict):
    """Like predictions: what was predicted and what happened on average (0-1), with its interval."""

    rows: int
    churned: int
    mean_p: float
    happened: float
    low: float
    high: float


class HorizonFigures(TypedDict):
    """The figures of one horizon, as far as they are read here: metrics by name, what was predicted, what happened."""

    days: int
    rows: int
    accounts: int
    churned_rows: int
    churned_accounts: int
    mean_p: float
    happened: Figure
    auc: Figure
    average_precision: Figure
    brier: Figure
    log_loss: Figure
    ece: Figure
    calibration_slope: Figure
    calibration_intercept: Figure
    reliability: list[Bin]


class GroupFigures(TypedDict):
    """Scorings of one group: predicted, happened, and the AUC. Of a risk level: `level`, `churned_rows`, no AUC."""

    rows: int
    mean_p: float
    happened: Figure
    group: NotRequired[str]
    level: NotRequired[str]
    accounts: NotRequired[int]
    churned_accounts: int
    churned_rows: NotRequired[int]
    auc: Figure


class Comparison(TypedDict):
    """The model beside a baseline at one horizon; of a refused one `verdict` is "refused", and no metric is there."""

    days: int
    baseline: str
    title: str
    rows: int
    all_rows: int
    verdict: str
    sentence: str
    auc: Paired
    log_loss: NotRequired[Paired]
    brier: NotRequired[Paired]
    refused: str


class BeyondContracts(TypedDict):
    """The comparison with a model on contract columns only, at the main horizon."""

    verdict: str
    sentence: str
    rows: NotRequired[int]
    auc: NotRequired[Paired]
    refused: NotRequired[str]


class BesideRules(TypedDict):
    """The model's red band beside that of the rules."""

    title: str
    lead_days: int
    recall: Paired
    lead: Paired
    profit: Paired


class RandomSplit(TypedDict):
    """What a random split of rows would promise, as far as it is read here."""

    auc_gap: float
    worth_saying: bool


class AtCapacity(TypedDict, total=False):
    """The red band at the CSMs' capacity, and the gains of going further down: [share worked on, share reached]."""

    precision: Figure
    recall: Figure
    lift: float
    gains: list[list[float]]
    refused: str


class Capacity(TypedDict):
    """That of the model, and of the first yardstick where there is one."""

    share: float
    model: AtCapacity
    yardstick: NotRequired[str]
    baseline: NotRequired[AtCapacity]


class ProfitFigures(TypedDict, total=False):
    """Profit for each account scored, in the currency of the ARR; shares and `break_even` 0-1."""

    value: float
    best_share: float
    expected_share: float
    break_even: float
    at_capacity: Figure
    best: Figure
    of_all: Figure
    expected: Figure
    refused: str


class Profit(TypedDict):
    """That of the model, and of the first yardstick where there is one."""

    model: ProfitFigures
    yardstick: NotRequired[str]
    baseline: NotRequired[ProfitFigures]


class Threshold(TypedDict):
    """Acting from a probability on: net benefits, and the share of scorings acted on."""

    threshold: float
    model: Figure
    everyone: float
    flagged: float


class Curve(TypedDict, total=False):
    """A decision curve, or `refused`."""

    curve: list[Threshold]
    refused: str


class Decision(TypedDict):
    """The model's decision curve, and that of the first yardstick where it has probabilities."""

    model: Curve
    yardstick: NotRequired[str]
    baseline: NotRequired[Curve]


class Lead(TypedDict):
    """Accounts in the red band at the last scoring so many days or more before they left, or `refused`."""

    days: int
    churned: int
    share: NotRequired[Figure]
    chance: float
    median_days: float


class LeadTime(TypedDict):
    """By days ahead: of the model, of the first yardstick, and of the true probabilities where they are known."""

    model: list[Lead]
    yardstick: NotRequired[str]
    baseline: NotRequired[list[Lead]]
    ceiling: NotRequired[list[Lead]]


class ArrWindow(TypedDict):
    """ARR expected to be lost and lost in one window (ISO days), with the range of chance; or `refused`."""

    as_of: str
    until: str
    accounts: int
    expected_churns: float
    churns: int
    arr: float
    variance: float
    expected: float
    realised: float
    low: float
    high: float
    arr_unknown: int
    within: bool


class Arr(TypedDict):
    """The windows and their sums; `within`: windows in whose range the loss lay."""

    windows: list[ArrWindow]
    refused: NotRequired[str]
    expected: float
    realised: float
    low: float
    high: float
    within: int
    unknown_share: NotRequired[float]


class Surprise(TypedDict):
    """A large surprise, as far as it is read here."""

    account_id: str
    lifecycle_stage: str | None
    segment: str | None


class Surprises(TypedDict):
    """Losses that were least expected, and the riskiest scorings that came to nothing."""

    left: list[Surprise]
    stayed: list[Surprise]


class GroupDifference(TypedDict):
    """A figure of a group that differs from that of all other accounts."""

    group: str
    figure: str
    value: Figure
    rest: Figure


class Fairness(TypedDict):
    """Groups whose figures differ."""

    compared: int
    differs: list[GroupDifference]
