"""The ledger through its commands: predictions stay as they were made, overrides stand beside them, draws are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner, Result

from serving.cli.main import main

pytestmark = pytest.mark.slow
THEN, END = "2025-07-01", "2026-01-01"
Run = Callable[..., Result]


def on(project: Path, *arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["--config", str(project / "forewarn.yaml"), *map(str, arguments)])


def as_json(project: Path, *arguments: str | Path) -> dict:
    done = on(project, "--json", *arguments)
    assert done.exit_code == 0, done.output
    return yaml.safe_load(done.stdout)


def exported(project: Path, name: str) -> pd.DataFrame:
    as_json(project, "ledger", "export", "--out", project / name)
    return pd.read_parquet(project / name)


def served_then(project: Path) -> pd.DataFrame:
    return pd.read_parquet(project / ".forewarn" / "scores" / f"{THEN}.parquet").set_index("account_id")


def test_closing_tickets_after_a_churn_changes_nothing(project: Path) -> None:
    """Every ticket of those who left is closed at once and to their satisfaction, after the fact: signals of the day
    would now be others, but what was predicted, and how right it was, stays to the last bit."""
    before, judged, hash_before = exported(project, "a.parquet"), as_json(project, "outcomes"), verified(project)
    lost = pd.read_parquet(project / "outcomes.parquet").query("kind == 'churn'").account_id
    as_json(project, "features", "--as-of", THEN, "--out", project / "before.parquet")
    tickets = pd.read_parquet(project / "tickets.parquet")
    theirs = tickets.account_id.isin(lost)
    tickets.loc[theirs, "resolved_at"] = tickets.opened_at[theirs] + pd.Timedelta(hours=1)
    tickets.loc[theirs, "satisfaction"] = 5
    tickets.to_parquet(project / "tickets.parquet")
    as_json(project, "features", "--as-of", THEN, "--out", project / "after.parquet")
    signals = [pd.read_parquet(project / f"{one}.parquet").set_index("account_id") for one in ("before", "after")]
    assert not signals[0].equals(signals[1])
    as_json(project, "score")
    again, after = as_json(project, "outcomes"), exported(project, "b.parquet")
    assert (again["new"], again["changed"]) == (0, 0)
    assert (again["days"], again["by_arm"]) == (judged["days"], judged["by_arm"])
    pd.testing.assert_frame_equal(after[after.batch_id <= before.batch_id.max()], before, check_exact=True)
    assert verified(project, hash_before)


def verified(project: Path, known: str | None = None) -> str:
    result = as_json(project, "ledger", "verify")
    assert result["intact"]
    if known is not None:
        from configs.settings_file import load_settings
        from evaluation.ledger.ledger import Ledger

        with Ledger.open(load_settings(project / "forewarn.yaml")) as ledger:
            assert ledger.verify([known]).ok
    return str(result["hash"])


def test_an_override_stands_beside_the_models_level_and_changes_no_prediction(project: Path) -> None:
    before = exported(project, "a.parquet")
    scores = pd.read_parquet(project / ".forewarn" / "scores" / f"{END}.parquet").set_index("account_id")
    account = scores.p_churn_90d.idxmax()
    done = on(project, "override", account, "--level", "low", "--reason", "renewed by phone", "--until", "2100-01-01")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{account}, {scores.p_churn_90d[account] * 100:.1f} % within 90 days as of {END}: ")
    for words in (
        "automated high",
        "CSM low until 2100-01-01",
        "renewed by phone",
        "final: low",
        "1 override in the ledger",
    ):
        assert words in done.stdout
    (override,) = as_json(project, "override", account, "--level", "medium", "--reason", "not signed yet")["overrides"]
    assert (override["automated"], override["csm"], override["final"], override["expires_at"]) == (
        "high",
        "medium",
        "medium",
        None,
    )
    told = as_json(project, "explain", account)
    assert (told["risk_level"], told["override"]["csm"], told["override"]["final"]) == ("high", "medium", "medium")
    other = as_json(project, "explain", scores.p_churn_90d.idxmin())["override"]
    assert (other["csm"], other["final"]) == (None, other["automated"])
    after = exported(project, "b.parquet")
    pd.testing.assert_frame_equal(after[after.batch_id <= before.batch_id.max()], before, check_exact=True)
    verified(project)


def test_a_file_of_overrides_is_entered_whole_and_once(project: Path) -> None:
    one, two = served_then(project).index[:2]
    file = project / "overrides.csv"
    file.write_text(f"account_id,made_at,level,reason,by,until\n{one},2025-06-20,high,no sponsor,anna,2025-12-31\n"
                    f" {two} ,2025-06-21T10:00:00+02:00,low,\"signed, on paper\",ben,\n")  # fmt: skip
    first, again = as_json(project, "override", "--from", file), as_json(project, "override", "--from", file)
    assert (first["entered"], first["repeated"], again["repeated"]) == (2, False, True)
    assert [override["csm"] for override in first["overrides"]] == [None, "low"]  # anna's has expired
    bad = project / "bad.csv"
    bad.write_text(f"account_id,made_at,level,reason,by,until\n{one},2025-06-20,hihg,,anna,2025-01-31\n"
                   f"nobody,soon,low,x,ben,later\n{one},2999-01-01,low,x,ben,\n{two},2025-01-01,low,x,ben,\n"
                   f"{two},2025-01-01,high,x,ben,\n")  # fmt: skip
    refused = on(project, "override", "--from", bad)
    assert refused.exit_code == 2
    for words in (
        "(8 faults)",
        "line 2: level: found 'hihg'; expected one of healthy, low, medium, high; to do: did you mean 'high'",
        "line 2: reason",
        "line 2: until: found 2025-01-31 00:00:00; expected later than 2025-06-20",
        "line 3: made_at: found 'soon'",
        "line 3: until: found 'later'",
        "line 3: account_id: found 'nobody'",
        "line 4: made_at: found 2999-01-01",
        f"line 6: account_id: found '{two}' twice at one moment",
    ):
        assert words in refused.stderr, (words, refused.stderr)
    bad.write_text("account_id,made_at,levl,reason,by\na,2025-01-01,low,x,ben\n")
    columns = on(project, "override", "--from", bad)
    assert columns.exit_code == 2
    assert "level: found no such column" in columns.stderr
    assert "did you mean 'level'" in columns.stderr
    assert as_json(project, "ledger", "verify")["intact"]


@pytest.mark.parametrize(
    "arguments",
    [(), ("acc-0001",), ("acc-0001", "--level", "low"), ("--from", "x.csv", "--level", "low"), ("--from", "x.csv")],
)
def test_a_call_needs_an_account_a_level_and_a_reason(project: Path, arguments: tuple[str, ...]) -> None:
    done = on(project, "override", *arguments)
    assert done.exit_code == 2
    assert "to do: " in done.stderr


def test_a_holdout_is_drawn_by_setting_and_told_apart(project: Path) -> None:
    path = project / "forewarn.yaml"
    path.write_text(
        yaml.safe_dump(yaml.safe_load(path.read_text()) | {"evaluation": {"holdout": {"salt": "a", "share": 0.2}}})
    )
    from evaluation.outcomes.holdout import assign

    for _ in range(2):
        body = as_json(project, "score")
    scores = pd.read_parquet(body["out"])
    assert scores.arm.tolist() == assign(scores.account_id.tolist(), "a", 0.2).tolist()
    assert body["held_out"] == (scores.arm == "holdout").sum() > 20
    told = as_json(project, "outcomes")
    assert {arm["arm"] for arm in told["by_arm"]["arms"]} >= {"treated", "untreated"}
    assert "has matured" in told["by_arm"]["effect"]["refused"]
    lines = on(project, "outcomes").stdout.splitlines()
    assert any("approached" in line and "saved, or safe anyway" in line for line in lines)
    exported = project / "all"
    from configs.settings_file import load_settings
    from evaluation.ledger.ledger import Ledger

    with Ledger.open(load_settings(path)) as ledger:
        assert ledger.events("holdout").body.tolist() == [{"salt": "a", "share": 0.2}]
    for _ in range(2):  # a table that is there already is written anew
        as_json(project, "ledger", "export", "--out", exported)
    (project / "a.parquet").mkdir()
    for place in (project / "a.parquet", project / "forewarn.yaml"):
        assert on(project, "ledger", "export", "--out", place).exit_code == 2
    assert pd.read_parquet(exported / "events.parquet").kind.tolist()[-1] == "holdout"
