"""Keys: what is kept opens nothing, what is shown opens once, what is revoked opens never."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from configs.errors import UsageError
from serving.keys import ROLES, KeyStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "state" / "keys.db")


@pytest.mark.parametrize("role", ROLES)
def test_a_key_opens_with_its_own_role(store: KeyStore, role: str) -> None:
    made = store.create(role, NOW)  # type: ignore[arg-type]
    result = store.find(made)
    assert result is not None
    assert (result.role, result.revoked_at) == (role, None)
    assert made.startswith(f"fw_{result.key_id}_")


def test_keys_differ_and_open_only_themselves(store: KeyStore) -> None:
    one, other = store.create("csm", NOW), store.create("admin", NOW)
    first, second = store.find(one), store.find(other)
    assert first is not None
    assert second is not None
    assert first.key_id != second.key_id
    assert store.find(f"fw_{first.key_id}_{other[12:]}") is None


@pytest.mark.parametrize(
    "bend",
    [
        pytest.param(lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"), id="last letter"),
        pytest.param(lambda key: key + "A", id="longer"),
        pytest.param(lambda key: key[:-1], id="shorter"),
        pytest.param(lambda key: key.upper(), id="upper case"),
        pytest.param(lambda key: " " + key, id="blank before"),
        pytest.param(lambda key: key + "\n", id="line end after"),
        pytest.param(lambda key: "", id="empty"),
        pytest.param(lambda key: "fw_00000000_" + key[12:], id="another id"),
        pytest.param(lambda key: key[:11], id="id alone"),
    ],
)
def test_a_bent_key_opens_nothing(store: KeyStore, bend) -> None:
    made = store.create("admin", NOW)
    assert store.find(made) is not None
    assert store.find(bend(made)) is None


def test_the_file_holds_no_secret_and_only_the_owner_reads_it(store: KeyStore) -> None:
    made = store.create("csm", NOW)
    assert made[12:].encode() not in store.path.read_bytes()
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_a_revoked_key_opens_nothing_and_stays_listed(store: KeyStore) -> None:
    made, kept = store.create("leader", NOW), store.create("csm", NOW + timedelta(seconds=1))
    gone = store.revoke(made[3:11], NOW + timedelta(days=1))
    assert gone.revoked_at == "2026-01-02T00:00:00+00:00"
    assert store.find(made) is None
    assert store.find(kept) is not None
    assert [(key.role, key.revoked_at is None) for key in store.list()] == [("leader", False), ("csm", True)]
    with pytest.raises(UsageError, match="no live key"):
        store.revoke(made, NOW)


def test_an_unknown_key_cannot_be_revoked(store: KeyStore) -> None:
    made = store.create("csm", NOW)
    with pytest.raises(UsageError, match=f"did you mean '{made[3:11]}'"):
        store.revoke(made[3:10], NOW)


def test_an_unknown_role_is_refused(store: KeyStore) -> None:
    with pytest.raises(UsageError, match="did you mean 'leader'"):
        store.create("leadr", NOW)  # type: ignore[arg-type]
    assert not store.path.exists()


def test_a_store_that_was_never_written_opens_nothing(store: KeyStore) -> None:
    assert store.list() == []
    assert store.find("fw_00000000_" + "A" * 43) is None
    assert not store.path.exists()
