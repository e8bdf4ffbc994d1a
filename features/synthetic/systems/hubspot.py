"""The company as HubSpot has it: companies, contacts and deals with their properties' history, and engagements."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from features.synthetic.systems.rows import Identities, SystemTables, flags, on_twins, one_digit

DAY = pd.Timedelta(days=1)
FOREVER = "2050-01-01 00:00:00"
ROLES = {"executive_sponsor": "EXECUTIVE_SPONSOR", "champion": "CHAMPION", "admin": "ADMINISTRATOR", "user": "END_USER"}
TYPES = {
    "renewal": "renewal", "churn": "renewal", "expansion": "existingbusiness", "contraction": "downgrade",
    "reactivation": "reactivation",
}  # fmt: skip
STAGES = (("open", False, False), ("won", True, True), ("lost", True, False))
MERGED, MISTAKES, ODD = 4, 3, 6
MEETINGS = {"meeting": "Meeting", "qbr": "QBR", "training": "Training", "webinar": "Webinar"}


def company_id(account: str, number: int) -> str:
    """HubSpot's id of a company."""
    return str(2_182_000_000 + 13 * number)


def hubspot_tables(frames: Mapping[str, pd.DataFrame], who: Identities, data_end: pd.Timestamp) -> SystemTables:
    """HubSpot's tables of the company, with hours of one digit.

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
    own = {one: company_id(one, number) for number, one in enumerate(frames["accounts"].account_id)}
    company, twins = _companies(frames["accounts"], own, who)
    history = _company_history(frames, own, data_end)
    talks = frames["interactions"].reset_index(drop=True)
    companies, on_twin = on_twins(talks.account_id.map(own), twins)
    engagements = _engagements(talks, companies, who)
    contact, contact_history = _contacts(frames["contacts"], own, who)
    deals = _deals(frames["outcomes"], own, data_end)
    tables = {
        "company": company,
        "company_property_history": history,
        "owner": pd.DataFrame(
            [(44_000 + one, f"csm-{one:02d}", "") for one in range(13)], columns=["owner_id", "first_name", "last_name"]
        ),
        "contact": contact,
        "contact_property_history": contact_history,
        **deals,
        **engagements,
    }  # fmt: skip
    planted = {
        "merged companies": MERGED, "facts on them": int(on_twin.sum()), "deleted mistakes": MISTAKES,
        "history rows": len(history) + len(contact_history) + len(deals["deal_property_history"]),
        "far-future ends": len(deals["deal_stage"]), "hours of one digit": int(engagements["engagement_email"]
        .property_hs_timestamp.str.contains(r" \d:").sum()), "merged deals": ODD, "today's words": len(deals["deal"]),
        "replies": int(engagements["engagement_email"].property_hs_email_reply_to.notna().sum()),
    }  # fmt: skip
    return SystemTables(tables, planted)


def _companies(accounts: pd.DataFrame, own: Mapping[str, str], who: Identities) -> tuple[pd.DataFrame, dict[str, str]]:
    company = pd.DataFrame(
        {
            "id": accounts.account_id.map(own), "property_createdate": one_digit(accounts.created_at),
            "property_name": accounts.name, "property_industry": accounts.industry, "is_deleted": "FALSE",
            "property_external_id": accounts.account_id.map(who.accounts), "property_lifecyclestage": "customer",
        }
    )  # fmt: skip
    twins = {one: str(3_000_000_000 + number) for number, one in enumerate(company.id.head(MERGED))}
    company["property_hs_merged_object_ids"] = company.id.map({one: f"{twin};1" for one, twin in twins.items()})
    merged = company.head(MERGED).assign(is_deleted="TRUE", property_hs_merged_object_ids=None)
    merged = merged.assign(id=merged.id.map(twins), property_external_id=None)
    mistakes = company.head(MISTAKES).assign(is_deleted="TRUE", property_hs_merged_object_ids=None)
    mistakes = mistakes.assign(id=[str(3_100_000_000 + one) for one in range(MISTAKES)], property_external_id=None)
    return pd.concat([company, merged, mistakes], ignore_index=True), twins


def _company_history(
    frames: Mapping[str, pd.DataFrame], own: Mapping[str, str], data_end: pd.Timestamp
) -> pd.DataFrame:
    accounts, steps = frames["accounts"], frames["milestones"]
    ident, begun = accounts.account_id.map(own), accounts.created_at
    later = pd.Series(data_end + DAY, accounts.index)
    owner = accounts.owner.map(lambda name: str(44_000 + int(name[4:])), na_action="ignore")
    strategic = accounts.strategic.map({True: "true", False: "false"})
    properties: list[tuple[pd.Series, str, pd.Series | str, pd.Series]] = [
        (ident, "segment", accounts.segment, begun), (ident, "hubspot_owner_id", owner, begun),
        (ident, "strategic", strategic, begun), (ident, "region", accounts.region, begun),
        (ident, "hs_parent_company_id", accounts.parent_account_id.map(own), begun),
        (ident, "segment", "smb", later), (ident, "lifecyclestage", "other", later),
        (steps.account_id.map(own), "onboarding_stage", steps.milestone, steps.reached_at),
    ]  # fmt: skip
    rows = [
        pd.DataFrame({"company_id": one, "name": name, "value": value, "timestamp": at})
        for one, name, value, at in properties
    ]
    history = pd.concat(rows, ignore_index=True).dropna(subset=["value"])
    return history.assign(timestamp=one_digit(history.timestamp))


def _contacts(contacts: pd.DataFrame, own: Mapping[str, str], who: Identities) -> tuple[pd.DataFrame, pd.DataFrame]:
    ident = contacts.contact_id.map(who.contacts)
    contact = pd.DataFrame(
        {
            "id": ident, "property_createdate": one_digit(contacts.since), "_fivetran_deleted": "FALSE",
            "property_associatedcompanyid": contacts.account_id.map(own),
        }
    ).drop_duplicates("id")  # fmt: skip
    given = pd.DataFrame({"contact_id": ident, "value": contacts.role.map(ROLES), "timestamp": contacts.since})
    taken = pd.DataFrame({"contact_id": ident, "value": "", "timestamp": contacts.until}).dropna(subset=["timestamp"])
    history = pd.concat([given, taken], ignore_index=True).assign(name="hs_buying_role")
    return contact, history.assign(timestamp=one_digit(history.timestamp))


def _deals(outcomes: pd.DataFrame, own: Mapping[str, str], data_end: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Each outcome as a deal that was open and then closed, some of them lost once before; others are still open."""
    rows = outcomes.reset_index(drop=True)
    ident = pd.Series([str(9_000_000 + number) for number in range(len(rows))])
    open_at = rows.recorded_at - 60 * DAY
    end = np.where(rows.kind == "churn", "lost", "won")
    again = pd.Series(rows.index % 5 == 0)
    steps = [
        (ident, "open", open_at),
        (ident[again], "lost", (open_at + 10 * DAY)[again]),
        (ident[again], "open", (open_at + 20 * DAY)[again]),
        (ident, end, rows.recorded_at),
        ("8" + ident.head(ODD), "open", open_at.head(ODD)),
        ("7" + ident.head(ODD), "won", open_at.head(ODD)),
    ]
    stage = pd.concat(
        [pd.DataFrame({"deal_id": one, "value": value, "date_entered": at}) for one, value, at in steps],
        ignore_index=True,
    ).sort_values(["deal_id", "date_entered"])
    amounts = pd.DataFrame({"deal_id": ident, "name": "amount", "value": rows.arr_change.abs(), "timestamp": open_at})
    days = amounts.assign(name="closedate", value=rows.occurred_at.dt.strftime("%Y-%m-%d"), timestamp=rows.recorded_at)
    tidied = amounts.assign(value=1.0, timestamp=data_end + DAY)
    history = pd.concat([amounts.astype({"value": str}), days, tidied.astype({"value": str})], ignore_index=True)
    deal = pd.DataFrame(
        {
            "deal_id": ident, "property_createdate": one_digit(open_at), "property_amount": 1.0,
            "property_closedate": f"{data_end:%Y-%m-%d}", "property_dealtype": rows.kind.map(TYPES),
            "property_closed_lost_reason": rows.reason,
            "property_involuntary": flags(~rows.voluntary.astype("boolean")), "is_deleted": "FALSE",
        }
    )  # fmt: skip
    more = [deal.head(ODD).assign(deal_id=prefix + ident.head(ODD)) for prefix in ("8", "7")]
    company = pd.DataFrame({"deal_id": ident, "company_id": rows.account_id.map(own)})
    others = [company.head(ODD).assign(deal_id=prefix + ident.head(ODD)) for prefix in ("8", "7")]
    return {
        "deal": pd.concat([deal, *more], ignore_index=True),
        "deal_company": pd.concat([company, *others], ignore_index=True),
        "deal_stage": stage.assign(date_entered=one_digit(stage.date_entered), _fivetran_end=FOREVER),
        "deal_pipeline_stage": pd.DataFrame(STAGES, columns=["stage_id", "is_closed", "closed_won"]),
        "deal_property_history": history.assign(timestamp=one_digit(history.timestamp)),
        "merged_deal": pd.DataFrame({"deal_id": ident.head(ODD), "merged_deal_id": "7" + ident.head(ODD)}),
    }


def _engagements(talks: pd.DataFrame, companies: pd.Series, who: Identities) -> dict[str, pd.DataFrame]:
    ident = pd.Series([str(19_000_000_000 + number) for number in range(len(talks))])
    met = talks.attended.astype("boolean")
    common = pd.DataFrame(
        {
            "engagement_id": ident, "property_hs_timestamp": one_digit(talks.occurred_at),
            "property_hs_createdate": one_digit(talks.recorded_at), "_fivetran_deleted": "FALSE",
            "property_sentiment": talks.sentiment,
        }
    )  # fmt: skip
    kinds = {name: talks.kind == name for name in ("email", "call", "community")}
    mail = common[kinds["email"]].assign(
        property_hs_email_direction=talks.initiated_by.map({"us": "EMAIL", "customer": "INCOMING_EMAIL"}),
        property_hs_email_reply_to=None,
    )
    answered = talks.responded_at.notna() & kinds["email"]
    reply = mail[answered[kinds["email"]]].assign(
        property_hs_email_reply_to=ident[answered], engagement_id="5" + ident[answered],
        property_hs_timestamp=one_digit(talks.responded_at[answered]),
    )  # fmt: skip
    call = common[kinds["call"]].assign(
        property_hs_call_direction="OUTBOUND", property_hs_call_status=met.map({True: "COMPLETED", False: "NO_ANSWER"})
    )
    meeting = common[talks.kind.isin(MEETINGS)].assign(
        start_time=one_digit(talks.occurred_at), property_hs_activity_type=talks.kind.map(MEETINGS),
        property_hs_meeting_outcome=met.map({True: "COMPLETED", False: "NO_SHOW"}),
    )  # fmt: skip
    moved = meeting.head(ODD).assign(
        engagement_id="6" + meeting.engagement_id, property_hs_meeting_outcome="RESCHEDULED"
    )
    with_company = pd.DataFrame({"engagement_id": ident, "company_id": companies})
    more = [
        with_company.loc[rows.index].assign(engagement_id=rows.engagement_id) for rows in (reply, moved)
    ]  # replies and meetings that were moved belong to the same company
    contacts = pd.DataFrame({"engagement_id": ident, "contact_id": talks.contact_id.map(who.contacts)})
    return {
        "engagement_email": pd.concat([mail, reply], ignore_index=True),
        "engagement_call": call,
        "engagement_meeting": pd.concat([meeting, moved], ignore_index=True),
        "engagement_communication": common[kinds["community"]],
        "engagement_company": pd.concat([with_company, *more], ignore_index=True),
        "engagement_contact": contacts.dropna(),
    }
