"""Which dead letters are meant. Pure."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from schemas.errors import UsageError
from schemas.words import Lane
from worker.kafka.dead_letters.letter import Letter

_AGE_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class LetterFilter:
    """Which letters; what is None or empty chooses nothing out.

    `since` is the first moment, `until` the first no more; `text` stands in the error's message, in any case of its
    letters; `ids` are ids or their beginnings.
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
        """Whether it chooses by anything but by not having been replayed."""
        return replace(self, replayed=self.replayed or None) != LetterFilter()

    def may_match(self, letter: Letter) -> bool:
        """Whether it matches as far as the letter's own record tells: all but its replays."""
        return (
            (self.character is None or letter.character == self.character)
            and (self.failure_class is None or letter.failure_class == self.failure_class)
            and (self.lane is None or letter.lane is self.lane)
            and (self.since is None or letter.time >= self.since)
            and (self.until is None or letter.time < self.until)
            and (self.text is None or self.text.casefold() in letter.message.casefold())
            and (not self.ids or letter.id.startswith(self.ids))
        )

    def matches(self, letter: Letter) -> bool:
        """Whether the letter is one of them."""
        return self.may_match(letter) and (self.replayed is None or self.replayed == (letter.replays.times > 0))


def parse_time(option: str, text: str, now: datetime) -> datetime:
    """An RFC 3339 time, or an age such as `2h`.

    Raises:
        UsageError: it is neither; the message names the option.
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


def check_ids(letters: list[Letter], ids: tuple[str, ...]) -> None:
    """Makes sure that each id, or beginning of one, means one letter.

    Raises:
        UsageError: it means none, or several.
    """
    for each in ids:
        found = [letter.id for letter in letters if letter.id.startswith(each)]
        if not found:
            raise UsageError(f"{each!a}: no such dead letter here; `chirp-worker dead-letters list` has their ids")
        if len(found) > 1 and each not in found:
            raise UsageError(f"{each!a}: {len(found)} dead letters' ids begin so; give more of it")
