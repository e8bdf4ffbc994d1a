"""One attempt to deliver a message: over HTTP with a short deadline, or by SMTP; what came of it, in one word."""

from __future__ import annotations

import json
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Literal

import httpx

from configs.alerts import Receiver, environment_value
from evaluation.ledger import StoredMessage
from serving.alerts.schedule import retry_after
from serving.alerts.signing import headers, secret_bytes

OK_FROM, OK_TO = 200, 300
GONE = 410
THROTTLED = frozenset({429, 502, 503, 504})
USER_AGENT = "forewarn-alerts/1"

Outcome = Literal["delivered", "failed", "refused", "gone"]


@dataclass(frozen=True)
class Attempt:
    """What came of an attempt.

    Attributes
    ----------
    outcome : {"delivered", "failed", "refused", "gone"}
        refused: for good, and trying again would not help; gone: the receiver wants nothing any more.
    detail : str
        A status or an error, without secrets.
    throttles : bool
        Whether the receiver is away or overloaded, so that its other messages wait as well.
    not_before : datetime or None
        When the receiver asked to be tried again.
    """

    outcome: Outcome
    detail: str
    throttles: bool = False
    not_before: datetime | None = None


def deliver(receiver: Receiver, message: StoredMessage, now: datetime, client: httpx.Client) -> Attempt:
    """One attempt, within the receiver's timeout.

    Parameters
    ----------
    receiver : Receiver
    message : StoredMessage
        Its body is sent as it stands.
    now : datetime
        Signed as the attempt's time.
    client : httpx.Client
        For receivers that are reached over HTTP.

    Returns
    -------
    Attempt

    Raises
    ------
    UsageError
        Where a secret or password is not in the environment; see `require_secrets`.
    """
    if receiver.kind == "email":
        return _mailed(receiver, message)
    body, more = message.body.encode(), {}
    if receiver.kind == "webhook":
        more = headers(message.message_id, int(now.timestamp()), body, keys_of(receiver))
    return _posted(receiver, body, more, now, client)


def require_secrets(receiver: Receiver) -> None:
    """UsageError, which shows none, where a secret or password of a receiver is not in the environment."""
    keys_of(receiver)
    if receiver.smtp_user is not None:
        _password(receiver)


def _password(receiver: Receiver) -> str:
    return environment_value(receiver.smtp_password or "", f"alerts.receivers.{receiver.name}.smtp_password")


def keys_of(receiver: Receiver) -> list[bytes]:
    """The keys that a webhook is signed with; UsageError names each that is unset or no secret."""
    where = f"alerts.receivers.{receiver.name}.secrets"
    return [secret_bytes(environment_value(name, where), f"{where}: {name}") for name in receiver.secrets]


def _posted(receiver: Receiver, body: bytes, more: Mapping[str, str], now: datetime, client: httpx.Client) -> Attempt:
    sent = {"content-type": "application/json", "user-agent": USER_AGENT, **more}
    timeout = httpx.Timeout(receiver.timeout_seconds)
    try:
        # The answer's body is not read: a receiver cannot hold the dispatcher with it.
        with client.stream("POST", str(receiver.url), content=body, headers=sent, timeout=timeout) as answer:
            status, asked = answer.status_code, answer.headers.get("retry-after")
    except httpx.HTTPError as error:
        return Attempt("failed", f"{type(error).__name__}: {error}"[:200], throttles=True)
    if OK_FROM <= status < OK_TO:
        return Attempt("delivered", str(status))
    if status == GONE:
        return Attempt("gone", "410: the receiver wants no more alerts")
    return Attempt("failed", str(status), status in THROTTLED, retry_after(asked, now))


def _mailed(receiver: Receiver, message: StoredMessage) -> Attempt:
    told = json.loads(message.body)
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = receiver.sender, ", ".join(told["to"]), told["subject"]
    mail["Message-ID"] = f"<{message.message_id}@{receiver.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(told["text"])
    try:
        with _smtp(receiver) as server:
            if receiver.smtp_tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            if receiver.smtp_user is not None:
                server.login(receiver.smtp_user, _password(receiver))
            not_taken = server.send_message(mail)
    except smtplib.SMTPRecipientsRefused as error:
        codes = {code for code, _ in error.recipients.values()}
        return Attempt("refused" if min(codes) >= 500 else "failed", f"recipients refused: {sorted(codes)}")
    except smtplib.SMTPResponseException as error:
        # A 5xx to the message itself is for good; one to the greeting, to TLS or to the password may be mended.
        for_good = isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500
        return Attempt("refused" if for_good else "failed", f"SMTP {error.smtp_code}", throttles=not for_good)
    except (smtplib.SMTPException, OSError) as error:
        return Attempt("failed", f"{type(error).__name__}: {error}"[:200], throttles=True)
    return Attempt("delivered", f"not taken for {', '.join(not_taken)}" if not_taken else "250")


def _smtp(receiver: Receiver) -> smtplib.SMTP:
    where = (receiver.smtp_host, receiver.smtp_port)
    if receiver.smtp_tls == "tls":
        return smtplib.SMTP_SSL(*where, timeout=receiver.timeout_seconds, context=ssl.create_default_context())
    return smtplib.SMTP(*where, timeout=receiver.timeout_seconds)
