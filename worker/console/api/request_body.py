"""Reads a request's body: JSON, within a size."""

from http import HTTPStatus
from typing import Final

from fastapi import Request

from schemas.topics import LANE_RECORD_BYTES
from worker.console.api.problems import ProblemError

_JSON: Final = "application/json"


async def read_json_body(request: Request) -> bytes:
    """The body, not yet parsed.

    Raises:
        ProblemError: it is no JSON by its Content-Type, or larger than a lane's record may be.
    """
    # A page of another site can send any other type without the browser's leave (CORS' simple requests).
    given = request.headers.get("Content-Type", "")
    if given.partition(";")[0].strip().lower() != _JSON:
        detail = f"Content-Type={given[:100]!a}: allowed is {_JSON}"
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type", detail)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LANE_RECORD_BYTES:
            detail = f"the body is larger than {LANE_RECORD_BYTES:,} bytes, the most that is allowed"
            raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", detail)
    return bytes(body)
