"""The company written into the schemas of systems, mapped back by their templates, and held against the original.

    python tests/benchmarks/source_systems.py stripe,salesforce,zendesk,pendo --accounts 60

Per canonical table: rows in both, columns compared, and of each column the values that differ (times by the day, money
by the cent); then the signals that differ, and the traps that were planted.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from configs.settings import Settings
from configs.settings_file import merge, settings_from
from configs.tables import TABLE_NAMES, table
from configs.yaml_file import read_yaml
from features.checks import find_suspects
from features.dataset import load_dataset
from features.sources import open_sources
from features.synthetic import company_config
from features.synthetic.systems import SystemsProject, known_tables, make_systems_project, planted_lines

DEFAULTS = read_yaml(Path(__file__).resolve().parents[2] / "configs" / "default.yaml")
MONTHS = 18
# What names a row in both, where the ids of rows are the systems' own.
NAMED_BY = {
    "accounts": ["account_id"],
    "contracts": ["account_id", "starts_at", "arr"],
    "usage_events": ["account_id", "user_id", "feature", "day"],
    "tickets": ["account_id", "opened_at"],
    "interactions": ["account_id", "occurred_at", "kind", "contact_id", "initiated_by"],
    "invoices": ["account_id", "issued_at", "kind", "amount"],
    "surveys": ["account_id", "occurred_at", "kind", "contact_id"],
    "contacts": ["account_id", "contact_id", "day"],
    "milestones": ["account_id", "milestone"],
    "outcomes": ["account_id", "kind", "day"],
    "interventions": ["account_id", "started_at", "kind"],
}
IDS = (
    "contract_id",
    "ticket_id",
    "interaction_id",
    "invoice_id",
    "survey_id",
    "event_id",
    "outcome_id",
    "user_id",
    "credits_invoice_id",
)


def round_trip(
    folder: Path, systems: tuple[str, ...], accounts: int, months: int = MONTHS
) -> tuple[SystemsProject, Settings, Settings]:
    """The company in the systems, and the settings of two projects: over its own tables, and over the systems'."""
    made = make_systems_project(folder, systems, accounts, months)
    original = folder / "truth" / "known"
    original.mkdir(exist_ok=True)
    for name, frame in known_tables(folder, made.written, made.mapping).items():
        frame.to_parquet(original / f"{name}.parquet", index=False)
    own, theirs = company_config(months), dict(made.body)
    for body in (own, theirs):
        body.pop("extends")
    return made, settings_from(merge(DEFAULTS, own), original), settings_from(merge(DEFAULTS, theirs), folder)


def compared(original: Settings, mapped: Settings) -> pd.DataFrame:
    """By table and column, how many values differ; `rows` and `mapped_rows` count the rows."""
    ours, theirs = open_sources(original), open_sources(mapped)
    result = []
    try:
        for name in TABLE_NAMES:
            left, right = ours.engine.to_pandas(ours.tables[name]), theirs.engine.to_pandas(theirs.tables[name])
            if name == "contracts" and "kind" in right:
                right = right[right.kind != "trial"]
            result.append({"table": name, "column": "(rows)", "rows": len(left), "mapped_rows": len(right)})
            left, right = _named(name, left), _named(name, right)
            both = left.merge(right, on="name_of_row", how="outer", suffixes=("", "_mapped"), indicator=True)
            result[-1]["differ"] = int((both._merge != "both").sum())
            both = both[both._merge == "both"]
            for column in (one for one in left if one not in ("name_of_row", "day", *IDS, "recorded_at")):
                if column not in right:
                    result.append({"table": name, "column": column, "differ": len(left), "note": "not mapped"})
                    continue
                differ = ~_equal(both[column], both[f"{column}_mapped"])
                result.append({"table": name, "column": column, "differ": int(differ.sum())})
    finally:
        ours.close()
        theirs.close()
    return pd.DataFrame(result)


def _named(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """With a name for each row, made of what both have; rows of one name are numbered in their order."""
    rows = rows.assign(day=pd.to_datetime(rows[table(name).time]).dt.floor("D"))
    parts = [_text(rows[one]) for one in NAMED_BY[name] if one in rows]
    named = parts[0]
    for part in parts[1:]:
        named = named + "|" + part
    rows = rows.assign(name_of_row=named).sort_values(["name_of_row", table(name).time], kind="stable")
    return rows.assign(name_of_row=rows.name_of_row + "#" + rows.groupby("name_of_row").cumcount().astype(str))


def _text(values: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.dt.strftime("%Y-%m-%d %H:%M").fillna("")
    return (values.round(2) if pd.api.types.is_float_dtype(values) else values).astype(object).fillna("").astype(str)


def _equal(left: pd.Series, right: pd.Series) -> np.ndarray:
    """Times by the day, numbers by the cent."""
    if pd.api.types.is_datetime64_any_dtype(left):
        left, right = left.dt.floor("D"), right.dt.floor("D")
    elif pd.api.types.is_float_dtype(left):
        left, right = left.round(2), pd.to_numeric(right).round(2)
    same = (left == right).fillna(False).to_numpy(dtype=bool)
    return same | (left.isna() & right.isna()).to_numpy()


def signals_compared(original: Settings, mapped: Settings) -> pd.DataFrame:
    """By signal, how many snapshots differ."""
    frames = []
    for settings in (original, mapped):
        sources = open_sources(settings)
        try:
            frames.append(load_dataset(settings, sources).signals)
        finally:
            sources.close()
    left, right = (frame.set_index(["account_id", "as_of"]).sort_index() for frame in frames)
    result = [{"signal": "(snapshots)", "rows": len(left), "differ": len(left.index.symmetric_difference(right.index))}]
    both = left.index.intersection(right.index)
    for name in left:
        one = left.loc[both][name]
        other = right.loc[both][name] if name in right else pd.Series(np.nan, both)
        if pd.api.types.is_numeric_dtype(one) and not pd.api.types.is_bool_dtype(one):
            same = np.isclose(one.astype(float), other.astype(float), rtol=1e-9, atol=1e-6, equal_nan=True)
        else:
            same = ((one.astype(str) == other.astype(str)) | (one.isna() & other.isna())).to_numpy()
        result.append({"signal": name, "rows": len(both), "differ": int((~same).sum())})
    return pd.DataFrame(result)


def suspects_of_todays_words(mapped: Settings) -> list[str]:
    """What `check` suspects once somebody maps Salesforce's account type, which says today who has left."""
    accounts = mapped.tables["accounts"]
    query = (
        f"select q.*, t.type as customer_type from ({accounts.query}) as q "
        "left join 'salesforce/account.csv' as t on substr(t.id, 1, 15) = q.account_id and t.master_record_id is null"
    )
    tampered = accounts.model_copy(update={"query": query, "attributes": (*accounts.attributes, "customer_type")})
    settings = mapped.model_copy(update={"tables": {**mapped.tables, "accounts": tampered}})
    sources = open_sources(settings)
    try:
        return [f"{suspect.column}: {suspect.why}" for suspect in find_suspects(settings, sources)]
    finally:
        sources.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("systems", type=lambda text: tuple(text.split(",")))
    parser.add_argument("--accounts", type=int, default=60)
    parser.add_argument("--dir", type=Path)
    asked = parser.parse_args()
    folder = asked.dir or Path(tempfile.mkdtemp())
    made, original, mapped = round_trip(folder, asked.systems, asked.accounts)
    filled = {table.table: table.system for table in made.mapping.tables}
    print("filled:", ", ".join(f"{name} by {system}" for name, system in filled.items()))
    columns = compared(original, mapped)
    rows = columns[columns.column == "(rows)"].set_index("table")
    for name in TABLE_NAMES:
        of = columns[(columns.table == name) & (columns.column != "(rows)")]
        wrong = {name: count for name, count in zip(of.column, of.differ, strict=True) if count}
        print(f"{name:14} {filled.get(name, 'as it is'):11} {rows.rows[name]:7,.0f} {rows.mapped_rows[name]:7,.0f} "
              f"{rows.differ[name]:5.0f} rows alone; {len(of)} columns, differing: {wrong or 'none'}")  # fmt: skip
    signals = signals_compared(original, mapped)
    moved = signals[signals.differ > 0]
    print(f"signals: {len(signals) - 1} over {signals.rows[0]:,} snapshots, {len(moved)} differ")
    for signal, count in zip(moved.signal, moved.differ, strict=True):
        print(f"  {signal}: {count}")
    if "salesforce" in asked.systems:
        print(
            "with today's account type as an attribute, check suspects:", suspects_of_todays_words(mapped) or "nothing"
        )
    for system, planted in planted_lines(made.written).items():
        print(f"planted in {system}:", planted)


if __name__ == "__main__":
    main()
