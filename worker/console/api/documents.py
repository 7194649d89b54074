"""What the HTTP API answers: lines and takes, as JSON."""

from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from schemas.completion import Audio, Completion
from schemas.enums import JobStatus, Lane, VoiceModel
from schemas.errors import UnavailableError
from schemas.times import time_of_ms
from worker.console.lines.recent_lines import RecentLine


class LineState(StrEnum):
    """Where a line is: in its lane or at a worker (`queued`), or ended as its completion says."""

    QUEUED = "queued"
    DONE = JobStatus.DONE.value
    FAILED = JobStatus.FAILED.value
    EXPIRED = JobStatus.EXPIRED.value
    CANCELLED = JobStatus.CANCELLED.value


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True)


class Line(_Document):
    """A line that was enqueued."""

    job_id: str
    state: LineState = Field(description="queued until there is a completion, retries included; then its status.")
    lane: Lane | None = Field(description="Null while only its completion is known.")
    address: str = Field(description="Where this document is found again.")
    audio_address: str = Field(description="Leads to the audio once the state is done.")
    queued_at: AwareDatetime | None = None
    completion: Completion | None = Field(
        default=None, description="How it ended, as on Kafka; its audio has a `url` that is valid from now."
    )


class FeedbackReceipt(_Document):
    """Feedback that Kafka has."""

    feedback_id: str = Field(description="Repeat the request with it, and the feedback counts once.")


class Take(_Document):
    """A take that may be stored: its key, and the audio if it is."""

    voice_model: VoiceModel
    voice: str
    key: str
    stored: bool
    audio: Audio | None = None


class Takes(_Document):
    """The takes of a line, one of each voice that may speak it."""

    takes: list[Take]


def line_document(job_id: str, known: RecentLine | None, lane: Lane | None, completion: Completion | None) -> Line:
    """The document of a line.

    Args:
        known: what is known of it; None for a line that has just been enqueued.
        lane: where it was enqueued now; None for the one that is known.
    """
    queued_at: datetime | None = None if known is None else time_of_ms(known.queued_ms)
    lane = lane or (None if known is None else known.lane) or (None if completion is None else completion.lane)
    return Line(
        job_id=job_id,
        state=LineState.QUEUED if completion is None else LineState(completion.status),
        lane=lane,
        address=line_address(job_id),
        audio_address=f"{line_address(job_id)}/audio",
        queued_at=queued_at,
        completion=completion,
    )


def line_address(job_id: str) -> str:
    """The path of a line's document. An id holds no character that a path may not hold."""
    return f"/v1/lines/{job_id}"


def parse_completion(record: bytes) -> Completion:
    """The completion in a record's value.

    Raises:
        UnavailableError: it is of another version.
    """
    try:
        return Completion.model_validate_json(record)
    except ValidationError as error:
        raise UnavailableError(f"the completion is of another version: {error.errors()[0]['msg']}") from None
