"""Rules that are regular expressions: what they match, and what a fix writes in its place. Pure."""

import re
from collections.abc import Callable, Iterator
from itertools import chain

from worker.batch.lint.model import Find, Match, Spoken

Rewrite = Callable[[re.Match[str]], str | None]


def strip(_: re.Match[str]) -> str:
    """A rewrite that removes the whole match."""
    return ""


def keep_group(found: re.Match[str]) -> str:
    """A rewrite that keeps the group `text`."""
    return found["text"]


def leave(_: re.Match[str]) -> None:
    """A rewrite for what a machine can't mend."""


def finder(*patterns: tuple[re.Pattern[str], Rewrite]) -> Find:
    """A rule's `find` from patterns with their rewrites."""

    def find(text: str, _: Spoken) -> Iterator[Match]:
        return chain.from_iterable(
            (Match(found.start(), found.end(), replacement=rewrite(found)) for found in pattern.finditer(text))
            for pattern, rewrite in patterns
        )

    return find


def only_with(sign: re.Pattern[str], find: Find) -> Find:
    """A rule's `find` that looks no further where nothing matches a sign, which is found sooner than what has it."""
    return lambda text, spoken: find(text, spoken) if sign.search(text) else ()


def together(*finds: Find) -> Find:
    """A rule's `find` of several: what each of them finds, one after the other."""
    return lambda text, spoken: chain.from_iterable(find(text, spoken) for find in finds)


Read = Callable[[re.Match[str], Spoken], str]
"""How a voice reads a match; empty for what isn't one after all."""


def readings(pattern: re.Pattern[str], read: Read, text: str, spoken: Spoken) -> Iterator[Match]:
    """The matches of a pattern that can be read in more than one way, each with its reading, which is also its fix."""
    for found in pattern.finditer(text):
        if reading := read(found, spoken):
            yield Match(found.start(), found.end(), reading, reading)
