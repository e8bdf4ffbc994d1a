"""Benchmarks by segment and stage, and conditions, by hand; what the configuration refuses."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

import configs
from configs.framework import Condition, Framework
from features.assembly.frame import Columns, add_stage_and_scores
from features.health.health_score import holds, rule_scores

BODY = yaml.safe_load((Path(configs.__file__).parent / "default.yaml").read_text(encoding="utf-8"))["framework"]
PLAIN, BY_SEGMENT, BY_STAGE, BY_BOTH = ([[0, 0], [10, top]] for top in (100, 80, 60, 40))
# The most specific stands first on purpose: the order in the file must not matter.
BENCHMARKS = [
    {"segment": "enterprise", "stage": "onboarding", "points": BY_BOTH},
    {"segment": "enterprise", "points": BY_SEGMENT},
    {"stage": "onboarding", "points": BY_STAGE},
]


def framework(**of_map: Any) -> Framework:
    maps = [
        {"signal": "logins", "dimension": "usage", "points": PLAIN, "benchmarks": BENCHMARKS, **of_map},
        {"signal": "nps", "dimension": "relationship", "points": [[0, 0], [10, 100]]},
    ]
    return Framework(**(deepcopy(BODY) | {"health_maps": maps}))


def rows(segment: Any = None) -> pd.DataFrame:
    stages = ["onboarding", "adoption", "onboarding", "adoption", "onboarding", "adoption"]
    segments = ["enterprise", "enterprise", "smb", "smb", None, None] if segment is None else segment
    return pd.DataFrame({"lifecycle_stage": stages, "segment": segments, "logins": 10.0, "nps": 5.0})


def test_the_most_specific_benchmark_holds() -> None:
    result = rule_scores(rows(), framework())
    assert result.parts[:, 0].tolist() == [40, 80, 60, 100, 60, 100]
    # onboarding weighs usage 40 and relationship 15, adoption 50 and 15
    assert result.health[0] == pytest.approx((40 * 40 + 15 * 50) / 55)
    assert result.health[1] == pytest.approx((50 * 80 + 15 * 50) / 65)
    assert result.health == pytest.approx((result.weights * result.parts).sum(axis=1))


def test_a_segment_goes_before_a_stage() -> None:
    result = rule_scores(rows(), framework(benchmarks=BENCHMARKS[:0:-1]))
    assert result.parts[:, 0].tolist() == [80, 80, 60, 100, 60, 100]


def test_between_the_points_of_a_benchmark() -> None:
    result = rule_scores(rows().assign(logins=[5.0, 2.5, 99.0, 5.0, np.nan, -1.0]), framework())
    assert result.parts[:, 0] == pytest.approx([20, 20, 60, 50, np.nan, 0], nan_ok=True)


def test_one_row_scores_as_among_others() -> None:
    whole = rule_scores(rows(), framework()).health
    each = [rule_scores(rows().iloc[[place]], framework()).health[0] for place in range(6)]
    assert each == whole.tolist()


def test_without_segments_the_stages_benchmarks_hold() -> None:
    plain = [60, 100, 60, 100, 60, 100]
    assert rule_scores(rows().drop(columns="segment"), framework()).parts[:, 0].tolist() == plain
    assert rule_scores(rows(segment=pd.NA), framework()).parts[:, 0].tolist() == plain
    as_category = rows().astype({"segment": "category", "lifecycle_stage": "category"})
    assert rule_scores(as_category, framework()).parts[:, 0].tolist() == [40, 80, 60, 100, 60, 100]


def test_the_scores_among_the_signals_go_by_the_segment() -> None:
    """The frame of signals scores health itself: it must hand the segment on, as the model's own frame has it."""
    frame = rows().assign(tenure_days=400.0, days_to_renewal=300.0, term_days=365.0)
    t = Columns({name: frame[name] for name in frame})
    for name in ("usage", "engagement", "financial", "relationship"):
        t.numbers(f"coverage_{name}")[:] = 1.0
    add_stage_and_scores(t, framework())
    own = frame.assign(lifecycle_stage=t.lifecycle_stage)
    assert t.health_usage.tolist() == rule_scores(own, framework()).dimensions[:, 0].tolist()
    assert t.health_usage.iloc[0] != t.health_usage.iloc[2]


def test_a_dimension_without_a_score_is_not_covered() -> None:
    """Rows of a table of which no signal is known are no data that a score rests on."""
    t = Columns(dict(rows().assign(logins=[np.nan] * 3 + [5.0] * 3).items()))
    for name in ("usage", "engagement", "financial", "relationship"):
        t.numbers(f"coverage_{name}")[:] = 1.0
    for name in ("tenure_days", "days_to_renewal", "term_days"):
        t.numbers(name)[:] = 400.0
    add_stage_and_scores(t, framework())
    assert t.coverage_usage.tolist() == [0, 0, 0, 1, 1, 1]
    assert t.coverage_relationship.tolist() == t.health_relationship.notna().astype(float).tolist()
    assert t.coverage.iloc[0] == pytest.approx(0.25)  # the weight of relationship; nothing maps the other two


@pytest.mark.parametrize(
    ("of_map", "says"),
    [
        ({"benchmarks": [{"points": PLAIN}]}, "a benchmark of logins names neither segment nor stage"),
        ({"benchmarks": [BENCHMARKS[1], BENCHMARKS[1]]}, "logins has several benchmarks for enterprise"),
        ({"benchmarks": [{"stage": "asleep", "points": PLAIN}]}, "benchmarks name the stages asleep; stages: onb"),
        ({"benchmarks": [{"segment": "smb", "points": [[1, 0], [1, 9]]}]}, "points of logins for smb must have rising"),
        ({"benchmarks": [{"segment": "smb", "points": [[1, 0], [2, 101]]}]}, "scores of logins for smb must lie in"),
        ({"benchmarks": [{"segment": "smb", "points": [[1, 0]]}]}, "at least 2 items"),
        ({"benchmarks": [{"region": "north", "points": PLAIN}]}, "Extra inputs"),
    ],
)
def test_a_benchmark_that_makes_no_sense_is_refused(of_map: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        framework(**of_map)


@pytest.mark.parametrize(
    ("when", "expected"),
    [("at_least", [False, True, True, False]), ("at_most", [True, True, False, False]), ("above", [0, 0, 1, 0])],
)
def test_conditions(when: Any, expected: list[bool]) -> None:
    frame = pd.DataFrame({"arr": [99.0, 100.0, 101.0, np.nan]})
    condition = Condition(signal="arr", when=when, threshold=100)
    assert holds(frame, condition).tolist() == [bool(one) for one in expected]
    assert not holds(frame.drop(columns="arr"), condition).any()


def test_a_flag_is_a_signal_too() -> None:
    frame = pd.DataFrame({"strategic": [True, False, None]}, dtype=object)
    assert holds(frame, Condition(signal="strategic", when="at_least", threshold=1)).tolist() == [True, False, False]


ESCALATION: dict[str, Any] = {
    "name": "big",
    "conditions": [{"signal": "arr", "when": "above", "threshold": 5}],
    "description": "big",
    "playbook": "renewal",
}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"playbook": "prayer"}, "playbooks that do not exist: prayer"),
        ({"name": "gone_quiet"}, "several triggers or escalations are named gone_quiet"),
        ({"levels": ["dreadful"]}, "Input should be 'healthy', 'low', 'medium' or 'high'"),
        ({"conditions": []}, "at least 1 item"),
        ({"conditions": [{"signal": "arr", "when": "below", "threshold": 5}]}, "'at_least', 'at_most' or 'above'"),
    ],
)
def test_an_escalation_that_makes_no_sense_is_refused(changed: dict[str, Any], says: str) -> None:
    assert Framework(**(BODY | {"escalations": [ESCALATION]})).alerts[0].name == "big"
    with pytest.raises(ValidationError, match=says):
        Framework(**(BODY | {"escalations": [ESCALATION | changed]}))


def test_an_escalation_at_a_level_that_is_not_configured_is_refused() -> None:
    levels = [level for level in BODY["levels"] if level["name"] != "medium"]
    with pytest.raises(ValidationError, match="escalations name levels that do not exist: medium"):
        Framework(**(BODY | {"levels": levels, "escalations": [ESCALATION | {"levels": ["medium"]}]}))
