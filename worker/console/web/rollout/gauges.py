"""Where a verdict's value, bound and limit stand on a bar, and how its value went over time. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.rollout_status import Judged, RolloutStatus

_PERCENT: Final = 100.0
# A limit stands so far to the right that a value well beyond it still fits.
_LIMIT_AT: Final = 60.0
_MOST_POINTS: Final = 120
_HEIGHT: Final = 24.0


@dataclass(frozen=True)
class Gauge:
    """Places on a bar, in percent of its width; None for what there is none of."""

    value: float | None
    bound: float | None
    limit: float | None


def gauge(judged: Judged) -> Gauge:
    """The bar of one verdict: its limit at 60 %, unless value or bound need the bar to be longer."""
    known = [each for each in (judged.value, judged.bound, judged.limit) if each is not None]
    scale = max(known, default=0.0)
    if judged.limit:
        scale = max(scale, judged.limit * _PERCENT / _LIMIT_AT)
    if scale <= 0:
        return Gauge(*(None if each is None else 0.0 for each in (judged.value, judged.bound, judged.limit)))

    def place(number: float | None) -> float | None:
        return None if number is None else round(max(0.0, number) / scale * _PERCENT, 2)

    return Gauge(place(judged.value), place(judged.bound), place(judged.limit))


@dataclass(frozen=True)
class Curve:
    """A value over the controller's rounds.

    Attributes:
        points: of an SVG polyline, 100 wide and 24 high; empty with fewer than two values.
        limit_y: where the limit is, None without one.
    """

    points: str
    limit_y: float | None


def curve(judged: Judged, rounds: Iterable[RolloutStatus]) -> Curve:
    """How the value of one verdict went. Rounds of another plan or stage are left out: their values are others'."""
    values = [value for each in rounds if (value := _same(judged, each)) is not None]
    values = values[:: max(1, len(values) // _MOST_POINTS)]
    if len(values) < 2:  # noqa: PLR2004
        return Curve("", None)
    scale = max([*values, judged.limit or 0.0]) * 1.1 or 1.0
    step = _PERCENT / (len(values) - 1)
    points = " ".join(f"{at * step:.1f},{_height(value, scale):.1f}" for at, value in enumerate(values))
    return Curve(points, None if judged.limit is None else round(_height(judged.limit, scale), 1))


def current_rounds(rounds: Sequence[RolloutStatus]) -> list[RolloutStatus]:
    """The rounds of the last one's plan and stage."""
    if not rounds:
        return []
    last = rounds[-1]
    return [each for each in rounds if (each.plan, each.stage) == (last.plan, last.stage)]


def _same(judged: Judged, status: RolloutStatus) -> float | None:
    key = (judged.use, judged.title, judged.window, judged.character)
    found = (each for each in status.judged if (each.use, each.title, each.window, each.character) == key)
    return next((each.value for each in found), None)


def _height(value: float, scale: float) -> float:
    return _HEIGHT - max(0.0, value) / scale * _HEIGHT
