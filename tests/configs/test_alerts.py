from __future__ import annotations

import pytest

from configs.errors import ConfigError

TABLES = {"accounts": {"from": "a.csv"}, "contracts": {"from": "c.csv"}}
HOOK = {"name": "hook", "kind": "webhook", "url": "https://example.com/x", "secrets": ["HOOK"]}
NIGHT = {"from": "19:00", "to": "08:00"}


@pytest.mark.parametrize(
    ("receivers", "says"),
    [
        ([HOOK | {"url": "http://example.com/x"}], "http:// only on this machine"),
        ([HOOK | {"url": "ftp://example.com/x"}], "needs a url that begins with https://"),
        ([HOOK | {"url": None}], "needs a url"),
        ([HOOK | {"secrets": []}], "names of environment variables"),
        ([HOOK, HOOK], "several receivers are named hook"),
        ([HOOK | {"name": "a b"}], "name"),
        ([HOOK | {"only": ["everything"]}], "escalation"),
        ([HOOK | {"quiet_hours": NIGHT | {"timezone": "Europe/Berln"}}], "did you mean 'Europe/Berlin'"),
        ([HOOK | {"quiet_hours": {"from": "08:00", "to": "08:00"}}], "the same time"),
        ([{"name": "mail", "kind": "email"}], "an address for each owner"),
    ],
)
def test_a_receiver_that_cannot_be_reached_is_a_fault_in_words(make_settings, receivers, says):
    with pytest.raises(ConfigError, match=says):
        make_settings(tables=TABLES, alerts={"receivers": receivers})


def test_receivers_do_not_change_a_score(make_settings):
    plain = make_settings(tables=TABLES)
    with_alerts = make_settings(tables=TABLES, alerts={"receivers": [HOOK], "per_owner_a_week": 1})
    assert (plain.version, plain.data_version) == (with_alerts.version, with_alerts.data_version)


def test_a_receiver_at_another_address_is_another_one(make_settings):
    first, second = make_settings(
        tables=TABLES, alerts={"receivers": [HOOK, HOOK | {"name": "other", "url": "https://example.com/y"}]}
    ).alerts.receivers
    assert first.target_digest != second.target_digest
    assert "example" not in first.target_digest
