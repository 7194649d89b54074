"""Dates and times of day, with the words that a voice will probably say. Pure."""

import re
from collections.abc import Iterator
from typing import Final

from worker.batch.lint.model import DIGIT, Level, Match, Spoken, TextRule
from worker.batch.lint.rules.patterns import readings
from worker.batch.lint.rules.spelling import in_words, ordinal_in_words, year_in_words

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DATE: Final = re.compile(
    r"(?<![A-Za-z0-9_.,/:-])(?:(?P<y>\d{4})(?P<sep>[-/.])(?P<m>\d{1,2})(?P=sep)(?P<d>\d{1,2})|"
    r"(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<c>\d{4}))(?![A-Za-z0-9_/-])"
)
_CLOCK: Final = re.compile(
    r"(?<![A-Za-z0-9_.,/:])(?P<h>\d{1,2}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?(?: ?(?P<half>[AaPp])\.?[Mm]\b\.?)?"
    r"(?![A-Za-z0-9_:/]|[.,]\d)"
)
_SEPARATED: Final = re.compile(r"\d[-/.:]\d")
"""What each of the two has."""
_MOST_HOURS: Final = 24
_MOST_DAYS: Final = 31
_TWO_DIGITS: Final = 10


def _read_date(found: re.Match[str], spoken: Spoken) -> str:
    """The date as it is read; of 3/4/2077 as an American reads it."""
    if found["y"]:
        year, month, day = int(found["y"]), int(found["m"]), int(found["d"])
    else:
        month, day, year = int(found["a"]), int(found["b"]), int(found["c"])
    if not (1 <= month <= len(MONTHS) and 1 <= day <= _MOST_DAYS):
        return ""
    if spoken.is_chinese:
        return f"{year_in_words(year, spoken)}年{in_words(month, spoken)}月{in_words(day, spoken)}日"
    if spoken.primary == "en":
        return f"{MONTHS[month - 1]} {ordinal_in_words(day, spoken)}, {year_in_words(year, spoken)}"
    return ""


def _read_clock(found: re.Match[str], spoken: Spoken) -> str:
    hours, minutes = int(found["h"]), int(found["m"])
    if hours > _MOST_HOURS or found["s"]:
        return ""
    if spoken.is_chinese:
        return f"{in_words(hours, spoken)}{'點' if spoken.is_traditional else '点'}{in_words(minutes, spoken)}分"
    return _in_english(hours, minutes, (found["half"] or "").lower(), spoken) if spoken.primary == "en" else ""


def _in_english(hours: int, minutes: int, half: str, spoken: Spoken) -> str:
    after = f" {half} m" if half else ""
    if not minutes:
        return in_words(hours, spoken) + (after or " o'clock")
    zero = "oh " if minutes < _TWO_DIGITS else ""
    return f"{in_words(hours, spoken)} {zero}{in_words(minutes, spoken)}{after}"


def _find(text: str, spoken: Spoken) -> Iterator[Match]:
    if not _SEPARATED.search(text):
        return
    yield from readings(_DATE, _read_date, text, spoken)
    yield from readings(_CLOCK, _read_clock, text, spoken)


RULES: Final = (TextRule("dates-times", "has more than one reading", Level.WARN, _find, needs=(DIGIT,)),)
