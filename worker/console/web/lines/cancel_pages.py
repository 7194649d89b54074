"""Cancel: a line that waits is shown, and cancelled once that is confirmed; as the API's DELETE and `cancel` do."""

import uuid
from typing import Final

import structlog
from starlette.responses import Response
from starlette.routing import Route

from schemas.cancellation import new_cancellation
from schemas.errors import RefusedError, UsageError
from worker.console.access.tokens import Scope
from worker.console.web.guard import guarded
from worker.console.web.lines.history import Step
from worker.console.web.lines.history_reader import read_history
from worker.console.web.parts import ConsoleParts
from worker.console.web.visit import MAY_CANCEL, Visit, see

_log: Final = structlog.get_logger(__name__)


def cancel_routes(parts: ConsoleParts) -> list[Route]:
    """The form's address."""
    return [Route("/lines/cancel", guarded(parts, Scope.READ, _cancel, also=MAY_CANCEL), methods=["POST"])]


async def _cancel(visit: Visit) -> Response:
    parts, job_id = visit.parts, visit.form.get("job_id", "").strip()
    if not job_id:
        raise UsageError("job_id: is missing")
    waiting = await _waiting(parts, job_id)
    if visit.form.get("confirmed") != "yes":
        return visit.page("cancel.html", step=waiting)
    source = f"/clients/{visit.client.name}"
    await parts.send_event(new_cancellation(job_id, f"console-{uuid.uuid4()}", source, parts.clock.now()))
    _log.info("console_cancelled", client=visit.client.name, job_id=job_id)
    return see("/lines", job_id=job_id, since="all", cancelled="yes")


async def _waiting(parts: ConsoleParts, job_id: str) -> Step:
    """The job that waits.

    Raises:
        RefusedError: it has ended, or isn't there.
    """
    found = next((each for each in (await read_history(parts, job_id, None)).waiting() if each.job_id == job_id), None)
    if found is None:
        raise RefusedError(f"nothing sent: the job {job_id[:100]!a} has ended, or Kafka doesn't have it any more")
    return found
