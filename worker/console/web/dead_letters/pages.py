"""The pages of the dead letters: the causes, one letter, and their replay with a dry run first."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from starlette.responses import Response
from starlette.routing import Route

from schemas.enums import PROBLEM_CLASSES, Lane
from schemas.errors import RefusedError
from worker.console.access.tokens import Scope
from worker.console.web.dead_letters.selection import (
    FIELDS,
    MOST_AT_ONCE,
    REPLAY_FIELDS,
    read_request,
    read_selection,
)
from worker.console.web.dead_letters.view import (
    by_cause,
    edited_example,
    planned_by_cause,
    shown_letters,
    whole_letter,
)
from worker.console.web.guard import guarded
from worker.console.web.parts import ConsoleParts
from worker.console.web.visit import Visit, see
from worker.kafka.dead_letters.decoder import DeadLetter
from worker.kafka.dead_letters.filter import LetterFilter, check_ids
from worker.kafka.dead_letters.reader import read_letters
from worker.kafka.dead_letters.replay import connect_replayer
from worker.kafka.dead_letters.replay_plan import ReplayPlan, ReplayRequest, plan_replay
from worker.kafka.scan.topic_scanner import no_progress

_PATH: Final = "/dead-letters"
_SHOWN: Final = 100
_LONGEST_S: Final = 60.0
_log = structlog.get_logger(__name__)


def dead_letter_routes(parts: ConsoleParts) -> list[Route]:
    """The routes."""
    return [
        Route(_PATH, guarded(parts, Scope.READ, _show_all), methods=["GET"]),
        Route(f"{_PATH}/replay", guarded(parts, Scope.OPERATE, _replay), methods=["POST"]),
        Route(f"{_PATH}/{{letter_id}}", guarded(parts, Scope.READ, _show_one), methods=["GET"]),
    ]


async def _show_all(visit: Visit) -> Response:
    query, parts = visit.request.query_params, visit.parts
    wanted = read_selection(query, parts.clock.now())
    async with parts.one_scan, asyncio.timeout(_LONGEST_S):
        scan = await read_letters(parts.settings.kafka, wanted, values=False, progress=no_progress)
    return visit.page(
        "dead_letters.html",
        selected=_kept(query, FIELDS),
        causes=by_cause(scan.letters),
        letters=scan.letters[::-1][:_SHOWN],
        found=len(scan.letters),
        unreadable=scan.unreadable,
        sent=query.get("sent", ""),
        most=MOST_AT_ONCE,
        **_choices(parts),
    )


async def _show_one(visit: Visit) -> Response:
    letter_id = visit.request.path_params["letter_id"]
    async with visit.parts.one_scan:
        letters = await _letters(visit.parts, LetterFilter(ids=(letter_id,)))
    letter = next((each for each in letters if each.id == letter_id), letters[0])
    return visit.page("dead_letter.html", whole=whole_letter(letter), **_choices(visit.parts))


async def _replay(visit: Visit) -> Response:
    parts = visit.parts
    wanted = read_selection(visit.form, parts.clock.now())
    request = read_request(visit.form, parts.settings.worker.max_text_bytes, parts.catalogue.admit)
    if visit.form.get("confirmed") == "yes":
        return see(_PATH, sent=str(await _send(visit, wanted, request)))
    plan = await _plan(parts, wanted, request)
    return visit.page(
        "replay.html",
        fields=_kept(visit.form, (*FIELDS, *REPLAY_FIELDS)),
        planned=planned_by_cause(plan),
        plan=plan,
        shown=shown_letters(plan),
        total=len(plan.items),
        example=edited_example(plan) if request.edits else None,
        most=MOST_AT_ONCE,
    )


async def _send(visit: Visit, wanted: LetterFilter, request: ReplayRequest) -> int:
    """Replays the letters that the dry run showed.

    Raises:
        RefusedError: it would be other letters now.
    """
    kafka = visit.parts.settings.kafka
    # No other replay can mark letters between the reading and the sending.
    async with visit.parts.one_scan, connect_replayer(kafka, visit.parts.clock) as replayer:
        plan = plan_replay(await _letters(visit.parts, wanted), request)
        if shown_letters(plan) != visit.form.get("shown"):
            raise RefusedError("nothing sent: the letters are others than the dry run showed; look again")
        sent = await replayer.replay(plan.items, None, no_progress)
    _log.info("console_replayed", client=visit.client.name, letters=sent)
    return sent


async def _plan(parts: ConsoleParts, wanted: LetterFilter, request: ReplayRequest) -> ReplayPlan:
    async with parts.one_scan:
        return plan_replay(await _letters(parts, wanted), request)


async def _letters(parts: ConsoleParts, wanted: LetterFilter) -> list[DeadLetter]:
    """The letters with their values.

    Raises:
        UsageError: an id matches none.
    """
    async with asyncio.timeout(_LONGEST_S):
        scan = await read_letters(parts.settings.kafka, wanted, values=True, progress=no_progress)
    check_ids(scan.letters, wanted.ids)
    return scan.letters


def _kept(given: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """The fields of a form or an address that say which letters are meant, and how they are replayed."""
    return {name: given.get(name, "") for name in names}


def _choices(parts: ConsoleParts) -> dict[str, Any]:
    return {"classes": PROBLEM_CLASSES, "lanes": list(Lane), "names": sorted(parts.names)}
