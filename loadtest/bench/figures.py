"""What a run cost, and the table of all runs. Pure."""

import statistics
from collections.abc import Iterable, Sequence
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
    """Both sides, one right after the other."""

    limit: Figures
    worker: Figures

    @property
    def rate_ratio(self) -> float:
        """Of the limit's jobs a second."""
        return self.worker.rate / self.limit.rate

    @property
    def cpu_ratio(self) -> float:
        """Of the limit's CPU a job."""
        return self.worker.cpu_ms / self.limit.cpu_ms

    @property
    def columns(self) -> tuple[float, ...]:
        """The table's columns."""
        return (
            self.limit.rate,
            self.worker.rate,
            self.rate_ratio,
            self.limit.cpu_ms,
            self.worker.cpu_ms,
            self.cpu_ratio,
        )


_HEADS: Final = ("limit/s", "worker/s", "ratio", "limit ms", "worker ms", "ratio")
_PLACES: Final = (1, 1, 3, 2, 2, 2)


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


def verdict(rounds: Sequence[Round]) -> str:
    """Whether the medians of the ratios meet the targets."""
    rate = statistics.median(one.rate_ratio for one in rounds)
    cpu = statistics.median(one.cpu_ratio for one in rounds)
    return (
        f"{rate:.3f} times the limit's jobs a second, at least {LEAST_RATE_RATIO} wanted: "
        f"{_met(rate >= LEAST_RATE_RATIO)}; {cpu:.2f} times its CPU a job, at most {MOST_CPU_RATIO} wanted: "
        f"{_met(cpu <= MOST_CPU_RATIO)}"
    )


def _met(met: bool) -> str:
    return "met" if met else "MISSED"


def _line(name: str, cells: Iterable[str]) -> str:
    return f"{name:<8}" + "".join(f"{cell:>11}" for cell in cells)
