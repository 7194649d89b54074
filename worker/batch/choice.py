"""A choice: which take of a line is used, and who said so. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas.times import parse_rfc3339

MOST_DIGITS: Final = 6


@dataclass(frozen=True)
class Choice:
    """A choice: the take's number, and by whom and when it was chosen, where that is known."""

    take: int
    by: str = ""
    at: str = ""

    @property
    def is_by_hand(self) -> bool:
        """Whether a person wrote it into the file or typed it: it has no time."""
        return self._time() is None

    def is_after(self, at: datetime) -> bool:
        """Whether it was made later than something else; False where its time isn't known."""
        time = self._time()
        return time is not None and time > at

    def _time(self) -> datetime | None:
        try:
            return parse_rfc3339(self.at)
        except ValueError:
            return None


def is_take_number(text: str) -> bool:
    """Whether a text is the number of a take: a whole number from 1, of at most six digits."""
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS and int(text) > 0


def parse_choices(texts: Sequence[str], by: str) -> Iterator[tuple[str, Choice | None]]:
    """The choices that were typed: `LINE=2`, and `LINE=` for none; they count as written by hand.

    Args:
        by: who typed them.

    Raises:
        ValueError: one has another form; the message names it and says what is allowed.
    """
    for text in texts:
        line, _, number = text.rpartition("=")
        if not line or (number and not is_take_number(number)):
            raise ValueError(f"{text[:60]!a}: allowed is LINE=2, with a whole number from 1, or LINE= for no choice")
        yield line, Choice(int(number), by) if number else None
