"""What arrives by mail and chat, in quiet hours and as a digest."""

from __future__ import annotations

import email
import json
from datetime import UTC, datetime, timedelta

import pytest

from evaluation.ledger import DEAD, Outbox
from tests.serving.alerts.conftest import NOW, dispatcher, filled, hook, raised, score

WEEK = timedelta(days=7)


def mail(mailbox, **more):
    return {
        **{"name": "mail", "kind": "email", "owners": {"anna": "anna@example.com"}, "to": ["all@example.com"]},
        **{
            "smtp_host": "127.0.0.1",
            "smtp_port": mailbox.port,
            "sender": "us@example.com",
            "timeout_seconds": 1,
            **more,
        },
    }


def test_each_csm_gets_their_own_mail(ledger, alert_settings, client, mailbox):
    sender = filled(ledger, alert_settings(mail(mailbox)), client, accounts=3)
    assert sender.run(NOW).receivers[0].records == 3
    mails = {one["To"]: one for one in map(email.message_from_string, mailbox.mails)}
    assert set(mails) == {"anna@example.com", "all@example.com"}  # ben has no address
    of_anna = mails["anna@example.com"]
    assert of_anna["Subject"].startswith("Firm 1: risk rose from healthy to high")
    text = of_anna.get_payload(decode=True).decode()
    assert "days since the last use: 1 to 40, adds 19.5 points" in text
    assert "At stake: USD 40.0k of USD 100k ARR" in text
    assert "Do: Find out, within 24 hours" in text
    assert mails["all@example.com"]["Subject"] == "2 accounts have changed"
    ids = [one["Message-ID"] for one in mails.values()]
    assert len(set(ids)) == 2
    assert all(one.startswith("<msg_") and one.endswith("@example.com>") for one in ids)


def test_a_mail_says_that_the_configuration_changed_and_of_a_fall_no_stake(ledger, alert_settings, client, mailbox):
    sender = filled(ledger, alert_settings(mail(mailbox)), client, accounts=1)
    score(ledger, "2024-02-03", ["healthy"], config_version="another")
    raised(ledger, sender.settings, NOW)
    sender.run(NOW)
    text = email.message_from_string(mailbox.mails[-1]).get_payload(decode=True).decode()
    assert "risk fell from high to healthy" in text
    assert "the configuration changed in between" in text
    assert "At stake" not in text.partition("risk fell")[2]


@pytest.mark.parametrize(
    ("code", "refused", "state"), [(451, set(), "failed"), (554, set(), DEAD), (250, {"anna@example.com"}, DEAD)]
)
def test_what_a_mail_server_says(ledger, alert_settings, client, mailbox, code, refused, state):
    settings = alert_settings(mail(mailbox, to=[], owners={"anna": "anna@example.com"}))
    sender = filled(ledger, settings, client, accounts=2)
    mailbox.answers, mailbox.refused = [code], refused
    sender.run(NOW)
    (message,) = Outbox(ledger).messages()
    assert (message.state, mailbox.mails) == (state, [])
    if state != DEAD:
        sender.run(NOW + timedelta(minutes=1))
        assert len(mailbox.mails) == 1


def test_a_mail_server_that_is_away_loses_nothing(ledger, alert_settings, client, mailbox):
    settings = alert_settings(mail(mailbox, smtp_port=1))
    assert filled(ledger, settings, client).run(NOW).receivers[0].failed == 1
    later = dispatcher(ledger, alert_settings(mail(mailbox)), client).run(NOW + timedelta(minutes=1))
    assert later.receivers[0].records == 3


def test_a_channel_gets_plain_words(ledger, alert_settings, client, receiver):
    channel = {"name": "channel", "kind": "slack", "url": receiver.url, "timeout_seconds": 1}
    sender = filled(ledger, alert_settings(channel), client, accounts=12)
    sender.run(NOW)
    assert len(receiver.calls) == 2  # ten accounts a message are enough to read
    body = json.loads(receiver.calls[0].body)
    assert list(body) == ["text"]
    assert body["text"].startswith("*10 accounts have changed*\nFirm 0: risk rose")
    assert "webhook-signature" not in receiver.calls[0].headers


def test_markup_in_a_name_stays_text(ledger, alert_settings, client, receiver, monkeypatch):
    from serving.alerts import AccountContext
    from tests.serving.alerts import conftest

    monkeypatch.setattr(conftest, "CONTEXT", {"000": AccountContext("<!channel> & <http://x|y>\r\nBcc: z@x", "anna")})
    channel = {"name": "channel", "kind": "slack", "url": receiver.url, "timeout_seconds": 1}
    filled(ledger, alert_settings(channel), client, accounts=1).run(NOW)
    text = json.loads(receiver.calls[0].body)["text"]
    assert "&lt;!channel&gt; &amp; &lt;http://x|y&gt; Bcc: z@x" in text


def test_a_line_break_in_a_name_adds_no_header(ledger, alert_settings, client, mailbox, monkeypatch):
    from serving.alerts import AccountContext
    from tests.serving.alerts import conftest

    monkeypatch.setattr(conftest, "CONTEXT", {"000": AccountContext("Firm\r\nBcc: z@example.com", "anna")})
    filled(ledger, alert_settings(mail(mailbox)), client, accounts=1).run(NOW)
    (one,) = map(email.message_from_string, mailbox.mails)
    assert one["Bcc"] is None
    assert one["Subject"].startswith("Firm Bcc: z@example.com: risk rose")


def test_in_quiet_hours_nothing_leaves_and_then_all_of_it_together(ledger, alert_settings, client, receiver):
    quiet = {"from": "19:00", "to": "08:00", "timezone": "Europe/Berlin"}
    sender = filled(ledger, alert_settings(hook(receiver, quiet_hours=quiet)), client)
    evening = datetime(2024, 2, 5, 20, 0, tzinfo=UTC)
    held = sender.run(evening).receivers[0]
    assert (held.held, held.delivered, held.next_at) == ("quiet hours", 0, "2024-02-06T07:00:00.000000")
    score(ledger, "2024-02-02", ["high"] * 3, {0: ["gone_quiet"]})
    raised(ledger, sender.settings, evening)
    morning = sender.run(datetime(2024, 2, 6, 7, 0, tzinfo=UTC)).receivers[0]
    assert (morning.delivered, morning.records) == (1, 4)


def test_what_is_over_the_budget_comes_once_as_a_digest_when_the_week_is_over(ledger, alert_settings, client, receiver):
    settings = alert_settings(hook(receiver), per_owner_a_week=1)
    sender = dispatcher(ledger, settings, client)
    sender.register(NOW)
    score(ledger, "2024-01-01", ["healthy"] * 5)
    score(ledger, "2024-02-01", ["high"] * 5)
    raised(ledger, settings)
    sender.run(NOW)
    assert len(receiver.ids()) == 2
    assert sender.run(NOW + timedelta(days=6)).delivered == 0  # the week is not over
    assert sender.run(NOW + WEEK).delivered == 2  # anna's and ben's
    assert sender.run(NOW + WEEK).delivered == 0
    assert sender.run(NOW + 2 * WEEK).delivered == 0
    digests = [json.loads(call.body) for call in receiver.calls[-2:]]
    assert {digest["type"] for digest in digests} == {"alerts.digest"}
    by_owner = {
        digest["data"]["owner"]: [alert["account_id"] for alert in digest["data"]["alerts"]] for digest in digests
    }
    assert by_owner == {"ben": ["002", "000"], "anna": ["001"]}  # most at stake first
    assert {digest["data"]["week"] for digest in digests} == {"2024-W06"}


def test_a_receiver_may_take_everything(ledger, alert_settings, client, receiver):
    settings = alert_settings(hook(receiver, over_budget=True), per_owner_a_week=0)
    sender = dispatcher(ledger, settings, client)
    sender.register(NOW)
    score(ledger, "2024-01-01", ["healthy"] * 5)
    score(ledger, "2024-02-01", ["high"] * 5)
    assert raised(ledger, settings).digest == 5
    sender.run(NOW)
    sender.run(NOW + WEEK)
    assert len(receiver.ids()) == 5


def test_a_digest_of_hundreds_fits(ledger, alert_settings, client, receiver):
    settings = alert_settings(hook(receiver), per_owner_a_week=0)
    sender = dispatcher(ledger, settings, client)
    sender.register(NOW)
    score(ledger, "2024-01-01", ["healthy"] * 150)
    score(ledger, "2024-02-01", ["high"] * 150)
    raised(ledger, settings)
    sender.run(NOW + WEEK)
    told = [json.loads(call.body)["data"] for call in receiver.calls]
    assert [len(one["alerts"]) + one["left_out"] for one in told] == [75, 75]
    assert max(len(call.body) for call in receiver.calls) < 20_000
