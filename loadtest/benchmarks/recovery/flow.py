"""The jobs of a run, of which each one's partition is known, and how they ended. Pure."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

PARTITIONS: Final = 12


def job_id(name: str, number: int) -> str:
    """The id of a job, which says its partition."""
    return f"{name}-p{partition_of(number)}-{number}"


def partition_of(number: int) -> int:
    """Where the job lies in the lane's topic."""
    return number % PARTITIONS


def partition_in(job: str) -> int:
    """The partition of the job with this id."""
    return int(job.split("-")[-2].removeprefix("p"))


@dataclass(frozen=True)
class Arrival:
    """A completion as a reader of committed records gets it; times in seconds since 1970."""

    job_id: str
    published_at: float
    arrived_at: float


@dataclass
class Arrivals:
    """All completions of a run so far."""

    values: list[Arrival] = field(default_factory=list)

    @property
    def done(self) -> set[str]:
        """The jobs that have one."""
        return {each.job_id for each in self.values}

    @property
    def repeated(self) -> int:
        """The completions beyond one for each job."""
        return sum(count - 1 for count in Counter(each.job_id for each in self.values).values())


@dataclass(frozen=True)
class Recovery:
    """One run: seconds from the kill to the first and to the last completion of the killed worker's jobs."""

    first_s: float
    last_s: float
    lost: int
    repeated: int


def recovery(arrivals: Arrivals, expected: set[str], killed_at: float, killed_partitions: set[int]) -> Recovery:
    """How a run ended.

    Args:
        expected: all jobs of the run.
        killed_partitions: those that the killed worker had.

    Raises:
        ValueError: the killed worker had nothing to do when it was killed.
    """
    after = [
        each.arrived_at - killed_at
        for each in arrivals.values
        if partition_in(each.job_id) in killed_partitions and each.published_at > killed_at
    ]
    if not after:
        raise ValueError("no job of the killed worker was left when it was killed: send more")
    return Recovery(min(after), max(after), len(expected - arrivals.done), arrivals.repeated)
