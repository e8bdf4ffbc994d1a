"""The demo: a synthetic company, taken through every command, in one process.

The company keeps a calendar of its own, and the demo lives by it: half a year before the end it trains on what was
known then and scores, so that there is a ledger whose windows have passed; at the end it does everything else.
What was asked for is dated by that calendar, and a mark in the ledger says so. With a story (story.py) it is
scored month by month instead.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from configs.atomic_files import write_text
from configs.errors import Fault, UsageError
from configs.progress import Progress
from configs.settings import Settings
from configs.settings_file import load_settings
from evaluation.ledger import Ledger
from features.dataset import Dataset, load_dataset
from features.labels import labels_for
from features.sources import Sources, known_at, open_sources
from features.synthetic import END, MONTHS, Calendar, Story, company_config, make_company
from serving.commands import stages
from serving.commands.machine import remove_state
from serving.commands.monitor import watch
from serving.commands.promotion import promote
from serving.commands.training_stages import backtest, train
from serving.demo.story import began, live_through
from serving.scoring import Scorer
from training.fit import Rolling
from training.tracking import load_version

MONTHS_AGO = 6  # every default window has passed since
HEAD = "# The demo's project, written by `forewarn demo`: a synthetic company in the eleven canonical tables.\n"


def run_demo(folder: Path, accounts: int, tell: Progress, story: Story | None = None) -> dict[str, Any]:
    """Makes the company in `folder` and runs the commands on it; returns what each of them found.

    With a story, what the monitoring found is told as well.
    UsageError when `folder` holds something that no demo wrote. A demo that is run again begins anew.
    """
    config = folder / "forewarn.yaml"
    _make_room(folder, config)
    tell(f"making a company of {accounts} accounts")
    company = make_company(folder, accounts, story=story)
    write_text(config, HEAD + yaml.safe_dump(company_config(), sort_keys=False))
    settings = load_settings(config)
    sources = open_sources(settings)
    made: dict[str, Any] = {
        "config": str(config),
        "accounts": company.rows["accounts"],
        "rows": sum(company.rows.values()),
        "check": stages.check(settings, tell, sources),
    }
    tell("building signals")
    dataset = load_dataset(settings, sources)
    made["features"] = stages.features(dataset, settings.paths.features)
    with Ledger.open(settings) as ledger:
        first = _before(sources) if story is None else began(settings)
        days = {"says": "dates are the synthetic company's", "scored_as_of": f"{first:%Y-%m-%d}"}
        ledger.mark("demo", days, at=first, asked_by="demo")
    if story is None:
        made["before"] = score_as_then(settings, sources, dataset, tell)
        rolling = Rolling(dataset, settings)  # a quarter's fit serves the calibration of later ones and the backtest
    else:
        at = story.reweighted_at(Calendar.of(END, MONTHS))
        lived = live_through(config, settings, sources, dataset, at, tell)
        settings, dataset, rolling = lived.settings, lived.dataset, lived.rolling
        made["before"] = next(one for one in lived.scored if one["as_of"] == f"{_before(sources):%Y-%m-%d}")
    made["train"] = train(settings, dataset, tell, rolling, sources=sources)
    made["backtest"] = backtest(settings, dataset, None, tell, rolling, sources=sources)
    today = sources.data_end.to_pydatetime()
    made["promote"] = promote(settings, None, lambda: dataset, today, "demo", tell, sources=sources)
    if made["promote"]["promoted"]:
        tell("scoring")
        made["score"] = stages.score_with(Scorer.open(settings), None, today)
    tell("judging what was predicted")
    made["outcomes"] = stages.outcomes(settings, today, sources)
    made["report"] = stages.report(settings, None, today, tell, dataset=dataset)
    if story is not None:
        made["monitor"] = watch(settings, today, tell, dataset=dataset, sources=sources)
    return made


def score_as_then(settings: Settings, sources: Sources, dataset: Dataset, tell: Progress) -> dict[str, Any]:
    """Trains on what was known half a year before the data's end, registers that model, and scores that day with it.

    Outcomes come from the sources as they stood then, so one that was recorded later does not go in; signals of a day
    never hold what came after it (a law, tested on each). The model is no champion; it stands in for that day's.
    """
    then = _before(sources)
    past = known_at(sources, then)
    tell(f"going back to {then:%Y-%m-%d}")
    signals = dataset.signals[dataset.signals.as_of <= then].reset_index(drop=True)
    labels = labels_for(past, signals[["account_id", "as_of"]], settings)
    known = replace(dataset, signals=signals, labels=labels, data_end=past.data_end, fingerprint=past.fingerprint)
    version = train(settings, known, tell, sources=past)["version"]
    scorer = Scorer.of(settings, load_version(settings, version), past)
    return stages.score_with(scorer, None, then.to_pydatetime())


def _before(sources: Sources) -> pd.Timestamp:
    return (sources.data_end - pd.DateOffset(months=MONTHS_AGO)).normalize().as_unit("us")


def _make_room(folder: Path, config: Path) -> None:
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not config.exists() or not config.read_text(encoding="utf-8").startswith(HEAD):
        found = Fault("--dir", f"{folder}, which holds other files", "an empty or new folder", "choose another")
        raise UsageError(found)
    # A model of another company must not be judged by this one's outcomes: what an earlier demo left goes.
    remove_state(folder / ".forewarn")
