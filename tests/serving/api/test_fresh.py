"""A running service under requests, while model, data, settings and overrides change: taken over, never mixed."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from configs.settings_file import load_settings
from evaluation.ledger import Ledger
from evaluation.outcomes import enter_overrides
from serving.keys import KeyStore
from tests.serving.running import running_service
from training.tracking import promote, versions

ROOT = Path(__file__).resolve().parents[3]
WITHIN_SECONDS = 60
pytestmark = pytest.mark.slow


@dataclass
class Asker:
    """Asks for the same accounts without a pause, and keeps what it was told."""

    url: str
    key: str
    accounts: list[str]
    told: list[tuple[int, set[tuple[str, str]]]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        with httpx.Client(timeout=60) as client:
            while not self.stop.is_set():
                answer = client.post(f"{self.url}/v1/score", json={"account_ids": self.accounts}, headers=self.headers)
                body = answer.json()
                seen = {(body["model_version"], body["as_of"])}
                seen |= {
                    (result["prediction"]["model_version"], result["prediction"]["as_of"])
                    for result in body["results"]
                    if result["prediction"] is not None
                }
                self.told.append((answer.status_code, seen))
                time.sleep(0.02)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def status(self) -> dict[str, Any]:
        body: dict[str, Any] = httpx.get(f"{self.url}/v1/status", headers=self.headers, timeout=60).json()
        return body

    def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The status as soon as something holds of it; a failure when it does not within a minute."""
        end = time.monotonic() + WITHIN_SECONDS
        while time.monotonic() < end:
            status = self.status()
            if holds(status):
                return status
            time.sleep(0.25)
        pytest.fail(f"not within {WITHIN_SECONDS} s: {json.dumps(self.status())}")


@pytest.fixture(scope="module")
def project(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fresh") / "project"
    shutil.copytree(demo, folder)
    with sqlite3.connect(folder / ".forewarn" / "mlflow.db") as registry:  # which names the folder that was copied
        moved = "update model_versions set storage_location = replace(storage_location, ?, ?)"
        registry.execute(moved, (str(demo), str(folder)))
    with (folder / "forewarn.yaml").open("a") as file:
        file.write("serving: {refresh_seconds: 0.5}\n")
    return folder


@pytest.fixture(scope="module")
def asker(demo: Path, project: Path) -> Iterator[Asker]:
    key = KeyStore(project / ".forewarn" / "keys.db").create("admin", datetime.now(UTC))
    accounts = list(pd.read_parquet(demo / ".forewarn" / "scores" / "2026-01-01.parquet").account_id[:10])
    with running_service(project, ROOT) as url:
        made = Asker(url, key, accounts)
        thread = threading.Thread(target=made.run)
        thread.start()
        yield made
        made.stop.set()
        thread.join()


def test_what_changes_is_taken_over_and_what_is_damaged_is_refused(asker: Asker, project: Path, forewarn: Any) -> None:
    settings = load_settings(project / "forewarn.yaml")
    before = asker.status()
    others = [version.number for version in versions(settings) if version.number != before["model_version"]]
    file = project / "forewarn.yaml"
    sound = file.read_text()

    file.write_text(sound + "no_such_setting: 1\n")
    refused = asker.until(lambda status: bool(status["refused"]))
    assert "no_such_setting" in json.dumps(refused["refused"])
    assert refused["model_version"] == before["model_version"]
    file.write_text(sound.replace("refresh_seconds: 0.5", "refresh_seconds: 0.5, max_accounts: 10"))
    asker.until(lambda status: not status["refused"])
    many = httpx.post(f"{asker.url}/v1/score", json={"account_ids": ["a"] * 11}, headers=asker.headers, timeout=60)
    assert many.json()["faults"][0]["expected"] == "at most 10"

    promote(settings, others[0])
    asker.until(lambda status: status["model_version"] == others[0])

    table = project / "usage_events.parquet"
    rows = pd.read_parquet(table)
    rows[rows.account_id != asker.accounts[0]].to_parquet(table, index=False)
    scored_at = asker.status()["scored_at"]
    asker.until(lambda status: status["scored_at"] != scored_at)

    assert {code for code, _ in asker.told} == {200}
    assert all(len(seen) == 1 for _, seen in asker.told)
    assert {version for _, seen in asker.told for version, _ in seen} == {before["model_version"], others[0]}


def test_an_override_shows_beside_the_model_and_counts(asker: Asker, project: Path) -> None:
    account, now = asker.accounts[1], pd.Timestamp.now("UTC").tz_localize(None)
    made = pd.DataFrame({
        "account_id": [account], "made_at": [now], "level": ["high"], "reason": ["no sponsor"], "made_by": ["kim"],
        "expires_at": [pd.NaT],
    })  # fmt: skip
    with Ledger.open(load_settings(project / "forewarn.yaml")) as ledger:
        enter_overrides(ledger, made, now, "user:kim")

    def level() -> dict[str, Any]:
        answer = httpx.post(
            f"{asker.url}/v1/score", json={"account_ids": [account]}, headers=asker.headers, timeout=60
        ).json()
        of: dict[str, Any] = answer["results"][0]["level"] | {"model": answer["results"][0]["prediction"]["risk_level"]}
        return of

    asker.until(lambda _: level()["counts"] == "csm")
    shown = level()
    assert (shown["final"], shown["csm"], shown["made_by"], shown["reason"]) == ("high", "high", "kim", "no sponsor")
    assert shown["automated"] == shown["model"]


def test_a_model_that_is_not_as_registered_is_refused_in_words_and_the_old_one_serves(
    asker: Asker, project: Path, forewarn: Any, tmp_path: Path
) -> None:
    settings = load_settings(project / "forewarn.yaml")
    serving = asker.status()["model_version"]
    other = next(version for version in versions(settings) if version.number != serving)
    assert other.folder is not None
    files = other.folder / "artifacts" / "forewarn" / "churn"
    target = next(path for path in (files / "trees.txt", files / "model.json") if path.is_file())
    sound = target.read_bytes()
    try:
        target.write_bytes(sound[: len(sound) // 2])
        promote(settings, other.number)
        refused = asker.until(lambda status: bool(status["refused"]))
        assert target.name in json.dumps(refused["refused"])
        assert refused["model_version"] == serving
        done = forewarn("--config", project / "forewarn.yaml", "score")
        assert done.returncode == 2
        assert f"version {other.number}, churn/{target.name}" in done.stderr
    finally:
        target.write_bytes(sound)
    asker.until(lambda status: status["model_version"] == other.number)
    assert {code for code, _ in asker.told} == {200}
