"""Where a verdict's value, bound and limit stand on a bar, and how they went over time. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.rollout_status import Judged, RolloutStatus

_PERCENT: Final = 100.0
# A limit stands so far to the right that a value well beyond it still fits.
_LIMIT_AT: Final = 60.0
_MOST_POINTS: Final = 120
_HEIGHT: Final = 24.0
# What is highest has some air above it.
_HEADROOM: Final = 1.1
_FEWEST_POINTS: Final = 2

Line = Sequence[float | None]
"""A figure by round, oldest first; None where there was none."""


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
        bound: the same of its bound.
        limit_y: where the limit is, None without one.
    """

    points: str
    bound: str
    limit_y: float | None


def curve(judged: Judged, rounds: Iterable[RolloutStatus]) -> Curve:
    """How value and bound of one verdict went. A round of another plan or stage must be left out."""
    found = [same for each in rounds if (same := _same(judged, each)) is not None and same.value is not None]
    (points, bound), highest = draw_lines(
        [[each.value for each in found], [each.bound for each in found]], judged.limit
    )
    if not points:
        return Curve("", "", None)
    return Curve(points, bound, None if judged.limit is None else round(_height(judged.limit, highest), 1))


def draw_lines(lines: Sequence[Line], limit: float | None = None) -> tuple[list[str], float]:
    """The points of SVG polylines on one scale, 100 wide and 24 high, and the value at their top.

    Args:
        lines: of one length. One with fewer than two values is empty.
        limit: must fit too.
    """
    most = max(map(len, lines), default=0)
    step = max(1, most // _MOST_POINTS)
    thinned = [line[::step] for line in lines]
    known = [each for line in thinned for each in line if each is not None]
    highest = max([*known, limit or 0.0]) * _HEADROOM or 1.0
    width = _PERCENT / max(1, -(-most // step) - 1)
    drawn = []
    for line in thinned:
        points = [
            f"{at * width:.1f},{_height(value, highest):.1f}" for at, value in enumerate(line) if value is not None
        ]
        drawn.append(" ".join(points) if len(points) >= _FEWEST_POINTS else "")
    return drawn, highest


def current_rounds(rounds: Sequence[RolloutStatus]) -> list[RolloutStatus]:
    """The rounds of the last one's plan and stage."""
    if not rounds:
        return []
    last = rounds[-1]
    return [each for each in rounds if (each.plan, each.stage) == (last.plan, last.stage)]


def _same(judged: Judged, status: RolloutStatus) -> Judged | None:
    key = (judged.use, judged.title, judged.window, judged.character)
    found = (each for each in status.judged if (each.use, each.title, each.window, each.character) == key)
    return next(found, None)


def _height(value: float, scale: float) -> float:
    return _HEIGHT - max(0.0, value) / scale * _HEIGHT
