"""The mix of each arm: where lengths, characters or cached share differ, a verdict may be about them. Pure."""

from collections import Counter
from datetime import timedelta
from typing import Final

from worker.rollout.analysis.measurements import Measurements
from worker.rollout.plan.model import Plan

_NOTABLE: Final = 0.05
_LEAST: Final = 50
# It is told in every round: of weeks it would take seconds.
_LATELY: Final = timedelta(days=1)


def mix_of(readings: Measurements, plan: Plan) -> tuple[str, ...]:
    """A sentence for each thing that differs by 5 points or more between the arms, in the jobs of a stage's last day.

    Args:
        readings: of the stage.
        plan: names the length bands.
    """
    lengths: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    characters: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    cached: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    for is_chirp, key, tally in readings.arms(readings.until - _LATELY, readings.until):
        if not key.first and not tally.cached:
            continue
        arm, count = int(not is_chirp), tally.attempts + tally.cached
        lengths[arm][_band(plan, key.band)] += count
        characters[arm][key.character] += count
        cached[arm]["stored takes"] += tally.cached
        cached[arm]["new takes"] += tally.attempts
    told = []
    for what, (chirp, control) in (("lines of", lengths), ("", characters), ("", cached)):
        for name in sorted(set(chirp) | set(control)):
            told += _difference(f"{what} {name}".strip(), name, chirp, control)
    return tuple(told)


def _difference(what: str, name: str, chirp: Counter[str], control: Counter[str]) -> list[str]:
    of_chirp, of_control = chirp.total(), control.total()
    if min(of_chirp, of_control) < _LEAST or name == "new takes":
        return []
    one, other = chirp[name] / of_chirp, control[name] / of_control
    return [f"{what}: {one:.0%} of Chirp's jobs, {other:.0%} of WaveNet's"] if abs(one - other) >= _NOTABLE else []


def _band(plan: Plan, band: int) -> str:
    edges = (0, *plan.length_bands)
    upper = f" to {edges[band + 1] - 1}" if band + 1 < len(edges) else " and more"
    return f"{edges[band]}{upper} characters"
