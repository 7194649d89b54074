"""Times as messages write them, by RFC 3339. Pure."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

# February's 29th in leap years alone. `[0-9]`, since Python's `\d` has the digits of all scripts.
_DATE: Final = (
    r"(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    r"|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
)
_TIME: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_OFFSET: Final = r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
RFC3339_PATTERN: Final = rf"^{_DATE}[Tt ]{_TIME}{_OFFSET}$"
"""Dates that exist, times with an offset. Second 60 is a leap second (RFC 3339, section 5.6)."""

_RFC3339: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
# A day away from what Python can represent, so that every offset can be applied and small durations added.
EARLIEST: Final = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
LATEST: Final = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)

# Other times of records, revisions and attempts are mistaken: somebody wrote seconds, nanoseconds, or nothing.
FIRST_KNOWN: Final = datetime(2000, 1, 1, tzinfo=UTC)
LAST_KNOWN: Final = datetime(2200, 1, 1, tzinfo=UTC)
_FIRST_KNOWN_MS: Final = int(FIRST_KNOWN.timestamp() * 1000)
_LAST_KNOWN_MS: Final = int(LAST_KNOWN.timestamp() * 1000)
_DAY_MS: Final = 24 * 3600 * 1000


def known_ms(milliseconds: int | None, now_ms: int = _LAST_KNOWN_MS) -> int | None:
    """A time in ms since 1970, or None if it can't be one: before 2000, after 2200, or over a day after `now_ms`."""
    if milliseconds is None or not _FIRST_KNOWN_MS <= milliseconds <= min(now_ms + _DAY_MS, _LAST_KNOWN_MS):
        return None
    return milliseconds


def time_of_ms(milliseconds: int | None) -> datetime | None:
    """The same as a time in UTC."""
    known = known_ms(milliseconds)
    return None if known is None else datetime.fromtimestamp(known / 1000, UTC)


def check_known(time: datetime) -> datetime:
    """The time itself.

    Raises:
        ValueError: it is before 2000 or after 2200.
    """
    if not FIRST_KNOWN <= time <= LAST_KNOWN:
        raise ValueError("must be a time from 2000 to 2199")
    return time


def parse_rfc3339(text: str) -> datetime:
    """A time of RFC 3339 in UTC.

    A leap second is the second after it, as in POSIX. Of a fraction, microseconds count. Years that Python can't
    represent with every offset (0, and the ends of 1 and 9999) count as the earliest or latest that it can.

    Raises:
        ValueError: the text has another form, or names a date that doesn't exist.
    """
    found = _RFC3339.fullmatch(text)
    if found is None or re.fullmatch(RFC3339_PATTERN, text) is None:
        raise ValueError("must be an RFC 3339 time such as 2026-01-31T12:00:00Z")
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    if year == 0:
        return EARLIEST
    leap = timedelta(seconds=1) if second == 60 else timedelta(0)  # noqa: PLR2004
    microsecond = int((found[7] or "0")[:6].ljust(6, "0"))
    offset = timedelta(hours=int(found[9] or 0), minutes=int(found[10] or 0)) * (-1 if found[8] == "-" else 1)
    local = datetime(year, month, day, hour, minute, min(second, 59), microsecond, timezone(offset))
    # Compared before it is converted: aware times compare in all years, and overflow when they are converted.
    return min(max(local, EARLIEST), LATEST - leap).astimezone(UTC) + leap
