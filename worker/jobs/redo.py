"""Redo: the job that requests the next take of a line, after a director rejected one. Pure."""

import re
from collections.abc import Iterable
from typing import Final

from pydantic import ValidationError

from schemas.errors import UsageError
from schemas.job import Job

_SUFFIX: Final = re.compile(r"\+take[1-9][0-9]*$")


def line_of(job_id: str) -> str:
    """The part that the ids of a line's jobs share: the first job's id, without the `+take2` of later ones."""
    return _SUFFIX.sub("", job_id)


def next_job(job: Job, takes: Iterable[int]) -> Job:
    """The job that requests the next take of a line.

    It copies everything that changes the sound, and where the answer goes. It has no deadline and is no stream, since
    nobody waits for the line any more.

    Args:
        job: any job of the line.
        takes: the known take numbers of the line's jobs.

    Raises:
        UsageError: the number or the id would be too large for a job.
    """
    take = max([job.take, *takes]) + 1
    changed = {"job_id": f"{line_of(job.job_id)}+take{take}", "take": take}
    document = job.model_dump(exclude={"deadline", "stream"}, exclude_unset=True) | changed
    try:
        return Job.model_validate(document)
    except ValidationError as error:
        problem = error.errors()[0]
        raise UsageError(f"{problem['loc'][0]}: {problem['input']!r} can't be requested: {problem['msg']}") from None
