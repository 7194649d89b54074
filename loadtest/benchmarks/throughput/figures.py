"""What a run cost, the table of all runs, and what it comes to. Pure."""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

LEAST_RATE_RATIO: Final = 0.95
MOST_CPU_RATIO: Final = 1.35


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


@dataclass(frozen=True)
class Round:
    """All sides, one right after the other."""

    plain: Figures
    own: Figures
    worker: Figures

    @property
    def columns(self) -> tuple[float, ...]:
        """The table's columns."""
        sides = (self.plain, self.own, self.worker)
        return (*(side.rate for side in sides), *(side.cpu_ms for side in sides))


_HEADS: Final = ("plain/s", "own/s", "worker/s", "plain ms", "own ms", "worker ms")
_PLACES: Final = (1, 1, 1, 2, 2, 2)


def head() -> str:
    """The table's first line."""
    return _line("round", _HEADS)


def row(name: str, columns: Iterable[float]) -> str:
    """One line of the table."""
    return _line(name, (f"{value:.{places}f}" for value, places in zip(columns, _PLACES, strict=True)))


def summary(rounds: Sequence[Round]) -> list[str]:
    """The lines below the rounds: each column for itself."""
    columns = list(zip(*(one.columns for one in rounds), strict=True))
    return [
        row("min", map(min, columns)),
        row("median", map(statistics.median, columns)),
        row("max", map(max, columns)),
    ]


def verdicts(rounds: Sequence[Round]) -> list[str]:
    """What the worker comes to against each gather, and whether the medians of the ratios meet the targets."""
    return [
        _verdict("plain", rounds, lambda one: one.plain),
        _verdict("own", rounds, lambda one: one.own),
    ]


def _cpu_ratio(worker: Figures, gather: Figures) -> float:
    """Infinite where the gather has no CPU time: the bench stood still until its run was over."""
    return worker.cpu_ms / gather.cpu_ms if gather.cpu_ms else math.inf


def _verdict(name: str, rounds: Sequence[Round], gather: Callable[[Round], Figures]) -> str:
    rates = sorted(one.worker.rate / gather(one).rate for one in rounds)
    cpus = sorted(_cpu_ratio(one.worker, gather(one)) for one in rounds)
    rate, cpu = statistics.median(rates), statistics.median(cpus)
    return (
        f"{rate:.3f} ({rates[0]:.3f} to {rates[-1]:.3f}) times the jobs a second of {name}, "
        f"at least {LEAST_RATE_RATIO} wanted: {_met(rate >= LEAST_RATE_RATIO)}; "
        f"{cpu:.2f} ({cpus[0]:.2f} to {cpus[-1]:.2f}) times its CPU a job, "
        f"at most {MOST_CPU_RATIO} wanted: {_met(cpu <= MOST_CPU_RATIO)}"
    )


def _met(met: bool) -> str:
    return "met" if met else "MISSED"


def _line(name: str, cells: Iterable[str]) -> str:
    return f"{name:<8}" + "".join(f"{cell:>11}" for cell in cells)
