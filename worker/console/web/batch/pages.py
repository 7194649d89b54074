"""The pages of the batch: the runs that report, and one run's lines by scene, to be played."""

import asyncio
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from schemas.enums import Lane
from schemas.topics import COMPLETIONS, LANES, prefixed
from worker.console.access.tokens import Scope
from worker.console.web.batch.report_pages import report_routes
from worker.console.web.batch.run_reader import find_run, read_runs
from worker.console.web.batch.runs import RunLines
from worker.console.web.batch.verdict_pages import verdict_routes
from worker.console.web.guard import guarded
from worker.console.web.lines.ages import PLAYABLE
from worker.console.web.parts import ConsoleParts
from worker.console.web.visit import Visit
from worker.kafka.scan.topic_scanner import TopicScanner, no_progress

_PATH: Final = "/batch"
_LONGEST_S: Final = 60.0
"""How long a page may read the lane."""


def batch_routes(parts: ConsoleParts) -> list[Route]:
    """The routes."""
    return [
        Route(_PATH, guarded(parts, Scope.READ, _show_all), methods=["GET"]),
        Route(f"{_PATH}/{{run_id}}", guarded(parts, Scope.READ, _show_one), methods=["GET"]),
        *report_routes(parts),
        *verdict_routes(parts),
    ]


async def _show_all(visit: Visit) -> Response:
    return visit.page("batch.html", runs=await read_runs(visit.parts))


async def _show_one(visit: Visit) -> Response:
    shown = await find_run(visit)
    kafka = visit.parts.settings.kafka
    lines = RunLines(shown.run, kafka.topic_prefix)
    topics = [prefixed(each, kafka.topic_prefix) for each in (LANES[Lane.BATCH], COMPLETIONS)]
    async with visit.parts.one_scan, asyncio.timeout(_LONGEST_S):
        await TopicScanner(kafka, topics, no_progress, shown.run.started).scan(lines.add)
    return visit.page(
        "batch_run.html",
        shown=shown,
        scenes=lines.by_scene(),
        passed=lines.passed,
        playable=PLAYABLE,
        verdicts=visit.parts.verdicts.of_script(shown.run.script),
    )
