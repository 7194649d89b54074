"""Finds who speaks in the text itself, as in `Tom: Hello.` Pure."""

import re
from typing import Final

_PREFIX: Final = re.compile(
    r"\s*(?P<name>[^\s:：\[\]{}<>][^:：\n]{0,39}?)\s*[:：](?!\S*//)\s*(?P<text>\S.*)", re.DOTALL
)


def split_speaker(text: str) -> tuple[str, str] | None:
    """The name before the first colon and the text behind it; None where no name is there."""
    found = _PREFIX.fullmatch(text)
    return (found["name"], found["text"]) if found else None
