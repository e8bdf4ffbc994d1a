"""From account ids to predictions: the one way in which anything is scored.

The batch, the service's prepared days and `explain` all come through here, with the same frame of signals and the same
functions, so a served score equals the batch score to the last bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from configs.errors import Fault, UsageError, nearest
from configs.settings import Settings
from evaluation.ledger import Answered, Ledger, PredictionKind, Written, canonical, moment, prediction_rows
from evaluation.predictions import predictions
from serving.messages import AccountReasons, Prediction, SignalReason, group_reasons
from serving.project import Project
from serving.scoring.live_signals import check_model, check_schema, live_signals, signals_hash, with_belonging
from training.tracking import LoadedModel, load_champion


@dataclass(frozen=True)
class Scorer:
    """A model, the signals of every live account at one as_of, and the ledger.

    Attributes
    ----------
    settings : Settings
    model : LoadedModel
        What scores.
    frame : DataFrame
        Signals of every account in play at `as_of`, indexed by account_id.
    as_of : Timestamp
        A UTC midnight.
    ledger : Ledger
        Open; what `score` and `explained` give is written to it before it is returned.
    data_end : Timestamp
        The day up to which the sources reach.
    """

    settings: Settings
    model: LoadedModel
    frame: pd.DataFrame
    as_of: pd.Timestamp
    ledger: Ledger
    data_end: pd.Timestamp

    @classmethod
    def open(cls, project: Project, at: pd.Timestamp | None = None) -> Scorer:
        """The champion over the signals at `at`, or at the data's end; see `of`. UsageError without a champion."""
        return cls.of(project, load_champion(project.settings), at)

    @classmethod
    def of(cls, project: Project, model: LoadedModel, at: pd.Timestamp | None = None) -> Scorer:
        """A model over the signals of one day.

        Parameters
        ----------
        project : Project
        model : LoadedModel
        at : Timestamp, optional
            A UTC midnight; the data's end by default.

        Returns
        -------
        Scorer

        Raises
        ------
        UsageError
            For a day before the model's training ended (it has seen what happened next, so its score would be no
            prediction), and for a model of other signals or horizons.
        DataError
            For a day in the future, or on which no account is in play.
        """
        settings, sources = project.settings, project.sources
        as_of = sources.data_end if at is None else at
        check_model(model, settings, as_of)
        frame, schema = live_signals(settings, sources, as_of)
        check_schema(model.schema, schema)
        return cls(settings, model, frame.set_index("account_id", drop=False), as_of, project.ledger, sources.data_end)

    def predict(self, account_ids: Sequence[str]) -> pd.DataFrame:
        """Predictions of known accounts, in the order asked; nothing is written. KeyError for an unknown account."""
        rows = self.frame.loc[list(account_ids)].reset_index(drop=True)
        return predictions(
            self.model.churn, self.model.health, rows, self.settings, self.model.version, self.model.schema
        )

    def score(
        self, account_ids: Sequence[str], kind: PredictionKind, asked_by: str, now: datetime
    ) -> tuple[pd.DataFrame, Written]:
        """Predictions of known accounts, written to the ledger before they are returned.

        A batch of the same model over the same signals is written once, however often it is asked for.

        Parameters
        ----------
        account_ids : sequence of str
            In play at `as_of`.
        kind : PredictionKind
            "batch" or "api".
        asked_by : str
            Who asked: a command, or `key:` and a key's id.
        now : datetime
            When.

        Returns
        -------
        DataFrame
            A prediction a row, in the order asked.
        Written
            The batch in the ledger.
        """
        predicted = self.predict(account_ids)
        hashes = signals_hash(self.frame.loc[list(account_ids)], self.model.schema)
        key = None
        if kind == "batch":
            of = [str(self.as_of), self.model.run_id, self.settings.version, list(account_ids), hashes]
            key = f"batch {hashlib.sha256(canonical(of).encode()).hexdigest()}"
        at = pd.Timestamp(now)
        written = self.ledger.write(
            with_belonging(predicted, self.frame.loc[list(account_ids)]),
            kind=kind,
            asked_by=asked_by,
            at=at,
            signals_hash=hashes,
            idempotency_key=key,
        )
        return predicted, written

    def explained(self, account_id: str, asked_by: str, now: datetime) -> Prediction:
        """One account's prediction with every reason, in the ledger before it is returned.

        Parameters
        ----------
        account_id : str
            In play at `as_of`; see `require`.
        asked_by : str
            Who asked: a command.
        now : datetime
            When.

        Returns
        -------
        Prediction
        """
        rows = self.frame.loc[[account_id]]
        predicted = self.predict([account_id])
        hashes = signals_hash(rows, self.model.schema)
        values = prediction_rows(with_belonging(predicted, rows), hashes)[0][1:]
        at = moment(pd.Timestamp(now))
        self.ledger.answer([Answered(f"{asked_by} {at}", asked_by, "explain", at, [values])])
        return self.message(predicted.to_dict("records")[0], self.every_reason([account_id])[0])

    def every_reason(self, account_ids: Sequence[str]) -> list[AccountReasons]:
        """All reasons of known accounts; the column `reasons` of their predictions holds the strongest of these."""
        rows = self.frame.loc[list(account_ids)].reset_index(drop=True)
        explained = self.model.churn.explain(rows, self.settings.main_horizon_days)
        sentences = {signal.name: signal.sentence for signal in self.model.schema.signals}
        every = []
        for row, record in enumerate(rows.to_dict("records")):
            reasons = []
            for column in np.argsort(-np.abs(explained.contributions[row]), kind="stable"):
                name, value = explained.signals[column], record.get(explained.signals[column])
                reasons.append(
                    SignalReason(
                        signal=name,
                        dimension=explained.dimensions[column],
                        value=None if value is None or pd.isna(value) else value,
                        contribution=float(explained.contributions[row, column]),
                        sentence=sentences.get(name, name.replace("_", " ")),
                    )
                )
            every.append(AccountReasons(float(explained.base[row]), reasons))
        return every

    def probe(self) -> bool:
        """Scores an account outside the ledger; whether that gave a probability."""
        predicted = self.predict([self.frame.index[0]])
        return bool(predicted[f"p_churn_{self.settings.main_horizon_days}d"].between(0, 1).all())

    def message(self, predicted: Mapping[Any, Any], reasons: AccountReasons) -> Prediction:
        """A row of `predict` as the API and `explain` give it, with these reasons.

        Parameters
        ----------
        predicted : mapping
            Of the row's columns to its values.
        reasons : AccountReasons
            See `every_reason`, or those in the row's own column `reasons`.

        Returns
        -------
        Prediction
        """
        row = dict(predicted)
        for name in ("triggers", "actions"):
            row[name] = json.loads(row[name])
        row["reasons"] = group_reasons(reasons, self.settings.main_horizon_days)
        # Those that the health score was made with, which may be older than today's settings.
        row["weights"] = self.model.health.framework.stage(row["lifecycle_stage"]).weights.as_dict()
        row["as_of"] = f"{row['as_of']:%Y-%m-%d}"
        row["model_version"] = str(row["model_version"])
        clean = {name: None if isinstance(value, float) and pd.isna(value) else value for name, value in row.items()}
        return Prediction(**clean)

    def require(self, account_id: str) -> str:
        """The account id; UsageError with the nearest one when it is not in play."""
        if account_id not in self.frame.index:
            near = nearest(account_id, known := list(self.frame.index))
            do = near if near.startswith("did") else f"{len(known)} accounts are in play, {known[0]} among them"
            raise UsageError(Fault("account", f"{account_id!r}", f"an account in play on {self.as_of:%Y-%m-%d}", do))
        return account_id
