"""The listening pages: blind pairs of both voice models, and readings of a line side by side; played and judged.

Of a blind pair neither the page nor the audio's address says which take is which.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from schemas.enums import FAULTS, PairSide
from schemas.pair import Pair
from worker.batch.take_votes import ChosenTake
from worker.console.access.tokens import Scope
from worker.console.web.guard import guarded
from worker.console.web.listen.ballot import read_ballot
from worker.console.web.parts import ConsoleParts
from worker.console.web.visit import Visit, see
from worker.listening.matched_audio import MEDIA_TYPE

_LISTEN: Final = "/listen"
_TAKES: Final = "/takes"


def listen_routes(parts: ConsoleParts) -> list[Route]:
    """The routes."""
    return [
        Route(_LISTEN, guarded(parts, Scope.LISTEN, _show_blind), methods=["GET"]),
        Route(_LISTEN, guarded(parts, Scope.LISTEN, partial(_vote, path=_LISTEN)), methods=["POST"]),
        Route(f"{_LISTEN}/{{side}}", guarded(parts, Scope.LISTEN, _play), methods=["GET"]),
        Route(_TAKES, guarded(parts, Scope.LISTEN, _show_readings), methods=["GET"]),
        Route(_TAKES, guarded(parts, Scope.LISTEN, partial(_vote, path=_TAKES)), methods=["POST"]),
        Route(f"{_TAKES}/{{side}}", guarded(parts, Scope.LISTEN, _play), methods=["GET"]),
    ]


async def _show_blind(visit: Visit) -> Response:
    room, listener = visit.parts.room, visit.client.name
    character = visit.request.query_params.get("character") or None
    pairs = room.blind()
    ready = await room.takes.ready(pairs)
    pair = room.votes.next_pair(ready, listener, character)
    return visit.page(
        "listen.html",
        pair=pair,
        ticket=room.show(listener, pair)[1] if pair else "",
        progress=room.votes.progress(pairs, ready, listener),
        character=character,
        faults=[each.value for each in FAULTS],
        any_ready=bool(ready),
        any_pairs=bool(pairs),
    )


@dataclass(frozen=True)
class _Row:
    """Two readings of a line, and which one was chosen of all that were heard of it."""

    pair: Pair
    chosen: ChosenTake | None
    is_ready: bool


async def _show_readings(visit: Visit) -> Response:
    room, listener = visit.parts.room, visit.client.name
    pairs = room.readings()
    ready = await room.takes.ready(pairs)
    wanted = visit.request.query_params.get("pair", "")
    pair = next((each for each in ready if each.pair_id == wanted), None) or room.votes.next_pair(ready, listener, None)
    rows = [_Row(each, room.choices.chosen(_numbers(each, pairs)), each in ready) for each in pairs]
    return visit.page(
        "takes.html",
        pair=pair,
        ticket=room.show(listener, pair)[1] if pair else "",
        rows=rows,
        faults=[each.value for each in FAULTS],
    )


def _numbers(pair: Pair, pairs: Sequence[Pair]) -> dict[str, int]:
    """The numbers of all takes that are compared with these, directly or by others, by their keys."""
    same = [each for each in pairs if (each.character, each.line) == (pair.character, pair.line)]
    numbers = {take.audio: take.take for take in (pair.first, pair.second)}
    while True:
        linked = {
            take.audio: take.take for each in same if each.takes & numbers.keys() for take in (each.first, each.second)
        }
        if linked.keys() <= numbers.keys():
            return numbers
        numbers |= linked


async def _play(visit: Visit) -> Response:
    side = visit.request.path_params["side"]
    if side not in {PairSide.FIRST, PairSide.SECOND}:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    room = visit.parts.room
    first, second = room.open(visit.request.query_params.get("ticket", ""), visit.client.name).played
    take, beside = (first, second) if side == PairSide.FIRST else (second, first)
    return Response(await room.audio.wav(take.audio, beside.audio), media_type=MEDIA_TYPE)


async def _vote(visit: Visit, *, path: str) -> Response:
    form, room, listener = visit.form, visit.parts.room, visit.client.name
    ticket = form.get("ticket", "")
    shown = room.open(ticket, listener)
    vote = read_ballot(shown, form, session=visit.session.csrf[:16], time=visit.parts.clock.now(), ticket=ticket)
    if not (shown.pair.compares_models and room.votes.has_judged(listener, shown.pair)):
        await room.vote(vote)
    character = form.get("character", "")
    return see(path, **({"character": character} if character else {}))
