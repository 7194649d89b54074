"""The fleet's page: the workers that are seen, the lanes' backlog, quota and circuits as completions show them."""

import asyncio
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from worker.console.access.tokens import Scope
from worker.console.web.fleet.lane_backlog import read_backlog
from worker.console.web.fleet.view import attempts_by_model
from worker.console.web.guard import guarded
from worker.console.web.lines.history import latest_first
from worker.console.web.lines.latest import latest_completions
from worker.console.web.parts import ConsoleParts
from worker.console.web.visit import Visit

_LONGEST_S: Final = 60.0


def fleet_routes(parts: ConsoleParts) -> list[Route]:
    """The routes."""
    return [Route("/fleet", guarded(parts, Scope.READ, _show), methods=["GET"])]


async def _show(visit: Visit) -> Response:
    parts = visit.parts
    async with parts.one_scan, asyncio.timeout(_LONGEST_S):
        backlog = await read_backlog(parts.settings)
        records = await latest_completions(parts.settings.kafka)
    latest = [completion for _, completion in latest_first(records, len(records))]
    revisions, status = parts.feed.revisions, parts.feed.last_round
    return visit.page(
        "fleet.html",
        backlog=backlog,
        models=attempts_by_model(latest),
        completions=len(latest),
        status=status,
        overdue=status is not None and status.is_overdue(parts.clock.now()),
        revision=revisions.revision if revisions else None,
    )
