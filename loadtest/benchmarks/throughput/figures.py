"""What a run cost, the table of all runs, and what it comes to. Pure."""

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Figures:
    """One run of one side; `cpu_s` is its process's CPU time within the `seconds`."""

    jobs: int
    seconds: float
    cpu_s: float

    @property
    def rate(self) -> float:
        """Jobs a second."""
        return self.jobs / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of CPU a job."""
        return 1000 * self.cpu_s / self.jobs


Round = Mapping[str, Figures]
"""All sides by name, one right after the other."""


@dataclass(frozen=True)
class Demand:
    """What one side must come to against another, by the medians of the rounds' ratios; None: it is only told.

    Attributes:
        least_rate: times the other's jobs a second.
        most_cpu: times the other's CPU a job.
    """

    side: str
    base: str
    least_rate: float | None = None
    most_cpu: float | None = None


_WIDTH: Final = 15


def head(sides: Sequence[str]) -> str:
    """The table's first line."""
    return _line("round", (*(f"{side}/s" for side in sides), *(f"{side} ms" for side in sides)))


def row(name: str, sides: Sequence[str], one: Round) -> str:
    """The line of one round."""
    return _cells(name, [one[side].rate for side in sides], [one[side].cpu_ms for side in sides])


def summary(sides: Sequence[str], rounds: Sequence[Round]) -> list[str]:
    """The lines below the rounds: each column for itself."""
    totals: dict[str, Callable[[list[float]], float]] = {"min": min, "median": statistics.median, "max": max}
    return [
        _cells(
            name,
            [total([one[side].rate for one in rounds]) for side in sides],
            [total([one[side].cpu_ms for one in rounds]) for side in sides],
        )
        for name, total in totals.items()
    ]


def verdict(demand: Demand, rounds: Sequence[Round]) -> str:
    """What a side comes to, with the least and the most of the rounds, and whether that is what is wanted."""
    pairs = [(one[demand.side], one[demand.base]) for one in rounds]
    rates = sorted(side.rate / base.rate for side, base in pairs)
    cpus = sorted(_cpu_ratio(side, base) for side, base in pairs)
    rate, cpu = statistics.median(rates), statistics.median(cpus)
    return (
        f"{demand.side} does {rate:.3f} ({rates[0]:.3f} to {rates[-1]:.3f}) times the jobs a second of {demand.base}"
        + _met(demand.least_rate, "at least", met=demand.least_rate is not None and rate >= demand.least_rate)
        + f"; {cpu:.2f} ({cpus[0]:.2f} to {cpus[-1]:.2f}) times its CPU a job"
        + _met(demand.most_cpu, "at most", met=demand.most_cpu is not None and cpu <= demand.most_cpu)
    )


def _cpu_ratio(side: Figures, base: Figures) -> float:
    """Infinite where the base has no CPU time: the bench stood still until its run was over."""
    return side.cpu_ms / base.cpu_ms if base.cpu_ms else math.inf


def _met(wanted: float | None, bound: str, *, met: bool) -> str:
    return "" if wanted is None else f", {bound} {wanted:g} wanted: {'met' if met else 'MISSED'}"


def _cells(name: str, rates: Iterable[float], cpus: Iterable[float]) -> str:
    return _line(name, (*(f"{rate:.1f}" for rate in rates), *(f"{cpu:.2f}" for cpu in cpus)))


def _line(name: str, cells: Iterable[str]) -> str:
    return f"{name:<8}" + "".join(f"{cell:>{_WIDTH}}" for cell in cells)
