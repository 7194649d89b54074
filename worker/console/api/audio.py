"""The audio of a line: where it is stored, or itself while it is made."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from worker.console.api.audio_answer import AudioAnswer
from worker.console.api.authorization import Reader
from worker.console.api.documents import line_address, parse_completion
from worker.console.api.known_lines import JobId, find_line, wait_for_line
from worker.console.api.parameters import parse_wait
from worker.console.api.parts import ApiParts, Parts
from worker.console.api.problems import PROBLEMS, ProblemError

router = APIRouter(prefix="/v1/lines", tags=["lines"])


@router.get(
    "/{job_id}/audio",
    status_code=HTTPStatus.FOUND,
    operation_id="get_audio",
    summary="A line's audio",
    responses={
        HTTPStatus.OK: {"content": {"audio/*": {}}, "description": "The audio of a line that is being streamed."},
        HTTPStatus.FOUND: {"description": "The audio is at the header Location; Range works there."},
        **PROBLEMS,
    },
)
async def get_audio(
    request: Request,
    job_id: JobId,
    _client: Reader,
    parts: Parts,
    wait: Annotated[str | None, Query(description="How long to wait for its beginning: 500ms, 2s, 1m.")] = None,
) -> Response:
    """Leads to the audio: below AUDIO_BASE_URL, or at a presigned address of the store.

    Of a line that is being streamed it is the audio, from the beginning, as it is made.
    """
    wait_s = 0.0 if wait is None else parse_wait(wait, parts.settings.http_api.max_wait_s)
    with parts.waiters.waiting(job_id) as waiter, parts.heard.awaiting(job_id) as begun:
        if find_line(parts, job_id).completion is None and not begun.done() and wait_s:
            await wait_for_line(request, waiter, wait_s, begun)
    answer = await stored_audio(parts, job_id, HTTPStatus.FOUND) or heard_audio(parts, job_id)
    if answer is None:
        raise ProblemError(HTTPStatus.CONFLICT, "no-audio", f"job_id={job_id!r}: hasn't ended yet")
    return answer


def heard_audio(parts: ApiParts, job_id: str) -> Response | None:
    """The audio of a line that is being streamed, from the beginning; None if there is no such stream."""
    stream = parts.heard.find(job_id)
    return None if stream is None else AudioAnswer(job_id, stream, {"Location": line_address(job_id)})


async def stored_audio(parts: ApiParts, job_id: str, redirection: HTTPStatus) -> Response | None:
    """Leads to the audio of a line that has ended; None while it hasn't.

    Raises:
        ProblemError: it has ended without audio.
    """
    known = parts.recent.find(job_id)
    if known is None or known.completion is None:
        return None
    completion = parse_completion(known.completion)
    if completion.audio is None:
        detail = f"job_id={job_id!r}: ended as {completion.status}, without audio"
        raise ProblemError(HTTPStatus.CONFLICT, "no-audio", detail)
    # The next address is another one, and this one ends.
    address = await parts.audio_url(completion.audio.key)
    return RedirectResponse(address, redirection, headers={"Cache-Control": "no-store"})
