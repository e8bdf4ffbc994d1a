"""The demo: a synthetic company, taken through the commands from `check` to `report`, in one process.

The company keeps a calendar of its own, and the demo lives by it: half a year before the end it trains on what was
known then and scores, so that there is a ledger whose windows have passed; at the end it does everything else.
Its scorings are dated by that calendar, which an event in the ledger states. With a story (story.py) it is
scored month by month instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from configs.atomic_files import write_text
from configs.errors import Fault, UsageError
from configs.progress import Progress
from evaluation.monitoring import MonitoringSummary
from features.labels import labels_for
from features.sources import Sources, known_at
from features.sources.templates import template
from features.synthetic import END, MONTHS, Calendar, Company, Story, company_config, make_company
from features.synthetic.systems import make_systems_project, planted_lines
from serving.checked import Checked
from serving.commands.backtest import Backtested, backtest
from serving.commands.data import FeaturesWritten, check, features
from serving.commands.machine import remove_state
from serving.commands.monitor import watch
from serving.commands.outcomes import Judged, outcomes
from serving.commands.promote import PromotionAnswer, promote
from serving.commands.report import Reported, report
from serving.commands.score import Scored, score_with
from serving.commands.train import Trained, train
from serving.demo.story import first_scored_day, live_through
from serving.project import Project
from serving.scoring import Scorer
from training.fit import Rolling

MONTHS_AGO = 6  # every default window has passed since
HEAD = "# The demo's project, written by `forewarn demo`: a synthetic company in the eleven canonical tables.\n"


@dataclass(frozen=True)
class DemoRun:
    """What each command found; `before`: the scoring of half a year ago; None where a command did not run."""

    config: str
    accounts: int
    rows: int
    check: Checked
    features: FeaturesWritten
    before: Scored
    train: Trained
    backtest: Backtested
    promote: PromotionAnswer
    score: Scored | None
    outcomes: Judged
    report: Reported
    monitor: MonitoringSummary | None


def run_demo(
    folder: Path, accounts: int, tell: Progress, story: Story | None = None, systems: Sequence[str] = ()
) -> DemoRun:
    """Makes the company in `folder` and runs the commands on it; returns the results.

    With a story, that of the monitoring too. With systems, the company is written into their schemas, each with its
    traps, and read back by their templates.
    UsageError when `folder` holds something that no demo wrote. A demo that is run again begins anew.
    """
    config = folder / "forewarn.yaml"
    _make_room(folder, config)
    tell(f"making a company of {accounts} accounts")
    company, body = _company(folder, accounts, story, systems, tell)
    write_text(config, HEAD + yaml.dump(body, Dumper=_Readable, sort_keys=False))
    with Project.open(config, tell) as project:
        checked = check(project)
        written = features(project.dataset, project.paths.features, project.settings)
        first = _before(project.sources) if story is None else first_scored_day(project.settings)
        days = {"says": "dates are the synthetic company's", "scored_as_of": f"{first:%Y-%m-%d}"}
        project.ledger.record_event("demo", days, at=first, asked_by="demo")
        if story is None:
            before = score_as_then(project)
            rolling = Rolling(project.dataset, project.settings)  # a quarter's fit serves later ones and the backtest
        else:
            lived = live_through(config, project, story.reweighted_at(Calendar.of(END, MONTHS)))
            project, rolling = lived.project, lived.rolling
            then = f"{_before(project.sources):%Y-%m-%d}"
            before = next(scored for scored in lived.scored if scored.as_of == then)
        return _everything_else(project, rolling, before, DemoStart(str(config), company.rows, checked, written), story)


class _Readable(yaml.SafeDumper):
    """Writes SQL line by line."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


_Readable.add_representer(str, _Readable.represent_str)


def _company(
    folder: Path, accounts: int, story: Story | None, systems: Sequence[str], tell: Progress
) -> tuple[Company, dict[str, Any]]:
    if not systems:
        return make_company(folder, accounts, story=story), company_config()
    made = make_systems_project(folder, systems, accounts, story=story)
    for name, planted in planted_lines(made.written).items():
        tell(f"{template(name).title} has it too, with {planted}")
    return made.company, made.body


@dataclass(frozen=True)
class DemoStart:
    """What was made and found before anything was fitted; `rows` by table."""

    config: str
    rows: Mapping[str, int]
    check: Checked
    features: FeaturesWritten


def _everything_else(
    project: Project, rolling: Rolling, before: Scored, start: DemoStart, story: Story | None
) -> DemoRun:
    """The commands of today, from the training on."""
    today = project.sources.data_end.to_pydatetime()
    trained = train(project, rolling)
    backtested = backtest(project, rolling=rolling)
    promoted = promote(project, None, today, "demo")
    scored = None
    if promoted.promoted:
        project.tell("scoring")
        scored = score_with(Scorer.open(project), None, today)
    project.tell("judging what was predicted")
    judged = outcomes(project, today)
    reported = report(project, None, today)
    return DemoRun(
        config=start.config,
        accounts=start.rows["accounts"],
        rows=sum(start.rows.values()),
        check=start.check,
        features=start.features,
        before=before,
        train=trained,
        backtest=backtested,
        promote=promoted,
        score=scored,
        outcomes=judged,
        report=reported,
        monitor=None if story is None else watch(project, today),
    )


def score_as_then(project: Project) -> Scored:
    """Trains on what was known half a year before the data's end, registers that model, and scores that day with it.

    Outcomes come from the sources as they stood then, so one that was recorded later does not go in; signals of a day
    never hold what came after it (a law, tested on each). The model is no champion; it stands in for that day's.
    """
    then = _before(project.sources)
    past = known_at(project.sources, then)
    project.tell(f"going back to {then:%Y-%m-%d}")
    dataset = project.dataset
    signals = dataset.signals[dataset.signals.as_of <= then].reset_index(drop=True)
    labels = labels_for(past, signals[["account_id", "as_of"]], project.settings)
    known = replace(dataset, signals=signals, labels=labels, data_end=past.data_end, fingerprint=past.fingerprint)
    as_then = project.borrowed(sources=past, dataset=known)
    model = as_then.model(train(as_then).version)
    return score_with(Scorer.of(as_then, model), None, then.to_pydatetime())


def _before(sources: Sources) -> pd.Timestamp:
    return (sources.data_end - pd.DateOffset(months=MONTHS_AGO)).normalize().as_unit("us")


def _make_room(folder: Path, config: Path) -> None:
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not config.exists() or not config.read_text(encoding="utf-8").startswith(HEAD):
        found = f"{folder}, which holds other files"
        raise UsageError(Fault("--dir", found, "an empty or new folder", "choose another"))
    # A model of another company must not be judged by this one's outcomes: what an earlier demo left goes.
    remove_state(folder / ".forewarn")
