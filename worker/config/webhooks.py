"""The settings of webhooks: the receivers' addresses with their formats, and their keys. Pure."""

import base64
import binascii
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BeforeValidator, SecretStr

from schemas.errors import UsageError

_AUDIENCE: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")
_ADDRESS: Final = re.compile(r"(?:([a-z]+)\+)?(https?://\S+)")
_ROUTING_KEY: Final = re.compile(r"[A-Za-z0-9]{32}")
_SIGNING_PREFIX: Final = "whsec_"
# By Standard Webhooks 1.0, in bytes.
_SHORTEST_KEY: Final = 24
_LONGEST_KEY: Final = 64


class MessageFormat(StrEnum):
    """The format in which a receiver gets messages."""

    TEXT = "text"
    JSON = "json"
    SLACK = "slack"
    TEAMS = "teams"
    PAGERDUTY = "pagerduty"
    ALERTMANAGER = "alertmanager"


WEBHOOKS_ALLOWED: Final = (
    "audience=https://… or audience=format+https://… with commas, such as team=slack+https://hooks.example/x; "
    f"formats are {', '.join(MessageFormat)}"
)
WEBHOOK_KEYS_ALLOWED: Final = (
    "audience=key with commas: pagerduty's routing key (32 letters and digits); for other formats whsec_ and 24 to 64 "
    "bytes in base64, by which messages are signed; several with spaces while you replace one"
)


def split_address(address: str) -> tuple[MessageFormat, str]:
    """Splits a receiver's address into its format, by default text, and its URL.

    Raises:
        ValueError: it is no address, or its format is unknown.
    """
    found = _ADDRESS.fullmatch(address)
    if not found:
        raise ValueError("no URL")
    return MessageFormat(found[1] or MessageFormat.TEXT), found[2]


def signing_keys(keys: str) -> list[bytes]:
    """Decodes the keys by which messages are signed, separated by spaces.

    Raises:
        ValueError: one is no key of Standard Webhooks.
    """
    return [_signing_key(key) for key in keys.split()]


def check_webhook_keys(webhooks: Mapping[str, SecretStr], keys: Mapping[str, SecretStr]) -> None:
    """Checks that each key belongs to a receiver and is of the kind that its format needs.

    Raises:
        UsageError: one doesn't; the message has no key and no address.
    """
    if unknown := sorted(set(keys) - set(webhooks)):
        known = ", ".join(sorted(webhooks)) or "nobody"
        raise UsageError(f"ROLLOUT_WEBHOOK_KEYS: {unknown[0]!r} isn't in ROLLOUT_WEBHOOKS, which has {known}")
    for audience, address in webhooks.items():
        chosen, _ = split_address(address.get_secret_value())
        key = keys[audience].get_secret_value() if audience in keys else None
        if chosen is MessageFormat.PAGERDUTY and not (key and _ROUTING_KEY.fullmatch(key)):
            raise UsageError(f"ROLLOUT_WEBHOOK_KEYS: {audience!r} needs pagerduty's routing key, 32 letters and digits")
        if chosen is not MessageFormat.PAGERDUTY and key and not key.startswith(_SIGNING_PREFIX):
            raise UsageError(f"ROLLOUT_WEBHOOK_KEYS: the key of {audience!r} must begin with {_SIGNING_PREFIX}")


def _signing_key(key: str) -> bytes:
    encoded = key.removeprefix(_SIGNING_PREFIX)
    try:
        decoded = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        raise ValueError("no base64") from None
    if encoded == key or not _SHORTEST_KEY <= len(decoded) <= _LONGEST_KEY:
        raise ValueError(f"no {_SIGNING_PREFIX}, or not 24 to 64 bytes")
    return decoded


def _webhooks(value: object) -> object:
    parsed = _by_audience(value)
    if isinstance(value, str) and isinstance(parsed, dict):
        for address in parsed.values():
            split_address(address.get_secret_value())
    return parsed


def _keys(value: object) -> object:
    parsed = _by_audience(value)
    if isinstance(value, str) and isinstance(parsed, dict):
        for key in parsed.values():
            if not _ROUTING_KEY.fullmatch(key.get_secret_value()):
                signing_keys(key.get_secret_value())
    return parsed


def _by_audience(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = {}
    for each in value.split(","):
        audience, _, text = each.strip().partition("=")
        if not text or not _AUDIENCE.fullmatch(audience):
            raise ValueError("no audience=…")
        found[audience] = SecretStr(text)
    return found


Webhooks = Annotated[dict[str, SecretStr], BeforeValidator(_webhooks)]
WebhookKeys = Annotated[dict[str, SecretStr], BeforeValidator(_keys)]
