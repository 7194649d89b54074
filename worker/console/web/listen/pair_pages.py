"""The pages that make blind pairs: characters and lines chosen, the price before and after, then confirmed."""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final

from cryptography.fernet import InvalidToken
from starlette.responses import Response
from starlette.routing import Route

from schemas.errors import UsageError
from schemas.job import Job
from worker.console.access.tokens import Scope
from worker.console.web.guard import guarded
from worker.console.web.parts import ConsoleParts
from worker.console.web.visit import Visit, see
from worker.kafka.client.submit import job_record
from worker.listening.pair_maker import MOST_LINES, PairRequest, check_limit, jobs_of_text
from worker.listening.pair_plan import PairPlan
from worker.rollout.log.codec import current_state

_PATH: Final = "/pairs"
_CHARACTER: Final = "character."
_LINES: Final = 20
_LIMIT: Final = 1.0
_HIGHEST_LIMIT: Final = 1000.0
# A form may have 256 KiB.
_LARGEST_TICKET: Final = 200_000


def pair_routes(parts: ConsoleParts) -> list[Route]:
    """The routes."""
    return [
        Route(_PATH, guarded(parts, Scope.OPERATE, _show), methods=["GET"]),
        Route(f"{_PATH}/progress", guarded(parts, Scope.OPERATE, _show_progress), methods=["GET"]),
        Route(f"{_PATH}/plan", guarded(parts, Scope.OPERATE, _plan), methods=["POST"]),
        Route(f"{_PATH}/make", guarded(parts, Scope.OPERATE, _make), methods=["POST"]),
    ]


async def _show(visit: Visit) -> Response:
    revisions, names = visit.parts.feed.revisions, visit.parts.names
    exposed = current_state(revisions).exposed_characters(names, visit.parts.clock.now()) if revisions else frozenset()
    return visit.page(
        "pairs.html",
        characters=sorted(names),
        # Before the first stage nobody has Chirp: then all are to be heard.
        chosen=exposed or names,
        lines=_LINES,
        most=MOST_LINES,
        limit=_LIMIT,
        made=visit.request.query_params.get("made", ""),
        **await _progress(visit),
    )


async def _show_progress(visit: Visit) -> Response:
    return visit.page("pairs_progress.html", **await _progress(visit))


async def _progress(visit: Visit) -> dict[str, Any]:
    room = visit.parts.room
    pairs = room.blind()
    progress = room.votes.progress(pairs, await room.takes.ready(pairs), visit.client.name)
    return {"progress": progress, "making": sum(each.making for each in progress)}


async def _plan(visit: Visit) -> Response:
    form = visit.form
    script = form.get("script", "").strip()
    lines = jobs_of_text(script, visit.parts.settings.worker.max_text_bytes) if script else None
    request = PairRequest(
        [name.removeprefix(_CHARACTER) for name in form if name.startswith(_CHARACTER)],
        _whole_number(form, "lines"),
        f"/console/{visit.client.name}",
    )
    limit = _dollars(form, "limit")
    async with visit.parts.one_scan:
        plan = await visit.parts.maker.plan(request, lines)
    return _ask(visit, plan, limit, raised=False)


async def _make(visit: Visit) -> Response:
    limit, shown, jobs = _opened(visit, visit.form.get("ticket", ""))
    characters = {each.character for each in jobs}
    request = PairRequest(characters, MOST_LINES, f"/console/{visit.client.name}")
    plan = await visit.parts.maker.plan(request, jobs)
    if plan.price.exceeds(shown):
        # Takes that were stored are gone.
        return _ask(visit, plan, limit, raised=True)
    check_limit(plan, limit)
    await visit.parts.maker.make(plan)
    for each in plan.pairs:
        visit.parts.room.pairs.add(each.pair)
    return see(_PATH, made=str(len(plan.pairs)))


def _ask(visit: Visit, plan: PairPlan, limit: float, *, raised: bool) -> Response:
    price = plan.price
    ticket = _ticket(visit, plan, limit)
    return visit.page(
        "pairs_confirm.html",
        rows=plan.by_character(visit.parts.room.blind()),
        price=price,
        limit=limit,
        exceeds=price.exceeds(limit),
        jobs=sum(1 for _ in plan.missing()),
        raised=raised,
        ticket=ticket,
    )


def _ticket(visit: Visit, plan: PairPlan, limit: float) -> str:
    """The lines of a plan, sealed: the latest ones would be others when it is confirmed."""
    jobs = [each.chirp.job.model_copy(update={"job_id": each.pair.line}) for each in plan.pairs]
    content = [visit.client.name, limit, plan.price.dollars, [job_record(job).decode() for job in jobs]]
    packed = b64encode(zlib.compress(json.dumps(content).encode())).decode()
    sealed = visit.parts.sessions.seal(packed)
    if len(sealed) > _LARGEST_TICKET:
        raise UsageError("lines: these are too long for a page; choose fewer, or use `chirp-worker listening make`")
    return sealed


def _opened(visit: Visit, ticket: str) -> tuple[float, float, list[Job]]:
    """The limit, the price that was shown, and the lines.

    Raises:
        UsageError: the ticket isn't this client's, or is too old.
    """
    try:
        packed = visit.parts.sessions.unseal(ticket)
        name, limit, shown, records = json.loads(zlib.decompress(b64decode(packed)))
    except (InvalidToken, ValueError, TypeError, zlib.error):
        raise UsageError("ticket: isn't one of this page, or is too old; begin again") from None
    if name != visit.client.name:
        raise UsageError("ticket: is another client's; begin again")
    return limit, shown, [Job.model_validate_json(each) for each in records]


def _whole_number(form: Mapping[str, str], name: str) -> int:
    text = form.get(name, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 6):  # noqa: PLR2004
        raise UsageError(f"{name}={text[:40]!a}: allowed is a whole number from 1 to {MOST_LINES}")
    return int(text)


def _dollars(form: Mapping[str, str], name: str) -> float:
    text = form.get(name, "").strip()
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= _HIGHEST_LIMIT:
        raise UsageError(f"{name}={text[:40]!a}: allowed is an amount in USD from 0 to {_HIGHEST_LIMIT:g}")
    return value
