"""The route of takes: whether a line's audio is stored already; it makes nothing."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from schemas.enums import AudioEncoding
from schemas.parsing import FieldProblem, job_document, validate_job
from worker.console.api.authorization import Reader
from worker.console.api.documents import Take, Takes
from worker.console.api.parts import ApiParts, Parts
from worker.console.api.problems import PROBLEMS, invalid
from worker.console.lines.take_finder import FoundTake
from worker.jobs.completion import describe_audio

router = APIRouter(prefix="/v1/takes", tags=["takes"])

# A take's key doesn't depend on the job's id, which a question has none of.
_NO_ID = "take"


@router.get(
    "",
    operation_id="find_takes",
    summary="Whether a line's audio is stored",
    responses={HTTPStatus.OK: {"model": Takes}, **PROBLEMS},
)
async def find_takes(
    *,
    _client: Reader,
    parts: Parts,
    character: Annotated[str | None, Query(description="A key of the catalogue.")] = None,
    text: Annotated[str | None, Query(description="The line as text.")] = None,
    ssml: Annotated[str | None, Query(description="The line as SSML.")] = None,
    language: Annotated[str | None, Query(description="Default: en-US.")] = None,
    voice: Annotated[str | None, Query(description="A voice model or a full voice name; default: both models.")] = None,
    encoding: Annotated[AudioEncoding | None, Query(description="Default: OGG_OPUS.")] = None,
    sample_rate: Annotated[int | None, Query(description="In Hz; default: 24000.")] = None,
    take: Annotated[int | None, Query(description="Take number; default: 1.")] = None,
    job: Annotated[str | None, Query(description="In place of all others: a whole job as JSON.")] = None,
) -> Response:
    """The takes by which the line may be answered, one of each voice, and the audio of those that are stored.

    Which of them a job gets is the rollout's decision.
    """
    audio = {"encoding": encoding, "sample_rate": sample_rate}
    fields = {
        "character": character,
        "text": text,
        "ssml": ssml,
        "language": language,
        "voice": voice,
        "take": take,
        "audio": audio if any(each is not None for each in audio.values()) else None,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    if job is not None and given:
        raise invalid(FieldProblem("job", f"allowed is a whole job or single fields; {', '.join(given)} came too"))
    document = dict(given) if job is None else job_document(job.encode("utf-8", "surrogatepass"))
    line = validate_job({"job_id": _NO_ID, **document}, max_text_bytes=parts.settings.worker.max_text_bytes)
    found = [await _take(each, parts) for each in await parts.takes.find(line)]
    return Response(Takes(takes=found).model_dump_json(exclude_none=True), media_type="application/json")


async def _take(found: FoundTake, parts: ApiParts) -> Take:
    audio = None
    if found.stored is not None:
        url = await parts.audio_url(found.key)
        audio = describe_audio(found.stored, parts.settings.storage.bucket, cached=True, url=url)
    voice = found.voice
    return Take(
        voice_model=voice.voice_model, voice=voice.name, key=found.key, stored=found.stored is not None, audio=audio
    )
