"""Lines that this process knows: found by their ids, and waited for."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path, Request

from schemas.field_types import JOB_ID_PATTERN
from worker.console.api.audio_answer import disconnected
from worker.console.api.parts import ApiParts
from worker.console.api.problems import ProblemError
from worker.console.lines.recent_lines import RecentLine
from worker.console.lines.waiters import Waiter

JobId = Annotated[str, Path(pattern=JOB_ID_PATTERN, description="The job's id.")]
"""A route's parameter."""


async def wait_for_line(request: Request, waiter: Waiter, wait_s: float, *unless: asyncio.Future[Any]) -> None:
    """Waits for the completion, or for one of the others, and no longer than the client is there.

    Raises:
        StoppingError: the process stops meanwhile.
    """
    gone = asyncio.create_task(disconnected(request.receive), name="client's disconnection")
    try:
        await waiter.wait(wait_s, unless=(gone, *unless))
    finally:
        gone.cancel()


def find_line(parts: ApiParts, job_id: str) -> RecentLine:
    """What this process knows of a line.

    Raises:
        ProblemError: nothing.
    """
    known = parts.recent.find(job_id)
    if known is None:
        api = parts.settings.http_api
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            "unknown-line",
            f"job_id={job_id!r}: isn't among the latest lines; this process keeps the last {api.remembered_lines:,}, "
            f"and has read back {api.read_back_s:g} s at its start",
        )
    return known
