"""The routes of lines: enqueue one, hear it at once or later, see where it is, cancel it."""

import uuid
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from schemas.cancellation import Cancellation, new_cancellation
from schemas.completion import Completion
from schemas.enums import Lane
from schemas.job import Job
from schemas.parsing import FieldProblem, InvalidJobError, check_lane, job_document, validate_job
from schemas.times import time_of_ms
from schemas.topics import STREAMS, prefixed
from worker.console.access.tokens import Client
from worker.console.api.audio import heard_audio, stored_audio
from worker.console.api.authorization import Enqueuer, Reader, check_limit
from worker.console.api.documents import Line, line_address, line_document, parse_completion
from worker.console.api.known_lines import JobId, find_line, wait_for_line
from worker.console.api.parameters import parse_key, parse_wait
from worker.console.api.parts import ApiParts, Parts
from worker.console.api.problems import PROBLEMS, invalid
from worker.console.api.readiness import check_ready
from worker.console.api.request_body import read_json_body
from worker.console.lines.idempotency import ALLOWED
from worker.console.lines.recent_lines import RecentLine
from worker.storage.errors import StorageError

_log = structlog.get_logger(__name__)
_JUST_NOW: Final = timedelta(seconds=1)
router = APIRouter(prefix="/v1/lines", tags=["lines"])

_BODY: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Job"}}}}
}


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    operation_id="enqueue_line",
    summary="Enqueue a line",
    responses={
        HTTPStatus.OK: {"model": Line, "description": "The line has ended."},
        HTTPStatus.ACCEPTED: {"model": Line, "description": "Kafka has the line; the header Location leads to it."},
        HTTPStatus.SEE_OTHER: {"description": "With `stream`: the audio was stored; the header Location leads to it."},
        **PROBLEMS,
    },
    openapi_extra=_BODY,
)
async def enqueue_line(
    *,
    request: Request,
    client: Enqueuer,
    parts: Parts,
    lane: Annotated[Lane, Query(description="dialogue: somebody waits; batch: nobody does.")] = Lane.DIALOGUE,
    wait: Annotated[str | None, Query(description="How long to wait for the completion: 500ms, 2s, 1m.")] = None,
    stream: Annotated[
        bool, Query(description="Answer with the audio while it is made; `wait` is for its beginning.")
    ] = False,
    idempotency_key: Annotated[
        str | None, Header(description=f"Makes the job's id, unless the job has one: {ALLOWED}.")
    ] = None,
) -> Response:
    """Puts a job into its lane, once for each `job_id` or Idempotency-Key.

    The job is that of Kafka. `job_id` may be left out: then the key makes it, or a new one is drawn. A repeated request
    joins the first one, and finds its completion.
    """
    longest_s = parts.settings.http_api.max_wait_s
    wait_s = (longest_s if stream else None) if wait is None else parse_wait(wait, longest_s)
    job = _parse_job(await read_json_body(request), client, idempotency_key, parts, lane=lane, stream=stream)
    check_ready(parts)
    # A repeated request makes no line: a client that must repeat it isn't kept from its next one.
    if parts.recent.find(job.job_id) is None:
        check_limit(parts.enqueues, client, parts, "lines")
    if wait_s is None:
        await parts.sender.enqueue(lane, job)
        return await _answer(parts, job.job_id, lane)
    # Registered before the job is sent: its completion may be faster than Kafka's acknowledgement.
    with parts.waiters.waiting(job.job_id) as waiter, parts.heard.awaiting(job.job_id) as begun:
        await parts.sender.enqueue(lane, job)
        known = parts.recent.find(job.job_id)
        if not (stream and begun.done()) and (known is None or known.completion is None):
            await wait_for_line(request, waiter, wait_s, *((begun,) if stream else ()))
    if stream:
        audio = heard_audio(parts, job.job_id) or await stored_audio(parts, job.job_id, HTTPStatus.SEE_OTHER)
        if audio is not None:
            return audio
    return await _answer(parts, job.job_id, lane)


@router.get(
    "/{job_id}",
    operation_id="get_line",
    summary="Where a line is",
    responses={HTTPStatus.OK: {"model": Line}, **PROBLEMS},
)
async def get_line(
    request: Request,
    job_id: JobId,
    _client: Reader,
    parts: Parts,
    wait: Annotated[str | None, Query(description="How long to wait for the completion: 500ms, 2s, 1m.")] = None,
) -> Response:
    """The line with its completion, if it is among the latest ones that this process knows."""
    if wait is not None:
        wait_s = parse_wait(wait, parts.settings.http_api.max_wait_s)
        with parts.waiters.waiting(job_id) as waiter:
            if find_line(parts, job_id).completion is None:
                await wait_for_line(request, waiter, wait_s)
    known = find_line(parts, job_id)
    completion = await _completion(parts, known)
    return _json(line_document(job_id, known, None, completion))


@router.delete(
    "/{job_id}",
    status_code=HTTPStatus.ACCEPTED,
    operation_id="cancel_line",
    summary="Cancel a line",
    responses={
        HTTPStatus.OK: {"model": Line, "description": "The line has ended; its state says how."},
        HTTPStatus.ACCEPTED: {"model": Line, "description": "Kafka has the cancellation; the line hasn't ended yet."},
        **PROBLEMS,
    },
)
async def cancel_line(
    request: Request,
    job_id: JobId,
    client: Enqueuer,
    parts: Parts,
    wait: Annotated[str | None, Query(description="How long to wait for the completion: 500ms, 2s, 1m.")] = None,
) -> Response:
    """Ends a line as `cancelled` when its turn comes, with nothing paid. One that is being spoken ends as usual.

    A line that has ended is answered as it is, and stays so.
    """
    wait_s = 0.0 if wait is None else parse_wait(wait, parts.settings.http_api.max_wait_s)
    with parts.waiters.waiting(job_id) as waiter:
        if find_line(parts, job_id).completion is None:
            check_ready(parts)
            await parts.send_event(_cancellation(client, job_id, parts))
            await wait_for_line(request, waiter, wait_s)
    return await _answer(parts, job_id, None)


def _parse_job(body: bytes, client: Client, key: str | None, parts: ApiParts, *, lane: Lane, stream: bool) -> Job:
    """The job of a request, checked as `chirp-worker enqueue` and the workers do.

    Args:
        stream: the client listens while the line is made, here.

    Raises:
        InvalidJobError, ProblemError: it is none.
    """
    document = job_document(body)
    if document.get("job_id") is None:
        document = {**document, "job_id": _new_id(client, key)}
    ours = prefixed(STREAMS, parts.settings.kafka.topic_prefix)
    if stream:
        if document.get("reply_topic") not in {None, ours}:
            raise invalid(FieldProblem("reply_topic", f"allowed with stream=true is none: it is {ours}, read here"))
        document = {**document, "stream": True, "reply_topic": ours}
    job = validate_job(document, max_text_bytes=parts.settings.worker.max_text_bytes)
    check_lane(job, lane)
    parts.catalogue.admit(job)
    allowed = {*parts.settings.delivery.reply_topics, ours}
    if job.reply_topic is not None and job.reply_topic not in allowed:
        listed = ", ".join(sorted(allowed)) or "none"
        raise InvalidJobError("reply_topic", f"{job.reply_topic!r}: allowed is (REPLY_TOPICS): {listed}", job.job_id)
    return job


def _cancellation(client: Client, job_id: str, parts: ApiParts) -> Cancellation:
    return new_cancellation(job_id, f"http-{uuid.uuid4()}", f"/clients/{client.name}", parts.clock.now())


def _new_id(client: Client, key: str | None) -> str:
    return f"http-{uuid.uuid4()}" if key is None else parse_key(client.name, key)


async def _answer(parts: ApiParts, job_id: str, lane: Lane | None) -> Response:
    known = parts.recent.find(job_id)
    completion = await _completion(parts, known)
    status = HTTPStatus.ACCEPTED if completion is None else HTTPStatus.OK
    return _json(line_document(job_id, known, lane, completion), status, {"Location": line_address(job_id)})


async def _completion(parts: ApiParts, known: RecentLine | None) -> Completion | None:
    """The completion, with an address of its audio that is valid from now."""
    if known is None or known.completion is None:
        return None
    completion = parse_completion(known.completion)
    if completion.audio is None:
        return completion
    # Signing takes as long as the rest of the answer: a completion that has just come has its worker's address.
    if completion.audio.url is not None and _ended_just_now(parts, known):
        return completion
    try:
        url = await parts.audio_url(completion.audio.key)
    except StorageError as error:
        # The line has ended all the same; its audio's route will say that the store is away.
        _log.warning("audio_url_failed", key=completion.audio.key, error=str(error))
        return completion
    return completion.model_copy(update={"audio": completion.audio.model_copy(update={"url": url})})


def _ended_just_now(parts: ApiParts, known: RecentLine) -> bool:
    ended_at = time_of_ms(known.ended_ms)
    return ended_at is not None and abs(parts.clock.now() - ended_at) < _JUST_NOW


def _json(line: Line, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None) -> Response:
    return Response(line.model_dump_json(exclude_none=True), status, headers=headers, media_type="application/json")
