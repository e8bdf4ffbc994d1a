"""What the worker works out when it is asked: it holds the model and the day's signals, which the service does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel

from configs.atomic_files import read_marked
from serving.messages import DetailsRequest, SuppliedRequest, WhatIfRequest
from serving.overview import feeds_answer, leaders, served_model, versions_compared
from serving.project import Project
from serving.scoring.account_details import DayHeld, account_details
from serving.scoring.account_signals import account_signals
from serving.scoring.changes import changes
from serving.scoring.scorer import Scorer
from serving.scoring.supplied import supplied
from serving.scoring.what_if import what_if


@dataclass(frozen=True)
class Asked:
    """A question as it comes over the pipe: what to do, about which account, with what body."""

    do: str
    account_id: str
    body: str


class Questions:
    """The day that serves, open to questions; made at the first of them, and anew for another day.

    Parameters
    ----------
    config : Path
        The project's file.
    now : datetime
        With a time zone.
    """

    def __init__(self, config: Path, now: datetime) -> None:
        self.config, self.now = config, now
        with Project.open(config, now=now) as project:
            self.scorer = Scorer.open(project)

    @property
    def common(self) -> list[str]:
        """What names the day: as_of, model version, configuration version."""
        scorer = self.scorer
        return [f"{scorer.as_of:%Y-%m-%d}", str(scorer.model.version), scorer.settings.version]

    @cached_property
    def history(self) -> pd.DataFrame | None:
        """Signals at the project's own as_ofs, as they were last built under today's settings; None without any.

        Data that came since change nothing in them: what counts at a day was known by it.
        """
        settings = self.scorer.settings
        kept = read_marked(settings.paths.history, {"settings": settings.data_version})
        return None if kept is None else kept[0]

    def answer(self, asked: Asked) -> str:
        """The answer to a question, as JSON; ForewarnError where it is refused."""
        return ANSWERS[asked.do](self, asked).model_dump_json()

    def what_if(self, asked: Asked) -> BaseModel:
        return what_if(self.scorer, WhatIfRequest.model_validate_json(asked.body), self.history)

    def supplied(self, asked: Asked) -> BaseModel:
        return supplied(self.scorer, SuppliedRequest.model_validate_json(asked.body), datetime.now(UTC))

    def account_signals(self, asked: Asked) -> BaseModel:
        return account_signals(self.scorer, asked.account_id, self.history)

    @cached_property
    def day(self) -> DayHeld:
        """What the details of any account are made from."""
        with Project.open(self.config, now=self.now) as project:
            return DayHeld.of(self.scorer, self.history, project.sources)

    def account_details(self, asked: Asked) -> BaseModel:
        return account_details(self.day, asked.account_id, DetailsRequest.model_validate_json(asked.body))

    def changes(self, asked: Asked) -> BaseModel:
        with Project.open(self.config, now=self.now) as project:
            return changes(project, self.scorer, asked.account_id)

    @cached_property
    def of_leaders(self) -> BaseModel:
        """Worked out once for the day, model and settings that serve: outcomes do not change within a day."""
        with Project.open(self.config, now=self.now) as project:
            return leaders(project, self._today(), self.history, pd.Timestamp(self.now).tz_localize(None))

    @cached_property
    def of_feeds(self) -> BaseModel:
        """Worked out once for the day that serves: other data are another day."""
        with Project.open(self.config, now=self.now) as project:
            return feeds_answer(project)

    @cached_property
    def of_versions(self) -> BaseModel:
        """Worked out once: another champion is another question."""
        return versions_compared(self.scorer.settings, str(self.scorer.model.version))

    def versions(self, asked: Asked) -> BaseModel:
        return self.of_versions

    def _today(self) -> pd.DataFrame:
        """Predictions of the day, with the days until each account's renewal."""
        frame = self.scorer.frame
        rows = self.scorer.predict([str(one) for one in frame["account_id"]]).reset_index(drop=True)
        days = frame.set_index("account_id").reindex(columns=["days_to_renewal"])["days_to_renewal"]
        return rows.assign(days_to_renewal=days.reindex(rows["account_id"]).to_numpy())

    def feeds(self, asked: Asked) -> BaseModel:
        return self.of_feeds

    def leaders(self, asked: Asked) -> BaseModel:
        return self.of_leaders

    @cached_property
    def of_model(self) -> BaseModel:
        with Project.open(self.config, now=self.now) as project:
            return served_model(self.scorer.model, self.scorer.settings, project.ledger)

    def model(self, asked: Asked) -> BaseModel:
        return self.of_model


ANSWERS: Mapping[str, Callable[[Questions, Asked], BaseModel]] = {
    "what_if": Questions.what_if,
    "supplied": Questions.supplied,
    "signals": Questions.account_signals,
    "details": Questions.account_details,
    "changes": Questions.changes,
    "model": Questions.model,
    "leaders": Questions.leaders,
    "feeds": Questions.feeds,
    "versions": Questions.versions,
}


def asked_in(request: Mapping[str, Any]) -> Asked:
    """The question in a request of the service's."""
    return Asked(request["do"], request.get("account_id", ""), json.dumps(request.get("body")))
