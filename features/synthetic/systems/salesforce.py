"""The company as Salesforce has it: accounts with history, contacts, opportunities, tasks, events and mails."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from features.synthetic.systems.rows import Identities, SystemTables, flags, on_twins, salesforce_id, text

FOREVER = "9999-12-31 23:59:59"
DAY, HOUR = pd.Timedelta(days=1), pd.Timedelta(hours=1)
ROLES = {
    "executive_sponsor": "Executive Sponsor",
    "champion": "Champion;Influencer",
    "admin": "Technical Administrator",
    "user": "Business User",
}
TYPES = {
    "renewal": "Renewal", "churn": "Renewal", "expansion": "Existing Customer - Upgrade",
    "contraction": "Existing Customer - Downgrade", "reactivation": "Win Back",
}  # fmt: skip
MERGED, MISTAKES, ODD = 4, 3, 6


def account_id(account: str, number: int) -> str:
    """Salesforce's id of an account."""
    return salesforce_id("001", number)


def salesforce_tables(frames: Mapping[str, pd.DataFrame], who: Identities, data_end: pd.Timestamp) -> SystemTables:
    """Salesforce's tables of the company.

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
    accounts = frames["accounts"]
    own = {one: account_id(one, number) for number, one in enumerate(accounts.account_id)}
    account, history = _accounts(frames, own, who, data_end)
    opportunity, opportunity_history = _opportunities(frames["outcomes"], own, data_end)
    talks = frames["interactions"].assign(
        account_id=_exported(frames["interactions"].account_id.map(own)),
        who_id=frames["interactions"].contact_id.map(who.contacts),
    )
    # Some of what was done was logged on a record that has been merged into another since.
    twins = dict(zip(account.master_record_id.dropna(), account.id[account.master_record_id.notna()], strict=True))
    talks["account_id"], on_twin = on_twins(talks.account_id, twins)
    tables = {
        "account": account,
        "account_history": history,
        "user": pd.DataFrame(
            {"id": [salesforce_id("005", n) for n in range(13)], "name": [f"csm-{n:02d}" for n in range(13)]}
        ),
        "opportunity": opportunity,
        "opportunity_history": opportunity_history,
        "account_contact_relation": _relations(frames["contacts"], own, who),
        **_talks(talks, data_end),
    }
    if who.leads == "salesforce":
        tables["contract_history"] = _contracts(frames["contracts"], own)
    planted = {
        "merged records": MERGED, "facts on them": int(on_twin.sum()), "deleted mistakes": MISTAKES,
        "history rows": len(history) + len(opportunity_history), "far-future ends": len(history),
        "today's words": int((account.type == "Former Customer").sum()),
        "ids that differ by case alone": 2 * (len(accounts) // 2),
        "ids of 15 characters": int(talks.account_id.str.len().eq(15).sum()),
        "deleted or open tasks": 2 * ODD, "mails with a task beside": len(tables["email_message"]),
    }  # fmt: skip
    return SystemTables(tables, planted)


def _exported(ids: pd.Series) -> pd.Series:
    """Every second one with 15 characters, as exports have them."""
    return ids.where(np.arange(len(ids)) % 2 == 0, ids.str[:15])


def _accounts(
    frames: Mapping[str, pd.DataFrame], own: Mapping[str, str], who: Identities, data_end: pd.Timestamp
) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = frames["accounts"]
    owners = rows.owner.map(lambda name: salesforce_id("005", int(name[4:])), na_action="ignore")
    base = pd.DataFrame(
        {
            "id": rows.account_id.map(own), "created_date": rows.created_at, "name": rows.name, "owner_id": owners,
            "external_id_c": rows.account_id.map(who.accounts), "parent_id": rows.parent_account_id.map(own),
            "industry": rows.industry, "segment_c": rows.segment, "region_c": rows.region,
            "strategic_c": flags(rows.strategic), "is_deleted": "FALSE", "master_record_id": None, "type": "Customer",
        }
    )  # fmt: skip
    steps = frames["milestones"].assign(id=frames["milestones"].account_id.map(own)).sort_values("reached_at")
    versions = [base.assign(_fivetran_start=base.created_date, onboarding_stage_c=None)]
    reached = steps[["id", "milestone", "reached_at"]].merge(base, on="id")
    versions.append(reached.rename(columns={"milestone": "onboarding_stage_c", "reached_at": "_fivetran_start"}))
    later = base.assign(_fivetran_start=data_end + 2 * DAY, owner_id=salesforce_id("005", 0), segment_c="smb")
    left = frames["outcomes"].account_id[frames["outcomes"].kind == "churn"].map(own)
    versions.append(later[later.id.isin(left)].assign(type="Former Customer"))
    history = pd.concat(versions, ignore_index=True).sort_values(["id", "_fivetran_start"], ignore_index=True)
    # Two steps of one moment are two versions.
    tie = history.groupby(["id", "_fivetran_start"]).cumcount()
    history["_fivetran_start"] += pd.to_timedelta(tie, unit="s")
    until = history.groupby("id")._fivetran_start.shift(-1)
    history = history.assign(
        _fivetran_start=text(history._fivetran_start),
        _fivetran_end=text(until).fillna(FOREVER),
        _fivetran_active=flags(until.isna()),
    )
    today = history.groupby("id", sort=False).tail(1)[list(base)]
    twins = today.head(MERGED).assign(master_record_id=today.id.head(MERGED), is_deleted="TRUE", external_id_c=None)
    twins["id"] = [salesforce_id("001", 9000 + 2 * number) for number in range(MERGED)]
    mistakes = today.head(MISTAKES).assign(is_deleted="TRUE", name="Made by mistake", external_id_c=None)
    mistakes["id"] = [salesforce_id("001", 9900 + 2 * number) for number in range(MISTAKES)]
    account = pd.concat([today, twins, mistakes], ignore_index=True)
    more = pd.concat([twins, mistakes]).assign(_fivetran_start=text(twins.created_date).iloc[0], _fivetran_end=FOREVER)
    history = pd.concat([history, more], ignore_index=True)
    return (account.assign(created_date=text(account.created_date)), history.drop(columns=["created_date", "type"]))


def _opportunities(
    outcomes: pd.DataFrame, own: Mapping[str, str], data_end: pd.Timestamp
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Each outcome as an opportunity that was open, and closed when it was recorded; some were closed once before."""
    rows = outcomes.reset_index(drop=True)
    odd = min(ODD, len(rows))
    base = pd.DataFrame(
        {
            "id": [salesforce_id("006", number) for number in range(len(rows))], "account_id": rows.account_id.map(own),
            "type": rows.kind.map(TYPES), "close_date": rows.occurred_at.dt.strftime("%Y-%m-%d"),
            "amount": rows.arr_change.abs(), "is_won": flags(rows.kind != "churn"), "loss_reason_c": rows.reason,
            "voluntary_c": flags(rows.voluntary), "is_deleted": "FALSE",
        }
    )  # fmt: skip
    open_at = rows.recorded_at - 60 * DAY
    opened = base.assign(_fivetran_start=open_at, is_closed="FALSE", is_won="FALSE", stage_name="Prospecting")
    closed = base.assign(_fivetran_start=rows.recorded_at, is_closed="TRUE", stage_name="Closed")
    again = base.index % 5 == 0
    lost = base[again].assign(_fivetran_start=(open_at + 10 * DAY)[again], is_closed="TRUE", is_won="FALSE", amount=1.0)
    reopened = opened[again].assign(_fivetran_start=(open_at + 20 * DAY)[again])
    pipeline = base.head(odd).assign(_fivetran_start=open_at.head(odd), is_closed="FALSE", is_won="FALSE", amount=5e6)
    pipeline["id"] = [salesforce_id("006", 90000 + number) for number in range(odd)]
    first = base.head(odd).assign(
        _fivetran_start=open_at.head(odd), is_closed="TRUE", is_won="TRUE", type="New Business"
    )
    first["id"] = [salesforce_id("006", 91000 + number) for number in range(odd)]
    deleted = closed.head(odd).assign(is_deleted="TRUE")
    deleted["id"] = [salesforce_id("006", 92000 + number) for number in range(odd)]
    history = pd.concat([opened, lost, reopened, closed, pipeline, first, deleted], ignore_index=True)
    history = history.sort_values(["id", "_fivetran_start"], ignore_index=True)
    # Today's rows: the closing dates were tidied up since.
    today = history.groupby("id", sort=False).tail(1).assign(close_date=f"{data_end:%Y-%m-%d}", amount=0.0)
    history = history.assign(_fivetran_start=text(history._fivetran_start), _fivetran_end=FOREVER)
    return today.drop(columns="_fivetran_start"), history.drop(columns=["loss_reason_c", "voluntary_c", "is_deleted"])


def _relations(contacts: pd.DataFrame, own: Mapping[str, str], who: Identities) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [salesforce_id("07k", number) for number in range(len(contacts))],
            "account_id": _exported(contacts.account_id.map(own)),
            "contact_id": contacts.contact_id.map(who.contacts),
            "roles": contacts.role.map(ROLES),
            "start_date": contacts.since.dt.strftime("%Y-%m-%d"),
            "end_date": contacts.until.dt.strftime("%Y-%m-%d"),
            "created_date": text(contacts.since),
            "is_deleted": "FALSE",
        }
    )


def _contracts(contracts: pd.DataFrame, own: Mapping[str, str]) -> pd.DataFrame:
    """A version when each was signed, and one when notice was given."""
    rows = pd.DataFrame(
        {
            "id": [salesforce_id("800", number) for number in range(len(contracts))],
            "account_id": contracts.account_id.map(own), "_fivetran_start": contracts.starts_at + HOUR,
            "start_date": contracts.starts_at.dt.strftime("%Y-%m-%d"),
            "end_date": contracts.ends_at.dt.strftime("%Y-%m-%d"),
            "status": "Activated", "is_deleted": "FALSE", "arr_c": contracts.arr, "seats_c": contracts.seats,
            "plan_c": contracts.plan, "billing_period_c": contracts.billing_period,
            "auto_renews_c": flags(contracts.auto_renews), "cancelled_date_c": None,
        }
    )  # fmt: skip
    given = contracts.cancelled_at.notna().to_numpy()
    noticed = rows[given].assign(
        _fivetran_start=contracts.cancelled_at[given], cancelled_date_c=text(contracts.cancelled_at)[given]
    )
    draft = rows.head(2).assign(id=[salesforce_id("800", 90000), salesforce_id("800", 90002)], status="Draft")
    versions = pd.concat([rows, noticed, draft], ignore_index=True)
    return versions.assign(_fivetran_start=text(versions._fivetran_start), _fivetran_end=FOREVER)


def _talks(talks: pd.DataFrame, data_end: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Mails with a task beside each, calls and posts as tasks, meetings as events."""
    rows = talks.reset_index(drop=True)
    number = np.arange(len(rows))
    common = pd.DataFrame(
        {
            "account_id": rows.account_id, "who_id": rows.who_id, "created_date": text(rows.recorded_at),
            "no_show_c": flags(~rows.attended.astype("boolean")), "sentiment_c": rows.sentiment, "is_deleted": "FALSE",
        }
    )  # fmt: skip
    is_mail, is_task = rows.kind == "email", rows.kind.isin(["email", "call", "community"])
    task = common.assign(
        id=[f"00T{one:012d}AAA" for one in number], completed_date_time=text(rows.occurred_at), is_closed="TRUE",
        task_subtype=np.select([is_mail, rows.kind == "call"], ["Email", "Call"], "Task"),
        type=rows.kind.str.title(), call_type=rows.kind.map({"call": "Outbound"}),
    )[is_task]  # fmt: skip
    odd = task.head(2 * ODD).copy()
    odd["id"] = [f"00T9{one:011d}AAA" for one in range(len(odd))]
    odd["is_deleted"], odd["is_closed"] = ["TRUE", "FALSE"] * ODD, ["TRUE", "FALSE"] * ODD
    odd["completed_date_time"] = odd.completed_date_time.where(odd.is_closed == "TRUE", None)
    event = common.assign(
        id=[f"00U{one:012d}AAA" for one in number], start_date_time=text(rows.occurred_at), is_child="FALSE",
        type=rows.kind.map({"qbr": "QBR"}).fillna(rows.kind.str.title()), subject="masked",
    )[~is_task]  # fmt: skip
    child = event.head(ODD).assign(is_child="TRUE", id=[f"00U9{one:011d}AAA" for one in range(ODD)])
    mail = pd.DataFrame(
        {
            "id": [f"02s{one:012d}AAA" for one in number], "activity_id": [f"00T{one:012d}AAA" for one in number],
            "message_date": rows.occurred_at, "created_date": text(rows.recorded_at),
            "incoming": flags(rows.initiated_by == "customer"), "reply_to_email_message_id": None,
            "is_deleted": "FALSE",
        }
    )[is_mail]  # fmt: skip
    answered = rows.responded_at.notna()[is_mail]
    reply = mail[answered].assign(
        message_date=rows.responded_at[is_mail][answered],
        reply_to_email_message_id=mail.id[answered],
        id=mail.id[answered].str.replace("02s0", "02s9"),
        incoming=mail.incoming[answered].map({"TRUE": "FALSE", "FALSE": "TRUE"}),
    )
    mails = pd.concat([mail, reply], ignore_index=True)
    return {
        "task": pd.concat([task, odd], ignore_index=True),
        "event": pd.concat([event, child], ignore_index=True),
        "email_message": mails.assign(message_date=text(mails.message_date)),
    }
