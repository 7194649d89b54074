"""How a plan writes durations, percentages and characters, and the base class of all its parts. Pure."""

import re
from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from schemas.revision import FULL_PERCENTAGE

DAY: Final = timedelta(days=1)
_DURATION: Final = re.compile(r"([0-9]{1,6})([smhdw])")
# The sum of a date and a duration must still be a date that Python can represent.
_LONGEST: Final = timedelta(weeks=520)
_SIZES: Final = ((DAY, "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min"))
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(text: str) -> timedelta:
    """Parse a duration as a plan writes it: a whole number and one of s, m, h, d, w.

    Raises:
        ValueError: the text is no duration, or longer than 520 weeks.
    """
    matched = _DURATION.fullmatch(text)
    if matched is None:
        raise ValueError("must be a whole number and a unit, such as 30s, 5m, 24h, 7d or 2w")
    duration = timedelta(**{_UNITS[matched[2]]: int(matched[1])})
    if duration > _LONGEST:
        raise ValueError("must be at most 520w")
    return duration


def format_duration(duration: timedelta) -> str:
    """Write a duration as a plan does: `36h`, `90s`. Exact to the second."""
    seconds = round(duration.total_seconds())
    for unit, size in (("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def approximate_duration(duration: timedelta) -> str:
    """Write a duration for people, in its largest unit: `1.4 d`, `36.0 min`."""
    for size, unit in _SIZES:
        if duration >= size:
            return f"{duration / size:,.1f} {unit}"
    return f"{duration.total_seconds():.0f} s"


def elapsed_duration(duration: timedelta) -> str:
    """Write a duration as `approximate_duration` does, rounded down: what lacks a minute of 2 d isn't 2.0 d."""
    for size, _ in _SIZES:
        if duration >= size:
            return approximate_duration(duration - duration % (size / 10))
    return approximate_duration(timedelta(seconds=duration // timedelta(seconds=1)))


def _duration(value: object) -> object:
    return value if isinstance(value, timedelta) else parse_duration(str(value))


def _percentage(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= FULL_PERCENTAGE // 100:
        raise ValueError("must be a number from 0 to 100")
    hundredths = round(value * 100)
    # Compared after rounding: 0.07 * 100 isn't exactly 7.
    if round(value, 2) != value:
        raise ValueError("must have at most two decimals")
    return hundredths


def _characters(value: object) -> object:
    if value == "all":
        return None
    if isinstance(value, list) and value:
        if not all(isinstance(each, str) for each in value):
            raise ValueError("must be a list of characters' names")
        return frozenset(value)
    raise ValueError("must be all, or a list of at least one character; an empty list could be mistaken for all")


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration, json_schema_input_type=Annotated[str, Field(pattern=f"^{_DURATION.pattern}$")]),
    PlainSerializer(format_duration, return_type=str),
]
Hundredths = Annotated[int, BeforeValidator(_percentage, json_schema_input_type=Annotated[float, Field(ge=0, le=100)])]
"""A percentage, written as 0 to 100 and held in hundredths of a percent: 12.5 becomes 1,250."""
Characters = Annotated[
    frozenset[str] | None,
    BeforeValidator(_characters, json_schema_input_type=Annotated[list[str], Field(min_length=1)] | Literal["all"]),
]
"""Character keys; None means all."""
Share = Annotated[float, Field(gt=0, lt=1)]


class Part(BaseModel):
    """Base class of a plan's and a trace's parts: immutable, unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
