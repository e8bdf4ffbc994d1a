"""Two pages in Markdown that go with every logged model: what it is and may be used for, and what it was trained on.

Every figure comes from the fit's own log, from the data, or from out-of-time metrics that the caller gives; none from
predictions of training rows. Mitchell et al. 2019 (model cards), Gebru et al. 2021 (datasheets for datasets).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from configs.settings import Settings
from training.fit import Data
from training.known_labels import rows_known
from training.model import COVERAGE, ChurnModel


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Lines of a Markdown table.

    >>> table(["a"], [[1]])
    ['| a |', '| --- |', '| 1 |']
    """
    lines = [list(head), ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(cell).replace("|", "/") for cell in line) + " |" for line in lines]


WITHOUT_SIGNAL = "without_signal_share"  # among the metrics: the share of a backtest's scorings without a usable signal

PURPOSE = f"""\
For deciding whom to call first. The interval beside a probability is nominal {COVERAGE:.0%}: it covers the
account's true probability, as far as sampling and what the signals leave open go, not a change of the churn
rate after the training, nor whether this one account leaves. Reasons say what moved the model, not what
would keep the account. Attributes of accounts enter as they are mapped; whether one of them should is for
whoever maps it to say.

Interventions are shown beside the signals and are none of them. They go to accounts that look bad, so
a model that read them would take the help for the cause of the risk, or the risk for gone because help came.
What an intervention changes can only be learned where chance decided who gets it (the column arm: treated or
holdout); nothing of it is claimed here.
"""


def model_card(churn: ChurnModel, settings: Settings, fingerprint: str, metrics: Mapping[str, float]) -> str:
    """Writes what a model is, what it may be used for, and how it did.

    Parameters
    ----------
    churn : ChurnModel
        The model.
    settings : Settings
        Of its project.
    fingerprint : str
        Of the data that it was trained on.
    metrics : mapping of str to float
        Of out-of-time rows (a purged backtest's); without any, the card reads "not judged yet". Of a figure's
        name/value, name/low and name/high one line is made, with its interval.

    Returns
    -------
    str
        Markdown.
    """
    log = churn.fit_log
    without = metrics.get(WITHOUT_SIGNAL, 0.0)
    unusable = [] if churn.has_signal else ["**No usable signal: it serves the base rate by stage.**", ""]
    if without > 0.5:
        unusable += [
            f"**No usable signal out of time: {without:.0%} of the backtest's scorings were the base rate.**",
            "",
        ]
    horizons = ", ".join(f"{days}" for days in churn.horizons_days)
    lines = [
        f"# {settings.name}: churn model of {log.cut}",
        "",
        *unusable,
        f"The probability that an account leaves within {horizons} days, by a discrete-time hazard over intervals.",
        "",
        "## What it is",
        "",
        *table(["", ""], _what_it_is(churn, settings, fingerprint)),
        "",
        "## How good, out of time",
        "",
    ]
    if metrics:
        lines += table(["figure", "value (95 % interval)"], _figures(metrics))
    else:
        lines += ["Not judged yet: no figure of a backtest was given when it was logged."]
    lines += ["", "Purged log loss of a hazard row, by learner:", ""]
    losses = log.purged_log_loss
    lines += table(["learner", "log loss"], [[name, f"{value:.5f}"] for name, value in losses.items()])
    lines += ["", "## The churns behind it", ""]
    for group, by in log.events_by.items():
        counts = [[name, behind["accounts"], behind["churned_accounts"]] for name, behind in by.items()]
        lines += [*table([group, "accounts", "churned"], counts), ""]
    lines += ["## For what, and for what not", "", PURPOSE]
    return "\n".join(lines)


def _what_it_is(churn: ChurnModel, settings: Settings, fingerprint: str) -> list[list[object]]:
    log, calibrator = churn.fit_log, churn.calibrator
    calibration = f"{calibrator.method}, version {calibrator.version}: {calibrator.log.get('why', '')}"
    shift = calibrator.recorded_shift
    return [
        ["learner", f"{churn.chosen}: {log.why}"],
        ["calibration", calibration],
        ["churn level", "that of the same month a year before" if shift is None else shift.why],
        ["labels known until", log.labels_known_until],
        ["snapshots, hazard rows", f"{log.snapshots:,}, {log.hazard_rows:,}"],
        ["churned accounts", log.churned_accounts],
        ["base rate", f"{churn.base_rate:.4f} within {churn.main_horizon_days} days"],
        ["signals", f"{len(churn.columns)}; {'monotone' if log.monotone else 'free'} in the trees"],
        ["seed", log.seed],
        ["settings, data", f"{settings.version}, {fingerprint}"],
    ]


def _figures(metrics: Mapping[str, float]) -> list[list[str]]:
    lines = []
    for name, value in sorted(metrics.items()):
        stem, _, part = name.rpartition("/")
        if part in ("low", "high") and f"{stem}/value" in metrics:
            continue
        low, high = (metrics.get(f"{stem}/{end}") for end in ("low", "high"))
        interval = f" ({low:.5g} to {high:.5g})" if part == "value" and low is not None and high is not None else ""
        lines.append([stem if part == "value" else name, f"{value:.5g}{interval}"])
    return lines


def data_sheet(dataset: Data, settings: Settings, fingerprint: str) -> str:
    """Snapshots, labels and signals as they stood at training."""
    signals, labels = dataset.signals, dataset.labels
    excluded = set(settings.training.exclude_signals)
    until = pd.Timestamp(labels["observed_until"].max())
    horizons = []
    for days in settings.horizons_days:
        known = rows_known(labels, until, days)
        churned = labels["churn_at"] < labels["as_of"] + pd.Timedelta(days=days)
        rate = f"{churned[known].mean():.4f}" if known.any() else "-"
        horizons.append([f"{days} days", f"{int(known.sum()):,}", f"{int((churned & known).sum()):,}", rate])
    lines = [
        f"# {settings.name}: the data of {dataset.data_end.date()}",
        "",
        *table(
            ["", ""],
            [
                ["fingerprint", fingerprint],
                ["snapshots", f"{len(signals):,} of {labels['account_id'].nunique():,} accounts"],
                ["as of", f"{labels['as_of'].min().date()} to {labels['as_of'].max().date()}"],
                ["outcomes known until", until.date()],
                ["churn", f"{settings.churn.kind}"],
                ["accounts that churned", labels.loc[labels["churn_at"].notna(), "account_id"].nunique()],
            ],
        ),
        "",
        "## Labels that have matured",
        "",
        *table(["horizon", "snapshots", "churned", "share"], horizons),
        "",
        "## Signals",
        "",
        *table(
            ["signal", "dimension", "kind", "missing", "sentence"],
            [
                [
                    signal.name,
                    signal.dimension,
                    signal.kind + (", left out" if signal.name in excluded else ""),
                    f"{signals[signal.name].isna().mean():.1%}" if signal.name in signals else "absent",
                    signal.sentence,
                ]
                for signal in dataset.schema.signals
            ],
        ),
        "",
    ]
    return "\n".join(lines)
