"""The listening page: blind pairs, played and judged. The audio's address says nothing of its voice model."""

import hashlib
from http import HTTPStatus
from typing import Final

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from schemas.enums import FAULTS, PairSide, VoiceModel, VoteChoice
from schemas.errors import UsageError
from schemas.vote import Vote
from worker.console.access.tokens import Scope
from worker.console.web.guard import guarded
from worker.console.web.listen.pairs import Pair
from worker.console.web.listen.room import Shown
from worker.console.web.parts import ConsoleParts
from worker.console.web.visit import Visit, see

_PATH: Final = "/listen"
_SOURCE: Final = "/console/listening"
_TYPES: Final = {"ogg": "audio/ogg", "mp3": "audio/mpeg", "wav": "audio/wav"}


def listen_routes(parts: ConsoleParts) -> list[Route]:
    """The routes."""
    return [
        Route(_PATH, guarded(parts, Scope.LISTEN, _show), methods=["GET"]),
        Route(_PATH, guarded(parts, Scope.LISTEN, _vote), methods=["POST"]),
        Route(f"{_PATH}/{{side}}", guarded(parts, Scope.LISTEN, _play), methods=["GET"]),
    ]


async def _show(visit: Visit) -> Response:
    room, listener = visit.parts.room, visit.client.name
    character = visit.request.query_params.get("character") or None
    pairs = room.pairs()
    pair = room.votes.next_pair(pairs, listener, character)
    return visit.page(
        "listen.html",
        pair=pair,
        ticket=room.show(listener, pair) if pair else "",
        progress=room.votes.progress(pairs, listener),
        character=character,
        faults=[each.value for each in FAULTS],
        any_pairs=bool(pairs),
    )


async def _play(visit: Visit) -> Response:
    side = visit.request.path_params["side"]
    if side not in {PairSide.FIRST, PairSide.SECOND}:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    shown, pair = visit.parts.room.open(visit.request.query_params.get("ticket", ""), visit.client.name)
    key = _takes(shown, pair)[side == PairSide.SECOND][1]
    audio = await visit.parts.room.fetch(key)
    media_type = _TYPES.get(key.rpartition(".")[2], "application/octet-stream")
    return Response(audio, media_type=media_type)


async def _vote(visit: Visit) -> Response:
    form, room = visit.form, visit.parts.room
    shown, pair = room.open(form.get("ticket", ""), visit.client.name)
    (first_model, first), (second_model, second) = _takes(shown, pair)
    choice = form.get("choice", "")
    fault = (
        {"side": form.get("side", ""), "reason": form.get("reason", "")} if choice == VoteChoice.CANNOT_USE else None
    )
    # A form that is sent twice is one vote.
    digest = hashlib.sha256("\n".join((visit.client.name, *sorted(pair.takes))).encode()).hexdigest()
    document = {
        "vote_id": f"console-{digest[:32]}",
        "character": pair.character,
        "line": pair.line,
        "language": pair.language,
        "first": {"audio": first, "voice_model": first_model, "voice": await room.voice(first)},
        "second": {"audio": second, "voice_model": second_model, "voice": await room.voice(second)},
        "choice": choice,
        "fault": fault,
        "listener_id": visit.client.name,
        "session": visit.session.csrf[:16],
        "time": visit.parts.clock.now().isoformat(),
        "source": _SOURCE,
    }
    try:
        vote = Vote.model_validate({name: value for name, value in document.items() if value is not None})
    except ValidationError as error:
        place = error.errors(include_input=False)[0]
        raise UsageError(f"{'.'.join(map(str, place['loc']))}: {place['msg']}") from None
    if not room.votes.has_judged(visit.client.name, pair):
        await room.vote(vote)
    character = form.get("character", "")
    return see(_PATH, **({"character": character} if character else {}))


def _takes(shown: Shown, pair: Pair) -> tuple[tuple[VoiceModel, str], tuple[VoiceModel, str]]:
    """The voice model and the take that are played first, and those that are played second."""
    chirp, wavenet = (VoiceModel.CHIRP3_HD, pair.chirp), (VoiceModel.WAVENET, pair.wavenet)
    return (chirp, wavenet) if shown.chirp_first else (wavenet, chirp)
