"""Every error of the HTTP API as a problem document (RFC 9457); the one place that gives errors their status."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from schemas.errors import ChirpWorkerError, UnavailableError
from schemas.message_parsing import InvalidMessageError
from schemas.parsing import FieldProblem, InvalidJobError
from worker.console.lines.event_streams import TooManyStreamsError
from worker.console.lines.line_sender import JobIdTakenError, NotAcknowledgedError, TooManyUnacknowledgedError
from worker.console.lines.waiters import StoppingError, TooManyWaitersError
from worker.storage.errors import StorageError

MEDIA_TYPE: Final = "application/problem+json"
_log = structlog.get_logger(__name__)

# After so many seconds a client may try again: what is full empties with the next completions; Kafka's outages, and
# another process in place of one that stops, take longer.
_FULL_S: Final = 1
_AWAY_S: Final = 5


class FieldError(BaseModel):
    """What is wrong with one field, with its value where that is short, and what is allowed."""

    field: str
    message: str


class ProblemDocument(BaseModel):
    """A problem document, RFC 9457."""

    type: str = Field(description="What kind of problem it is: urn:chirp-worker:problem: and a word.")
    title: str = Field(description="The same for people.")
    status: int = Field(description="The answer's status.")
    detail: str = Field(description="What is wrong in this request, and what is allowed.")
    errors: list[FieldError] | None = Field(default=None, description="Every field that is wrong.")


def _documented(description: str) -> dict[str, Any]:
    # FastAPI would document a model as application/json.
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    return {"description": description, "content": content}


PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": _documented("The request is refused; `detail` says what is allowed."),
    "5XX": _documented("Try again after the seconds of the header Retry-After."),
}
"""What each route may answer too, for the OpenAPI document."""


class ProblemError(ChirpWorkerError):
    """Ends a request with a problem document.

    Args:
        kind: the last part of the document's `type`.
        headers: of the answer, such as Retry-After.
    """

    def __init__(
        self,
        status: HTTPStatus,
        kind: str,
        detail: str,
        *,
        errors: Sequence[FieldProblem] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}


def invalid(*errors: FieldProblem) -> ProblemError:
    """The problem of a request whose fields or parameters are wrong."""
    detail = "; ".join(f"{each.field}: {each.message}" for each in errors)
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", detail, errors=errors)


def limited(kind: str, detail: str, after_s: int = _FULL_S) -> ProblemError:
    """The problem of a request that comes too soon; the client may try again after so many seconds."""
    return ProblemError(HTTPStatus.TOO_MANY_REQUESTS, kind, detail, headers={"Retry-After": str(after_s)})


def unavailable(kind: str, detail: str, after_s: int = _AWAY_S) -> ProblemError:
    """The problem of a request for which something is missing that may come back."""
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, kind, detail, headers={"Retry-After": str(after_s)})


def problem_of(error: Exception) -> ProblemError:
    """The problem that an error of a request is; of an error that nobody foresaw, one without details."""
    if isinstance(error, ProblemError):
        return error
    describe = next((each for kind, each in _DESCRIPTIONS.items() if isinstance(error, kind)), None)
    if describe is not None:
        return describe(error)
    return ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "an error of the server; its log has the reason")


def _http_problem(error: Any) -> ProblemError:
    status = HTTPStatus(error.status_code)
    kind = status.phrase.lower().replace(" ", "-")
    return ProblemError(status, kind, str(error.detail), headers=dict(error.headers or {}))


def _too_large(_error: Exception) -> ProblemError:
    detail = "Kafka takes no job of this size: shorten the line"
    return ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", detail)


def _not_acknowledged(error: Exception) -> ProblemError:
    again = "repeat the request with the same id or Idempotency-Key, and it counts once"
    return unavailable("not-acknowledged", f"{error}: {again}")


def _parameter_problem(error: dict[str, Any]) -> FieldProblem:
    # The first part says where it stands: query, path, header.
    name = ".".join(str(each) for each in error["loc"][1:]) or "request"
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] != "missing":
        message = f"{ascii(error['input'])[:100]}: {message}"
    return FieldProblem(name, message)


# The first kind that fits counts.
_DESCRIPTIONS: Final[dict[type[Exception], Callable[[Any], ProblemError]]] = {
    InvalidJobError: lambda error: invalid(*error.problems),
    InvalidMessageError: lambda error: invalid(*error.problems),
    RequestValidationError: lambda error: invalid(*map(_parameter_problem, error.errors())),
    HTTPException: _http_problem,
    JobIdTakenError: lambda error: ProblemError(HTTPStatus.CONFLICT, "id-taken", str(error)),
    TooManyWaitersError: lambda error: limited("full", str(error)),
    TooManyStreamsError: lambda error: limited("full", str(error)),
    TooManyUnacknowledgedError: lambda error: limited("full", str(error)),
    MessageSizeTooLargeError: _too_large,
    NotAcknowledgedError: _not_acknowledged,
    StoppingError: lambda error: unavailable("stopping", f"{error}: repeat the request, and another one answers"),
    KafkaError: lambda error: unavailable("kafka", f"Kafka refuses or doesn't answer: {type(error).__name__}"),
    StorageError: lambda _: unavailable("storage", "the store of the audio refuses or doesn't answer"),
    UnavailableError: lambda error: unavailable("unavailable", str(error)),
}


def problem_response(problem: ProblemError) -> Response:
    """The answer."""
    document = ProblemDocument(
        type=f"urn:chirp-worker:problem:{problem.kind}",
        title=problem.status.phrase,
        status=problem.status,
        detail=problem.detail,
        errors=[FieldError(field=each.field, message=each.message) for each in problem.errors] or None,
    )
    return Response(
        document.model_dump_json(exclude_none=True),
        status_code=problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


def add_problem_handlers(app: FastAPI) -> None:
    """Lets an application answer all errors with problem documents."""

    async def handle(_request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        if isinstance(error, KafkaError | StorageError):
            _log.warning("request_failed", error=f"{type(error).__name__}: {error}")
        return problem_response(problem)

    for kind in (ChirpWorkerError, KafkaError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, handle)
