"""Who makes a request, whether they may, and whether it comes too soon."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from worker.console.access.local_host import LOOPBACK, is_loopback
from worker.console.access.request_limits import RequestLimit
from worker.console.access.tokens import LOCAL, Client, Scope, find_client, missing_scope
from worker.console.api.parts import ApiParts, Parts
from worker.console.api.problems import ProblemError, limited

_BEARER: Final = HTTPBearer(auto_error=False, description="A token that `chirp-worker token new` printed.")

Require = Callable[..., Awaitable[Client]]


def require(scope: Scope) -> Require:
    """A route's dependency: the client, which has this scope and is within its limit of requests."""

    async def client_of(
        request: Request,
        parts: Parts,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    ) -> Client:
        client = _authenticate(request, parts, credentials)
        if (missing := missing_scope(client, scope)) is not None:
            raise ProblemError(HTTPStatus.FORBIDDEN, "scope", missing)
        check_limit(parts.requests, client, parts, "requests")
        return client

    return client_of


Enqueuer = Annotated[Client, Depends(require(Scope.ENQUEUE))]
Reader = Annotated[Client, Depends(require(Scope.READ))]
Reporter = Annotated[Client, Depends(require(Scope.FEEDBACK))]


def check_limit(limit: RequestLimit, client: Client, parts: ApiParts, what: str) -> None:
    """Counts a request of a client.

    Raises:
        ProblemError: it is one too many.
    """
    after_s = limit.take(client.name, parts.clock.monotonic())
    if after_s is not None:
        detail = f"{client.name} has made {limit.per_minute} {what} in a minute, as many as it may"
        raise limited("rate", detail, after_s)


def _authenticate(request: Request, parts: ApiParts, credentials: HTTPAuthorizationCredentials | None) -> Client:
    if parts.tokens is None:
        _check_is_local(request)
        return LOCAL
    if credentials is None:
        raise _unauthorized("the header Authorization must be `Bearer` and a token")
    client = find_client(parts.tokens(), credentials.credentials)
    if client is None:
        raise _unauthorized("this token is unknown: it must be one of the file HTTP_API_TOKENS_FILE")
    return client


def _check_is_local(request: Request) -> None:
    host = request.headers.get("Host", "")
    if not is_loopback(host):
        allowed = ", ".join(sorted(LOOPBACK))
        raise ProblemError(HTTPStatus.FORBIDDEN, "host", f"Host={host[:100]!a}: without tokens allowed is {allowed}")


def _unauthorized(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.UNAUTHORIZED, "token", detail, headers={"WWW-Authenticate": "Bearer"})
