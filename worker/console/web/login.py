"""Login by a token, logout, and the choice of the language."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.console.web.forms import check_origin, local_path, read_form
from worker.console.web.language import COOKIE, LANGUAGES
from worker.console.web.parts import ConsoleParts
from worker.console.web.session import new_session
from worker.console.web.visit import render, see

_YEAR_S = 365 * 86_400


def login_routes(parts: ConsoleParts) -> list[Route]:
    """The routes that need no login."""

    async def show_login(request: Request) -> Response:
        return render(
            parts, request, "login.html", next=local_path(request.query_params.get("next", "/")), failed=False
        )

    async def log_in(request: Request) -> Response:
        check_origin(request)
        form = await read_form(request)
        token, path = form.get("token", "").strip(), local_path(form.get("next", "/"))
        if parts.clients.authenticate(token) is None:
            return render(parts, request, "login.html", HTTPStatus.UNAUTHORIZED, next=path, failed=True)
        answer = see(path)
        parts.sessions.write(request, answer, new_session(token))
        return answer

    async def log_out(request: Request) -> Response:
        check_origin(request)
        answer = see("/login")
        parts.sessions.end(answer)
        return answer

    async def choose_language(request: Request) -> Response:
        check_origin(request)
        form = await read_form(request)
        answer = see(local_path(form.get("next", "/")))
        if (language := form.get("language", "")) in LANGUAGES:
            answer.set_cookie(COOKIE, language, max_age=_YEAR_S, httponly=True, samesite="lax")
        return answer

    return [
        Route("/login", show_login, methods=["GET"]),
        Route("/login", log_in, methods=["POST"]),
        Route("/logout", log_out, methods=["POST"]),
        Route("/language", choose_language, methods=["POST"]),
    ]
