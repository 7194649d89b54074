"""Finds who speaks in the text itself, as in `Tom: Hello.` and `TOM (angry): Hello.` Pure."""

import re
from typing import Final, NamedTuple

_PREFIX: Final = re.compile(
    r"\s*(?P<name>[^\s:：\[\]{}<>()（）][^:：\n]{0,39}?)\s*[:：](?!\S*//)\s*(?P<text>\S.*)", re.DOTALL
)
# How somebody speaks, or from where; a number distinguishes speakers: Guard (2).
_MANNER: Final = re.compile(r"(?P<name>.*[^\s(（])\s*[(（](?P<manner>[^()（）]*[^\W\d_][^()（）]*)[)）]")


class Spoken(NamedTuple):
    """A text that begins with who speaks.

    Attributes:
        full_name: as it is written, with what stands in parentheses.
        name: without it.
        manner: what stood there; empty for nothing.
        text: what is spoken.
    """

    full_name: str
    name: str
    manner: str
    text: str


def split_speaker(text: str) -> Spoken | None:
    """The name before the first colon and the text behind it; None where no name is there."""
    found = _PREFIX.fullmatch(text)
    if found is None:
        return None
    full_name = found["name"].strip()
    manner = _MANNER.fullmatch(full_name)
    if manner is None:
        return Spoken(full_name, full_name, "", found["text"])
    return Spoken(full_name, manner["name"].strip(), manner["manner"].strip(), found["text"])
