"""The rollout's page, its live part, and its verbs."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from schemas.errors import RefusedError, UnavailableError, UsageError
from worker.console.access.tokens import Scope
from worker.console.web.guard import Page, guarded
from worker.console.web.parts import ConsoleParts
from worker.console.web.rollout.view import RolloutView, build_view, describe_change
from worker.console.web.visit import Visit, see
from worker.rollout.changes import Change, Verb
from worker.rollout.controller.verbs import PeoplesVerbs
from worker.rollout.log.codec import Provenance, current_state
from worker.rollout.log.reader import open_log
from worker.rollout.log.revisions import RevisionLog
from worker.rollout.log.writer import RevisionWriter
from worker.rollout.plan.active import active_plan
from worker.rollout.plan.document import InvalidFileError
from worker.rollout.plan.model import Plan
from worker.rollout.state import RolloutState

_PATH: Final = "/rollout"
_REFRESH_S: Final = 15.0
_SHOWS_OWN_S: Final = 5.0

_Named = Callable[[Visit, PeoplesVerbs], Verb]
_VERBS: Final[Mapping[str, _Named]] = {
    "off": lambda _, verbs: verbs.turn_off(),
    "pause": lambda _, verbs: verbs.pause(),
    "resume": lambda _, verbs: verbs.resume(),
    "promote": lambda _, verbs: verbs.promote(),
    "step-back": lambda _, verbs: verbs.step_back(),
    "approve": lambda visit, verbs: verbs.answer(visit.form.get("question", ""), _provenance(visit), approved=True),
    "reject": lambda visit, verbs: verbs.answer(visit.form.get("question", ""), _provenance(visit), approved=False),
    "exclude": lambda visit, verbs: verbs.exclude(visit.form.get("character", "")),
    "include": lambda visit, verbs: verbs.include(visit.form.get("character", "")),
}
_OF_PLAN: Final = ("pause", "resume", "promote", "step-back")


class _UnconfirmedError(Exception):
    """A change that needs confirmation."""

    def __init__(self, change: Change) -> None:
        super().__init__()
        self.change = change


def rollout_routes(parts: ConsoleParts) -> list[Route]:
    """The routes."""
    return [
        Route(_PATH, guarded(parts, Scope.READ, _show), methods=["GET"]),
        Route(f"{_PATH}/now", guarded(parts, Scope.READ, _show_now), methods=["GET"]),
        Route(f"{_PATH}/events", guarded(parts, Scope.READ, _events), methods=["GET"]),
        *(
            Route(f"{_PATH}/{name}", guarded(parts, Scope.OPERATE, _changing(name, verb)), methods=["POST"])
            for name, verb in _VERBS.items()
        ),
    ]


async def _show(visit: Visit) -> Response:
    view = _view(visit.parts)
    made = visit.request.query_params.get("made", "")
    revisions = visit.parts.feed.revisions
    done = revisions.by_number(int(made)) if revisions and made.isascii() and made.isdigit() else None
    return visit.page("rollout.html", view=view, ways=_ways(visit), done=done, unchanged=made == "none")


async def _show_now(visit: Visit) -> Response:
    return visit.page("rollout_now.html", view=_view(visit.parts), ways=_ways(visit))


async def _events(visit: Visit) -> Response:
    feed, streams = visit.parts.feed, visit.parts.streams
    if streams.full:
        raise UnavailableError(f"{streams.most} event streams are open, as many as may")

    async def changes() -> AsyncIterator[bytes]:
        # The first event comes at once: what changed while nothing was connected is shown then.
        with streams.one():
            while True:
                version = feed.version
                yield f"event: changed\ndata: {version}\n\n".encode()
                if not await feed.wait_for_change(version, _REFRESH_S):
                    return

    return StreamingResponse(changes(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _changing(name: str, named: _Named) -> Page:
    async def change(visit: Visit) -> Response:
        confirmed = visit.form.get("confirmed") == "yes"
        verb = named(visit, PeoplesVerbs(visit.parts.names, visit.parts.clock.now))
        expected = _expected(visit) if confirmed else None
        kafka, clock = visit.parts.settings.kafka, visit.parts.clock
        try:
            async with open_log(kafka, clock) as log:
                await log.read_to_end()
                confirm = _confirmed if confirmed else _unconfirmed
                made = await RevisionWriter(log, kafka, clock).change(verb, _provenance(visit), confirm, expected)
        except _UnconfirmedError as error:
            return _ask(visit, name, error.change)
        if made.is_noop:
            return see(_PATH, made="none")
        await visit.parts.feed.wait_for_revision(made.after.revision, _SHOWS_OWN_S)
        return see(_PATH, made=str(made.after.revision))

    return change


def _provenance(visit: Visit) -> Provenance:
    return Provenance(visit.client.name, visit.form.get("reason", "").strip())


def _expected(visit: Visit) -> int:
    """The revision for which a change was shown and confirmed.

    Raises:
        UsageError: the form has none.
    """
    text = visit.form.get("revision", "")
    if not (text.isascii() and text.isdigit() and len(text) < 16):  # noqa: PLR2004
        raise UsageError(f"revision={text[:100]!a}: allowed is a revision's number")
    return int(text)


def _confirmed(_: Change) -> None:
    """The visitor has confirmed it."""


def _unconfirmed(change: Change) -> None:
    raise _UnconfirmedError(change)


def _ask(visit: Visit, name: str, change: Change) -> Response:
    """The page that shows what a change widens, and makes it when it is confirmed."""
    fields = {key: visit.form[key] for key in ("question", "character", "reason") if key in visit.form}
    shown = describe_change(change.before, change.after, visit.parts.names, change.now)
    return visit.page(
        "confirm.html", action=f"{_PATH}/{name}", verb=name, fields=fields, change=shown, widens=change.widens,
        revision=change.before.revision,
    )  # fmt: skip


def _known(parts: ConsoleParts) -> RevisionLog:
    """The revisions.

    Raises:
        UnavailableError: the topic hasn't been read to its end yet.
    """
    if parts.feed.revisions is None:
        raise UnavailableError(parts.feed.problem or "the rollout's topic hasn't been read to its end yet")
    return parts.feed.revisions


def _plan(state: RolloutState, names: frozenset[str]) -> Plan | None:
    if state.run is None:
        return None
    try:
        return active_plan(state.run, names)
    except InvalidFileError:
        # A plan of a newer version: its controller alone can read it.
        return None


def _view(parts: ConsoleParts) -> RolloutView:
    revisions = _known(parts)
    plan = _plan(current_state(revisions), parts.names)
    return build_view(revisions, list(parts.feed.rounds), plan, parts.names, parts.clock.now())


def _ways(visit: Visit) -> Mapping[str, str]:
    """Why each verb of the plan is refused now; an empty text where it is allowed."""
    state = current_state(_known(visit.parts))
    verbs = PeoplesVerbs(visit.parts.names, visit.parts.clock.now)
    refusals = {}
    for name in _OF_PLAN:
        try:
            refusals[name] = "" if _VERBS[name](visit, verbs)(state) != state else "-"
        except (RefusedError, UsageError) as error:
            refusals[name] = str(error)
    return refusals
