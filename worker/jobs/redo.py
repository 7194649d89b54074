"""The next take of a line that a director rejected: its number, and the job that asks for it. Pure."""

import re
from collections.abc import Iterable
from typing import Final

from pydantic import ValidationError

from schemas.errors import UsageError
from schemas.job import Job

_SUFFIX: Final = re.compile(r"\+take[1-9][0-9]*$")


def line_of(job_id: str) -> str:
    """What the ids of a line's jobs have in common: the first one's id, without the `+take2` of those that follow."""
    return _SUFFIX.sub("", job_id)


def next_job(job: Job, takes: Iterable[int]) -> Job:
    """The job that asks for the next take of a line.

    It is the same in all that changes the sound, and in who is answered; only nobody waits for it any more until the
    rejected one's deadline.

    Args:
        job: any job of the line.
        takes: the numbers that the line's jobs had, so far as they are known.

    Raises:
        UsageError: the number or the id would be too large for a job.
    """
    take = max([job.take, *takes]) + 1
    changed = {"job_id": f"{line_of(job.job_id)}+take{take}", "take": take}
    document = job.model_dump(exclude={"deadline"}, exclude_unset=True) | changed
    try:
        return Job.model_validate(document)
    except ValidationError as error:
        problem = error.errors()[0]
        raise UsageError(f"{problem['loc'][0]}: {problem['input']!r} can't be asked for: {problem['msg']}") from None
