"""The pages of the lines: the latest ones, one line's whole way, its audio and its waveform."""

import asyncio
import re
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from worker.console.access.tokens import Scope
from worker.console.web.guard import guarded
from worker.console.web.lines.ages import AGES
from worker.console.web.lines.cancel_pages import cancel_routes
from worker.console.web.lines.history import latest_first
from worker.console.web.lines.history_reader import read_history
from worker.console.web.lines.latest import latest_completions
from worker.console.web.lines.redo_pages import redo_routes
from worker.console.web.lines.search_pages import search_routes, selection, show_search
from worker.console.web.lines.waveform import HEIGHT, loudest, path_of
from worker.console.web.parts import ConsoleParts
from worker.console.web.visit import Visit
from worker.speech.audio_format import BadAudioError, decode
from worker.speech.sound import block_samples, frame_samples
from worker.storage.takes import StoredTake

_PATH: Final = "/lines"
_SHOWN: Final = 50
_LONGEST_S: Final = 60.0
# A take's key after the deployment's prefix: character, voice model, the digest's beginning, the digest.
_TAKE: Final = re.compile(r"(?!\.)[^/\x00-\x1f]+/(?:chirp3-hd|wavenet)/[0-9a-f]{2}/[0-9a-f]{64}\.[a-z0-9]+")


def line_routes(parts: ConsoleParts) -> list[Route]:
    """The routes."""
    return [
        Route(_PATH, guarded(parts, Scope.READ, _show), methods=["GET"]),
        *search_routes(parts),
        *redo_routes(parts),
        *cancel_routes(parts),
        Route(f"{_PATH}/waveform", guarded(parts, Scope.READ, _draw), methods=["GET"]),
        Route(f"{_PATH}/audio", guarded(parts, Scope.READ, _play), methods=["GET"]),
    ]


async def _show(visit: Visit) -> Response:
    selected = selection(visit)
    if selected["job_id"]:
        history = await read_history(visit.parts, selected["job_id"], AGES[selected["since"]])
        requested = visit.request.query_params.get("requested", "")
        shown: dict[str, Any] = {
            "steps": history.steps(),
            "unreadable": history.unreadable,
            "requested": requested,
            "waiting": history.waiting(),
            "cancelled": visit.request.query_params.get("cancelled", ""),
        }
        return visit.page("line.html", **shown, **selected)
    if selected["text"] or selected["character"]:
        return show_search(visit)
    async with visit.parts.one_scan, asyncio.timeout(_LONGEST_S):
        records = await latest_completions(visit.parts.settings.kafka)
    return visit.page("lines.html", latest=latest_first(records, _SHOWN), **selected)


async def _draw(visit: Visit) -> Response:
    """The waveform of a take, for a page that shows its player."""
    take, audio = await _take(visit)

    def draw() -> str:
        moment = frame_samples(take.sample_rate)
        return path_of(loudest(decode(audio, take.encoding, block_samples(take.sample_rate)), moment))

    try:
        bars = await asyncio.to_thread(draw)
    except BadAudioError as error:
        return visit.page("waveform.html", bars="", seconds=take.duration_s, problem=str(error))
    drawn = visit.page(
        "waveform.html", bars=bars, seconds=take.duration_s, problem="", width=bars.count("M"), height=HEIGHT
    )
    # A key stands for one sound for ever.
    drawn.headers["Cache-Control"] = "private, max-age=86400"
    return drawn


async def _take(visit: Visit) -> tuple[StoredTake, bytes]:
    """The take that an address names.

    Raises:
        HTTPException: 404, there is none.
    """
    found = await visit.parts.fetch_take(_key(visit))
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return found


async def _play(visit: Visit) -> Response:
    """Leads to the audio of a take, which the store or a CDN serves."""
    return RedirectResponse(await visit.parts.audio_url(_key(visit)), HTTPStatus.FOUND)


def _key(visit: Visit) -> str:
    """The key of a take of this deployment.

    Raises:
        HTTPException: 404, it is none.
    """
    key = visit.request.query_params.get("key", "")
    prefix = visit.parts.settings.storage.prefix
    within = f"{prefix}/" if prefix else ""
    if not key.startswith(within) or _TAKE.fullmatch(key.removeprefix(within)) is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return key
