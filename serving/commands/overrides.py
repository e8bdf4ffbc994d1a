"""What `override` does: people's own calls on accounts, one or a file of them, into the ledger beside the model's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from configs.errors import Fault, UsageError, nearest
from serving.project import Project

FILE_COLUMNS = {"account_id": True, "made_at": True, "level": True, "reason": True, "by": True, "until": False}


@dataclass(frozen=True)
class Overridden:
    """Calls that were entered, and what counts of each account now; `repeated`: the ledger held them already."""

    entered: int
    repeated: bool
    calls: list[dict[str, Any]]


def override(
    project: Project, account: str, level: str, reason: str, until: datetime | None, by: str, now: datetime
) -> Overridden:
    """Enters one call, made now. UsageError with every fault."""
    end = "" if until is None else f"{until:%Y-%m-%d}"
    row = {"account_id": account, "made_at": str(pd.Timestamp(now)), "level": level, "reason": reason, "by": by}
    return _entered(project, pd.DataFrame([{**row, "until": end}]), ["override"], by, now)


def override_from(project: Project, path: Path, by: str, now: datetime) -> Overridden:
    """Enters the calls of a CSV file (account_id, made_at, level, reason, by, until; until may be empty: until the next
    call), all or none. UsageError with every fault and its line."""
    try:
        calls = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        do = "save it as CSV with the columns " + ", ".join(FILE_COLUMNS)
        raise UsageError(Fault(str(path), " ".join(str(error).split()), "a CSV file of calls", do)) from None
    faults = [
        Fault(f"{path.name}: {name}", "no such column", "a column of the file", "add it")
        for name, needed in FILE_COLUMNS.items()
        if needed and name not in calls
    ]
    faults += [
        Fault(f"{path.name}: {name}", "an unknown column", "one of calls", nearest(str(name), list(FILE_COLUMNS)))
        for name in calls
        if name not in FILE_COLUMNS
    ]
    if not faults and calls.empty:
        faults.append(Fault(path.name, "no rows", "a call a row", "write some calls down first"))
    if faults:
        raise UsageError(faults)
    lines = [f"{path.name} line {number + 2}" for number in range(len(calls))]
    return _entered(project, calls.reindex(columns=list(FILE_COLUMNS), fill_value=""), lines, by, now)


def _entered(project: Project, calls: pd.DataFrame, lines: Sequence[str], by: str, now: datetime) -> Overridden:
    """Enters calls (FILE_COLUMNS, all text) that have no fault, and says what counts of each account now."""
    from evaluation.outcomes import FORECASTS, enter_calls, standing

    settings, ledger = project.settings, project.written_ledger
    at, main = pd.Timestamp(now).tz_localize(None).as_unit("us"), settings.main_horizon_days
    calls = calls.apply(lambda column: column.str.strip())
    columns = ["account_id", "as_of", "risk_level", f"p_churn_{main}d"]
    accounts = list(dict.fromkeys(calls.account_id))
    automated = ledger.newest(FORECASTS, at, columns, accounts).set_index("account_id", drop=False)
    made, ends = _moments(calls.made_at), _moments(calls.until)
    faults = _faults(calls, made, ends, lines, [level.name for level in settings.framework.levels], at)
    faults += [
        Fault(f"{line}: account_id", repr(account), "an account of the ledger", "check the id, or score it first")
        for line, account in zip(lines, calls.account_id, strict=True)
        if account not in automated.index
    ]
    if faults:
        raise UsageError(faults)
    rows = calls.assign(made_at=made, expires_at=ends).rename(columns={"by": "made_by"})
    written = enter_calls(ledger, rows, at, by)
    in_force = standing(automated.loc[accounts], ledger.overrides(at), at)
    more = automated.loc[accounts, ["as_of", f"p_churn_{main}d"]].set_axis(["as_of", "p"], axis=1)
    more["as_of"] = more.as_of.dt.strftime("%Y-%m-%d")
    shown = [{**call, **more.loc[call["account_id"]].to_dict(), "horizon_days": main} for call in in_force]
    return Overridden(len(rows), written.repeated, shown)


def _moments(texts: pd.Series) -> pd.Series:
    """UTC moments of ISO 8601 texts; NaT for what is none."""
    found = pd.to_datetime(texts.where(texts != ""), format="ISO8601", utc=True, errors="coerce")
    return found.dt.tz_localize(None).astype("datetime64[us]")


def _faults(
    calls: pd.DataFrame, made: pd.Series, ends: pd.Series, lines: Sequence[str], levels: Sequence[str], at: pd.Timestamp
) -> list[Fault]:
    faults = []
    rows = zip(lines, calls.to_dict("records"), made, ends, strict=True)
    for line, call, made_at, ends_at in rows:
        level = call["level"]
        if level not in levels:
            do = nearest(level, list(levels))
            faults.append(Fault(f"{line}: level", repr(level), f"one of {', '.join(levels)}", do))
        for name in ("reason", "by"):
            if not call[name] or "\x00" in call[name]:
                faults.append(
                    Fault(f"{line}: {name}", repr(call[name]), "some words", "say it: it stands beside the call")
                )
        if pd.isna(made_at):
            faults.append(Fault(f"{line}: made_at", repr(call["made_at"]), "a day or moment", "e.g. 2026-03-31"))
        elif made_at > at:
            faults.append(Fault(f"{line}: made_at", str(made_at), f"no later than now, {at:%Y-%m-%d %H:%M}", "mend it"))
        if call["until"] and pd.isna(ends_at):
            faults.append(Fault(f"{line}: until", repr(call["until"]), "a day, or nothing", "e.g. 2026-06-30"))
        elif ends_at <= made_at:
            faults.append(Fault(f"{line}: until", str(ends_at), f"later than {made_at}", "give the day it expires"))
    twice = calls.duplicated(["account_id", "made_at"])
    faults += [
        Fault(f"{line}: account_id", f"{account!r} twice at one moment", "one call", "keep the one that counts")
        for line, account in zip(pd.Series(lines)[twice.to_numpy()], calls.account_id[twice], strict=True)
    ]
    return faults
