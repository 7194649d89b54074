"""Filters dead letters by what an operator asks for on the command line. Pure."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Final

from schemas.enums import PROBLEM_CLASSES, Lane
from schemas.errors import UsageError
from worker.kafka.dead_letters.decoder import DeadLetter

_AGE_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class LetterFilter:
    """Conditions that a dead letter must meet; None or empty means no condition.

    Attributes:
        since: inclusive.
        until: exclusive.
        text: part of the error's message; case doesn't matter.
        ids: ids, or prefixes of ids.
    """

    character: str | None = None
    failure_class: str | None = None
    lane: Lane | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    ids: tuple[str, ...] = ()
    replayed: bool | None = None

    @property
    def narrows(self) -> bool:
        """Whether it has a condition besides "not yet replayed"."""
        return replace(self, replayed=self.replayed or None) != LetterFilter()

    def may_match(self, letter: DeadLetter) -> bool:
        """Whether the letter meets all conditions that its own record can answer: all but `replayed`."""
        return (
            (self.character is None or letter.character == self.character)
            and (self.failure_class is None or letter.failure_class == self.failure_class)
            and (self.lane is None or letter.lane is self.lane)
            and (self.since is None or letter.time >= self.since)
            and (self.until is None or letter.time < self.until)
            and (self.text is None or self.text.casefold() in letter.message.casefold())
            and (not self.ids or letter.id.startswith(self.ids))
        )

    def matches(self, letter: DeadLetter) -> bool:
        """Whether the letter meets all conditions."""
        return self.may_match(letter) and (self.replayed is None or self.replayed == (letter.replays.times > 0))


def parse_class(option: str, text: str) -> str:
    """Checks a class of failures.

    Raises:
        UsageError: there is none of that name; the message names the option, and the nearest one.
    """
    if text in PROBLEM_CLASSES:
        return text
    near = get_close_matches(text, PROBLEM_CLASSES, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(f"{option} {text!a}: allowed is {', '.join(PROBLEM_CLASSES)}{meant}")


def parse_time(option: str, text: str, now: datetime) -> datetime:
    """Parses an RFC 3339 time, or an age such as `2h`.

    Raises:
        UsageError: the text is neither; the message names the option.
    """
    try:
        if age := re.fullmatch(r"([0-9]{1,9})([smhd])", text):
            return now - timedelta(seconds=int(age[1]) * _AGE_SECONDS[age[2]])
        time = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        time = None
    if time is None or time.tzinfo is None:
        raise UsageError(
            f"{option} {text!a}: allowed is an RFC 3339 time such as 2026-01-31T12:00:00Z, or an age such as 30m, 2h"
        )
    return time


def check_ids(letters: list[DeadLetter], ids: tuple[str, ...]) -> None:
    """Checks that each id, or prefix of an id, matches exactly one letter.

    Raises:
        UsageError: one matches none, or several.
    """
    for each in ids:
        found = [letter.id for letter in letters if letter.id.startswith(each)]
        if not found:
            raise UsageError(f"{each!a}: no such dead letter here; `chirp-worker dead-letters list` has their ids")
        if len(found) > 1 and each not in found:
            raise UsageError(f"{each!a}: {len(found)} dead letters have ids that begin with it; give more characters")
