"""The headers by which a receiver knows a message, its repeats and its sender: Standard Webhooks 1.0. Pure."""

import base64
import hmac
from collections.abc import Sequence
from hashlib import sha256


def webhook_headers(identity: str, timestamp_s: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The headers of one attempt to send a message.

    Args:
        identity: of the message; the same in each attempt.
        timestamp_s: when the attempt is made, in seconds since 1970.
        keys: one signature for each; without one there is no signature.
    """
    headers = {"webhook-id": identity, "webhook-timestamp": str(timestamp_s)}
    if keys:
        signed = f"{identity}.{timestamp_s}.".encode() + body
        signatures = (base64.b64encode(hmac.digest(key, signed, sha256)).decode() for key in keys)
        headers["webhook-signature"] = " ".join(f"v1,{signature}" for signature in signatures)
    return headers
