"""Signatures of webhooks, as Standard Webhooks 1.0 has them: over id, timestamp and body, with each secret in turn.

References
----------
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence

from configs.errors import Fault, UsageError

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64
TOLERANCE_SECONDS = 300


def secret_bytes(secret: str, where: str = "secret") -> bytes:
    """The key of a `whsec_` secret, whose rest is 24 to 64 bytes in base64.

    Parameters
    ----------
    secret : str
    where : str
        What the error names: the variable that holds it.

    Returns
    -------
    bytes

    Raises
    ------
    UsageError
        Where it is none; the error never shows the secret.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True) if secret.startswith(PREFIX) else b""
    except binascii.Error:
        key = b""
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        do = "make one: python -c \"import base64, os; print('whsec_' + base64.b64encode(os.urandom(32)).decode())\""
        raise UsageError(Fault(where, "no secret of 24 to 64 bytes", "whsec_ and base64", do))
    return key


def signature(message_id: str, timestamp: int, body: bytes, key: bytes) -> str:
    """The signature of one attempt with one key: `v1,` and the base64 of HMAC-SHA256.

    Examples
    --------
    >>> key = secret_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    >>> signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', key)
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def headers(message_id: str, timestamp: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The three headers of an attempt; a signature a key, newest first, so that a receiver may hold any of them.

    Parameters
    ----------
    message_id : str
        The same at every attempt.
    timestamp : int
        Of this attempt, seconds since 1970.
    body : bytes
        As it is sent.
    keys : sequence of bytes

    Returns
    -------
    dict of str to str

    References
    ----------
    Standard Webhooks 1.0.
    """
    signatures = " ".join(signature(message_id, timestamp, body, key) for key in keys)
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": signatures}


def is_signed(given: Mapping[str, str], body: bytes, secret: str, now: int) -> bool:
    """Whether a receiver that holds `secret` may believe a call: signed with it, and no older than five minutes.

    Parameters
    ----------
    given : mapping of str to str
        The call's headers.
    body : bytes
        As it came.
    secret : str
    now : int
        Seconds since 1970.

    Returns
    -------
    bool
    """
    lowered = {name.lower(): value for name, value in given.items()}
    try:
        message_id, sent = lowered["webhook-id"], int(lowered["webhook-timestamp"])
        signatures = lowered["webhook-signature"].split(" ")
    except (KeyError, ValueError):
        return False
    if abs(now - sent) > TOLERANCE_SECONDS:
        return False
    expected = signature(message_id, sent, body, secret_bytes(secret))
    return any(hmac.compare_digest(expected.encode(), one.encode()) for one in signatures)
