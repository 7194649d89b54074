"""Draws a simulation's timeline as a picture; matplotlib is loaded only for that."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from schemas.errors import UsageError
from schemas.revision import FULL_PERCENTAGE
from worker.rollout.plan.units import DAY
from worker.rollout.simulation.result import Point, SimulatedRollout
from worker.rollout.simulation.trace import Trace

_HOUR: Final = timedelta(hours=1)
_DAYS_FROM: Final = 2 * DAY
_COLOURS: Final = {"turned off": "#c0392b", "stepped back": "#d35400", "quarantined": "#8e44ad", "waits": "#7f8c8d"}
_GOOD: Final = "#27ae60"
_CHIRP, _WAVENET = "#2471a3", "#95a5a6"


def load_renderer() -> Callable[[SimulatedRollout, Trace, str, Path], None]:
    """Return the function that draws a simulation into a file; the file's extension chooses the format.

    Raises:
        UsageError: matplotlib isn't installed.
    """
    try:
        # An extra of the package, and it takes a second to load.
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        raise UsageError("--plot needs matplotlib: pip install 'chirp-worker[plot]'") from None

    def draw(result: SimulatedRollout, trace: Trace, title: str, path: Path) -> None:
        figure = Figure(figsize=(12, 7), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        figure.suptitle(title)
        unit, unit_name = (DAY, "days") if result.lasted >= _DAYS_FROM else (_HOUR, "hours")
        _exposure(upper, result, unit)
        _errors(lower, result.points, unit)
        for axes in (upper, lower):
            axes.grid(visible=True, alpha=0.3)
            if trace.breaks_at is not None:
                axes.axvline(trace.breaks_at / unit, color="black", linestyle=":", label="breaks")
        # The simulation may end before its trace: the rest would be empty.
        lower.set_xlim(0, result.lasted / unit * 1.02)
        lower.set_xlabel(unit_name)
        lower.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False)
        try:
            figure.savefig(path, dpi=110)
        except ValueError as error:
            raise UsageError(f"--plot {path}: {error}") from None

    return draw


def _exposure(axes: Any, result: SimulatedRollout, unit: timedelta) -> None:
    axes.step(
        [each.after / unit for each in result.points],
        [each.percentage * 100 / FULL_PERCENTAGE for each in result.points],
        where="post", color=_CHIRP, linewidth=2,
    )  # fmt: skip
    axes.set_ylabel("% of users who get Chirp")
    axes.set_ylim(-3, 118)
    axes.set_yticks(range(0, 101, 20))
    for number, each in enumerate(result.events):
        colour = _COLOURS.get(each.kind, _GOOD)
        at = each.after / unit
        axes.axvline(at, color=colour, linewidth=1, alpha=0.7)
        label = f"{each.kind}: stage {each.stage}, {each.characters} characters"
        late = each.after > result.lasted / 2
        axes.annotate(
            label, (at, 113 - 7 * (number % 8)), fontsize=8, color=colour,
            ha="right" if late else "left", xytext=(-4 if late else 4, 0), textcoords="offset points",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )  # fmt: skip


def _errors(axes: Any, points: Sequence[Point], unit: timedelta) -> None:
    for name, colour in (("chirp", _CHIRP), ("wavenet", _WAVENET)):
        hours, shares = [], []
        for hour, attempts, failed in _by_hour(points, name):
            if attempts:
                hours.append((hour * _HOUR + _HOUR / 2) / unit)
                shares.append(failed / attempts * 100)
        axes.plot(hours, shares, color=colour, label=f"{name}, by the hour", linewidth=1.2)
    axes.set_ylabel("% of attempts that fail")
    axes.set_ylim(bottom=0)


def _by_hour(points: Sequence[Point], name: str) -> list[tuple[int, int, int]]:
    sums: dict[int, tuple[int, int]] = {}
    for each in points:
        hour = each.after // _HOUR
        attempts, failed = sums.get(hour, (0, 0))
        sums[hour] = (attempts + getattr(each, name), failed + getattr(each, f"{name}_failed"))
    return [(hour, attempts, failed) for hour, (attempts, failed) in sums.items()]
