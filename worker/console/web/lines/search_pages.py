"""The search for lines: a page that shows how far it is, and the list of what was found."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

from aiokafka.errors import KafkaError
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from schemas.errors import ChirpWorkerError, UnavailableError, UsageError
from schemas.topics import COMPLETIONS, LANES, prefixed
from worker.console.access.tokens import Scope
from worker.console.web.guard import guarded
from worker.console.web.lines.ages import AGES, PLAYABLE, chosen_age
from worker.console.web.lines.search import LineSearch
from worker.console.web.parts import ConsoleParts
from worker.console.web.visit import Visit
from worker.kafka.scan.topic_scanner import TopicScanner

_LONGEST_S: Final = 60.0
_PROGRESS_S: Final = 0.25
_LONGEST_TEXT: Final = 200
_LINE_BREAK: Final = re.compile(r"\r\n|\r|\n")


def search_routes(parts: ConsoleParts) -> list[Route]:
    """The stream that `show_search` opens."""
    return [Route("/lines/found", guarded(parts, Scope.READ, _find), methods=["GET"])]


def show_search(visit: Visit) -> Response:
    """The page of a search, which fills itself."""
    return visit.page("lines_search.html", **selection(visit))


def selection(visit: Visit) -> dict[str, Any]:
    """What the search form holds.

    Raises:
        UsageError: a field has a value that isn't allowed.
    """
    query = visit.request.query_params
    character, text = query.get("character", ""), query.get("text", "").strip()
    if character and character not in visit.parts.names:
        raise UsageError(f"character={character[:100]!a}: is unknown; the characters are {', '.join(_names(visit))}")
    if len(text) > _LONGEST_TEXT:
        raise UsageError(f"text: has {len(text)} characters; allowed are {_LONGEST_TEXT}")
    return {
        "job_id": query.get("job_id", "").strip(),
        "character": character,
        "text": text,
        "since": chosen_age(query.get("since", "1d")),
        "ages": list(AGES),
        "names": _names(visit),
        "playable": PLAYABLE,
    }


async def _find(visit: Visit) -> Response:
    selected, streams = selection(visit), visit.parts.streams
    if streams.full:
        raise UnavailableError(f"{streams.most} event streams are open, as many as may")
    search = LineSearch(selected["character"] or None, selected["text"], visit.parts.settings.kafka.topic_prefix)
    progress = [0, 0]

    def note(done: int, total: int) -> None:
        progress[:] = done, total

    async def events() -> AsyncIterator[bytes]:
        with streams.one():
            scan = asyncio.create_task(_scan(visit.parts, search, AGES[selected["since"]], note))
            try:
                while not (await asyncio.wait({scan}, timeout=_PROGRESS_S))[0]:
                    yield _event("progress", visit.page("lines_progress.html", done=progress[0], total=progress[1]))
                problem = scan.exception()
                if problem is not None and not isinstance(problem, ChirpWorkerError | KafkaError | OSError):
                    raise problem
                shown = visit.page(
                    "lines_found.html",
                    found=search.found(),
                    matches=search.matches,
                    playable=PLAYABLE,
                    problem="" if problem is None else str(problem) or type(problem).__name__,
                    cut=isinstance(problem, TimeoutError),
                    done=progress[0],
                    total=progress[1],
                )
                yield _event("found", shown)
                yield b"event: done\ndata: .\n\n"
            finally:
                # Whoever has left the page waits for nothing.
                scan.cancel()
                await asyncio.gather(scan, return_exceptions=True)

    return StreamingResponse(events(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _scan(parts: ConsoleParts, search: LineSearch, age: timedelta | None, note: Any) -> None:
    """Reads the lanes, then the completions.

    Raises:
        TimeoutError: it takes longer than a minute.
    """
    kafka = parts.settings.kafka
    # The search knows a completion's line by the job that it has read before.
    topics = [prefixed(each, kafka.topic_prefix) for each in (*LANES.values(), COMPLETIONS)]
    since = None if age is None else parts.clock.now() - age
    async with parts.one_scan, asyncio.timeout(_LONGEST_S):
        await TopicScanner(kafka, topics, note, since).scan(search.add)


def _event(name: str, page: Response) -> bytes:
    lines = _LINE_BREAK.split(bytes(page.body).decode())
    return "".join((f"event: {name}\n", *(f"data: {line}\n" for line in lines), "\n")).encode()


def _names(visit: Visit) -> list[str]:
    return sorted(visit.parts.names)
