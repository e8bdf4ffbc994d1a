"""CONTRIBUTING's recipes about evaluation, followed to the letter on a copy: section, chart, alarm, event, check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.copied_project import Copy

pytestmark = pytest.mark.slow


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[], Copy]:
    return lambda: Copy(tmp_path / "project")


SECTION = """\"\"\"How many accounts were judged at all.\"\"\"

from configs.json_object import JsonObject
from evaluation.report.sections.context import ReportContext


def reach_figures(context: ReportContext) -> JsonObject:
    \"\"\"reach: the accounts whose window has passed.\"\"\"
    return {"reach": {"accounts": int(context.frames.rows["account_id"].nunique())}}
"""
REPORT = """
import json
from pathlib import Path
from evaluation.report import ReportInputs, write_report
from tests.evaluation.simulated import company, settings
judged, baselines = company(150)
files = write_report(ReportInputs(judged, baselines), settings(), Path("out"), {"created": "2026-01-01"})
report = json.loads(files.json.read_text())
page = files.html.read_text()
print(report["reach"]["accounts"] == report["scope"]["accounts"], "Judged at all: 1" in page)
print(page.index('id="all"') < page.index('id="reach"'))
"""


def test_one_more_section_of_the_report(copy: Callable[[], Copy]) -> None:
    project = copy()
    registry = "evaluation/report/sections/registry.py"
    (project.folder / "evaluation/report/sections/reach.py").write_text(SECTION)
    (project.folder / "evaluation/report/templates/reach.html").write_text(
        '<section id="reach"><h2>Reach</h2><p>Judged at all: {{ report.reach.accounts }}</p></section>\n'
    )
    imported = "from evaluation.report.sections.revenue import"
    project.put(registry, imported, "from evaluation.report.sections.reach import reach_figures\n")
    project.put(registry, '    Section("refused"', '    Section("reach", reach_figures, "reach.html", "all"),\n')
    assert project.code(REPORT).split() == ["True", "True", "True"]


ALARM = """def _many(figures: Figures, kind: Kind) -> Iterator[Trip]:
    for scored in figures.scores:
        if scored.rows > kind.limit:
            yield Trip(scored.as_of, "", float(scored.rows), f"{scored.rows} accounts were scored")


"""
KIND = """    (Kind("many", "Many accounts", 3, "accounts", "count them", "few accounts were scored"), _many),
"""
WATCH = """
from evaluation.monitoring import monitor
from tests.evaluation.quiet_company import SCHEMA, SINCE, company
from tests.evaluation.simulated import settings
quiet = company(0)
monitoring = monitor(quiet.predictions, settings(), SINCE, quiet.signals, SCHEMA)
print("many" in {alarm.kind for alarm in monitoring.alarms})
"""


def test_one_more_alarm(copy: Callable[[], Copy]) -> None:
    project = copy()
    file = "evaluation/monitoring/alarms.py"
    project.put(file, 'MORE, FEWER = "more_churn"', ALARM)
    body = (project.folder / file).read_text()
    kinds = next(line for line in body.splitlines(keepends=True) if line.startswith("KINDS:"))
    (project.folder / file).write_text(body.replace(kinds, kinds + KIND, 1))
    assert project.code(WATCH).strip() == "True"


CHART = """

def outcomes(summary: Summary) -> Chart | None:
    \"\"\"How many scorings were judged, of how many accounts that churned.\"\"\"
    horizon = main_horizon(summary)
    counts = {"scorings": horizon["rows"], "churned accounts": horizon["churned_accounts"]}
    values = [{"counted": name, "number": count} for name, count in counts.items()]
    bars = alt.Chart(alt.Data(values=values)).mark_bar(color=MODEL).encode(x="counted:N", y="number:Q")
    table = tuple((name, f"{count:,}") for name, count in counts.items())
    return Chart("outcomes", "Judged, in numbers", spec(bars, 200), "Two bars.", ("Counted", "Number"), table)
"""
CHARTED = """
from pathlib import Path
from evaluation.report import ReportInputs, write_report
from tests.evaluation.simulated import company, settings
judged, baselines = company(150)
files = write_report(ReportInputs(judged, baselines), settings(), Path("out"), {"created": "2026-01-01"})
page = files.html.read_text()
print("Judged, in numbers" in page, "Number</th>" in page)
"""


def test_one_more_chart(copy: Callable[[], Copy]) -> None:
    project = copy()
    project.add("evaluation/report/charts/calibration.py", CHART)
    project.put("evaluation/report/charts/catalogue.py", "    business_value.arr,", "    calibration.outcomes,\n")
    project.put(
        "evaluation/report/templates/calibration.html", '  {{ figure("levels") }}', '  {{ figure("outcomes") }}\n'
    )
    assert project.code(CHARTED).split() == ["True", "True"]
    project.run("-m", "pytest", "-q", "-n", "0", "tests/evaluation/report/charts", "-k", "schema")


EVENT = """def mark_price(ledger: Ledger, plan: str, by: str, at: pd.Timestamp) -> str:
    \"\"\"Marks in the ledger that prices rose.\"\"\"
    body = {"plan": plan}
    ledger.record_event("price", body, at=at, asked_by=by)
    return sentence("price", body, by, at)


"""
MARKED = """
from pathlib import Path
import pandas as pd
from evaluation.ledger import Ledger
from evaluation.promotion import ledger_events
from evaluation.promotion.events import mark_price
from evaluation.report import ReportInputs, write_report
from tests.evaluation.simulated import company, settings
judged, baselines = company(150)
with Ledger.open(settings(Path("."))) as ledger:
    mark_price(ledger, "pro", "user:kim", pd.Timestamp("2024-08-15"))
    inputs = ReportInputs(judged, baselines, events=ledger_events(ledger))
files = write_report(inputs, settings(), Path("out"), {"created": "2026-01-01"})
page = files.html.read_text()
print("2024-08-15: The price of pro rose. (user:kim)" in page, '"label": "new prices"' in page.replace('":"', '": "'))
"""


def test_one_more_event(copy: Callable[[], Copy]) -> None:
    """It stands in the report's list of events, and as a line in its charts over time."""
    project = copy()
    events = "evaluation/promotion/events.py"
    project.put(events, "def weight_changes(", EVENT)
    project.put(events, "    LEVEL: _level,", '    "price": lambda body: f"The price of {body[\'plan\']} rose.",\n')
    project.put(events, '    LEVEL: lambda body: "another level",', '    "price": lambda body: "new prices",\n')
    assert project.code(MARKED).split() == ["True", "True"]


CHECK = """

def same_for_all(evidence: Evidence) -> Detection | None:
    \"\"\"Nobody is ranked: every account has the same probability.\"\"\"
    p = evidence.judged()["p"]
    if p.nunique() > 1:
        return None
    return Detection(float(p.iloc[0]), f"all {len(p)} judged rows have the same probability")
"""
CHECK_SECTION = """
## FW307 One probability for everybody (warn)

**How it is detected.** All judged rows have the same probability.

**Why it matters.** Nobody is ranked, so that nobody can be called first.

**How to reduce the risk.** Give it signals that differ between accounts.
"""
PLANT = '    "FW307": of_predictions(lambda rows: rows.assign(p_churn_90d=0.05)),\n'
CHECKED = """
from evaluation.validity import run_checks
from tests.evaluation.validity.test_checks import PLANTS, clean
print([finding.code for finding in run_checks(PLANTS["FW307"](clean())) if finding.code == "FW307"])
"""


def test_one_more_check(copy: Callable[[], Copy]) -> None:
    """Without its section and its planted fault the laws over all checks name it; with them they pass."""
    project = copy()
    laws = ("-m", "pytest", "-q", "-n", "0", "tests/evaluation/validity/test_checks.py", "-k", "every_check or planted")
    project.add("evaluation/validity/check_scores.py", CHECK)
    entry = '    Check("FW307", "One probability for everybody", "warn", check_scores.same_for_all),\n'
    project.put("evaluation/validity/checks.py", ")\n\n\ndef run_checks", entry)
    assert "FW307" in project.refused(*laws)
    project.add("docs/checks.md", CHECK_SECTION)
    project.put("tests/evaluation/validity/test_checks.py", "}  # fmt: skip", PLANT)
    project.run(*laws)
    assert project.code(CHECKED).strip() == "['FW307']"
