"""The pages of the lines: the latest ones, one line's whole way, and its audio."""

import asyncio
import re
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from schemas.enums import AudioEncoding
from schemas.errors import UsageError
from schemas.topics import all_topics, prefixed
from worker.console.access.tokens import Scope
from worker.console.web.guard import guarded
from worker.console.web.lines.history import LineHistory, latest_first
from worker.console.web.lines.latest import latest_completions
from worker.console.web.parts import ConsoleParts
from worker.console.web.visit import Visit
from worker.kafka.client.access import hidden_topics
from worker.kafka.client.admin import connect_admin
from worker.kafka.scan.topic_scanner import TopicScanner

_PATH: Final = "/lines"
_SHOWN: Final = 50
_LONGEST_S: Final = 60.0
_SINCE: Final = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "7d": timedelta(days=7), "all": None}
# What browsers play: the others have no header that says what they are.
_PLAYABLE: Final = frozenset({AudioEncoding.OGG_OPUS, AudioEncoding.MP3, AudioEncoding.LINEAR16})
_NOT_SEARCHED: Final = frozenset({"tts.rollout", "tts.rollout-status", "tts.feedback", "tts.votes"})
# A take's key after the deployment's prefix: character, voice model, the digest's beginning, the digest.
_TAKE: Final = re.compile(r"(?!\.)[^/\x00-\x1f]+/(?:chirp3-hd|wavenet)/[0-9a-f]{2}/[0-9a-f]{64}\.[a-z0-9]+")


def line_routes(parts: ConsoleParts) -> list[Route]:
    """The routes."""
    return [
        Route(_PATH, guarded(parts, Scope.READ, _show), methods=["GET"]),
        Route(f"{_PATH}/audio", guarded(parts, Scope.READ, _play), methods=["GET"]),
    ]


async def _show(visit: Visit) -> Response:
    job_id = visit.request.query_params.get("job_id", "").strip()
    since = visit.request.query_params.get("since", "1d")
    if since not in _SINCE:
        raise UsageError(f"since={since[:100]!a}: allowed is {', '.join(_SINCE)}")
    common: dict[str, Any] = {"job_id": job_id, "since": since, "ages": list(_SINCE), "playable": _PLAYABLE}
    if job_id:
        history = await _read_history(visit.parts, job_id, _SINCE[since])
        return visit.page("line.html", steps=history.steps(), unreadable=history.unreadable, **common)
    async with visit.parts.one_scan, asyncio.timeout(_LONGEST_S):
        records = await latest_completions(visit.parts.settings.kafka)
    latest = latest_first(records, _SHOWN)
    return visit.page("lines.html", latest=latest, **common)


async def _play(visit: Visit) -> Response:
    """Leads to the audio of a take, which the store or a CDN serves."""
    key = visit.request.query_params.get("key", "")
    prefix = visit.parts.settings.storage.prefix
    within = f"{prefix}/" if prefix else ""
    if not key.startswith(within) or _TAKE.fullmatch(key.removeprefix(within)) is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return RedirectResponse(await visit.parts.audio_url(key), HTTPStatus.FOUND)


async def _read_history(parts: ConsoleParts, job_id: str, age: timedelta | None) -> LineHistory:
    settings = parts.settings
    rows = all_topics(settings.delivery.retry_delays)
    topics = [prefixed(each.name, settings.kafka.topic_prefix) for each in rows if each.name not in _NOT_SEARCHED]
    history = LineHistory(job_id, settings.kafka.topic_prefix)
    since = None if age is None else parts.clock.now() - age
    async with parts.one_scan, asyncio.timeout(_LONGEST_S):
        async with connect_admin(settings.kafka) as admin:
            hidden = await hidden_topics(admin, topics)
        searched = [each for each in topics if each not in hidden]
        await TopicScanner(settings.kafka, searched, _unseen, since).scan(history.add)
    return history


def _unseen(_done: int, _total: int) -> None:
    """A page has no progress bar."""
