"""Use and surveys as Pendo has them: counts of an hour by visitor and feature, and answers to polls."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from features.synthetic.systems.rows import Identities, SystemTables, text, token

HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)
MILLISECONDS = "%Y-%m-%d %H:%M:%S.%f"
POLLS = {
    "nps": ("NPSRating", "How likely are you to recommend us?"),
    "csat": ("NumberScale", "How satisfied are you?"),
    "ces": ("NumberScale", "How easy was it?"),
}
ODD = 6


def pendo_tables(frames: Mapping[str, pd.DataFrame], who: Identities, data_end: pd.Timestamp) -> SystemTables:
    """Pendo's tables of the company.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        The canonical tables.
    who : Identities
    data_end : Timestamp

    Returns
    -------
    SystemTables
    """
    accounts, events, surveys = frames["accounts"], frames["usage_events"], frames["surveys"]
    own = {one: token(f"pendo {one}", 10) for one in accounts.account_id}
    # Ids that differ by nothing but the case of a letter.
    first, second = list(own)[:2]
    own[first], own[second] = "CaseCounts", "casecounts"
    features = {name: f"{token(name, 26)}" for name in events.feature.astype(str).unique()}
    account = pd.DataFrame(
        {
            "id": accounts.account_id.map(own), "last_updated_at": text(accounts.created_at + DAY),
            "first_visit": text(accounts.created_at), "agent_name": accounts.name,
            "agent_creationdate": text(accounts.created_at),
            "agent_salesforceaccountid": accounts.account_id.map(who.accounts), "agent_is_paying": "true",
        }
    )  # fmt: skip
    today = account.assign(last_updated_at=text(pd.Series(data_end + DAY, account.index)), agent_is_paying="false")
    feature_event = pd.DataFrame(
        {
            "account_id": events.account_id.astype(object).map(own), "visitor_id": events.user_id.astype(object),
            "feature_id": events.feature.astype(object).map(features),
            "timestamp": text(events.occurred_at.dt.floor("h")),
            "_fivetran_synced": text(events.recorded_at, MILLISECONDS), "num_events": events.quantity.astype(int),
            "num_minutes": 1, "app_id": -323232,
        }
    )  # fmt: skip
    nobody = feature_event.head(ODD).assign(account_id=None, visitor_id="_PENDO_T_anonymous")
    unknown = feature_event.head(ODD).assign(account_id="internal_test")
    named = pd.DataFrame({"id": features.values(), "name": features.keys(), "last_updated_at": "2020-01-01 00:00:00"})
    renamed = named.assign(name="Old " + named.name, last_updated_at="2019-01-01 00:00:00")
    poll = pd.DataFrame(
        [(token(kind, 11), *said) for kind, said in POLLS.items()], columns=["id", "attribute_type", "question"]
    )
    answers = pd.DataFrame(
        {
            "account_id": surveys.account_id.map(own), "visitor_id": surveys.contact_id.map(who.contacts),
            "poll_id": surveys.kind.map(lambda kind: token(kind, 11)),
            "timestamp": text(surveys.occurred_at, MILLISECONDS),
            "_fivetran_synced": text(surveys.recorded_at, MILLISECONDS),
            "poll_response": surveys.score.astype(int).astype(str), "type": "ui:web:pollResponse",
            "_fivetran_id": [f"answer-{number}" for number in range(len(surveys))],
        }
    )  # fmt: skip
    free = answers.head(ODD).assign(poll_response="we like it", _fivetran_id=[f"words-{one}" for one in range(ODD)])
    tables = {
        "account_history": pd.concat([account, today], ignore_index=True),
        "feature_event": pd.concat([feature_event, nobody, unknown], ignore_index=True),
        "feature_history": pd.concat([renamed, named], ignore_index=True),
        "poll": poll,
        "poll_event": pd.concat([answers, free], ignore_index=True),
    }
    planted = {
        "counts of an hour": len(feature_event), "visitors without an account": ODD, "test accounts' events": ODD,
        "renamed features": len(renamed), "ids that differ by case alone": 2, "answers in words": ODD,
        "history rows": len(today),
    }  # fmt: skip
    return SystemTables(tables, planted)
