"""The results of listening: a table, a picture, and both as files."""

from typing import Final

from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import Route

from worker.console.access.tokens import Scope
from worker.console.web.guard import guarded
from worker.console.web.language import chosen_language, translator
from worker.console.web.parts import ConsoleParts
from worker.console.web.visit import Visit
from worker.listening.picture import Words, draw_results
from worker.listening.results import DEFAULT, CharacterResult, Criterion, criterion_of, results_of, to_csv
from worker.rollout.analysis.preferences import Decision
from worker.rollout.log.codec import current_state
from worker.rollout.plan.active import active_plan
from worker.rollout.plan.document import InvalidFileError

_PATH: Final = "/results"


def result_routes(parts: ConsoleParts) -> list[Route]:
    """The routes."""
    return [
        Route(_PATH, guarded(parts, Scope.READ, _show), methods=["GET"]),
        Route(f"{_PATH}/votes.csv", guarded(parts, Scope.READ, _as_csv), methods=["GET"]),
        Route(f"{_PATH}/votes.svg", guarded(parts, Scope.READ, _as_picture), methods=["GET"]),
    ]


async def _show(visit: Visit) -> Response:
    results, criterion = _results(visit)
    drawn = [each for each in results if each.votes]
    # Whatever it holds of others' texts is escaped where it is drawn.
    picture = Markup(draw_results(drawn, criterion, _words(visit))) if drawn else None  # noqa: S704
    votes = visit.parts.room.counted
    return visit.page("results.html", results=results, criterion=criterion, picture=picture, repeated=votes.repeated)


async def _as_csv(visit: Visit) -> Response:
    results, criterion = _results(visit)
    return _file(to_csv(results, criterion), "text/csv; charset=utf-8", "listening.csv")


async def _as_picture(visit: Visit) -> Response:
    results, criterion = _results(visit)
    drawn = [each for each in results if each.votes]
    return _file(draw_results(drawn, criterion, _words(visit)), "image/svg+xml", "listening.svg")


def _file(content: str, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content.encode("utf-8", "backslashreplace"), media_type=media_type, headers=headers)


def _results(visit: Visit) -> tuple[list[CharacterResult], Criterion]:
    room = visit.parts.room
    criterion = _criterion(visit)
    return results_of(room.counted, {each.character for each in room.blind()}, criterion), criterion


def _criterion(visit: Visit) -> Criterion:
    """The gate's of the running stage; the default where there is none, or where this version can't read the plan."""
    revisions = visit.parts.feed.revisions
    run = None if revisions is None else current_state(revisions).run
    if run is None:
        return DEFAULT
    try:
        return criterion_of(active_plan(run, visit.parts.names), run.stage)
    except InvalidFileError:
        return DEFAULT


def _words(visit: Visit) -> Words:
    t = translator(chosen_language(visit.request))
    verdicts = {each.value: t(f"results.verdict_{each.name.lower()}") for each in Decision}
    return Words(t("results.picture"), verdicts, t("results.of_votes", n="{n}"))
