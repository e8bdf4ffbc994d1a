"""The synthetic company: canonical, believable, not easy, and true to its own probabilities."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import roc_auc_score

from configs.errors import UsageError
from configs.settings_file import load_settings
from configs.tables import TABLE_NAMES, TABLES
from features.synthetic.company import SETTLING_DAYS, Company, company_config, make_company
from features.synthetic.true_probabilities import HORIZONS_DAYS
from tests.features.synthetic.days import END, START


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return make_company(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def tables(company: Company) -> dict[str, pd.DataFrame]:
    return {name: pd.read_parquet(company.folder / f"{name}.parquet") for name in TABLE_NAMES}


@pytest.fixture(scope="module")
def churn_at(tables: dict[str, pd.DataFrame]) -> pd.Series:
    outcomes = tables["outcomes"]
    return outcomes[outcomes["kind"] == "churn"].set_index("account_id")["occurred_at"]


@pytest.fixture(scope="module")
def snapshots(company: Company, churn_at: pd.Series) -> pd.DataFrame:
    """The truth's rows whose 90 days have passed, with what happened in them."""
    truth = company.truth
    truth = truth[truth["as_of"] + pd.Timedelta(days=90) <= END - pd.Timedelta(days=SETTLING_DAYS)].copy()
    left = truth["account_id"].map(churn_at)
    truth["churned"] = ((left >= truth["as_of"]) & (left < truth["as_of"] + pd.Timedelta(days=90))).astype(int)
    return truth.reset_index(drop=True)


def auc(churned: pd.Series, value: pd.Series) -> float:
    """In whichever direction is the better; a missing value counts as the median."""
    one = float(roc_auc_score(churned, value.fillna(value.median())))
    return max(one, 1 - one)


def windowed(snapshots: pd.DataFrame, rows: pd.DataFrame, time: str, days: int, value: str, how: str) -> pd.Series:
    """`how` of `value` over [as_of - days, as_of) of each snapshot, rows not yet recorded left out."""
    parts = []
    for as_of, group in snapshots.groupby("as_of"):
        near = rows[(rows[time] < as_of) & (rows[time] >= as_of - pd.Timedelta(days=days))]
        if "recorded_at" in near:
            near = near[near["recorded_at"] <= as_of]
        folded = near.groupby("account_id", observed=True)[value].agg(how)
        parts.append(pd.Series(folded.reindex(group["account_id"]).to_numpy(dtype=float), index=group.index))
    return pd.concat(parts).reindex(snapshots.index)


def test_writes_every_table_with_canonical_columns_unique_keys_and_allowed_words(tables):
    extras = {"accounts": {"industry", "region"}, "contracts": {"discount"}}
    for spec in TABLES:
        table = tables[spec.name]
        names = set(table.columns)
        assert names - set(spec.column_names) == extras.get(spec.name, set()), spec.name
        assert {column.name for column in spec.columns if column.required} <= names
        assert len(table) > 0
        if spec.key and set(spec.key) <= names:
            assert not table.duplicated(list(spec.key)).any(), spec.name
        assert table["account_id"].isin(tables["accounts"]["account_id"]).all()
        for column in spec.columns:
            if column.name not in names:
                continue
            values = table[column.name].dropna()
            if column.required:
                assert len(values) == len(table), (spec.name, column.name)
            if column.allowed_values:
                assert set(values) <= set(column.allowed_values), (spec.name, column.name)
            if column.low is not None:
                assert values.min() >= column.low
            if column.high is not None:
                assert values.max() <= column.high
            if column.kind == "time":
                assert table[column.name].dtype.kind == "M", (spec.name, column.name)
                assert table[column.name].dt.tz is None


def test_no_moment_that_names_a_fact_lies_past_the_data_s_end(tables):
    ahead = {"ends_at", "due_at", "recorded_at"}  # known in advance, or the time of a later export
    for spec in TABLES:
        for column in spec.columns:
            if column.kind == "time" and column.name in tables[spec.name] and column.name not in ahead:
                assert tables[spec.name][column.name].max() < END, (spec.name, column.name)
    late = tables["outcomes"]["recorded_at"] - tables["outcomes"]["occurred_at"]
    assert late.max() <= pd.Timedelta(days=SETTLING_DAYS)


def test_the_same_arguments_make_the_same_company_and_another_seed_another(tmp_path: Path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        make_company(tmp_path / name, accounts=40, months=8, seed=seed)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.parquet"))
    assert len(files) == 12
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file
        assert (tmp_path / "a" / file).read_bytes() != (tmp_path / "c" / file).read_bytes(), file


def test_refuses_a_company_too_small_with_every_fault(tmp_path: Path):
    with pytest.raises(UsageError, match=r"2 faults") as refused:
        make_company(tmp_path / "none", accounts=3, months=1)
    assert {fault.where for fault in refused.value.faults} == {"accounts", "months"}
    assert not (tmp_path / "none").exists()


def test_its_configuration_is_valid_and_maps_what_was_written(tmp_path: Path):
    company = make_company(tmp_path, accounts=30, months=9, end=date(2025, 4, 1))
    body = company_config(months=9, end=date(2025, 4, 1))
    (tmp_path / "forewarn.yaml").write_text(yaml.safe_dump(body), encoding="utf-8")
    settings = load_settings(tmp_path / "forewarn.yaml")
    assert set(settings.tables) == set(company.rows) == set(TABLE_NAMES)
    for source in settings.tables.values():
        assert source.from_ is not None
        assert "truth" not in source.from_
        assert settings.path(source.from_).exists()
    assert settings.snapshots.from_ == date(2024, 8, 1)


def test_about_seven_in_ten_accounts_were_there_at_the_start_and_the_rest_join_within_two_years(tables):
    created = tables["accounts"]["created_at"]
    assert len(created) == 500
    assert 0.68 <= (created < START).mean() <= 0.72
    assert created.min() >= START - pd.DateOffset(months=38)
    assert created.max() < START + pd.DateOffset(months=25)
    first_use = tables["usage_events"]["occurred_at"].min()
    assert START - pd.Timedelta(days=150) <= first_use < START - pd.Timedelta(days=140)


def test_churn_per_quarter_lies_in_3_to_7_per_cent(tables, churn_at):
    accounts = tables["accounts"].set_index("account_id")["created_at"]
    rates = []
    for quarter in pd.date_range(START, "2025-07-01", freq="QS"):
        here = accounts.index[(accounts < quarter) & ~(churn_at.reindex(accounts.index) < quarter)]
        left = churn_at.reindex(here)
        rates.append(((left >= quarter) & (left < quarter + pd.DateOffset(months=3))).mean())
    assert 0.03 <= np.mean(rates) <= 0.07
    assert max(rates) < 0.12  # no quarter is a catastrophe


def test_the_truth_is_the_ceiling_asked_for_and_is_calibrated(snapshots):
    p = snapshots["p_churn_90d"]
    assert 0.80 <= auc(snapshots["churned"], p) <= 0.88
    # Snapshots of one account overlap, so the sampling error is that of sums by account.
    off = (snapshots["churned"] - p).groupby(snapshots["account_id"]).sum()
    assert abs(off.sum()) < 3 * np.sqrt((off**2).sum())
    tenth = pd.qcut(p, 10, labels=False)
    for _, group in snapshots.groupby(tenth):
        gap = (group["churned"] - group["p_churn_90d"]).groupby(group["account_id"]).sum()
        # The spread expected under the truth, three snapshots of an account counted as one.
        expected = np.sqrt(3 * (group["p_churn_90d"] * (1 - group["p_churn_90d"])).sum())
        assert abs(gap.sum()) < 3.5 * expected


def test_the_truth_never_falls_with_the_horizon_and_holds_only_customers(company, tables, churn_at):
    truth = company.truth
    p = truth[[f"p_churn_{days}d" for days in HORIZONS_DAYS]].to_numpy()
    assert ((p > 0) & (p < 1)).all()
    assert (np.diff(p, axis=1) > 0).all()
    assert not truth.duplicated(["account_id", "as_of"]).any()
    assert (truth["as_of"].dt.day == 1).all()
    created = truth["account_id"].map(tables["accounts"].set_index("account_id")["created_at"])
    assert (created < truth["as_of"]).all()
    assert not (truth["account_id"].map(churn_at) < truth["as_of"]).any()


def test_no_row_betrays_a_churn_but_a_final_invoice(tables, churn_at):
    for spec in TABLES:
        if spec.name in {"accounts", "outcomes"}:
            continue
        rows = tables[spec.name]
        after = rows[rows[spec.time] > rows["account_id"].map(churn_at)]
        if spec.name == "invoices":
            assert 0 < len(after) < len(churn_at)
            lag = after[spec.time] - after["account_id"].map(churn_at)
            assert lag.max() <= pd.Timedelta(days=17)
            assert after["account_id"].is_unique
        else:
            assert after.empty, spec.name
    # Neither does a place emptied, or an answer given, as they leave.
    gone = tables["contacts"].dropna(subset="until")
    assert not (gone["until"] > gone["account_id"].map(churn_at)).any()


def test_contracts_agree_with_the_outcomes(tables, churn_at):
    contracts = tables["contracts"].sort_values(["account_id", "starts_at"])
    last = contracts.groupby("account_id").tail(1).set_index("account_id")
    assert last["cancelled_at"].dropna().to_dict() == churn_at.to_dict()
    assert contracts["cancelled_at"].notna().sum() == len(churn_at)
    left = last.dropna(subset="cancelled_at")
    assert (left["cancelled_at"] < left["ends_at"]).all()
    # Each term begins where the one before it ended.
    ends = contracts.groupby("account_id")["ends_at"].shift()
    assert (contracts["starts_at"][ends.notna()] == ends.dropna()).all()
    stays = last.index.difference(churn_at.index)
    assert (last.loc[stays, "ends_at"] >= END).all()
    assert (tables["outcomes"].query("kind == 'churn'")["arr_change"] < 0).all()
    months = (contracts["ends_at"] - contracts["starts_at"]).dt.days.div(30.44).round()
    assert {1, 12, 24} <= set(months)


def test_churn_clusters_at_renewals_and_happens_within_terms_too(tables, churn_at):
    left = tables["contracts"].dropna(subset="cancelled_at")
    left = left[(left["ends_at"] - left["starts_at"]).dt.days > 60]
    near = ((left["ends_at"] - left["cancelled_at"]).dt.days < 30).mean()
    assert 0.2 < near < 0.8  # by chance it would be about 30 / 365


def test_rows_that_are_recorded_late_and_days_that_are_missing_exist(tables):
    for name in ("usage_events", "tickets", "interactions", "surveys", "outcomes"):
        late = tables[name]["recorded_at"] - tables[name][{t.name: t.time for t in TABLES}[name]]
        assert late.min() >= pd.Timedelta(0)
        assert 0.005 < (late > pd.Timedelta(days=1)).mean() < 0.3, name
    days = tables["usage_events"]["occurred_at"].dt.normalize()
    every = pd.date_range(days.min(), days.max())
    assert 2 <= len(every.difference(pd.DatetimeIndex(days.unique()))) <= 8
    silent = set(tables["accounts"]["account_id"]) - set(tables["usage_events"]["account_id"])
    assert 5 <= len(silent) <= 15


def test_usage_dips_in_summer_and_at_the_year_s_end(tables):
    usage = tables["usage_events"]
    daily = usage.groupby(usage["occurred_at"].dt.normalize())["quantity"].sum()
    month = daily.groupby(daily.index.to_period("M")).mean()
    for year in (2024, 2025):
        around = (month[f"{year}-06"] + month[f"{year}-10"]) / 2
        assert month[f"{year}-08"] < 0.9 * around
    assert daily["2024-12-21":"2025-01-03"].mean() < 0.85 * daily["2024-11-23":"2024-12-06"].mean()


def test_late_payers_and_quiet_accounts_who_stay_exist(tables, churn_at):
    accounts = tables["accounts"].set_index("account_id")
    stayed = ~accounts.index.isin(churn_at.index)
    bills = tables["invoices"].dropna(subset=["due_at", "paid_at"])
    late = (bills["paid_at"] - bills["due_at"]).dt.days.groupby(bills["account_id"]).median().reindex(accounts.index)
    assert (stayed & (late > 12)).sum() >= 10
    usage = tables["usage_events"]
    last_year = usage[usage["occurred_at"] >= "2025-01-01"].groupby("account_id")["quantity"].sum()
    last_year = (last_year / tables["contracts"].groupby("account_id")["seats"].mean())[accounts.index[stayed]]
    quiet = accounts["industry"].reindex(last_year.index) == "public_sector"
    assert quiet.sum() >= 10
    assert last_year[quiet].median() < 0.75 * last_year[~quiet].median()


def test_sponsors_leave_and_are_replaced_and_leaving_alone_decides_nothing(tables, churn_at):
    sponsors = tables["contacts"].query("role == 'executive_sponsor'")
    left = sponsors.dropna(subset="until")
    assert left["account_id"].nunique() > 50
    assert (sponsors.groupby("account_id").size() > 1).sum() > 50
    assert (left["until"] > left["since"]).all()
    assert 0.2 < left.drop_duplicates("account_id")["account_id"].isin(churn_at.index).mean() < 0.8


def test_no_single_signal_is_enough(snapshots, tables):
    usage, tickets = tables["usage_events"], tables["tickets"]
    talks, surveys, bills = tables["interactions"], tables["surveys"], tables["invoices"]
    mails = talks[(talks["kind"] == "email") & (talks["initiated_by"] == "us")]
    mails = mails.assign(answered=mails["responded_at"].notna().astype(float))
    due = bills.dropna(subset="due_at")
    due = due.assign(late=(due["paid_at"].fillna(END) - due["due_at"]).dt.days)
    ends = tables["contracts"].sort_values("starts_at")
    renewal = pd.merge_asof(
        snapshots.reset_index().sort_values("as_of"), ends, left_on="as_of", right_on="starts_at", by="account_id"
    ).set_index("index")
    signals = {
        "use in 30 days": windowed(snapshots, usage, "occurred_at", 30, "quantity", "sum").fillna(0),
        "use in 90 days": windowed(snapshots, usage, "occurred_at", 90, "quantity", "sum").fillna(0),
        "features in use": windowed(snapshots, usage, "occurred_at", 30, "feature", "nunique").fillna(0),
        "people in use": windowed(snapshots, usage, "occurred_at", 30, "user_id", "nunique").fillna(0),
        "tickets": windowed(snapshots, tickets, "opened_at", 90, "ticket_id", "count").fillna(0),
        "satisfaction": windowed(snapshots, tickets, "opened_at", 180, "satisfaction", "mean"),
        "ticket tone": windowed(snapshots, tickets, "opened_at", 90, "sentiment", "mean"),
        "tone": windowed(snapshots, talks, "occurred_at", 90, "sentiment", "mean"),
        "attendance": windowed(snapshots, talks, "occurred_at", 90, "attended", "mean"),
        "answers": windowed(snapshots, mails, "occurred_at", 90, "answered", "mean"),
        "nps": windowed(snapshots, surveys[surveys["kind"] == "nps"], "occurred_at", 90, "score", "mean"),
        "days late": windowed(snapshots, due, "due_at", 90, "late", "mean"),
        "days to renewal": (renewal["ends_at"] - renewal["as_of"]).dt.days.reindex(snapshots.index),
        "discount": renewal["discount"].reindex(snapshots.index),
        "arr": renewal["arr"].reindex(snapshots.index),
    }
    result = {name: auc(snapshots["churned"], value) for name, value in signals.items()}
    assert max(result.values()) < 0.75, result
    # And each driver shows: a model has something to learn from every side.
    for name in (
        "use in 30 days",
        "features in use",
        "satisfaction",
        "tone",
        "attendance",
        "answers",
        "nps",
        "days late",
    ):
        assert result[name] > 0.55, (name, result[name])
