"""What a backtest hands to the tracking store: figures, a line a fold, drawings."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation import metrics
from evaluation.backtest.contributions import ROWS, contributions
from evaluation.report.charts import shap_plots
from evaluation.report.run_artifacts import by_fold, drawings, figures
from evaluation.report.sections import ReportInputs
from evaluation.report.summary import summarise
from training.hazard.attribution import Explanation

PNG = b"\x89PNG\r\n\x1a\n"


def simulated() -> ModuleType:
    spec = importlib.util.spec_from_file_location("simulated_for_tracked", Path(__file__).parents[1] / "simulated.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def judged() -> pd.DataFrame:
    return simulated().company(accounts=300)[0]


@pytest.fixture(scope="module")
def summary(judged: pd.DataFrame) -> dict[str, Any]:
    made = simulated()
    return summarise(ReportInputs(judged, made.company(accounts=300)[1]), made.settings())


class Plain:
    """Contributions that are known: .01 a unit of `use`, .0008 a unit of `tickets`, .005 of being in `tech`."""

    def explain(self, frame: pd.DataFrame, horizon_days: int) -> Explanation:
        assert horizon_days == 90
        parts = [0.01 * frame.use, 0.0008 * frame.tickets.fillna(0), 0.005 * (frame.industry == "tech")]
        return Explanation(
            np.full(len(frame), 0.1), np.stack(parts, axis=1), ("use", "tickets", "industry"), ("a",) * 3
        )


@pytest.fixture(scope="module")
def shown() -> Any:
    frame = pd.DataFrame({"use": np.arange(1000.0), "tickets": [np.nan, 5.0] * 500, "industry": ["tech", "farm"] * 500})
    return contributions(Plain(), frame.fillna({"use": 0}), 90)  # type: ignore[arg-type]


def test_figures_are_those_of_the_summary_by_horizon_stage_and_segment(summary: dict[str, Any]) -> None:
    result = figures(summary)
    main = next(horizon for horizon in summary["horizons"] if horizon["days"] == 90)
    assert result["90d"]["auc"] == main["auc"]
    assert set(result) == {"30d", "60d", "90d", "180d", "lifecycle_stage", "segment"}
    segments = {row["group"]: row for row in summary["groups"]["segment"]}
    assert {name: part["mean_p"] for name, part in result["segment"].items()} == {
        name: part["mean_p"] for name, part in segments.items()
    }
    rules = next(
        comparison
        for comparison in summary["comparisons"]
        if comparison["days"] == 90 and comparison["baseline"] == "rules"
    )
    assert result["90d"]["better than the rules by"]["log_loss"] == rules["log_loss"]["better_by"]


def test_a_fold_with_one_class_has_no_figure(judged: pd.DataFrame) -> None:
    settings = simulated().settings()
    rows = judged[judged.churned_90d.notna()]
    lines = {line.fold: line for line in by_fold(judged, settings)}
    assert sum(line.rows for line in lines.values()) == len(rows)
    fold, part = next(iter(rows.groupby("fold")))
    y, p = part.churned_90d.to_numpy(), part.p_churn_90d.to_numpy()
    assert lines[fold].log_loss == pytest.approx(metrics.log_loss(y, p))
    assert lines[fold].churned_accounts == part[part.churned_90d == 1].account_id.nunique() >= 10
    assert lines[fold].auc == pytest.approx(metrics.auc(y, p))
    kept = judged.assign(churned_90d=judged.churned_90d.mask(judged.churned_90d == 1, 0.0))
    assert not any({"auc", "log_loss"} & set(line.to_json()) for line in by_fold(kept, settings))
    churned = rows[(rows.fold == fold) & (rows.churned_90d == 1)].account_id.unique()
    few = judged[~judged.account_id.isin(churned[9:])]
    line = next(line for line in by_fold(few, settings) if line.fold == fold)
    assert (line.churned_accounts, line.auc is not None, line.log_loss is not None) == (9, False, True)


def test_a_sample_is_explained_with_its_values(shown: Any) -> None:
    assert shown.explanation.contributions.shape == (ROWS, 3)
    assert len(shown.frame) == ROWS
    assert np.all(np.diff(shown.frame["use"]) > 0)
    assert (shown.frame["use"].iloc[0], shown.frame["use"].iloc[-1]) == (0, 999)


def test_shap_draws_the_same_bytes_and_leaves_the_seed_alone(shown: Any) -> None:
    np.random.seed(5)
    wanted = np.random.random()
    np.random.seed(5)
    first = shap_plots(shown)
    assert np.random.random() == wanted
    assert shap_plots(shown) == first
    larger = replace(shown.explanation, contributions=2 * shown.explanation.contributions)
    other = shap_plots(replace(shown, explanation=larger))
    assert all(other[name] != image for name, image in first.items())


def test_drawings_are_images(summary: dict[str, Any], shown: Any) -> None:
    result = drawings(summary, shown)
    assert set(result) == {
        f"plots/{name}.png" for name in ("reliability", "gains", "lead", "shap_beeswarm", "shap_bar")
    }
    assert all(body.startswith(PNG) and len(body) > 5_000 for body in result.values())
