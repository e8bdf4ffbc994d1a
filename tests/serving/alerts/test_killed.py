"""The dispatcher killed in the middle of its work: every alert arrives, and a repeat has its old id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from configs.settings_file import load_settings
from evaluation.ledger import Ledger, Outbox
from serving.alerts import Dispatcher
from tests.serving.alerts.conftest import NOW, SECRET, hook, raised, score
from tests.serving.alerts.receivers import HttpReceiver

ROOT = Path(__file__).resolve().parents[3]
ACCOUNTS, KILLS = 40, 2


def sending(config: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOOK_SECRET": SECRET}
    command = [sys.executable, "-m", "serving", "--config", str(config), "alerts", "send"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def wait_for(receiver: HttpReceiver, calls: int) -> None:
    deadline = time.monotonic() + 60
    while len(receiver.calls) < calls and time.monotonic() < deadline:
        time.sleep(0.002)
    assert len(receiver.calls) >= calls


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_comes_under_two_ids(
    tmp_path: Path, receiver: HttpReceiver, client: httpx.Client
) -> None:
    receivers = [hook(receiver, records_per_call=1, calls_per_minute=1000, timeout_seconds=5)]
    tables = {"accounts": {"from": "accounts.csv"}, "contracts": {"from": "contracts.csv"}}
    rules = {"receivers": receivers, "per_owner_a_week": 1000}
    config = tmp_path / "forewarn.yaml"
    config.write_text(yaml.safe_dump({"extends": "default", "tables": tables, "alerts": rules}))
    settings = load_settings(config)
    with Ledger.open(settings) as ledger:
        Dispatcher(Outbox(ledger), settings, client).register(NOW)
        score(ledger, "2024-01-01", ["healthy"] * ACCOUNTS)
        score(ledger, "2024-02-01", ["high"] * ACCOUNTS)
        assert raised(ledger, settings).alerts == ACCOUNTS
    for _ in range(KILLS):
        process = sending(config)
        wait_for(receiver, len(receiver.calls) + 5)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        assert len(receiver.calls) < ACCOUNTS
    last = sending(config)
    _, told = last.communicate(timeout=60)
    assert last.returncode == 0, told.decode()
    message_ids: dict[str, set[str]] = {}
    for call in receiver.taken:
        for alert in call.alerts:
            message_ids.setdefault(alert["alert_id"], set()).add(call.message_id)
    assert len(message_ids) == ACCOUNTS
    assert {len(ids) for ids in message_ids.values()} == {1}
    assert len(receiver.taken) <= ACCOUNTS + KILLS  # at most the one under way is repeated
    assert len({(call.message_id, call.body) for call in receiver.taken}) == ACCOUNTS
    with Ledger.open(settings) as ledger:
        assert ledger.verify().ok
