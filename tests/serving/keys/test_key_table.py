"""How long keys count that were read, when their file can be read no more."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from serving.keys import KeysAway, KeyStore, KeyTable, key_table


def test_the_grace_begins_with_the_trouble_however_long_ago_the_file_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(monotonic=lambda: clock.now, time=lambda: clock.now + 1e9, now=1_000.0)
    monkeypatch.setattr(key_table, "time", clock)
    store = KeyStore(tmp_path / "keys.db")
    token = store.create("csm", datetime.now(UTC))
    table = KeyTable(store)

    async def asked_at(now: float) -> bool:
        clock.now = now
        return await table.find(token) is not None

    async def day() -> None:
        assert await asked_at(1_000.0)
        store.path.write_bytes(b"no database")
        assert await asked_at(9_000.0)  # the first to ask since
        assert await asked_at(9_059.0)
        with pytest.raises(KeysAway):
            await asked_at(9_061.0)

    asyncio.run(day())


def test_without_any_reading_no_key_counts(tmp_path: Path) -> None:
    (tmp_path / "keys.db").write_bytes(b"no database")
    with pytest.raises(KeysAway):
        asyncio.run(KeyTable(KeyStore(tmp_path / "keys.db")).find("fw_0_0"))
