"""The page of a script's report: findings, outliers, money by character, and each line's takes."""

import asyncio
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from schemas.errors import UsageError
from worker.batch.report.published import ReportDocument, read_published
from worker.console.access.tokens import Scope
from worker.console.web.batch.report_view import page_with, part_of
from worker.console.web.batch.run_reader import find_run
from worker.console.web.batch.runs import ShownRun
from worker.console.web.guard import guarded
from worker.console.web.lines.ages import PLAYABLE
from worker.console.web.parts import ConsoleParts
from worker.console.web.visit import Visit
from worker.storage.takes import report_key


def report_routes(parts: ConsoleParts) -> list[Route]:
    """The page's address. Who sees the batch sees it."""
    return [Route("/batch/{run_id}/report", guarded(parts, Scope.READ, _show), methods=["GET"])]


@dataclass(frozen=True)
class _Read:
    """A report, or why there is none: "none" was published, it is "gone", or "wrong" as `said`."""

    document: ReportDocument | None
    problem: str = ""
    said: str = ""


async def _show(visit: Visit) -> Response:
    shown, query = await find_run(visit), visit.request.query_params
    read = await _read(visit.parts, shown)
    line = query.get("line", "")
    show = "all" if line else query.get("show", "all")
    part = None
    if read.document is not None:
        page = page_with(read.document, line) if line else query.get("page", "1")
        verdicts = visit.parts.verdicts.of_script(read.document.script)
        part = part_of(read.document, verdicts, show=show, page=page)
    return visit.page(
        "batch_report.html", shown=shown, read=read, part=part, chosen=show, sought=line, playable=PLAYABLE
    )


async def _read(parts: ConsoleParts, shown: ShownRun) -> _Read:
    announced, script_id = shown.report, shown.run.script_id
    if announced is None or script_id is None:
        return _Read(None, "none")
    async with parts.one_report:
        key = report_key(parts.settings.storage.prefix, announced.sha256)
        content = await parts.fetch_document(key, announced.bytes)
        if content is None:
            return _Read(None, "gone")
        try:
            return _Read(await asyncio.to_thread(read_published, content, announced, script_id))
        except UsageError as error:
            return _Read(None, "wrong", str(error))
