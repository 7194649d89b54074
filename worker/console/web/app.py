"""The console as an application of its own, to be mounted at `/` behind the HTTP API's routes."""

from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from worker.console.access.tokens import Scope
from worker.console.web.batch.pages import batch_routes
from worker.console.web.dead_letters.pages import dead_letter_routes
from worker.console.web.fleet.pages import fleet_routes
from worker.console.web.guard import guarded, problem_page
from worker.console.web.headers import SecurityHeaders
from worker.console.web.lines.pages import line_routes
from worker.console.web.listen.pages import listen_routes
from worker.console.web.listen.pair_pages import pair_routes
from worker.console.web.listen.result_pages import result_routes
from worker.console.web.login import login_routes
from worker.console.web.parts import ConsoleParts
from worker.console.web.rollout.pages import rollout_routes
from worker.console.web.visit import Visit, see

_STATIC: Final = Path(__file__).with_name("static")


def create_console(parts: ConsoleParts) -> Starlette:
    """The console. The feed of its parts must run beside it."""

    async def show_first(visit: Visit) -> Response:
        # Who may only listen sees nothing else.
        return see("/rollout" if Scope.READ in visit.client.scopes else "/listen")

    return Starlette(
        routes=[
            Route("/", guarded(parts, None, show_first), methods=["GET"]),
            *login_routes(parts),
            *rollout_routes(parts),
            *line_routes(parts),
            *dead_letter_routes(parts),
            *fleet_routes(parts),
            *batch_routes(parts),
            *listen_routes(parts),
            *result_routes(parts),
            *pair_routes(parts),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={HTTPException: problem_page(parts)},
    )
