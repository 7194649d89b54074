"""The runs that scripts report, for the pages that show them."""

import asyncio
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException

from schemas.errors import UnavailableError
from schemas.topics import BATCH_RUNS, prefixed
from worker.console.web.batch.runs import ShownRun
from worker.console.web.parts import ConsoleParts
from worker.console.web.visit import Visit

_LONGEST_S: Final = 10.0


async def read_runs(parts: ConsoleParts) -> list[ShownRun]:
    """All runs, the one that began last first. After the console's start it waits until their topic is read.

    Raises:
        UnavailableError: it isn't within ten seconds, such as while Kafka is down.
    """
    try:
        async with asyncio.timeout(_LONGEST_S):
            await parts.runs_read()
    except TimeoutError:
        topic = prefixed(BATCH_RUNS, parts.settings.kafka.topic_prefix)
        raise UnavailableError(
            f"the topic {topic} isn't read yet; if it stays so, `chirp-worker doctor` says why"
        ) from None
    return parts.runs.shown(parts.clock.now())


async def find_run(visit: Visit) -> ShownRun:
    """The run that an address names.

    Raises:
        HTTPException: 404, there is none.
        UnavailableError: as `read_runs`.
    """
    run_id = visit.request.path_params["run_id"]
    shown = next((each for each in await read_runs(visit.parts) if each.run.run_id == run_id), None)
    if shown is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return shown
