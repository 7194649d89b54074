"""Reads the runs that scripts report, for the pages that show them."""

import asyncio
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException

from schemas.topics import BATCH_RUNS, prefixed
from worker.console.web.batch.runs import ShownRun, last_reports
from worker.console.web.parts import ConsoleParts
from worker.console.web.visit import Visit
from worker.kafka.scan.topic_scanner import TopicScanner

LONGEST_S: Final = 60.0
"""How long a page may read a topic."""
# The reports of seven hours.
_MOST_REPORTS: Final = 5000


async def read_runs(parts: ConsoleParts) -> list[ShownRun]:
    """All runs, the one that began last first."""
    kafka = parts.settings.kafka
    records: list[Any] = []
    scanner = TopicScanner(kafka, [prefixed(BATCH_RUNS, kafka.topic_prefix)], unseen, last=_MOST_REPORTS)
    async with parts.one_scan, asyncio.timeout(LONGEST_S):
        await scanner.scan(records.append)
    return last_reports(records, parts.clock.now())


async def find_run(visit: Visit) -> ShownRun:
    """The run that an address names.

    Raises:
        HTTPException: 404, there is none.
    """
    run_id = visit.request.path_params["run_id"]
    shown = next((each for each in await read_runs(visit.parts) if each.run.run_id == run_id), None)
    if shown is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return shown


def unseen(_done: int, _total: int) -> None:
    """A page has no progress bar."""
