"""The jobs of a run: the same in form and length for all sides, new takes each time, slow ones by number. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from schemas.job import Job

PARTITIONS: Final = 4
_CHARACTERS: Final = ("pip_boy", "vault_dweller")
_SLOW_SHARE: Final = 0.01
# With a slow call among the last jobs the tail would be measured, not the rate.
_LAST_WITHOUT_SLOW: Final = 200


@dataclass(frozen=True)
class Run:
    """One run of one side; its name is in every text, so that no run finds another's takes."""

    name: str
    jobs: int

    @property
    def block(self) -> int:
        """How many jobs lie in a partition, one after the other."""
        return -(-self.jobs // PARTITIONS)

    def job_id(self, number: int) -> str:
        """The id of a job, 0 to `jobs` - 1."""
        return f"{self.name}-{number:06d}"

    def job(self, number: int) -> Job:
        """A job: 5 s of speech, some 20 kB of Ogg Opus."""
        return Job(
            job_id=self.job_id(number),
            character=_CHARACTERS[number % len(_CHARACTERS)],
            text=f"{self.name}, job {number:06d}. The caravan leaves at dawn, and we can't wait.",
            user_id=f"user-{number % 97}",
        )

    def partition(self, number: int) -> int:
        """Where the job lies in the lane's topic."""
        return number // self.block


def slow_numbers(run: Run) -> list[int]:
    """1 % of the numbers, at the same places of each partition's block.

    Which partition a consumer empties first is the broker's affair: whatever it is, the last slow job comes as
    far from the end as in the order of the numbers, with at least 200 jobs behind it.
    """
    wanted = max(1, round(run.jobs * _SLOW_SHARE))
    places = -(-wanted // PARTITIONS)
    room = run.block - min(_LAST_WITHOUT_SLOW, run.block * 3 // 4)
    numbers = [
        block * run.block + (bench + 1) * room // places - 1 for block in range(PARTITIONS) for bench in range(places)
    ]
    return sorted(number for number in numbers if number < run.jobs)[-wanted:]


def pattern_of(numbers: Iterable[int]) -> str:
    """The emulator's text pattern that matches exactly these jobs."""
    return rf"job (?:{'|'.join(re.escape(f'{number:06d}') for number in numbers)})\."
