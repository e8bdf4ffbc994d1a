"""The outbox on PostgreSQL: the same path, and one dispatcher at a time over all machines."""

from __future__ import annotations

from datetime import timedelta

from evaluation.ledger import DEAD, Ledger, Outbox
from tests.serving.alerts.conftest import NOW, filled, hook


def test_the_whole_way(postgres_url, alert_settings, client, receiver):
    with Ledger.open(postgres_url) as ledger, Ledger.open(postgres_url) as elsewhere:
        settings = alert_settings(hook(receiver, records_per_call=2), retries={"delays_seconds": [5]})
        sender = filled(ledger, settings, client)
        with Outbox(elsewhere).dispatching() as held:
            assert held
            assert sender.run(NOW).busy
        receiver.answers = [500, 200, 500]
        first = sender.run(NOW).receivers[0]
        assert (first.failed, first.delivered) == (1, 1)
        assert sender.run(NOW + timedelta(minutes=1)).receivers[0].dead == 1
        outbox = Outbox(elsewhere)
        (dead,) = outbox.messages(states=[DEAD])
        assert (len(dead.alert_ids), dead.attempts) == (2, 2)
        assert outbox.scored_days() == ("2024-02-01", "2024-01-01")
        assert outbox.attempts_since("platform", NOW - timedelta(minutes=1), 100) == 3
        assert ledger.verify().ok
