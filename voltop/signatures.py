"""Signatures of messages between servers, as Standard Webhooks 1.0.0 has them.

The signed text is `id.timestamp.body` over the raw bytes, the signature HMAC-SHA256 in base64 with
its version before it; a header carries several, separated by spaces, so that a secret can be
exchanged without a gap. Source: github.com/standard-webhooks/standard-webhooks,
spec/standard-webhooks.md. Not here: where secrets are kept, and what is sent.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime

SECRET_BYTES = 32
TOLERANCE_S = 300
PREFIX = "whsec_"


def new_secret() -> str:
    """A fresh secret in its written form: whsec_ and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature, "v1,…". Raises ValueError for a secret that is no base64."""
    text = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_key(secret), text, hashlib.sha256)).decode()


def headers(
    secrets_in_force: Iterable[str], message_id: str, at: datetime, body: bytes
) -> dict[str, str]:
    """The three headers of a message sent at `at`, signed with every secret in force."""
    timestamp = int(at.timestamp())
    signatures = [sign(secret, message_id, timestamp, body) for secret in secrets_in_force]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def is_genuine(secret: str, given: Mapping[str, str], body: bytes, *, now: datetime) -> bool:
    """Whether a received message is signed with the secret and no older or newer than 300 s.

    `given` are the headers, names in lower case. Compared in constant time.
    """
    message_id = given.get("webhook-id", "")
    stamp = given.get("webhook-timestamp", "")
    if not message_id or not (stamp.isascii() and stamp.isdigit()) or len(stamp) > 15:
        return False
    if abs(now.timestamp() - int(stamp)) > TOLERANCE_S:
        return False
    wanted = sign(secret, message_id, int(stamp), body).encode()
    offered = given.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(wanted, item.encode()) for item in offered)


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a webhook secret is base64") from None
