"""How a plan writes durations, percentages and characters, and what each of its parts is made of. Pure."""

import re
from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from schemas.revision import FULL_PERCENTAGE

DAY: Final = timedelta(days=1)
_DURATION: Final = re.compile(r"([0-9]{1,6})([smhdw])")
# Added to a date it must stay one.
_LONGEST: Final = timedelta(weeks=520)
_SIZES: Final = ((DAY, "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min"))
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(text: str) -> timedelta:
    """A duration as a plan writes it.

    Raises:
        ValueError: it is none.
    """
    matched = _DURATION.fullmatch(text)
    if matched is None:
        raise ValueError("must be a whole number and a unit, such as 30s, 5m, 24h, 7d or 2w")
    lasts = timedelta(**{_UNITS[matched[2]]: int(matched[1])})
    if lasts > _LONGEST:
        raise ValueError("must be at most 520w")
    return lasts


def _duration(value: object) -> object:
    return value if isinstance(value, timedelta) else duration(str(value))


def about(lasts: timedelta) -> str:
    """A time for people: `1.4 d`, `36.0 min`."""
    for size, unit in _SIZES:
        if lasts >= size:
            return f"{lasts / size:,.1f} {unit}"
    return f"{lasts.total_seconds():.0f} s"


def spelled(duration: timedelta) -> str:
    """A duration as a plan writes it: '36h', '90s'."""
    seconds = round(duration.total_seconds())
    for unit, size in (("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _percentage(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= FULL_PERCENTAGE // 100:
        raise ValueError("must be a number from 0 to 100")
    hundredths = round(value * 100)
    # 0.07 * 100 is not quite 7.
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
    raise ValueError("must be all, or a list of characters that isn't empty: an empty list would be taken for all")


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration, json_schema_input_type=Annotated[str, Field(pattern=f"^{_DURATION.pattern}$")]),
    PlainSerializer(spelled, return_type=str),
]
Hundredths = Annotated[int, BeforeValidator(_percentage, json_schema_input_type=Annotated[float, Field(ge=0, le=100)])]
Characters = Annotated[
    frozenset[str] | None,
    BeforeValidator(_characters, json_schema_input_type=Annotated[list[str], Field(min_length=1)] | Literal["all"]),
]
Share = Annotated[float, Field(gt=0, lt=1)]


class Part(BaseModel):
    """A part of a plan: never changed, and no field in it that nobody reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
