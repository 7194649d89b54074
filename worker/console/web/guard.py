"""What each page and each form passes before it is answered: login, scope, limit, origin and the form's secret."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import structlog
from aiokafka.errors import KafkaError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from schemas.errors import ChirpWorkerError, RefusedError, UnavailableError, UsageError
from worker.console.access.local_host import is_loopback
from worker.console.access.tokens import Client, Scope
from worker.console.web.forms import check_csrf, check_origin, read_form
from worker.console.web.parts import ConsoleParts
from worker.console.web.session import Session, new_session
from worker.console.web.visit import Visit, render

Page = Callable[[Visit], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]

_STATUS: Final[Mapping[type[ChirpWorkerError], HTTPStatus]] = {
    UsageError: HTTPStatus.UNPROCESSABLE_ENTITY,
    RefusedError: HTTPStatus.CONFLICT,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}
_log = structlog.get_logger(__name__)


def guarded(parts: ConsoleParts, scope: Scope | None, page: Page, *, also: Sequence[Scope] = ()) -> Endpoint:
    """The endpoint of a page or a form, for clients with this scope; None: for each client.

    Args:
        also: the client needs one of these too.
    """

    async def endpoint(request: Request) -> Response:
        changes = request.method == "POST"
        if changes:
            check_origin(request)
        signed_in = _signed_in(parts, request)
        if signed_in is None:
            return _to_login(parts, request)
        session, client, is_new = signed_in
        if scope is not None and scope not in client.scopes:
            return _refusal(parts, request, HTTPStatus.FORBIDDEN, "scope", scope=scope.value, name=client.name)
        if also and client.scopes.isdisjoint(also):
            named = " or ".join(also)
            return _refusal(parts, request, HTTPStatus.FORBIDDEN, "scope", scope=named, name=client.name)
        if (wait_s := parts.clients.seconds_to_wait(client)) is not None:
            refused = _refusal(parts, request, HTTPStatus.TOO_MANY_REQUESTS, "too_many", seconds=wait_s)
            refused.headers["Retry-After"] = str(wait_s)
            return refused
        form: Mapping[str, str] = {}
        if changes:
            form = await read_form(request)
            check_csrf(form, session)
        answer = await _answered(Visit(request, parts, client, session, form), page)
        if is_new:
            parts.sessions.write(request, answer, session)
        return answer

    return endpoint


def problem_page(parts: ConsoleParts) -> Callable[[Request, Exception], Awaitable[Response]]:
    """The handler of HTTP errors, such as of an address that there isn't."""

    async def answer(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
        known = {HTTPStatus.NOT_FOUND: "not_found", HTTPStatus.FORBIDDEN: "forged"}
        return _refusal(parts, request, status, known.get(HTTPStatus(status), "other"))

    return answer


def _signed_in(parts: ConsoleParts, request: Request) -> tuple[Session, Client, bool] | None:
    """The session, its client, and whether the session begins here."""
    session = parts.sessions.read(request)
    if (local := parts.clients.local) is not None:
        if not is_loopback(request.headers.get("host", "")):
            raise HTTPException(HTTPStatus.FORBIDDEN)
        return (session, local, False) if session else (new_session(""), local, True)
    client = parts.clients.authenticate(session.token) if session else None
    return (session, client, False) if session and client else None


def _to_login(parts: ConsoleParts, request: Request) -> Response:
    if request.method != "GET" or request.headers.get("hx-request"):
        # htmx follows this header; a form's content is lost, as nobody knows who sent it.
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": "/login"})
    if request.headers.get("sec-fetch-site") == "cross-site":
        # A link in a chat: the browser kept the cookie back (SameSite=Strict). It sends it when the page loads itself.
        return render(parts, request, "again.html")
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?next={quote(path, safe='')}", HTTPStatus.SEE_OTHER)


async def _answered(visit: Visit, page: Page) -> Response:
    """The page's answer; a page of its own for what the command line would end with one line for."""
    try:
        return await page(visit)
    except ChirpWorkerError as error:
        status = next((code for family, code in _STATUS.items() if isinstance(error, family)), None)
        if status is None:
            raise
        return visit.page("problem.html", status, said=str(error), key=None, fields={})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        said = f"{where}: {first['msg']}"
        return visit.page("problem.html", HTTPStatus.UNPROCESSABLE_ENTITY, said=said, key=None, fields={})
    except (KafkaError, OSError) as error:
        _log.warning("console_unavailable", path=visit.request.url.path, error=f"{type(error).__name__}: {error}")
        said = str(error) or type(error).__name__
        return visit.page("problem.html", HTTPStatus.SERVICE_UNAVAILABLE, said=said, key=None, fields={})


def _refusal(parts: ConsoleParts, request: Request, status: int, key: str, **fields: object) -> Response:
    return render(parts, request, "problem.html", status, said="", key=f"problem.{key}", fields=fields)
