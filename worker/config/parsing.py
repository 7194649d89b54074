"""Parses the text of environment variables: flags, percentages, lists and extensions. Pure."""

import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final

from pydantic import BeforeValidator, SecretStr

from schemas.field_types import TOPIC_PATTERN
from schemas.revision import FULL_PERCENTAGE
from schemas.topics import delay_seconds

_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})


def _flag(value: object) -> object:
    if isinstance(value, str):
        lowered = value.strip().lower()
        if lowered in _TRUE | _FALSE:
            return lowered in _TRUE
        raise ValueError("no flag")
    return value


def _hundredths(value: object) -> object:
    return hundredths(value) if isinstance(value, str) else value


def hundredths(text: str) -> int:
    """Parses a percentage into hundredths of a percent, without rounding: '12.5' → 1250.

    Raises:
        ValueError: the text isn't a number from 0 to 100 with at most two decimals.
    """
    try:
        percent = Decimal(text.strip().removesuffix("%").strip())
    except InvalidOperation:
        raise ValueError("no number") from None
    # Check the range first: multiplying 1e999999 overflows. A comparison is exact; a multiplication rounds.
    if not percent.is_finite() or not 0 <= percent <= FULL_PERCENTAGE // 100 or percent != round(percent, 2):
        raise ValueError("out of range, or too fine")
    return int(round(percent, 2) * 100)


def _names(value: object) -> object:
    if isinstance(value, str):
        names = frozenset(name.strip() for name in value.split(",") if name.strip())
        # Only an empty value means "all": a comma that an edit left behind must not widen the rollout to everybody.
        if value.strip() and not names:
            raise ValueError("commas alone")
        return names
    return value


def _delays(value: object) -> object:
    if not isinstance(value, str):
        return value
    delays = tuple(delay.strip() for delay in value.split(",") if delay.strip())
    if delays == ("none",):
        return ()
    if not delays:
        raise ValueError("commas alone")
    for delay in delays:
        delay_seconds(delay)
    if len(set(delays)) < len(delays):
        raise ValueError("twice the same")
    return delays


def _topics(value: object) -> object:
    names = _names(value)
    if isinstance(names, frozenset) and not all(re.fullmatch(TOPIC_PATTERN, name) for name in names):
        raise ValueError("no name of a topic")
    return names


def _extensions(value: object) -> object:
    if not isinstance(value, str):
        return value
    extensions = {}
    for each in value.split(","):
        # RFC 7628, section 3.1: a key has letters only.
        name, separator, text = each.strip().partition("=")
        if not separator or not re.fullmatch(r"[A-Za-z]+", name) or not re.fullmatch(r"[\x20-\x7e]+", text):
            raise ValueError("no name=value")
        extensions[name] = text
    return extensions


def _unicode(value: object) -> object:
    # A byte that isn't UTF-8 arrives as a lone surrogate, which nothing can hash or send.
    if isinstance(value, str):
        value.encode()
    return value


def _http_address(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"https?://[^\s?#/]+/?", value):
        raise ValueError("no address")
    return _unicode(value)


Secret = Annotated[SecretStr, BeforeValidator(_unicode)]
SecretAddress = Annotated[SecretStr, BeforeValidator(_http_address)]
"""Of a server that is reached by HTTP: with a port, perhaps with a user and a password, without path and query."""
Flag = Annotated[bool, BeforeValidator(_flag)]
Hundredths = Annotated[int, BeforeValidator(_hundredths)]
Names = Annotated[frozenset[str], BeforeValidator(_names)]
ReplyTopics = Annotated[frozenset[str], BeforeValidator(_topics)]
Extensions = Annotated[dict[str, str], BeforeValidator(_extensions)]
RetryDelays = Annotated[tuple[str, ...], BeforeValidator(_delays)]
