"""The form of a verdict on a line of a batch: sent without a new page, and answered by the form as it is then."""

import uuid
from typing import Final
from urllib.parse import quote

import structlog
from starlette.responses import Response
from starlette.routing import Route

from worker.console.access.tokens import Scope
from worker.console.web.batch.runs import JudgedLine
from worker.console.web.batch.verdicts import read_verdict
from worker.console.web.guard import guarded
from worker.console.web.parts import ConsoleParts
from worker.console.web.visit import Visit, see

_log: Final = structlog.get_logger(__name__)


def verdict_routes(parts: ConsoleParts) -> list[Route]:
    """The form's address. Who gives verdicts may see the batch, and listen."""
    may_judge = guarded(parts, Scope.READ, _judge, also=(Scope.LISTEN,))
    return [Route("/batch/{run_id}/verdict", may_judge, methods=["POST"])]


async def _judge(visit: Visit) -> Response:
    parts, run_id = visit.parts, visit.request.path_params["run_id"]
    verdict = read_verdict(
        visit.form, client=visit.client.name, time=parts.clock.now(), identity=f"console-{uuid.uuid4()}"
    )
    await parts.send_event(verdict)
    parts.verdicts.add(verdict)
    _log.info("console_judged", client=visit.client.name, script=verdict.script, line=verdict.line)
    if not visit.request.headers.get("hx-request"):
        return see(f"/batch/{quote(run_id, safe='')}")
    judged = JudgedLine(
        verdict.script, verdict.line, verdict.character, verdict.sha256 or "", visit.form.get("candidate", ""),
        None if verdict.on_line is None else verdict,
    )  # fmt: skip
    return visit.page("batch_verdict.html", judged=judged, run_id=run_id)
