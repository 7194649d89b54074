"""Balance of the two arms: where lengths, characters or cached shares differ, so may verdicts for that reason. Pure."""

from collections import Counter
from datetime import timedelta
from typing import Final

from worker.rollout.analysis.measurements import Measurements
from worker.rollout.plan.model import Plan

_NOTABLE_DIFFERENCE: Final = 0.05
_MIN_SAMPLE: Final = 50
# It is reported in every round; sums over weeks would take seconds.
_LAST: Final = timedelta(days=1)


def arm_differences(measurements: Measurements, plan: Plan) -> tuple[str, ...]:
    """Describe what differs by 5 points or more between the arms, in the jobs of a stage's last day.

    Args:
        measurements: of the stage.
        plan: for its length bands.
    """
    lengths: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    characters: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    cached: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    for is_chirp, key, tally in measurements.arms(measurements.until - _LAST, measurements.until):
        if not key.first and not tally.cached:
            continue
        arm, count = int(not is_chirp), tally.attempts + tally.cached
        lengths[arm][_band_name(plan, key.band)] += count
        characters[arm][key.character] += count
        cached[arm]["stored takes"] += tally.cached
        cached[arm]["new takes"] += tally.attempts
    differences = []
    for prefix, (chirp, control) in (("lines of", lengths), ("", characters), ("", cached)):
        for name in sorted(set(chirp) | set(control)):
            differences += _difference(f"{prefix} {name}".strip(), name, chirp, control)
    return tuple(differences)


def _difference(label: str, name: str, chirp: Counter[str], control: Counter[str]) -> list[str]:
    jobs_of_chirp, jobs_of_control = chirp.total(), control.total()
    if min(jobs_of_chirp, jobs_of_control) < _MIN_SAMPLE or name == "new takes":
        return []
    one, other = chirp[name] / jobs_of_chirp, control[name] / jobs_of_control
    is_notable = abs(one - other) >= _NOTABLE_DIFFERENCE
    return [f"{label}: {one:.0%} of Chirp's jobs, {other:.0%} of WaveNet's"] if is_notable else []


def _band_name(plan: Plan, band: int) -> str:
    edges = (0, *plan.length_bands)
    upper = f" to {edges[band + 1] - 1}" if band + 1 < len(edges) else " and more"
    return f"{edges[band]}{upper} characters"
