"""Delivery to receivers that fail, stall, go away and come back: nothing lost, nothing twice by its id."""

from __future__ import annotations

from datetime import timedelta

import pytest

from evaluation.ledger import DEAD, DISABLED, Outbox
from serving.alerts import is_signed
from tests.serving.alerts.conftest import NOW, OLD_SECRET, SECRET, dispatcher, filled, hook, raised, score
from tests.serving.alerts.receivers import http_receiver

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def expected(accounts: int, as_of: str = "2024-02-01") -> set[str]:
    from serving.alerts.raising import alert_id

    return {alert_id(f"{number:03d}", as_of) for number in range(accounts)}


def test_alerts_arrive_signed_and_once(ledger, alert_settings, client, receiver):
    settings = alert_settings(hook(receiver, secrets=["HOOK_SECRET", "OLD_HOOK_SECRET"]))
    sender = filled(ledger, settings, client)
    result = sender.run(NOW).receivers[0]
    assert (result.delivered, result.records, result.held) == (1, 3, None)
    (call,) = receiver.calls
    at = int(NOW.timestamp())
    for secret in (SECRET, OLD_SECRET):  # while a secret is replaced, either is believed
        assert is_signed(call.headers, call.body, secret, at)
    assert not is_signed(call.headers, call.body + b" ", SECRET, at)
    assert not is_signed(call.headers, call.body, SECRET, at + 301)
    assert sender.run(NOW + HOUR).receivers[0].delivered == 0
    assert set(receiver.ids()) == expected(3)
    first = call.alerts[0]
    assert first["title"] == "Firm 0: risk rose from healthy to high: 1.0 % to 40 % likely to leave within 90 days"
    assert (first["owner"], first["since"], first["p_churn"]) == ("ben", "2024-01-01", 0.4)
    assert ledger.verify().ok


@pytest.mark.parametrize("answer", [500, 503, 400, "stall", 302])
def test_a_receiver_that_fails_gets_it_again_under_the_same_id(ledger, alert_settings, client, receiver, answer):
    sender = filled(ledger, alert_settings(hook(receiver)), client)
    receiver.answers = [answer]
    assert sender.run(NOW).receivers[0].failed == 1
    assert sender.run(NOW + 4 * SECOND).receivers[0].waiting == 1  # not due yet
    assert sender.run(NOW + 6 * SECOND).receivers[0].delivered == 1
    assert len({call.message_id for call in receiver.calls}) == 1
    assert len({call.body for call in receiver.calls}) == 1
    assert sorted(receiver.ids()) == sorted(expected(3))


def test_a_receiver_that_restarts_loses_nothing(ledger, alert_settings, client):
    with http_receiver() as first:
        settings = alert_settings(hook(first))
        sender = filled(ledger, settings, client)
        port = int(first.url.split(":")[2].split("/")[0])
    down = sender.run(NOW).receivers[0]
    assert (down.failed, down.delivered) == (1, 0)
    with http_receiver(port) as again:
        assert dispatcher(ledger, settings, client).run(NOW + MINUTE).delivered == 1  # so does the dispatcher
        assert set(again.ids()) == expected(3)


def test_a_crash_between_sending_and_recording_sends_again_under_the_same_id(
    ledger, alert_settings, client, receiver, monkeypatch
):
    settings = alert_settings(hook(receiver))
    sender = filled(ledger, settings, client)
    with monkeypatch.context() as patched:
        patched.setattr(Outbox, "record", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            sender.run(NOW)
    assert dispatcher(ledger, settings, client).run(NOW + SECOND).delivered == 1
    first, second = receiver.taken
    assert (first.message_id, first.body) == (second.message_id, second.body)


def test_410_switches_a_receiver_off_and_resending_on(ledger, alert_settings, client, receiver):
    settings = alert_settings(hook(receiver, records_per_call=1))
    sender = filled(ledger, settings, client)
    receiver.answers = [410]
    result = sender.run(NOW)
    assert (result.receivers[0].dead, result.receivers[0].waiting, result.receivers[0].held) == (1, 2, DISABLED)
    assert result.troubled
    later = sender.run(NOW + HOUR)
    assert (len(receiver.calls), later.receivers[0].waiting) == (1, 2)
    moved = alert_settings(hook(receiver, records_per_call=1, url=receiver.url + "/2"))
    assert dispatcher(ledger, moved, client).run(NOW + HOUR).delivered == 2  # another address is another receiver
    (dead,) = Outbox(ledger).messages(states=[DEAD])
    assert set(receiver.ids()) == expected(3) - set(dead.alert_ids)


def test_what_never_arrives_becomes_a_dead_letter(ledger, alert_settings, client, receiver):
    settings = alert_settings(hook(receiver))
    sender = filled(ledger, settings, client)
    receiver.answers = [500] * 4
    at = NOW
    for _ in range(4):
        sender.run(at)
        at += 2 * HOUR
    (dead,) = Outbox(ledger).messages(states=[DEAD])
    assert (dead.attempts, dead.detail, dead.is_open) == (4, "500", False)
    assert len(receiver.calls) == 4
    sender.run(at)
    assert len(receiver.calls) == 4


def test_retry_after_is_kept_and_holds_the_whole_receiver(ledger, alert_settings, client, receiver):
    settings = alert_settings(hook(receiver, records_per_call=1))
    sender = filled(ledger, settings, client)
    receiver.answers = [(429, {"Retry-After": "120"})]
    result = sender.run(NOW).receivers[0]
    assert (len(receiver.calls), result.waiting, result.failed) == (1, 2, 1)
    assert sender.run(NOW + 119 * SECOND).receivers[0].delivered == 0
    assert sender.run(NOW + 121 * SECOND).receivers[0].delivered == 3


def test_a_message_that_is_not_taken_holds_its_account_alone(ledger, alert_settings, client, receiver):
    """Ordered per account: the later alert of 000 waits for the earlier one, the others do not."""
    settings = alert_settings(hook(receiver, records_per_call=1), quiet_days=0)
    sender = filled(ledger, settings, client, accounts=2)
    receiver.answers = [400]
    first = sender.run(NOW).receivers[0]
    assert (first.failed, first.delivered) == (1, 1)
    score(ledger, "2024-02-02", ["high"] * 2, {0: ["gone_quiet"], 1: ["gone_quiet"]})
    assert raised(ledger, settings).alerts == 2
    second = sender.run(NOW + SECOND).receivers[0]
    assert (second.delivered, second.waiting) == (1, 2)
    assert sender.run(NOW + MINUTE).receivers[0].delivered == 2
    of_000 = [alert["as_of"] for call in receiver.taken for alert in call.alerts if alert["account_id"] == "000"]
    assert of_000 == ["2024-02-01", "2024-02-02"]


def test_of_two_messages_of_an_account_the_second_waits_for_the_first(ledger, alert_settings, client, receiver):
    sender = filled(ledger, alert_settings(hook(receiver, records_per_call=1), quiet_days=0), client, accounts=1)
    score(ledger, "2024-02-02", ["high"], {0: ["gone_quiet"]})
    raised(ledger, sender.settings)
    receiver.answers = [400]
    result = sender.run(NOW).receivers[0]
    assert (len(receiver.calls), result.failed, result.waiting) == (1, 1, 1)
    sender.run(NOW + MINUTE)
    assert [alert["as_of"] for call in receiver.taken for alert in call.alerts] == ["2024-02-01", "2024-02-02"]


def test_batches_keep_to_records_and_bytes_and_calls_a_minute(ledger, alert_settings, client, receiver):
    settings = alert_settings(hook(receiver, records_per_call=20, calls_per_minute=4))
    sender = filled(ledger, settings, client, accounts=130)
    first = sender.run(NOW).receivers[0]
    assert (first.delivered, first.held) == (4, "4 calls a minute")
    assert sender.run(NOW + 30 * SECOND).receivers[0].delivered == 0
    at = NOW
    while dispatcher(ledger, settings, client).run(at := at + 61 * SECOND).delivered:
        pass
    assert max(len(call.alerts) for call in receiver.calls) <= 20
    assert max(len(call.body) for call in receiver.calls) < 20_000
    assert sorted(receiver.ids()) == sorted(expected(130))


def test_long_names_do_not_make_a_payload_too_large(ledger, alert_settings, client, receiver, monkeypatch):
    from serving.alerts import AccountContext
    from tests.serving.alerts import conftest

    long = {account: AccountContext("ß" * 5_000, "anna") for account in conftest.CONTEXT}
    monkeypatch.setattr(conftest, "CONTEXT", long)
    filled(ledger, alert_settings(hook(receiver)), client, accounts=60).run(NOW)
    assert len(receiver.calls) > 1
    assert max(len(call.body) for call in receiver.calls) < 20_000
    assert set(receiver.ids()) == expected(60)


def test_a_new_receiver_gets_what_is_raised_from_then_on(ledger, alert_settings, client, receiver):
    filled(ledger, alert_settings(), client)
    settings = alert_settings(hook(receiver), quiet_days=0)
    sender = dispatcher(ledger, settings, client)
    assert sender.run(NOW).delivered == 0
    score(ledger, "2024-02-02", ["high"] * 3, {1: ["gone_quiet"]})
    raised(ledger, settings)
    sender.run(NOW)
    assert set(receiver.ids()) <= expected(3, "2024-02-02")
    assert len(receiver.ids()) == 1


def test_a_receiver_takes_the_kinds_that_it_asked_for(ledger, alert_settings, client, receiver):
    sender = filled(ledger, alert_settings(hook(receiver, only=["escalation"])), client)
    assert sender.run(NOW).delivered == 0
    score(ledger, "2024-02-02", ["high"] * 3, {2: ["score_fell"]})
    raised(ledger, sender.settings)
    sender.run(NOW)
    assert receiver.ids() == [identity for identity in expected(3, "2024-02-02") if identity in receiver.ids()]
    assert len(receiver.ids()) == 1


def test_what_a_receiver_does_not_want_is_not_looked_at_again(ledger, alert_settings, client, receiver):
    sender = filled(ledger, alert_settings(hook(receiver, only=["outage"])), client)
    before = sender.outbox.looked_at("platform")
    sender.run(NOW)
    assert sender.outbox.looked_at("platform") == sender.outbox.alerts()[-1].batch_id > before
    assert sender.outbox.receiver_state("platform")[0] == "enabled"
    batches = len(ledger.batches())
    sender.run(NOW)
    assert len(ledger.batches()) == batches  # a pass with nothing to do writes nothing


def test_each_attempt_of_a_long_pass_is_signed_when_it_is_made(ledger, alert_settings, client, receiver):
    settings = alert_settings(hook(receiver, records_per_call=1))
    filled(ledger, settings, client)
    ticks = iter([0.0, 1.0, 200.0, 400.0])
    dispatcher(ledger, settings, client, elapsed=lambda: next(ticks)).run(NOW)
    signed = [int(call.headers["webhook-timestamp"]) - int(NOW.timestamp()) for call in receiver.calls]
    assert signed == [1, 200, 400]
    assert all(is_signed(call.headers, call.body, SECRET, int(NOW.timestamp()) + 450) for call in receiver.calls[1:])


def test_two_dispatchers_do_not_deliver_at_once(ledger, alert_settings, client, receiver):
    sender = filled(ledger, alert_settings(hook(receiver)), client)
    with Outbox(ledger).dispatching() as held:
        assert held
        assert sender.run(NOW).busy
    assert not receiver.calls
    assert sender.run(NOW).delivered == 1


def test_a_secret_that_is_not_there_is_a_fault_in_words_and_keeps_nothing_from_others(
    ledger, alert_settings, client, receiver, monkeypatch
):
    settings = alert_settings(hook(receiver), hook(receiver, name="other", secrets=["OLD_HOOK_SECRET"]))
    sender = filled(ledger, settings, client)
    for value, says in (("", "HOOK_SECRET unset"), ("whsec_short", "no secret of 24 to 64 bytes")):
        monkeypatch.setenv("HOOK_SECRET", value)
        first, _ = sender.run(NOW).receivers
        assert says in str(first)
        assert value == "" or value not in str(first)
    assert len(receiver.calls) == 1  # the other's
    assert sender.run(NOW).troubled
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    assert sender.run(NOW).delivered == 1
