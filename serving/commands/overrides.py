"""What `override` does: CSMs' overrides, one or a file of them, into the ledger beside the model's levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from configs.errors import Fault, UsageError, nearest
from configs.json_object import JsonObject
from serving.project import Project

if TYPE_CHECKING:
    from evaluation.outcomes import LevelInForce

FILE_COLUMNS = {"account_id": True, "made_at": True, "level": True, "reason": True, "by": True, "until": False}


@dataclass(frozen=True)
class OverriddenAccount:
    """The level that counts for an account now, beside its newest prediction: `p` of churn within `horizon_days`."""

    in_force: LevelInForce
    as_of: str
    p: float
    horizon_days: int

    def to_json(self) -> JsonObject:
        from evaluation.jsonable import to_jsonable

        prediction = {"as_of": self.as_of, "p": self.p, "horizon_days": self.horizon_days}
        return {**to_jsonable(self.in_force), **prediction}


@dataclass(frozen=True)
class Overridden:
    """Overrides that were entered, and what counts of each account now; `repeated`: the ledger held them already."""

    entered: int
    repeated: bool
    overrides: tuple[OverriddenAccount, ...]


def override(
    project: Project, account: str, level: str, reason: str, until: datetime | None, by: str, now: datetime
) -> Overridden:
    """Enters one override, made now. UsageError with every fault."""
    end = "" if until is None else f"{until:%Y-%m-%d}"
    row = {"account_id": account, "made_at": str(pd.Timestamp(now)), "level": level, "reason": reason, "by": by}
    return _entered(project, pd.DataFrame([{**row, "until": end}]), ["override"], by, now)


def override_from(project: Project, path: Path, by: str, now: datetime) -> Overridden:
    """Enters the overrides of a CSV file (account_id, made_at, level, reason, by, until; until may be empty: until the
    next one), all or none. UsageError with every fault and its line."""
    try:
        overrides = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        do = "save it as CSV with the columns " + ", ".join(FILE_COLUMNS)
        raise UsageError(Fault(str(path), " ".join(str(error).split()), "a CSV file of overrides", do)) from None
    faults = [
        Fault(f"{path.name}: {name}", "no such column", "a column of the file", "add it")
        for name, needed in FILE_COLUMNS.items()
        if needed and name not in overrides
    ]
    faults += [
        Fault(f"{path.name}: {name}", "an unknown column", "one of overrides", nearest(str(name), list(FILE_COLUMNS)))
        for name in overrides
        if name not in FILE_COLUMNS
    ]
    if not faults and overrides.empty:
        faults.append(Fault(path.name, "no rows", "an override a row", "write some down first"))
    if faults:
        raise UsageError(faults)
    lines = [f"{path.name} line {number + 2}" for number in range(len(overrides))]
    return _entered(project, overrides.reindex(columns=list(FILE_COLUMNS), fill_value=""), lines, by, now)


def _entered(project: Project, overrides: pd.DataFrame, lines: Sequence[str], by: str, now: datetime) -> Overridden:
    """Enters overrides (FILE_COLUMNS, all text) that have no fault, and says what counts of each account now."""
    from evaluation.outcomes import FORECASTS, enter_overrides, levels_in_force

    settings, ledger = project.settings, project.written_ledger
    at, main = pd.Timestamp(now).tz_localize(None).as_unit("us"), settings.main_horizon_days
    overrides = overrides.apply(lambda column: column.str.strip())
    columns = ["account_id", "as_of", "risk_level", f"p_churn_{main}d"]
    accounts = list(dict.fromkeys(overrides.account_id))
    automated = ledger.newest(FORECASTS, at, columns, accounts).set_index("account_id", drop=False)
    made, ends = _moments(overrides.made_at), _moments(overrides.until)
    faults = _faults(overrides, made, ends, lines, [level.name for level in settings.framework.levels], at)
    faults += [
        Fault(f"{line}: account_id", repr(account), "an account of the ledger", "check the id, or score it first")
        for line, account in zip(lines, overrides.account_id, strict=True)
        if account not in automated.index
    ]
    if faults:
        raise UsageError(faults)
    rows = overrides.assign(made_at=made, expires_at=ends).rename(columns={"by": "made_by"})
    written = enter_overrides(ledger, rows, at, by)
    newest = automated.loc[accounts]
    in_force = levels_in_force(newest, ledger.overrides(at), at)
    predicted = zip(in_force, newest.as_of, newest[f"p_churn_{main}d"], strict=True)
    shown = tuple(OverriddenAccount(level, f"{as_of:%Y-%m-%d}", float(p), main) for level, as_of, p in predicted)
    return Overridden(len(rows), written.repeated, shown)


def _moments(texts: pd.Series) -> pd.Series:
    """UTC moments of ISO 8601 texts; NaT for what is none."""
    moments = pd.to_datetime(texts.where(texts != ""), format="ISO8601", utc=True, errors="coerce")
    return moments.dt.tz_localize(None).astype("datetime64[us]")


def _faults(
    overrides: pd.DataFrame,
    made: pd.Series,
    ends: pd.Series,
    lines: Sequence[str],
    levels: Sequence[str],
    at: pd.Timestamp,
) -> list[Fault]:
    faults = []
    lines_and_rows = zip(lines, overrides.to_dict("records"), made, ends, strict=True)
    for line, row, made_at, ends_at in lines_and_rows:
        level = row["level"]
        if level not in levels:
            do = nearest(level, list(levels))
            faults.append(Fault(f"{line}: level", repr(level), f"one of {', '.join(levels)}", do))
        for name in ("reason", "by"):
            if not row[name] or "\x00" in row[name]:
                faults.append(
                    Fault(f"{line}: {name}", repr(row[name]), "some words", "give one: it is kept with the override")
                )
        if pd.isna(made_at):
            faults.append(Fault(f"{line}: made_at", repr(row["made_at"]), "a day or moment", "e.g. 2026-03-31"))
        elif made_at > at:
            faults.append(Fault(f"{line}: made_at", str(made_at), f"no later than now, {at:%Y-%m-%d %H:%M}", "fix it"))
        if row["until"] and pd.isna(ends_at):
            faults.append(Fault(f"{line}: until", repr(row["until"]), "a day, or nothing", "e.g. 2026-06-30"))
        elif ends_at <= made_at:
            faults.append(Fault(f"{line}: until", str(ends_at), f"later than {made_at}", "give the day it expires"))
    twice = overrides.duplicated(["account_id", "made_at"])
    faults += [
        Fault(f"{line}: account_id", f"{account!r} twice at one moment", "one override", "keep the one that counts")
        for line, account in zip(pd.Series(lines)[twice.to_numpy()], overrides.account_id[twice], strict=True)
    ]
    return faults
