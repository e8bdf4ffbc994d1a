"""Each coded check, found from the registry: a planted fault fires it, a clean run does not, the docs describe it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from configs.errors import DataError
from evaluation.backtest.random_split import RandomSplitGap
from evaluation.jsonable import to_jsonable
from evaluation.validity.checks import CHECKS, Finding, failing, run_checks
from evaluation.validity.evidence import Evidence, Taught, evidence_of
from tests.evaluation.simulated import settings

DOCS = Path(__file__).resolve().parents[3] / "docs" / "checks.md"

CODES = [check.code for check in CHECKS]

FOLDS = tuple(pd.to_datetime(["2024-01-01", "2024-04-01", "2024-07-01"]))  # the first is training time only

END = pd.Timestamp("2025-06-01")

DAY = pd.Timedelta(days=1)

HORIZONS = (30, 60, 90, 180)

STAGES = np.array(["adoption", "value_realization"])


def cohort(name: str, origin: pd.Timestamp, random: np.random.Generator, accounts: int = 400) -> pd.DataFrame:
    """Three months of accounts with hazards of their own, which their probabilities tell exactly."""
    z = random.normal(size=accounts)
    hazard = 0.03 / 30 * np.exp(0.9 * z - 0.4)
    ends = origin + pd.to_timedelta(np.minimum(random.exponential(1 / hazard), 9_999), unit="D").floor("s")
    frames = []
    for month in range(3):
        as_of = origin + pd.DateOffset(months=month)
        rows = pd.DataFrame({"account_id": [f"{name}-{number:03d}" for number in range(accounts)], "as_of": as_of})
        rows["churn_at"] = ends.where(ends < END)
        rows["lifecycle_stage"] = STAGES[np.arange(accounts) % 2]
        rows["usage_30d"] = np.exp(-z + random.normal(0, 1, accounts))
        rows["tickets_90d"] = random.poisson(2, accounts).astype(float)
        for days in HORIZONS:
            rows[f"p_churn_{days}d"] = -np.expm1(-hazard * days)
        frames.append(rows[(ends >= as_of)])
    return pd.concat(frames, ignore_index=True)


def clean() -> Evidence:
    """Folds of accounts that nobody had seen before, and probabilities that are right and better than the base rate."""
    random = np.random.default_rng(4)
    parts = [cohort(f"c{place}", origin, random) for place, origin in enumerate(FOLDS)]
    every = pd.concat(parts, ignore_index=True).astype({"as_of": "datetime64[us]", "churn_at": "datetime64[us]"})
    labels = every[["account_id", "as_of", "churn_at"]].assign(observed_until=END)
    predictions = every[(every["as_of"] >= FOLDS[1]).to_numpy()].reset_index(drop=True)
    predictions["fold"] = np.where(predictions["as_of"] < FOLDS[2], "2024-04-01", "2024-07-01")
    for days in HORIZONS:
        predictions[f"churned_{days}d"] = (predictions["churn_at"] < predictions["as_of"] + days * DAY).astype(float)
    base = predictions[["account_id", "as_of"]].assign(model="base_rate", p_churn_90d=predictions["churned_90d"].mean())
    return Evidence(
        settings=settings(min_churned_accounts=10),
        signals=every[["account_id", "as_of", "lifecycle_stage", "usage_30d", "tickets_90d"]],
        labels=labels,
        signal_names=("usage_30d", "tickets_90d"),
        data_end=END,
        predictions=predictions,
        baselines=base,
        taught=tuple(Taught(origin, 2000, 60, origin - 30 * DAY) for origin in FOLDS[1:]),
        served=predictions[["account_id", "as_of"]].assign(cut=FOLDS[0]),
    )


def of_predictions(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Evidence], Evidence]:
    def plant(evidence: Evidence) -> Evidence:
        return replace(evidence, predictions=change(evidence.predictions.copy()))

    return plant


def overlap(evidence: Evidence) -> Evidence:
    late = replace(evidence.taught[1], last_end=FOLDS[2] + 45 * DAY)
    return replace(evidence, taught=(evidence.taught[0], late))


def served_by_a_later_model(evidence: Evidence) -> Evidence:
    assert evidence.served is not None
    return replace(evidence, served=evidence.served.assign(cut=pd.Timestamp("2024-05-15")))


def with_rows(evidence: Evidence, labels: pd.DataFrame) -> Evidence:
    """These labels, each beside the signals of the row whose index it bears."""
    return replace(evidence, labels=labels, signals=evidence.signals.loc[labels.index])


def looked_at_the_day_before(evidence: Evidence) -> Evidence:
    """One row an account: of those that left the day before, of the others the last one."""
    last = evidence.labels.drop_duplicates("account_id", keep="last")
    as_of = (last["churn_at"] - DAY).dt.normalize().where(last["churn_at"].notna(), END - 100 * DAY)
    return with_rows(evidence, last.assign(as_of=as_of))


def written_at_the_churn(evidence: Evidence) -> Evidence:
    soon = (evidence.labels["churn_at"] < evidence.labels["as_of"] + 90 * DAY).to_numpy()
    noise = np.random.default_rng(1).normal(size=len(soon))
    return replace(evidence, signals=evidence.signals.assign(tickets_90d=np.where(soon, 4.0, 0.0) + noise))


def survivors(evidence: Evidence) -> Evidence:
    """The accounts of the first months that left within the horizon are no longer in the tables."""
    gone = (evidence.labels["as_of"] < FOLDS[1]) & (evidence.labels["churn_at"] < FOLDS[1] + 180 * DAY)
    kept = ~evidence.labels["account_id"].isin(evidence.labels.loc[gone, "account_id"])
    return with_rows(evidence, evidence.labels[kept])


def doubled(evidence: Evidence) -> Evidence:
    return replace(evidence, baselines=pd.concat([evidence.baselines, evidence.baselines.head(3)], ignore_index=True))


def spelt_differently(evidence: Evidence) -> Evidence:
    return with_rows(evidence, pd.concat([evidence.labels, evidence.labels.head(1).assign(account_id="c0 0")]))


def known_before(evidence: Evidence) -> Evidence:
    earlier = evidence.labels[evidence.labels["as_of"] == FOLDS[1]].head(50)
    return with_rows(evidence, pd.concat([evidence.labels, earlier.assign(as_of=FOLDS[0])]))


def few_churns(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop(rows.index[rows["churned_90d"] == 1][25:])


def no_churn_in_a_fold(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[(rows["fold"] != "2024-04-01") | (rows["churned_90d"] == 0)]


def knows(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(p_churn_90d=rows["churned_90d"] * 0.5 + 0.02 + rows["p_churn_90d"] / 10)


def upside_down(rows: pd.DataFrame) -> pd.DataFrame:
    place = rows["p_churn_90d"].rank(method="first").astype(int).to_numpy()
    return rows.assign(p_churn_90d=np.sort(rows["p_churn_90d"])[len(rows) - place])


def too_low_in_a_quarter(rows: pd.DataFrame) -> pd.DataFrame:
    rows.loc[rows["as_of"] >= FOLDS[2], ["p_churn_30d", "p_churn_60d", "p_churn_90d"]] /= 3
    return rows


FLATTERING = RandomSplitGap(90, 1000, 100, 0.9, 0.75, 0.2, 0.3)

PLANTS: dict[str, Callable[[Evidence], Evidence]] = {
    "FW101": overlap,
    "FW102": served_by_a_later_model,
    "FW103": looked_at_the_day_before,
    "FW104": written_at_the_churn,
    "FW105": lambda evidence: replace(evidence, data_end=FOLDS[2] + 100 * DAY),
    "FW106": survivors,
    "FW201": doubled,
    "FW202": spelt_differently,
    "FW203": known_before,
    "FW204": of_predictions(few_churns),
    "FW205": of_predictions(no_churn_in_a_fold),
    "FW301": of_predictions(knows),
    "FW302": of_predictions(upside_down),
    "FW303": of_predictions(too_low_in_a_quarter),
    "FW304": of_predictions(lambda rows: rows.assign(p_churn_180d=rows["p_churn_180d"] + 0.6)),
    "FW305": of_predictions(lambda rows: rows.assign(p_churn_60d=rows["p_churn_30d"] / 2)),
    "FW306": lambda evidence: replace(evidence, random_split=FLATTERING),
}  # fmt: skip


def codes(findings: tuple[Finding, ...]) -> set[str]:
    return {finding.code for finding in findings}


def test_a_clean_run_says_nothing() -> None:
    assert [str(check) for check in run_checks(clean())] == []


def test_every_check_has_a_planted_fault() -> None:
    assert list(PLANTS) == CODES
    assert len(set(CODES)) == len(CODES)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_a_planted_fault_fires(check: object) -> None:
    code = check.code  # type: ignore[attr-defined]
    result = {check.code: check for check in run_checks(PLANTS[code](clean()))}
    assert code in result
    one = result[code]
    assert (one.title, one.severity) == (check.title, check.severity)  # type: ignore[attr-defined]
    assert np.isfinite(one.figure)
    assert len(one.message) > 40
    assert not one.message.endswith(".")
    assert json.loads(json.dumps(to_jsonable(one)))["code"] == code
    assert (one in failing(tuple(result.values()))) == (one.severity == "fail")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_every_check_has_its_section(check: object) -> None:
    sections = re.split(r"^## ", DOCS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    heading = f"{check.code} {check.title} ({check.severity})"  # type: ignore[attr-defined]
    (section,) = (section for section in sections if section.startswith(heading + "\n"))
    for part in ("How it is detected", "Why it matters", "How to reduce the risk"):
        assert f"**{part}.**" in section
    assert len(sections) == len(CHECKS)


def figure(code: str) -> float:
    return next(check.figure for check in run_checks(PLANTS[code](clean())) if check.code == code)


def test_figures_by_hand() -> None:
    evidence = clean()
    assert figure("FW101") == 45
    assert figure("FW102") == (evidence.predictions["as_of"] < pd.Timestamp("2024-05-15")).sum()
    assert figure("FW103") < 0.05
    as_of = evidence.predictions["as_of"]
    assert figure("FW105") == sum((as_of + days * DAY > FOLDS[2] + 100 * DAY).sum() for days in HORIZONS)
    assert (figure("FW106"), figure("FW201"), figure("FW202"), figure("FW205")) == (3, 3, 1, 1)
    assert figure("FW303") == pytest.approx(3, abs=0.6)
    assert figure("FW306") == pytest.approx(0.15)


def test_a_row_before_its_own_fold_is_one_that_taught_it() -> None:
    early = of_predictions(lambda rows: rows.assign(fold="2024-05-01"))(clean())
    assert "FW102" in codes(run_checks(early))


def test_a_signal_that_one_leaver_and_few_others_have_separates_nothing() -> None:
    """Of two rows one always ranks above the other: an AUC of 1 without an error."""
    evidence = clean()
    soon = (evidence.labels["churn_at"] - evidence.labels["as_of"]).dt.days.lt(30).to_numpy()
    as_of = evidence.labels["as_of"].to_numpy()
    one = np.flatnonzero(soon)[0]
    other = np.flatnonzero(evidence.labels["churn_at"].isna().to_numpy() & (as_of == as_of[one]))[0]
    rare = np.full(len(soon), np.nan)
    rare[[one, other]] = [1.0, 0.0]
    result = run_checks(replace(evidence, signals=evidence.signals.assign(tickets_90d=rare)))
    assert "FW104" not in codes(result)


def test_a_calendar_of_quarters_and_a_churn_on_the_same_day_are_no_fault() -> None:
    """Everybody is looked at on the first of a quarter, and every contract ends on that day: the label owns no date."""
    evidence = clean()
    shared = evidence.labels[evidence.labels["as_of"].isin(FOLDS)]
    on_the_day = shared.assign(
        churn_at=shared["churn_at"].dt.to_period("Q").dt.end_time.dt.ceil("D").astype("datetime64[us]")
    )
    assert "FW103" not in codes(run_checks(with_rows(evidence, on_the_day)))


def test_an_allowed_signal_and_a_good_one_are_no_fault() -> None:
    evidence = written_at_the_churn(clean())
    allowed = evidence.settings.model_copy(update={"allow_leaking": ("accounts.tickets_90d",)})
    assert "FW104" not in codes(run_checks(replace(evidence, settings=allowed)))
    good = clean()
    strong = np.log(good.predictions["p_churn_90d"])  # the best there is: an AUC of some 0.75
    signals = good.signals[(good.signals["as_of"] >= FOLDS[1]).to_numpy()].assign(usage_30d=strong.to_numpy())
    labels = good.labels[(good.labels["as_of"] >= FOLDS[1]).to_numpy()]
    assert "FW104" not in codes(run_checks(replace(good, signals=signals, labels=labels)))


def test_a_stage_that_falls_apart_is_named() -> None:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(p_churn_90d=rows["p_churn_90d"].mask(rows["lifecycle_stage"] == "adoption", 0.6))

    (told,) = [check for check in run_checks(of_predictions(change)(clean())) if check.code == "FW302"]
    assert "adoption" in told.message
    assert "value_realization" not in told.message


def test_order_of_rows_does_not_matter() -> None:
    for code in ("FW103", "FW104", "FW302", "FW303"):
        evidence = PLANTS[code](clean())
        order = np.random.default_rng(0).permutation(len(evidence.labels))
        mixed = replace(
            evidence,
            labels=evidence.labels.iloc[order],
            signals=evidence.signals.iloc[order],
            predictions=evidence.predictions.sample(frac=1, random_state=3),
            baselines=evidence.baselines.sample(frac=1, random_state=4),
        )
        before = {check.code: check.figure for check in run_checks(evidence)}
        assert {check.code: check.figure for check in run_checks(mixed)} == pytest.approx(before)


def test_missing_columns_are_named_at_once() -> None:
    evidence = clean()
    broken = replace(
        evidence,
        predictions=evidence.predictions.drop(columns=["fold"]),
        labels=evidence.labels.drop(columns=["churn_at"]),
    )
    with pytest.raises(DataError, match=r"labels.churn_at(.|\n)*predictions.fold"):
        run_checks(broken)
    with pytest.raises(DataError, match="no model base_rate"):
        run_checks(replace(evidence, baselines=evidence.baselines.assign(model="rules")))


def test_evidence_takes_what_the_folds_were_really_taught_by() -> None:
    class Rows:
        churned = np.array([0.0, 1.0, 0.0])
        ends = pd.Series(pd.to_datetime(["2024-03-01", "2024-03-31", "2024-02-01"]))

        def __len__(self) -> int:
            return 3

    class Fit:
        rows = Rows()

    class Remembered:
        def learners(self, cut: pd.Timestamp) -> Fit:
            return Fit()

    class Found:
        predictions, baselines, folds = clean().predictions, clean().baselines, FOLDS[1:]

    class Data:
        signals, labels, data_end = clean().signals, clean().labels, END

        class schema:
            names = ("usage_30d",)

    made = evidence_of(Data(), Found(), settings(), Remembered())  # type: ignore[arg-type]
    assert made.taught[0] == Taught(FOLDS[1], 3, 1, pd.Timestamp("2024-03-31"))
    assert codes(run_checks(made)) == set()
