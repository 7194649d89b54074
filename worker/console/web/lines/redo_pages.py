"""Redo: the next take of a line, shown with its price and requested once it is confirmed; as `takes redo` does."""

import asyncio
from typing import Final

import structlog
from starlette.responses import Response
from starlette.routing import Route

from schemas.enums import Lane
from schemas.errors import RefusedError, UnavailableError, UsageError
from schemas.job import Job
from worker.console.access.tokens import Scope
from worker.console.web.guard import guarded
from worker.console.web.lines.redo import expected_take
from worker.console.web.parts import ConsoleParts
from worker.console.web.visit import Visit, see
from worker.kafka.scan.find_jobs import FoundJob, find_job, next_take
from worker.kafka.scan.topic_scanner import no_progress
from worker.rollout.log.codec import current_state

_LONGEST_S: Final = 60.0
_log = structlog.get_logger(__name__)


def redo_routes(parts: ConsoleParts) -> list[Route]:
    """The form's address."""
    return [Route("/lines/redo", guarded(parts, Scope.OPERATE, _redo), methods=["POST"])]


async def _redo(visit: Visit) -> Response:
    parts = visit.parts
    job_id = visit.form.get("job_id", "").strip()
    if not job_id:
        raise UsageError("job_id: is missing")
    found, wanted = await _find(parts, job_id)
    revisions = parts.feed.revisions
    if revisions is None:
        raise UnavailableError(parts.feed.problem or "the rollout's topic hasn't been read to its end yet")
    expected = expected_take(parts.catalogue, current_state(revisions), wanted, parts.clock.now())
    lane = found.lane or Lane.BATCH
    if visit.form.get("confirmed") != "yes":
        return visit.page("redo.html", job=wanted, instead_of=job_id, lane=lane, expected=expected)
    if visit.form.get("take") != str(wanted.take):
        raise RefusedError(f"nothing sent: the line's next take is number {wanted.take} by now; look again")
    await parts.enqueue(lane, wanted)
    _log.info("console_redone", client=visit.client.name, job_id=wanted.job_id, take=wanted.take)
    return see("/lines", job_id=wanted.job_id, requested=str(wanted.take))


async def _find(parts: ConsoleParts, job_id: str) -> tuple[FoundJob, Job]:
    """The line's job, and that of its next take."""
    kafka = parts.settings.kafka
    async with parts.one_scan, asyncio.timeout(_LONGEST_S):
        found = await find_job(kafka, job_id, parts.settings.worker.max_text_bytes, no_progress)
        return found, await next_take(kafka, found, no_progress)
